#include "vmm/machine_supply.h"

#include <utility>

#include "vmm/guest_image.h"
#include "vmm/initramfs.h"

namespace ktstr::vmm {

Result<std::string> TemplateShelf::KeyOf(const TemplateSpec& spec) {
  TemplateSpec shape = spec;
  shape.machine.rng_seed.reset();  // differs from clone to clone
  const std::lock_guard lock(mutex_);
  return keys_.KeyOf(shape);
}

Result<std::shared_ptr<const Template>> TemplateShelf::Obtain(const TemplateSpec& spec, int cancel_fd) {
  const std::string key = TRY(KeyOf(spec));
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = known_.find(key); known != known_.end()) return known->second;
  }
  TemplateSpec shape = spec;
  shape.machine.rng_seed.reset();
  Result<std::shared_ptr<const Template>> made =
      store_.Obtain(shape, key, cancel_fd, [this](std::string_view line) {
        const std::lock_guard lock(mutex_);
        on_progress_(line);
      });
  const std::lock_guard lock(mutex_);
  if (made.ok() || made.error().kind != ErrorKind::kCancelled) known_.insert_or_assign(key, made);
  return made;
}

std::shared_ptr<const Template> TemplateShelf::Known(const TemplateSpec& spec) {
  const Result<std::string> key = KeyOf(spec);
  if (!key.ok()) return nullptr;
  const std::lock_guard lock(mutex_);
  const auto known = known_.find(*key);
  return known != known_.end() && known->second.ok() ? *known->second : nullptr;
}

void TemplateShelf::Discard(const std::string& key) {
  store_.Discard(key);
  const std::lock_guard lock(mutex_);
  known_.erase(key);
}

void MachineSupply::Prepare(const TemplateSpec& spec) {
  if (shelf_ == nullptr) return;
  std::shared_ptr<const Template> from = shelf_->Known(spec);
  if (!from) return;
  if (prepared_ && prepared_->from == from && prepared_->rng_seed == spec.machine.rng_seed) return;
  prepared_.reset();
  Result<std::unique_ptr<Machine>> machine = Launch(spec, *from);
  // One that cannot be started now is tried again, and complained of, when it is wanted.
  if (machine.ok()) prepared_ = Prepared{std::move(from), spec.machine.rng_seed, *std::move(machine)};
}

Result<std::unique_ptr<Machine>> MachineSupply::Launch(const TemplateSpec& spec, const Template& from) {
  MachineFiles files = TRY(from.FilesForClone());
  MachineHooks hooks;
  hooks.cancel_fd = cancel_fd_;
  return Machine::Launch(spec.machine, std::move(files), std::move(hooks));
}

Result<SuppliedMachine> MachineSupply::Take(const TemplateSpec& spec, bool clone, ByteSink on_console,
                                            ByteSink on_crash) {
  const auto supply = [&]() -> Result<SuppliedMachine> {
    if (!clone || shelf_ == nullptr) return Boot(spec);
    Result<SuppliedMachine> cloned = Clone(spec);
    if (cloned.ok() || cloned.error().kind == ErrorKind::kCancelled || cloned.error().kind == ErrorKind::kTimeout)
      return cloned;
    SuppliedMachine booted = TRY(Boot(spec));
    booted.why_booted = cloned.error().message;
    return booted;
  };
  SuppliedMachine supplied = TRY(supply());
  supplied.machine->SetSinks(std::move(on_console), std::move(on_crash));
  return supplied;
}

Result<SuppliedMachine> MachineSupply::Clone(const TemplateSpec& spec) {
  for (int tries = 2;; --tries) {
    const std::shared_ptr<const Template> from = TRY(shelf_->Obtain(spec, cancel_fd_));
    Result<SuppliedMachine> supplied = CloneOf(spec, from);
    if (!supplied.ok() || from->Intact()) return supplied;
    Discard(*from);
    if (tries == 1) return Error{ErrorKind::kEnvironment, "a template was damaged as soon as it was written"};
  }
}

Result<SuppliedMachine> MachineSupply::CloneOf(const TemplateSpec& spec, std::shared_ptr<const Template> from) {
  SuppliedMachine supplied;
  if (prepared_ && prepared_->from == from && prepared_->rng_seed == spec.machine.rng_seed) {
    supplied.machine = std::move(prepared_->machine);
    supplied.was_ready = true;
  } else {
    supplied.machine = TRY(Launch(spec, *from));
  }
  prepared_.reset();
  supplied.cloned_from = std::move(from);
  return supplied;
}

Result<SuppliedMachine> MachineSupply::Boot(const TemplateSpec& spec) {
  InitramfsSpec initramfs;
  initramfs.init = GuestInitImage();
  MachineConfig config = spec.machine;
  config.initrd = scratch_ / "initramfs.img";
  TRY(PackInitramfs(initramfs, config.initrd));
  MachineHooks hooks;
  hooks.cancel_fd = cancel_fd_;
  SuppliedMachine supplied;
  supplied.machine = TRY(Machine::Build(config, std::move(hooks)));
  return supplied;
}

void MachineSupply::Discard(const Template& damaged) {
  prepared_.reset();
  if (shelf_ != nullptr) shelf_->Discard(damaged.facts().key);
}

}  // namespace ktstr::vmm
