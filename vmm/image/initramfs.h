// The guest's root filesystem: a newc cpio archive with /init, payloads and their libraries, compressed as
// the kernel's LZ4 decompressor wants it (the legacy frame). Same input, same bytes: no times, no host inode
// numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "guest-init/base/result.h"

namespace ktstr::vmm {

/// A regular file. `content` is a host file to copy (symbolic links followed) or the bytes themselves.
struct InitramfsFile {
  std::string guest_path;  // absolute, e.g. "/payload/bin/stress-ng"
  std::variant<std::filesystem::path, std::vector<std::byte>> content;
  std::uint32_t mode = 0755;  // permission bits
};

/// A character device node.
struct InitramfsDevice {
  std::string guest_path;
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::uint32_t mode = 0600;
};

enum class InitramfsCompression {
  kLz4,   // smallest image file; every kernel with CONFIG_RD_LZ4
  kNone,  // any kernel
};

/// What goes in. Parent directories are made (0755) whether they are listed or not.
struct InitramfsSpec {
  std::span<const std::byte> init;  // becomes /init, mode 0755; must outlive the call
  std::vector<InitramfsFile> files;
  std::vector<std::string> directories;
  std::vector<InitramfsDevice> devices = {{"/dev/console", 5, 1, 0600}, {"/dev/null", 1, 3, 0666}};
  InitramfsCompression compression = InitramfsCompression::kLz4;
};

struct InitramfsInfo {
  std::uint64_t unpacked_bytes = 0;  // length of the cpio archive; for sizing the guest's memory
  std::uint64_t packed_bytes = 0;    // length of the image file
  std::uint64_t content_hash =
      0;  // XXH64 of the cpio archive: the identity of the image, e.g. a template key
};

/// Writes the image to `path` through a temporary file beside it.
/// Errors: kInput for a file that cannot be read, a path that is relative or has a `..`, two entries for one
/// path, a file used as a directory; kEnvironment when `path` cannot be written.
Result<InitramfsInfo> PackInitramfs(const InitramfsSpec& spec, const std::filesystem::path& path);

/// The uncompressed archive. The pure middle of PackInitramfs, except that it reads the host files named.
Result<std::vector<std::byte>> BuildCpio(const InitramfsSpec& spec);

/// XXH64 of BuildCpio's result, i.e. InitramfsInfo::content_hash without compressing or writing anything.
Result<std::uint64_t> HashInitramfs(const InitramfsSpec& spec);

/// LZ4 legacy frame: magic 0x184C2102, then blocks of at most 8 MiB, each behind its compressed length. Pure.
Result<std::vector<std::byte>> CompressLz4Legacy(std::span<const std::byte> content);

/// Payloads that are built with ktstr-interp: without an installation they are on no PATH, but beside it.
inline constexpr std::string_view kOwnPayloads[] = {
    "ktstr-jemalloc-alloc-worker", "ktstr-jemalloc-alloc-worker-shared", "ktstr-jemalloc-probe"};

/// A binary a scenario wants in the guest, or another file.
struct PayloadSource {
  std::string binary;                  // as written in the scenario
  std::filesystem::path scenario_dir;  // the directory of the scenario file
  bool host_files = false;             // the user allows files outside it, too
  /// Where it is to be in the guest when it is no program, but a file that one reads: it is taken as it is.
  std::string file_path = {};
};

/// Where a payload's binary is in the guest: "/payload/bin/" and the last component of `binary`.
std::string PayloadGuestPath(std::string_view binary);

/// Error (kInput): the file lies outside the scenario's directory, by canonical path, and the user has not
/// allowed that. Nothing is said of whether it exists. A word that is found on PATH only is no such file.
Result<> CheckPayloadPlace(const PayloadSource& source);

/// The host file a payload means: with a '/', relative to the scenario's directory (or absolute); else a file
/// of that name beside the scenario, else, of a program, on `path` (as $PATH), else, of kOwnPayloads, beside
/// this program. Messages about what is no program say "file" for "program".
/// Errors (kInput): CheckPayloadPlace's, "program 'x' was not found beside the scenario or on PATH",
/// "program './x' does not exist (looked for /a/x)", "... is not executable (chmod +x /a/x)".
Result<std::filesystem::path> FindPayload(const PayloadSource& source, const std::string& path);

/// All files those binaries need in the guest: themselves at PayloadGuestPath (or at their `file_path`),
/// libraries, loaders and script interpreters; sorted by guest path. The same binary may be named twice.
/// Errors: FindPayload's and ProgramClosure's.
Result<std::vector<InitramfsFile>> PayloadFiles(const std::vector<PayloadSource>& sources);

}  // namespace ktstr::vmm
