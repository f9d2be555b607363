// Which host files a program needs in the guest: itself, its loader, its shared libraries, and for a script
// the interpreter with all of its own.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "guest-init/base/result.h"

namespace ktstr::vmm {

/// Where the guest's loader finds a library that no RPATH or RUNPATH leads to. The guest has no ld.so.cache,
/// so a library found anywhere in the host's system directories goes here: glibc always searches it.
inline constexpr const char* kGuestLibraryDir = "/lib/x86_64-linux-gnu";

/// One host file and the absolute guest path it must appear at.
struct ClosureFile {
  std::filesystem::path host_path;
  std::string guest_path;

  friend bool operator==(const ClosureFile&, const ClosureFile&) = default;
};

/// A program to pack. `shown` is what error messages call it, normally the name in the scenario.
struct ClosureRoot {
  std::filesystem::path host_path;
  std::string guest_path;
  std::string shown;
  bool any_interpreter = false;  // the interpreter of a script may lie outside the directories of PATH
};

/// What the host's loader would search, as values so that tests can give their own.
struct ClosureSearch {
  std::vector<std::string> library_dirs;  // the system's, in order of preference
  std::string path;                       // as $PATH; for scripts that start with `#!/usr/bin/env X`
};

/// The directories of /etc/ld.so.conf and what it includes, then the loader's built-in ones; existing
/// directories only, each once even when a symbolic link gives it two names. `path` is $PATH.
ClosureSearch HostSearch();

/// The directories `conf` (an ld.so.conf) lists, following its `include` lines; none when it cannot be read.
std::vector<std::string> ReadLdSoConf(const std::filesystem::path& conf);

/// All files the roots need, the roots included, sorted by guest path, each guest path once.
/// RPATH, RUNPATH, $ORIGIN and $LIB are followed as glibc does; a library found through $ORIGIN keeps its
/// place relative to the program. The loader is taken from below `library_dirs` only, a library from there,
/// from below the program's own directory, or from a `lib` or `lib64` beside that; all by canonical path,
/// and only ELF files of the guest's architecture. A script's interpreter is taken from a directory of PATH
/// or a standard one (/usr/bin ...) unless the root says otherwise. Libraries that a program opens by
/// dlopen() are unknown here and not packed, and neither are the modules of an interpreter such as Python.
/// Errors (kInput), one line each: not a program, another architecture, damaged, a missing library, loader or
/// script interpreter, two different files for one guest path.
Result<std::vector<ClosureFile>> ProgramClosure(const std::vector<ClosureRoot>& roots,
                                                const ClosureSearch& search);

}  // namespace ktstr::vmm
