// Landlock: which files a program may use, held by the kernel however the program is made to behave.
#pragma once

#include <filesystem>
#include <vector>

#include "guest-init/base/fd.h"

namespace ktstr::vmm {

/// What a confined program may do with files beside those it is given open.
struct LandlockRules {
  std::filesystem::path program;  // read and run, with the libraries and data that lie beside it
  std::vector<int> read;          // our descriptors of files that it may open to read
  std::vector<int> written;       // and of those that it may also open to write
};

/// The version of Landlock's interface; 0 or less when this kernel has none or has it switched off.
int LandlockAbi();

/// Descriptor of rules under which a program reads the system's libraries, programs and facts (/usr, /opt,
/// /proc, /sys and the like) and what `rules` names, writes nothing else, makes and removes no files, and, as
/// far as `abi` goes, connects to no TCP port, no abstract socket, and signals nobody outside. Invalid when
/// it cannot be made.
Fd MakeLandlockRuleset(int abi, const LandlockRules& rules);

}  // namespace ktstr::vmm
