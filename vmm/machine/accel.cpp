#include "vmm/machine/accel.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <optional>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "guest-init/base/fd.h"
#include "vmm/host/host_file.h"

namespace ktstr::vmm {
namespace {

/// What is remembered: empty `why_not` means that KVM works.
struct Answer {
  std::string why_not;
};

Result<std::string> Identity(const std::filesystem::path& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) {
    return Error{ErrorKind::kEnvironment, path.string() + ": " + ErrnoText(errno)};
  }
  return fmt::format("{} {} {}.{:09} {}", path.string(), info.st_size, info.st_mtim.tv_sec,
                     info.st_mtim.tv_nsec, info.st_rdev);
}

Result<std::string> AccelKey(const AccelSubject& subject) {
  utsname host{};
  uname(&host);
  struct stat device {};
  if (stat(subject.kvm_device.c_str(), &device) != 0) {
    return Error{ErrorKind::kEnvironment, subject.kvm_device.string() + ": " + ErrnoText(errno)};
  }
  const std::string qemu = TRY(Identity(subject.qemu));
  const std::string kernel = TRY(Identity(subject.kernel));
  return fmt::format("1|{}|{}|{} {}|{}", qemu, kernel, subject.kvm_device.string(), device.st_rdev,
                     host.release);
}

std::filesystem::path CacheFile(const std::string& key, const std::filesystem::path& cache_dir) {
  return cache_dir / fmt::format("kvm-{:016x}.json", XXH3_64bits(key.data(), key.size()));
}

std::optional<Answer> Recall(const std::filesystem::path& file, const std::string& key) {
  const auto bytes = ReadHostFile(file, 65536);
  if (!bytes.ok()) return std::nullopt;
  const auto* text = reinterpret_cast<const char*>(bytes->data());
  const auto json = nlohmann::json::parse(text, text + bytes->size(), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("key") || json["key"] != key) return std::nullopt;
  if (!json.contains("why_not") || !json["why_not"].is_string()) return std::nullopt;
  return Answer{json["why_not"].get<std::string>()};
}

void Remember(const std::filesystem::path& file, const std::string& key, const Answer& answer) {
  const nlohmann::json json = {{"key", key}, {"why_not", answer.why_not}};
  const std::string text = json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  static_cast<void>(WriteHostFile(file, text));  // not kept: the next run proves it again
}

/// Why the device cannot be opened; "" when it can.
std::string DeviceFault(const std::filesystem::path& device) {
  const Fd fd(open(device.c_str(), O_RDWR | O_CLOEXEC));
  if (fd.valid()) return "";
  if (errno == ENOENT) return device.string() + " does not exist";
  return device.string() + " cannot be opened: " + ErrnoText(errno);
}

Result<AccelChoice> Conclude(AccelRequest requested, const std::string& why_not, const char* how_known) {
  if (why_not.empty()) return AccelChoice{Accel::kKvm, how_known};
  if (requested == AccelRequest::kKvm) {
    return Error{ErrorKind::kEnvironment, "KVM cannot be used: " + why_not};
  }
  return AccelChoice{Accel::kTcg, "KVM cannot be used: " + why_not};
}

}  // namespace

Result<AccelRequest> ParseAccelRequest(std::string_view text) {
  if (text == "auto") return AccelRequest::kAuto;
  if (text == "kvm") return AccelRequest::kKvm;
  if (text == "tcg") return AccelRequest::kTcg;
  return Error{ErrorKind::kUsage, fmt::format("'{}' is not an accelerator; use auto, kvm or tcg", text)};
}

std::string_view AccelName(Accel accel) { return accel == Accel::kKvm ? "kvm" : "tcg"; }

Result<std::filesystem::path> AccelCacheFile(const AccelSubject& subject,
                                             const std::filesystem::path& cache_dir) {
  return CacheFile(TRY(AccelKey(subject)), cache_dir);
}

Result<AccelChoice> ResolveAccel(AccelRequest requested, const AccelSubject& subject, const ProveKvm& prove,
                                 const std::filesystem::path& cache_dir) {
  if (requested == AccelRequest::kTcg) return AccelChoice{Accel::kTcg, "as asked for"};
  const std::string fault = DeviceFault(subject.kvm_device);
  if (!fault.empty()) return Conclude(requested, fault, "");

  const std::string key = TRY(AccelKey(subject));
  const std::filesystem::path file = CacheFile(key, cache_dir);
  const std::optional<Answer> known = Recall(file, key);
  if (known.has_value() && (known->why_not.empty() || requested == AccelRequest::kAuto)) {
    return Conclude(requested, known->why_not, "it booted this kernel before");
  }
  const Result<> proof = prove();
  if (!proof.ok() && proof.error().kind == ErrorKind::kCancelled) return proof.error();
  Answer answer;
  if (!proof.ok()) answer.why_not = proof.error().message.empty() ? "it failed" : proof.error().message;
  Remember(file, key, answer);
  return Conclude(requested, answer.why_not, "it has just booted this kernel");
}

}  // namespace ktstr::vmm
