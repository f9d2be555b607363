// Files that a scenario writes to: what is kept, what is put back, and how failures are told.
#include <catch2/catch.hpp>
#include <fstream>

#include "guest-init/base/file_io.h"
#include "guest-init/written_files.h"
#include "test/unit/guest-init/guest_process.h"

namespace ktstr::guest {
namespace {

TEST_CASE("what is put back is what the kernel takes") {
  CHECK(TextToPutBack("950000\n", "1") == "950000\n");
  CHECK(TextToPutBack("always [madvise] never\n", "always") == "madvise");
  CHECK(TextToPutBack("START_DEBIT NO_WAKEUP HRTICK \n", "WAKEUP") == "NO_WAKEUP");
  CHECK(TextToPutBack("START_DEBIT NO_WAKEUP HRTICK \n", "NO_HRTICK\n") == "HRTICK");
  CHECK(TextToPutBack("cpu io\n", "+memory -io") == "-memory +io");
  CHECK(TextToPutBack("max 100000\n", "50000 100000") == "max 100000\n");
  CHECK(TextToPutBack("[none]\n", "x") == "[none]\n");  // no choice
  CHECK(TextToPutBack("", "x").empty());
}

TEST_CASE("a file is written, put back once, and each failure says what was written where") {
  GuestProcess guest;
  const std::string path = guest.directory() + "/knob";
  const auto held = [&] { return ReadSmallFile(path.c_str()); };
  CHECK(guest.Call(WriteGuestFile{path, "7", 0, 0}).error ==
        "writing '7' to " + path + ": No such file or directory");
  std::ofstream(path) << "old\n";
  CHECK(guest.Call(WriteGuestFile{path, "new", 0, 1}).error.empty());
  CHECK(held() == "new\n");
  CHECK(guest.Call(WriteGuestFile{path, "abc", 0, {}}).error.empty());
  CHECK(guest.Call(PutBackFile{1}).error.empty());
  CHECK(held() == "old\n");
  CHECK(guest.Call(WriteGuestFile{path, "abc", 0, {}}).error.empty());
  CHECK(guest.Call(PutBackFile{1}).error.empty());  // there is nothing left to put back
  CHECK(held() == "abc\n");
  CHECK(guest.warnings.empty());
}

TEST_CASE("an expected error has to come, and is the scenario's affair") {
  GuestProcess guest;
  const std::string path = guest.directory() + "/knob";
  CHECK(guest.Call(WriteGuestFile{path, "7", ENOENT, 0}).error.empty());
  const Reply other = guest.Call(WriteGuestFile{path, "7", EINVAL, 0});
  CHECK(other.error == "writing '7' to " + path + " failed by ENOENT, and EINVAL was expected");
  CHECK(other.of_payload);
  std::ofstream(path) << "old\n";
  const Reply none = guest.Call(WriteGuestFile{path, "7", EINVAL, 0});
  CHECK(none.error == "writing '7' to " + path + " succeeded, and EINVAL was expected");
  CHECK(none.of_payload);
}

}  // namespace
}  // namespace ktstr::guest
