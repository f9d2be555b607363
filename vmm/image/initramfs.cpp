#include "vmm/image/initramfs.h"

#include <fmt/format.h>
#include <lz4.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "vmm/host/host_file.h"

namespace ktstr::vmm {
namespace {

// newc sizes are 32-bit, and an image near that limit would not fit a test VM anyway.
constexpr std::uint64_t kMaxEntry = 0xFFFF'0000;
constexpr std::size_t kLegacyBlock = std::size_t{8} << 20;  // fixed by the legacy format
constexpr std::uint32_t kLegacyMagic = 0x184C2102;

/// One archive member. `bytes` is what is stored, unless `host_path` names the file that holds it.
struct Entry {
  std::uint32_t mode = 0;  // file type and permissions, as in st_mode
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::span<const std::byte> bytes;
  const std::filesystem::path* host_path = nullptr;
};

/// The members by archive name (no leading slash). A map sorts them, and a directory's name sorts before
/// everything in it, which is the order the kernel needs.
using Entries = std::map<std::string, Entry>;

/// "/a//b/" -> "a/b"; an error for a relative path or one that could leave the root.
Result<std::string> ArchiveName(const std::string& guest_path) {
  if (!guest_path.starts_with('/')) {
    return InputError(fmt::format("guest path '{}' is not absolute", guest_path));
  }
  std::string name;
  for (const auto& part : std::filesystem::path(guest_path).relative_path()) {
    if (part == "..") return InputError(fmt::format("guest path '{}' contains '..'", guest_path));
    if (part.empty() || part == ".") continue;
    if (!name.empty()) name += '/';
    name += part.string();
  }
  if (name.empty()) return InputError(fmt::format("guest path '{}' is the root directory", guest_path));
  return name;
}

Result<> AddDirectory(Entries& entries, const std::string& name) {
  const auto [entry, inserted] = entries.try_emplace(name, Entry{S_IFDIR | 0755, 0, 0, {}, nullptr});
  if (inserted || S_ISDIR(entry->second.mode)) return {};
  return InputError(fmt::format("guest path '/{}' is wanted both as a file and as a directory", name));
}

Result<> AddParents(Entries& entries, const std::string& name) {
  for (std::size_t slash = name.find('/'); slash != std::string::npos; slash = name.find('/', slash + 1)) {
    TRY(AddDirectory(entries, name.substr(0, slash)));
  }
  return {};
}

Result<> AddLeaf(Entries& entries, const std::string& guest_path, const Entry& entry) {
  const std::string name = TRY(ArchiveName(guest_path));
  TRY(AddParents(entries, name));
  const auto [existing, inserted] = entries.try_emplace(name, entry);
  if (inserted) return {};
  if (S_ISDIR(existing->second.mode)) {
    return InputError(fmt::format("guest path '/{}' is wanted both as a file and as a directory", name));
  }
  return InputError(fmt::format("guest path '/{}' is given twice", name));
}

Result<Entries> CollectEntries(const InitramfsSpec& spec) {
  Entries entries;
  TRY(AddLeaf(entries, "/init", Entry{S_IFREG | 0755, 0, 0, spec.init, nullptr}));
  for (const std::string& directory : spec.directories) {
    const std::string name = TRY(ArchiveName(directory));
    TRY(AddParents(entries, name));
    TRY(AddDirectory(entries, name));
  }
  for (const InitramfsDevice& device : spec.devices) {
    TRY(AddLeaf(entries, device.guest_path,
                Entry{S_IFCHR | (device.mode & 07777), device.major, device.minor, {}, nullptr}));
  }
  for (const InitramfsFile& file : spec.files) {
    Entry entry{S_IFREG | (file.mode & 07777), 0, 0, {}, nullptr};
    if (const auto* bytes = std::get_if<std::vector<std::byte>>(&file.content)) {
      entry.bytes = *bytes;
    } else {
      entry.host_path = &std::get<std::filesystem::path>(file.content);
    }
    TRY(AddLeaf(entries, file.guest_path, entry));
  }
  return entries;
}

void AppendText(std::vector<std::byte>& out, std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text.data(), text.size()));
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void PadTo4(std::vector<std::byte>& out) { out.resize((out.size() + 3) & ~std::size_t{3}); }

/// One newc member: 110 bytes of ASCII header, name, content, each padded to 4 bytes.
void AppendMember(std::vector<std::byte>& out, const std::string& name, const Entry& entry,
                  std::uint32_t inode) {
  const std::uint32_t links = S_ISDIR(entry.mode) ? 2 : 1;
  //            magic ino mode uid gid nlink mtime size devmajor devminor rdevmajor rdevminor namesize check
  AppendText(
      out, fmt::format("070701{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}",
                       inode, entry.mode, 0, 0, links, 0, entry.bytes.size(), 0, 0, entry.major, entry.minor,
                       name.size() + 1, 0));
  AppendText(out, name);
  out.push_back(std::byte{0});
  PadTo4(out);
  out.insert(out.end(), entry.bytes.begin(), entry.bytes.end());
  PadTo4(out);
}

void AppendLittleEndian(std::vector<std::byte>& out, std::uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<std::byte>(value >> shift));
}

}  // namespace

