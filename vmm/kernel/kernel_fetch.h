// The part of kernels.h that gets Debian's kernel through apt.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ktstr::vmm {

/// The kernel packages in the output of `apt-cache pkgnames` that fit: `linux-image-6.12.*-cloud-amd64` or
/// the same with `-unsigned`, without debug and meta packages. Newest first, signed before unsigned. Pure.
std::vector<std::string> KernelPackages(std::string_view names);

}  // namespace ktstr::vmm
