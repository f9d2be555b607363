#pragma once

namespace ktstr::test {

/// Absolute paths of this checkout and of the programs built for its tests, without a slash at the end. They
/// stand in one generated source (test/CMakeLists.txt) and on no command line: every other test compiles to
/// the same bytes in another checkout, so that ccache has it. Constants, usable before main().
extern const char* const kSourceDir;
extern const char* const kBinaryDir;
extern const char* const kFakeQemu;
extern const char* const kQemuShim;
extern const char* const kBpfTruth;
extern const char* const kDenySetUp;
extern const char* const kHostFaults;

}  // namespace ktstr::test
