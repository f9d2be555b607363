// What is read, and what is not, of the files that a search has found.
#include <sys/stat.h>
#include <unistd.h>

#include "interpreter/plan/loaded_scenario.h"
#include "test/unit/interpreter/cli/test_cli_fixture.h"

using namespace ktstr;
using namespace ktstr::test;
namespace fs = std::filesystem;

namespace {

/// What is said of a file below `s` that could not be read; "" when it could.
std::string Unread(const std::string& below) {
  const LoadedScenario loaded = LoadScenario({"s/" + below, "s", below});
  return loaded.readable ? "" : loaded.diagnostics.front().file + ": " + loaded.diagnostics.front().message;
}

}  // namespace

TEST_CASE("a link that takes a found file's or directory's place is not followed when it is read") {
  const WorkDir dir;
  WriteText("outside/secret.yaml", "version: 1\nsecret: x\n");
  WriteText("s/d/a.yaml", kTinyScenario);
  WriteText("s/b.yaml", kTinyScenario);
  CHECK(Unread("d/a.yaml") == "");
  CHECK(Unread("b.yaml") == "");
  fs::remove_all("s");
  fs::create_directory("s");
  fs::create_directory_symlink("../outside", "s/d");
  fs::create_symlink("../outside/secret.yaml", "s/b.yaml");
  CHECK(Unread("d/secret.yaml") == "s/d/secret.yaml: cannot be opened: Not a directory");
  CHECK(Unread("b.yaml") == "s/b.yaml: is a symbolic link now");
}

TEST_CASE("lint of a directory opens nothing but regular files and follows no link") {
  const WorkDir dir;
  WriteText("outside/secret.yaml", "secret: x\n");
  WriteText("s/a.yaml", kTinyScenario);
  fs::create_symlink("../outside/secret.yaml", "s/file.yaml");
  fs::create_directory_symlink("../outside", "s/directory");
  fs::create_directory_symlink("..", "s/loop");
  fs::create_symlink("self.yaml", "s/self.yaml");
  fs::create_symlink("/dev/zero", "s/zero.yaml");
  CHECK(Cli({"lint", "s"}).out == "");
  REQUIRE(::mkfifo("s/fifo.yaml", 0600) == 0);
  CHECK(Cli({"lint", "s"}).out == "s/fifo.yaml: error[unreadable]: is not a regular file\n");
  CHECK(Cli({"lint", "s"}).code == 2);
  CHECK(Cli({"lint", "/dev/zero"}).out == "/dev/zero: error[unreadable]: is not a regular file\n");
}

TEST_CASE("lint says which file it may not read") {
  if (::geteuid() == 0) return;  // root reads everything
  const WorkDir dir;
  WriteText("s/a.yaml", kTinyScenario);
  ::chmod("s/a.yaml", 0);
  CHECK(Cli({"lint", "s"}).out == "s/a.yaml: error[unreadable]: cannot be opened: Permission denied\n");
}