Result<std::vector<std::byte>> BuildCpio(const InitramfsSpec& spec) {
  const Entries entries = TRY(CollectEntries(spec));
  std::vector<std::byte> archive;
  std::uint32_t inode = 0;
  for (const auto& [name, source] : entries) {
    Entry entry = source;
    std::vector<std::byte> file;
    if (entry.host_path != nullptr) {
      file = TRY(ReadHostFile(*entry.host_path));
      entry.bytes = file;
    }
    if (entry.bytes.size() > kMaxEntry || archive.size() + entry.bytes.size() > kMaxEntry) {
      return InputError(fmt::format("the guest's root filesystem would exceed 4 GiB at '/{}'", name));
    }
    AppendMember(archive, name, entry, ++inode);
  }
  AppendMember(archive, "TRAILER!!!", Entry{}, 0);
  archive.resize((archive.size() + 511) & ~std::size_t{511});  // what cpio itself writes
  return archive;
}

Result<std::uint64_t> HashInitramfs(const InitramfsSpec& spec) {
  const auto archive = TRY(BuildCpio(spec));
  return XXH64(archive.data(), archive.size(), 0);
}

Result<std::vector<std::byte>> CompressLz4Legacy(std::span<const std::byte> content) {
  std::vector<std::byte> out;
  AppendLittleEndian(out, kLegacyMagic);
  while (!content.empty()) {
    const auto block = content.first(std::min(content.size(), kLegacyBlock));
    content = content.subspan(block.size());
    const int bound = LZ4_compressBound(static_cast<int>(block.size()));
    const std::size_t start = out.size() + 4;
    out.resize(start + static_cast<std::size_t>(bound));
    const int length = LZ4_compress_default(reinterpret_cast<const char*>(block.data()),
                                            reinterpret_cast<char*>(out.data() + start),
                                            static_cast<int>(block.size()), bound);
    if (length <= 0) return Error{ErrorKind::kEnvironment, "LZ4 could not compress the initramfs"};
    out.resize(start + static_cast<std::size_t>(length));
    const auto announced = static_cast<std::uint32_t>(length);
    for (std::size_t i = 0; i < 4; ++i) out[start - 4 + i] = static_cast<std::byte>(announced >> (8 * i));
  }
  return out;
}

Result<InitramfsInfo> PackInitramfs(const InitramfsSpec& spec, const std::filesystem::path& path) {
  std::vector<std::byte> image = TRY(BuildCpio(spec));
  InitramfsInfo info;
  info.unpacked_bytes = image.size();
  info.content_hash = XXH64(image.data(), image.size(), 0);
  if (spec.compression == InitramfsCompression::kLz4) image = TRY(CompressLz4Legacy(image));
  info.packed_bytes = image.size();
  TRY(WriteHostFile(path, std::span<const std::byte>(image)));
  return info;
}

}  // namespace ktstr::vmm
