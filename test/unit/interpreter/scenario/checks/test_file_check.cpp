// The check `file`: a passing, a failing and a no-data case of each way to look at a file of the guest.
#include <catch2/catch.hpp>

#include "interpreter/judge/judge.h"
#include "interpreter/scenario/checks/file_check.h"
#include "test/unit/interpreter/fold/test_fold_record.h"

using namespace ktstr;
using namespace ktstr::test;

namespace {

FileRecord Read(const std::string& text, std::uint32_t phase = 1, std::uint64_t elapsed_ms = 0) {
  return {"stat", "/x/cpu.stat", phase, elapsed_ms, text, false, "steps/0/ops/0"};
}

std::string JudgeOne(const std::vector<FileRecord>& files, const FileCheck& check,
                     const std::string& step = "") {
  CheckList list;
  REQUIRE(DefaultChecks::Decl().shorthand->parse("off", &list.defaults).empty());
  list.checks.push_back({"checks/0", step, CheckOf(check)});
  Observations observed;
  observed.files = files;
  const auto results = Judge(RecordWithSteps({"one", "two"}), {}, list, observed);
  REQUIRE(results.size() == 1);
  return std::string(VerdictName(results.front().verdict)) + " [" + results.front().phase + "] " +
         results.front().message;
}

FileCheck OfKey(const std::string& key) {
  FileCheck check;
  check.file = "stat";
  check.key = key;
  return check;
}

}  // namespace

TEST_CASE("a value of a guest file is held against bounds or compared as text") {
  const std::vector<FileRecord> files = {Read("usage 1\n"), Read("usage 17\nmode fast\n", 2)};
  FileCheck check = OfKey("usage");
  check.min = Quantity{17.0};
  CHECK(JudgeOne(files, check) == "PASS [two] file stat (/x/cpu.stat), key usage is 17");
  CHECK(JudgeOne(files, check, "one") ==
        "FAIL [one] file stat (/x/cpu.stat), key usage is 1, below the minimum of 17");
  check = OfKey("mode");
  check.equals = PlainText{"slow"};
  CHECK(JudgeOne(files, check) == "FAIL [two] file stat (/x/cpu.stat), key mode is fast, not slow");
  CHECK(JudgeOne(files, check, "one") ==
        "INCONCLUSIVE [one] file stat (/x/cpu.stat), key mode: no line of it begins with the key mode");
  CHECK(JudgeOne({}, check) == "INCONCLUSIVE [] file stat was not read");
  CHECK(JudgeOne({Read("mode fast\n")}, check, "two") ==
        "INCONCLUSIVE [] file stat was not read in step two");
}

TEST_CASE("a line is there or is not") {
  FileCheck check;
  check.file = "stat";
  check.present = "^mode";
  CHECK(JudgeOne({Read("a\nmode 1\n")}, check) == "PASS [one] file stat (/x/cpu.stat) has the line 'mode 1'");
  CHECK(JudgeOne({Read("a mode\n")}, check) ==
        "FAIL [one] no line of file stat (/x/cpu.stat) matches '^mode'");
  CHECK(JudgeOne({}, check) == "INCONCLUSIVE [] file stat was not read");
  check.present.reset();
  check.absent = "err";
  CHECK(JudgeOne({Read("fine\n")}, check) == "PASS [one] no line of file stat (/x/cpu.stat) matches 'err'");
  CHECK(JudgeOne({Read("an error\n")}, check) ==
        "FAIL [one] file stat (/x/cpu.stat) has the line 'an error', which matches 'err'");
  FileRecord cut = Read("fine\n");
  cut.cut = true;
  CHECK(JudgeOne({cut}, check) ==
        "INCONCLUSIVE [one] no line of file stat (/x/cpu.stat) matches 'err', but only its first 64 KiB were "
        "kept");
}

TEST_CASE("what was read again and again is a series") {
  FileCheck check = OfKey("usage");
  check.over_time.emplace().nondecreasing = true;
  CHECK(JudgeOne({Read("usage 1\n"), Read("usage 2\n"), Read("usage 2\n")}, check).starts_with("PASS"));
  CHECK(JudgeOne({Read("usage 1\n"), Read("usage 3\n"), Read("usage 2\n")}, check).starts_with("FAIL"));
  CHECK(JudgeOne({}, check).starts_with("INCONCLUSIVE"));
}
