// Snapshots as files of a run's directory.
#include <sys/stat.h>

#include "interpreter/report/snapshot_files.h"
#include "test/unit/interpreter/cli/test_cli_fixture.h"

using namespace ktstr;
using namespace ktstr::test;
namespace fs = std::filesystem;

namespace {

StoredSnapshot Stored(const std::string& tag) {
  StoredSnapshot snapshot{tag, {}, 1200, 1100, 2};
  snapshot.report.guest_ns = 42;
  snapshot.report.tasks.emplace_back().comm = "sp\xFFin";
  return snapshot;
}
std::vector<std::string> Names(const fs::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory))
    names.push_back(entry.path().filename().string());
  return names;
}

}  // namespace

TEST_CASE("a tag's file name: readable, never hidden, another one for every tag") {
  CHECK(SnapshotFileName("periodic_003") == "periodic_003.json");
  CHECK(SnapshotFileName("before.1") == "before.1.json");
  CHECK(SnapshotFileName(".x") == "%2Ex.json");
  CHECK(SnapshotFileName("../x") == "%2E.%2Fx.json");
  CHECK(SnapshotFileName("a/b c%") == "a%2Fb%20c%25.json");
  CHECK(SnapshotFileName("\xC3\xA9") == "%C3%A9.json");
  CHECK(SnapshotFileName("") == "%.json");
  CHECK(SnapshotFileName("%") == "%25.json");
  const std::string lengthy(300, 'a');
  CHECK(SnapshotFileName(lengthy).size() == 200 + 1 + 16 + 5);
  CHECK(SnapshotFileName(lengthy) != SnapshotFileName(lengthy + "b"));
}

TEST_CASE("a snapshot that was written is read back with what is known of its capture") {
  const WorkDir dir;
  REQUIRE(WriteSnapshotFile("run", Stored("mid/1"), "shrink").ok());
  CHECK(Names("run/snapshots") == std::vector<std::string>{"mid%2F1.json"});  // and no temporary file
  struct stat status = {};
  REQUIRE(::stat("run/snapshots/mid%2F1.json", &status) == 0);
  CHECK((status.st_mode & 0777) == 0644);
  const auto read = ReadSnapshotFile("run/snapshots/mid%2F1.json");
  REQUIRE(read.ok());
  CHECK(read->tag == "mid/1");
  CHECK(read->phase == "shrink");
  CHECK(read->elapsed_ms == 1200);
  CHECK(read->boundary_offset_ms == 1100);
  CHECK(read->phase_index == 2);
  CHECK(read->report.guest_ns == 42);
  CHECK(read->report.tasks.at(0).comm == "sp\xEF\xBF\xBDin");  // JSON holds UTF-8 only
}

TEST_CASE("a snapshot takes the place of another of its tag") {
  const WorkDir dir;
  REQUIRE(WriteSnapshotFile("run", Stored("a"), "x").ok());
  REQUIRE(WriteSnapshotFile("run", {"a", {}}, "").ok());
  const auto read = ReadSnapshotFile("run/snapshots/a.json");
  REQUIRE(read.ok());
  CHECK(read->report.guest_ns == 0);
  CHECK(read->elapsed_ms == 0);
  CHECK(read->phase_index == 0);
  CHECK_FALSE(read->boundary_offset_ms);
}

TEST_CASE("a snapshot that cannot be written or read is one line") {
  const WorkDir dir;
  WriteText("file", "x");
  CHECK(WriteSnapshotFile("file", Stored("a"), "").error().message ==
        "'file/snapshots/a.json' cannot be written: Not a directory");
  CHECK(ReadSnapshotFile("file").error().message == "'file' is not JSON");
  CHECK(ReadSnapshotFile("none").error().message == "'none' does not exist");
  WriteText("bare.json", "{}");
  CHECK(ReadSnapshotFile("bare.json").error().message == "bare.json: a snapshot without 'schema'");
  WriteText("plain.json", R"({"schema": "single"})");
  CHECK(ReadSnapshotFile("plain.json")->tag == "plain");
  CHECK_FALSE(ReadSnapshotFile("plain.json")->elapsed_ms);
}

TEST_CASE("a snapshot file that is a bomb is refused, whatever it is made of") {
  const WorkDir dir;
  const auto refusal = [](const std::string& text) {
    WriteText("bomb.json", text);
    return ReadSnapshotFile("bomb.json").error().message;
  };
  CHECK(refusal(std::string(100'000, '[')) == "'bomb.json' is nested more than 2000 deep");
  std::string many = "[0";
  for (int i = 0; i < 16'000'000; ++i) many += ",0";
  CHECK(refusal(many + "]") == "'bomb.json' has more than 16000000 values");
  fs::resize_file("bomb.json", (std::uintmax_t{512} << 20) + 1);
  CHECK(ReadSnapshotFile("bomb.json").error().message ==
        "'bomb.json' is 536870913 bytes long; the limit is 536870912");
}

TEST_CASE("runs with snapshots are found in the results of an invocation") {
  const WorkDir dir;
  for (const char* run : {"runs/1/b@v", "runs/1/a"}) REQUIRE(WriteSnapshotFile(run, Stored("t"), "").ok());
  fs::create_directories("runs/1/none");
  fs::create_directory_symlink("a", "runs/1/link");
  CHECK(FindSnapshotRuns("runs/1").value() == std::vector<fs::path>{"runs/1/a", "runs/1/b@v"});
  CHECK(FindSnapshotRuns("runs/1/a").value() == std::vector<fs::path>{"runs/1/a"});
  CHECK(FindSnapshotRuns("runs/1/none").error().message == "'runs/1/none' has no snapshots");
  CHECK(FindSnapshotRuns("runs/2").error().message == "'runs/2' does not exist");
  REQUIRE(WriteSnapshotFile("runs/1/a", Stored("s"), "").ok());
  WriteText("runs/1/a/snapshots/.snapshot-123.json", "");
  CHECK(ListSnapshotFiles("runs/1/a") ==
        std::vector<fs::path>{"runs/1/a/snapshots/s.json", "runs/1/a/snapshots/t.json"});
  CHECK(ListSnapshotFiles("runs/1/none").empty());
}
