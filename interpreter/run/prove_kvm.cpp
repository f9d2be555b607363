// Whether KVM works on this host: the one way to know is to get a kernel to userspace with it.
#include <chrono>
#include <memory>

#include "interpreter/run/run.h"
#include "interpreter/run/run_environment.h"
#include "vmm/image/guest_image.h"
#include "vmm/machine/guest_channel.h"
#include "vmm/machine/machine.h"

namespace ktstr {

Result<> ProveKvm(const RunEnvironment& environment) {
  const std::filesystem::path image = environment.scratch / "prove-kvm.img";
  TRY(vmm::PackGuestImage({}, image));
  vmm::MachineConfig config;
  config.qemu = environment.qemu;
  config.kernel = environment.kernel.image;
  config.initrd = image;
  config.accel = vmm::Accel::kKvm;
  vmm::MachineHooks hooks;
  hooks.cancel_fd = environment.cancel_fd;
  const std::unique_ptr<vmm::Machine> machine = TRY(vmm::Machine::Build(config, std::move(hooks)));
  TRY(machine->Resume());
  vmm::GuestChannel channel(*machine);
  const Result<Frame> first = channel.Receive(vmm::After(std::chrono::seconds(20)));
  if (!first.ok() && first.error().kind == ErrorKind::kTimeout)
    return Error{ErrorKind::kGuest, "a kernel booted with it did not reach userspace within 20 s"};
  TRY(first);
  return {};
}

}  // namespace ktstr
