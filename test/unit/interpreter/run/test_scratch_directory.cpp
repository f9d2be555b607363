// What an invocation leaves in $TMPDIR: nothing, and nothing of those that were killed.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "interpreter/run/scratch_directory.h"
#include "test/unit/interpreter/cli/test_cli_fixture.h"

using namespace ktstr;
using namespace ktstr::test;
namespace fs = std::filesystem;

namespace {

/// $TMPDIR while it lives.
class TemporaryPlace {
 public:
  explicit TemporaryPlace(const fs::path& path) { ::setenv("TMPDIR", path.c_str(), 1); }
  TemporaryPlace(const TemporaryPlace&) = delete;
  ~TemporaryPlace() { ::unsetenv("TMPDIR"); }
};

}  // namespace

TEST_CASE("Scratch directories of killed programs are removed by the next, those of living ones are not") {
  const WorkDir dir;
  const TemporaryPlace place(dir.path());
  fs::path abandoned;
  {
    // A program that ends without a destructor: the path comes through a pipe.
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
      const auto scratch = ScratchDirectory::Make();
      WriteText(scratch->path() / "slot1" / "disk", "x");
      const std::string path = scratch->path().string();
      ::_exit(::write(ends[1], path.data(), path.size()) > 0 ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(status == 0);
    char text[4096];
    abandoned = std::string(text, static_cast<std::size_t>(::read(ends[0], text, sizeof text)));
    ::close(ends[0]);
    ::close(ends[1]);
  }
  REQUIRE(fs::exists(abandoned / "slot1" / "disk"));
  WriteText("ktstr-interp-notes", "a file of that name");
  fs::create_directory("elsewhere");
  fs::create_directory_symlink("elsewhere", "ktstr-interp-link00");
  const auto first = ScratchDirectory::Make();
  REQUIRE(first.ok());
  CHECK_FALSE(fs::exists(abandoned));
  const auto second = ScratchDirectory::Make();
  REQUIRE(second.ok());
  CHECK(fs::exists(first->path()));  // its owner lives
  CHECK(fs::exists("ktstr-interp-notes"));
  CHECK(fs::exists("elsewhere"));
}

TEST_CASE("A scratch directory goes with its owner") {
  const WorkDir dir;
  const TemporaryPlace place(dir.path());
  {
    const auto scratch = ScratchDirectory::Make();
    REQUIRE(scratch.ok());
    CHECK((fs::status(scratch->path()).permissions() & fs::perms::all) == fs::perms::owner_all);
    WriteText(scratch->path() / "x", "x");
  }
  CHECK(fs::is_empty(dir.path()));
}
