#include "vmm/kernel/kernels.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "vmm/host/host_file.h"
#include "vmm/kernel/kernel_cache.h"

namespace ktstr::vmm {
namespace {

namespace fs = std::filesystem;

// Offsets in the boot sector, from the kernel's Documentation/arch/x86/boot.rst.
constexpr std::size_t kSetupSectors = 0x1F1;
constexpr std::size_t kSysSize = 0x1F4;  // protected-mode code in units of 16 bytes
constexpr std::size_t kBootFlag = 0x1FE;
constexpr std::size_t kHeaderMagic = 0x202;  // "HdrS"
constexpr std::size_t kProtocol = 0x206;
constexpr std::size_t kVersionPointer = 0x20E;  // plus 0x200
constexpr std::size_t kXLoadFlags = 0x236;      // since protocol 2.12
constexpr unsigned kXLoadKernel64 = 1;
constexpr std::size_t kHeaderEnd = 0x268;
constexpr std::size_t kArm64Magic = 0x38;  // "ARM\x64"

template <typename T>
T At(std::span<const std::byte> bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

bool HasText(std::span<const std::byte> bytes, std::size_t offset, std::string_view text) {
  return bytes.size() >= offset + text.size() &&
         std::memcmp(bytes.data() + offset, text.data(), text.size()) == 0;
}

/// The digits at the front of `text`, taken off it, without leading zeros.
std::string_view TakeNumber(std::string_view& text) {
  const std::size_t end = std::min(text.find_first_not_of("0123456789"), text.size());
  std::string_view number = text.substr(0, end);
  text.remove_prefix(end);
  number.remove_prefix(std::min(number.find_first_not_of('0'), number.size()));
  return number;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

/// `name` if it is a file larger than `at_least` bytes (Debian's System.map is an 83-byte remark), else
/// empty.
fs::path FileIfAny(const fs::path& name, std::uintmax_t at_least) {
  std::error_code missing;
  const std::uintmax_t size = fs::is_regular_file(name, missing) ? fs::file_size(name, missing) : 0;
  return !missing && size > at_least ? name : fs::path();
}

fs::path FirstFile(const std::vector<fs::path>& names, std::uintmax_t at_least) {
  for (const fs::path& name : names) {
    if (fs::path found = FileIfAny(name, at_least); !found.empty()) return found;
  }
  return {};
}

/// `wanted` is an image's path when it has a slash, else the version of a cached kernel: what lies in the
/// working directory, which may be anybody's, is booted only by its path.
Result<Kernel> KernelByName(const std::string& wanted, std::string_view origin) {
  if (wanted.find('/') != std::string::npos) {
    auto kernel = InspectKernel(wanted, origin);
    if (!kernel.ok()) return kernel.error().Within(origin);
    return kernel;
  }
  std::string versions;
  for (Kernel& kernel : TRY(ListKernels())) {
    if (kernel.version == wanted) {
      kernel.origin = origin;
      return std::move(kernel);
    }
    versions += (versions.empty() ? "" : ", ") + kernel.version;
  }
  return InputError(
             fmt::format(
                 "no kernel of version '{}' is in the cache, which has {}; an image is named by its path, "
                 "e.g. ./{}",
                 wanted, versions.empty() ? "none" : versions, wanted))
      .Within(origin);
}

}  // namespace

Result<std::string> KernelVersion(std::span<const std::byte> image, std::uint64_t size,
                                  std::string_view name) {
  if (HasText(image, 0, "\177ELF")) {
    return InputError(
        fmt::format("'{}' is an uncompressed ELF kernel; give the bzImage (arch/x86/boot/bzImage)", name));
  }
  if (HasText(image, kArm64Magic, "ARM\x64")) {
    return InputError(fmt::format("'{}' is a kernel for AArch64; the guest is x86-64", name));
  }
  if (!HasText(image, kBootFlag, "\x55\xAA") || !HasText(image, kHeaderMagic, "HdrS")) {
    return InputError(fmt::format("'{}' is not a Linux kernel image (no bzImage header)", name));
  }
  if (image.size() < kHeaderEnd) return InputError(fmt::format("'{}' is a truncated kernel image", name));
  if (At<std::uint16_t>(image, kProtocol) < 0x20C ||
      !(At<std::uint16_t>(image, kXLoadFlags) & kXLoadKernel64)) {
    return InputError(fmt::format("'{}' is a 32-bit kernel; the guest is x86-64", name));
  }
  const auto sectors = std::to_integer<std::size_t>(image[kSetupSectors]);
  const std::uint64_t promised =
      ((sectors == 0 ? 4 : sectors) + 1) * 512 + std::uint64_t{At<std::uint32_t>(image, kSysSize)} * 16;
  if (size < promised) {
    return InputError(fmt::format("'{}' is a truncated kernel image: {} bytes of {}", name, size, promised));
  }
  const std::size_t start = std::size_t{0x200} + At<std::uint16_t>(image, kVersionPointer);
  std::string version;
  for (std::size_t i = start; i < image.size() && version.size() < 256; ++i) {
    const char c = static_cast<char>(image[i]);
    if (c <= ' ' || c > '~') break;  // the version is the first word of the text
    version += c;
  }
  if (start == 0x200 || version.empty()) {
    return InputError(fmt::format("'{}' is a kernel image without a version in its header", name));
  }
  // It becomes part of file names: a directory of the cache, config-VERSION beside the image.
  if (version.find('/') != std::string::npos || version.starts_with('.')) {
    return InputError(fmt::format("'{}' is a kernel image whose version '{}' cannot be part of a file's name",
                                  name, version));
  }
  return version;
}

int CompareVersions(std::string_view a, std::string_view b) {
  while (!a.empty() && !b.empty()) {
    if (IsDigit(a.front()) && IsDigit(b.front())) {
      const std::string_view left = TakeNumber(a), right = TakeNumber(b);
      if (left.size() != right.size()) return left.size() < right.size() ? -1 : 1;
      if (const int order = left.compare(right); order != 0) return order;
      continue;
    }
    if (a.front() != b.front()) return a.front() < b.front() ? -1 : 1;
    a.remove_prefix(1);
    b.remove_prefix(1);
  }
  return static_cast<int>(b.empty()) - static_cast<int>(a.empty());
}

Result<Kernel> InspectKernel(const fs::path& image, std::string_view origin) {
  std::error_code ignored;
  if (fs::is_directory(image, ignored)) {
    return InputError(fmt::format("'{}' is a directory; give the image in it, e.g. {}", image.string(),
                                  (image / "arch/x86/boot/bzImage").string()));
  }
  Kernel kernel;
  // The version lies in the setup code, of which there is at most 0x200 + 64 KiB.
  const auto head = TRY(ReadHostFileHead(image, std::uint64_t{128} << 10));
  kernel.version = TRY(KernelVersion(head, fs::file_size(image, ignored), image.string()));
  kernel.image = fs::absolute(image).lexically_normal();
  kernel.origin = origin;
  const fs::path dir = kernel.image.parent_path();
  const fs::path source = dir / "../../..";  // the image of a built tree is arch/x86/boot/bzImage
  const bool built = kernel.image.filename() == "bzImage" && fs::exists(source / "Kbuild", ignored);
  kernel.config = FirstFile(
      {dir / ("config-" + kernel.version), dir / "config", built ? source / ".config" : fs::path()}, 0);
  kernel.system_map = FirstFile({dir / ("System.map-" + kernel.version), dir / "System.map",
                                 built ? source / "System.map" : fs::path()},
                                65536);
  return kernel;
}

Result<Kernel> ResolveKernel(const KernelRequest& request, const KernelProgress& progress) {
  if (!request.option.empty()) return KernelByName(request.option, "--kernel");
  if (!request.environment.empty()) return KernelByName(request.environment, "$KTSTR_KERNEL");
  if (std::optional<Kernel> cached = PreferredKernel(TRY(KernelCacheDir()))) return *std::move(cached);
  return FetchDefaultKernel(progress);
}

}  // namespace ktstr::vmm
