#include "vmm/template/open_templates.h"

#include <utility>

namespace ktstr::vmm {

Result<std::string> OpenTemplates::KeyOf(const TemplateSpec& spec) {
  TemplateSpec shape = spec;
  shape.machine.rng_seed.reset();  // differs from clone to clone
  const std::lock_guard lock(mutex_);
  return keys_.KeyOf(shape);
}

Result<std::shared_ptr<const Template>> OpenTemplates::Obtain(const TemplateSpec& spec, int cancel_fd) {
  const std::string key = TRY(KeyOf(spec));
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = known_.find(key); known != known_.end()) return known->second;
  }
  TemplateSpec shape = spec;
  shape.machine.rng_seed.reset();
  Result<std::shared_ptr<const Template>> made =
      cache_.Obtain(shape, key, cancel_fd, [this](std::string_view line) {
        const std::lock_guard lock(mutex_);
        on_progress_(line);
      });
  const std::lock_guard lock(mutex_);
  if (made.ok() || made.error().kind != ErrorKind::kCancelled) known_.insert_or_assign(key, made);
  return made;
}

std::shared_ptr<const Template> OpenTemplates::Known(const TemplateSpec& spec) {
  const Result<std::string> key = KeyOf(spec);
  if (!key.ok()) return nullptr;
  const std::lock_guard lock(mutex_);
  const auto known = known_.find(*key);
  return known != known_.end() && known->second.ok() ? *known->second : nullptr;
}

void OpenTemplates::Discard(const Template& bad) {
  cache_.Discard(bad);
  const std::lock_guard lock(mutex_);
  // Another thread may have found the same and have a new one by now.
  const auto known = known_.find(bad.facts().key);
  if (known != known_.end() && known->second.ok() && known->second->get() == &bad) known_.erase(known);
}

}  // namespace ktstr::vmm
