// The part of kernels.h that talks to apt, and the layout of the kernel cache:
//   <cache>/kernels/.lock                     held while fetching
//   <cache>/kernels/.fetch-<pid>/             work in progress; deleted by the next fetch if it was left
//   behind <cache>/kernels/<version>/vmlinuz         the image; config and System.map beside it when the
//   package has them <cache>/kernels/<version>/kernel.json     {"version", "package", "image_xxh64",
//   "fetched"}
// A version's directory appears by one rename, complete.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ktstr::vmm {

/// The kernel packages in the output of `apt-cache pkgnames` that fit: `linux-image-6.12.*-cloud-amd64` or
/// the same with `-unsigned`, without debug and meta packages. Newest first, signed before unsigned. Pure.
std::vector<std::string> KernelPackages(std::string_view names);

}  // namespace ktstr::vmm
