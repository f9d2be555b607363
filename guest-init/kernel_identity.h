// What the running kernel says of itself, for the host that looks into its memory.
#pragma once

#include <cstdint>
#include <string>

namespace ktstr::guest {

/// The runtime address of `_text`; `kallsyms` is read only as far as that symbol. 0: it cannot be read, or
/// hides its addresses.
std::uint64_t KernelTextAddress(const char* kallsyms = "/proc/kallsyms");

/// The kernel's GNU build id as hex, empty when it has none.
std::string KernelBuildId(const char* notes = "/sys/kernel/notes");

}  // namespace ktstr::guest
