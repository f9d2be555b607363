// Finding where a kernel's addresses lie linearly in RAM, so that reading there needs no page tables.
#pragma once

#include <span>
#include <vector>

#include "vmm/introspection/memory/address_space.h"
#include "vmm/introspection/memory/kernel_memory.h"

namespace ktstr::vmm {

/// REQUIRES: the kernel has booted. The windows are the image, without what is freed after boot
/// ([__init_begin, __init_end)) and as far as its pages follow each other in RAM; and the direct map of RAM
/// from 1 MiB on, of which both ends and a sample of pages are checked. A page that the kernel takes out of
/// its direct map for a while (a guard page) still reads as what is in RAM. Only what was proved is a window:
/// where page tables or symbols are not as expected, there are fewer windows or none.
std::vector<LinearWindow> FindLinearWindows(PhysicalMemory& memory, const PageTableRoot& root,
                                            const KernelFacts& facts);

/// Whether the first and the last page of each window are where the window says: a cheap proof that the
/// windows are of this guest.
bool WindowsHold(PhysicalMemory& memory, const PageTableRoot& root, std::span<const LinearWindow> windows);

}  // namespace ktstr::vmm
