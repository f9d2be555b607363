// The templates that one invocation has opened, shared by all threads that run scenarios in it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "vmm/template/template_cache.h"
#include "vmm/template/template_key.h"

namespace ktstr::vmm {

/// Templates out of the cache, each opened and checked once. Any thread.
class OpenTemplates {
 public:
  /// `on_progress` gets lines for people; it may be called by several threads, one at a time.
  /// `known` as for TemplateKeys.
  OpenTemplates(TemplateCache cache, KnownFiles known, std::function<void(std::string_view)> on_progress)
      : cache_(std::move(cache)), on_progress_(std::move(on_progress)), keys_(std::move(known)) {}

  /// As TemplateCache::Obtain; each template is opened and checked once, and one that could not be made is
  /// not tried again: the same error is returned.
  Result<std::shared_ptr<const Template>> Obtain(const TemplateSpec& spec, int cancel_fd);
  /// What Obtain() has returned for it before; nothing is made.
  std::shared_ptr<const Template> Known(const TemplateSpec& spec);
  /// QEMU would not continue from it: removes it, so that the next Obtain() makes it anew.
  void Discard(const Template& bad);

 private:
  Result<std::string> KeyOf(const TemplateSpec& spec);

  TemplateCache cache_;
  std::function<void(std::string_view)> on_progress_;
  std::mutex mutex_;
  TemplateKeys keys_;
  std::map<std::string, Result<std::shared_ptr<const Template>>> known_;
};

}  // namespace ktstr::vmm
