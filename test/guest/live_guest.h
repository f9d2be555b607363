// A guest that the test itself holds, for looking into it from the host: the machine, the conversation, its
// kernel.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "guest-init/wire/codec.h"
#include "guest-init/wire/messages.h"
#include "test/guest/cli_process.h"
#include "vmm/introspection/kernel/guest_kernel.h"
#include "vmm/kernel/kernels.h"
#include "vmm/machine/guest_channel.h"
#include "vmm/template/machine_pool.h"

namespace ktstr::test {

/// A value, or the test has failed with the error's text.
template <typename T>
T Need(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.error().message);
  return std::move(result).value();
}

/// The newest cached kernel of that kind: "built" (by `kernel build`) or "fetched" (Debian's).
std::optional<vmm::Kernel> CachedKernel(const std::string& kind);
/// Whether there is a built kernel, and the schedulers that are shipped were built with its types.
bool HaveSchedulers();

enum class Start { kBoot, kClone };

class LiveGuest {
 public:
  /// Has been let go on and has said Ready. Clones are of templates that all tests share. `config` lacks
  /// kernel and initrd.
  LiveGuest(const vmm::Kernel& kernel, Start start, vmm::MachineConfig config = {});

  [[nodiscard]] vmm::Machine& machine() { return *pooled_.machine; }
  [[nodiscard]] const Ready& ready() const { return ready_; }
  [[nodiscard]] const vmm::Kernel& kernel() const { return kernel_; }

  /// Sends a request and does not wait; Answer() must be called with what this returns before anything else
  /// is asked.
  std::uint32_t Post(const AnyStruct& request);
  Reply Answer(std::uint32_t id, std::string* content = nullptr, PayloadDone* done = nullptr);
  /// One request to its reply; events on the way are dropped but for FileContent, which is added to
  /// `content`, and PayloadDone, the last of which is kept in `done`.
  Reply Call(const AnyStruct& request, std::string* content = nullptr, PayloadDone* done = nullptr);
  template <typename T>
  Reply Call(T request) {
    return Call(AnyStruct::Of(std::move(request)));
  }
  /// Puts files into the guest.
  void Send(const std::vector<vmm::InitramfsFile>& files);
  /// Lets so much of the host's time pass without asking the guest for anything.
  void Await(std::chrono::milliseconds time);
  /// What a file of the guest holds; fails when it cannot be read.
  std::string ReadFile(const std::string& path);

  /// Its kernel, with facts out of `cache`.
  Result<std::unique_ptr<vmm::GuestKernel>> OpenKernel(vmm::KernelFactsCache& cache);

 private:
  Frame Next();

  vmm::Kernel kernel_;
  TempDir scratch_;
  std::unique_ptr<vmm::OpenTemplates> templates_;
  std::unique_ptr<vmm::MachinePool> pool_;
  vmm::PooledMachine pooled_;
  std::uint32_t next_id_ = 1;
  Ready ready_;
};

}  // namespace ktstr::test
