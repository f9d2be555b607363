#include <sys/stat.h>

#include "interpreter/load/find_scenarios.h"
#include "test/unit/interpreter/cli/test_cli_fixture.h"

using namespace ktstr;
using namespace ktstr::test;
using Strings = std::vector<std::string>;

namespace {

struct Found {
  Strings files;
  std::vector<PathDiagnostic> diagnostics;
};
Found Find(const Strings& paths) {
  Found found;
  FoundScenarios all = FindScenarios(paths);
  for (const ScenarioFile& file : all.files) found.files.push_back(file.path);
  found.diagnostics = std::move(all.diagnostics);
  return found;
}

Strings FaultTexts(const Found& found) {
  Strings texts;
  for (const PathDiagnostic& diagnostic : found.diagnostics)
    texts.push_back(diagnostic.path + ": " + diagnostic.message);
  return texts;
}

}  // namespace

TEST_CASE("A directory is searched at any depth, in sorted order") {
  const WorkDir dir;
  for (const char* name :
       {"s/b.yml", "s/a.yaml", "s/a/z.yaml", "s/c/d/e.yaml", "s/notes.txt", "s/x.yaml.bak"})
    WriteText(name, "x");
  CHECK(Find({"s"}).files == Strings{"s/a/z.yaml", "s/a.yaml", "s/b.yml", "s/c/d/e.yaml"});
  CHECK(Find({"s/"}).files == Find({"s"}).files);
  CHECK(Find({"./s"}).files == Find({"s"}).files);
  CHECK(Find({"s"}).diagnostics.empty());
}

TEST_CASE("Hidden entries, the tool's own results and links to directories are passed over") {
  const WorkDir dir;
  for (const char* name : {"s/a.yaml", "s/.hidden.yaml", "s/.git/a.yaml", "s/runs/1/r/scenario.yaml"})
    WriteText(name, "x");
  WriteText(std::filesystem::path("s/runs/1") / kResultsMark, "");
  std::filesystem::create_directory_symlink("..", "s/loop");
  CHECK(Find({"s"}).files == Strings{"s/a.yaml"});
  CHECK(Find({"s/runs/1"}).files == Strings{"s/runs/1/r/scenario.yaml"});  // named, so meant
}

TEST_CASE("A search never leaves the directory through a link to a file") {
  const WorkDir dir;
  WriteText("s/a.yaml", "x");
  WriteText("outside/secret", "x");
  std::filesystem::create_symlink("../outside/secret", "s/b.yaml");
  std::filesystem::create_symlink("a.yaml", "s/c.yaml");
  CHECK(Find({"s"}).files == Strings{"s/a.yaml"});
  CHECK(Find({"s/b.yaml"}).files == Strings{"s/b.yaml"});  // named, so meant
}

TEST_CASE("A named file is a scenario whatever it is called, and is taken once") {
  const WorkDir dir;
  WriteText("s/a.yaml", "x");
  WriteText("s/plain", "x");
  std::filesystem::create_symlink("a.yaml", "s/link.yaml");
  const Found found = Find({"s/plain", "missing.yaml", "s/a.yaml", "s", "./s/../s/a.yaml"});
  CHECK(found.files == Strings{"s/plain", "missing.yaml", "s/a.yaml"});
  CHECK(found.diagnostics.empty());  // `s` held a scenario, even if it was named before
}

TEST_CASE("A directory without a scenario is a diagnostic") {
  const WorkDir dir;
  WriteText("empty/readme.txt", "x");
  WriteText("s/a.yaml", "x");
  const Found found = Find({"empty", "s"});
  CHECK(FaultTexts(found) == Strings{"empty: no scenario (*.yaml, *.yml) in this directory"});
  CHECK(found.files == Strings{"s/a.yaml"});
}

TEST_CASE("A directory that cannot be read is a diagnostic") {
  if (::geteuid() == 0) return;  // root reads everything
  const WorkDir dir;
  WriteText("s/a.yaml", "x");
  WriteText("s/locked/b.yaml", "x");
  ::chmod("s/locked", 0);
  CHECK(FaultTexts(Find({"s"})) == Strings{"s/locked: the directory cannot be read: Permission denied"});
  ::chmod("s/locked", 0755);
}

TEST_CASE("A scenario whose name could be a command or an option is called by ./") {
  const WorkDir dir;
  for (const char* name : {"::error::x.yaml", "-x.yaml", "#.yaml", "a.yaml", "_.yaml", "s/::y.yaml"})
    WriteText(name, "x");
  CHECK(Find({"."}).files ==
        Strings{"./#.yaml", "./-x.yaml", "./::error::x.yaml", "_.yaml", "a.yaml", "s/::y.yaml"});
  CHECK(Find({"::error::x.yaml"}).files == Strings{"./::error::x.yaml"});
}

TEST_CASE("A search ends where directories are nested too deep") {
  const WorkDir dir;
  std::string path = "s";
  for (int i = 0; i < 64; ++i) path += "/d";
  WriteText(path + "/in.yaml", "x");
  WriteText(path + "/d/out.yaml", "x");
  const Found found = Find({"s"});
  CHECK(found.files == Strings{path + "/in.yaml"});
  CHECK(FaultTexts(found) == Strings{path + "/d: directories nested deeper than 64 are not searched"});
}
