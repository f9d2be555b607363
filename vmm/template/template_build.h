// Boots a guest and saves it.
#pragma once

#include <filesystem>

#include "vmm/template/template_cache.h"

namespace ktstr::vmm {

/// Boots `spec`, brings it its files, parks it and writes ram<node> and state into `directory`, which exists.
/// The facts lack the key. Leaves half-written files behind when it fails. Errors: kInput, kGuest, kMachine,
/// kTimeout, kCancelled, kProtocol from the guest; kEnvironment "a template cannot be written: ...".
Result<TemplateFacts> BuildTemplate(const TemplateSpec& spec, const std::filesystem::path& directory,
                                    int cancel_fd);

}  // namespace ktstr::vmm
