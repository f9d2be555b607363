// The verifier's log: found in what a program printed, and its cycles folded.
#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "interpreter/verify/verifier_log.h"

using namespace ktstr;

namespace {

using Lines = std::vector<std::string>;

/// A round of a loop as the verifier tells it: the registers differ each time.
void AddRound(Lines& lines, int i, const std::string& last = "7: (05) goto pc-6") {
  lines.push_back("; for (i = 0; i < n; i++) @ x.bpf.c:9");
  lines.push_back(fmt::format("2: (07) r1 += 1                       ; R1_w={} R10=fp0", i));
  lines.push_back(fmt::format("3: (bf) r2 = r1                       ; R1_w={} R2_w={}", i, i));
  lines.push_back(fmt::format("from 3 to 5: R1_w={} R10=fp0", i));
  lines.push_back(fmt::format("5: R1_w={} R10=fp0", i));
  lines.push_back(last);
}

}  // namespace

TEST_CASE("A program that was rejected is found with its error, its log and the verifier's last word") {
  const auto programs = FindRejectedPrograms(R"(loading
libbpf: prog 'ktstr_init': BPF program load failed: Permission denied
libbpf: prog 'ktstr_init': -- BEGIN PROG LOAD LOG --
0: R1=ctx() R10=fp0
7: (7b) *(u64 *)(r1 +0) = r2
R1 invalid mem access 'scalar'
processed 7 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
-- END PROG LOAD LOG --
libbpf: prog 'ktstr_init': failed to load: -13
EXIT: the scheduler could not be loaded (Permission denied)
)");
  REQUIRE(programs.size() == 1);
  CHECK(programs[0].name == "ktstr_init");
  CHECK(programs[0].error == "Permission denied");
  CHECK(programs[0].reason == "R1 invalid mem access 'scalar'");
  CHECK(programs[0].processed == 7U);
  CHECK_FALSE(programs[0].cut);
  CHECK(programs[0].log.size() == 4);
  CHECK(programs[0].log[0] == "0: R1=ctx() R10=fp0");
}

TEST_CASE("Logs behind a logger's prefix, several of them, and one whose end is missing") {
  const auto programs = FindRejectedPrograms(
      "12:00 WARN libbpf: prog 'a': BPF program load failed: -EACCES\r\n"
      "12:00 WARN libbpf: prog 'a': -- BEGIN PROG LOAD LOG --\r\n"
      "too many\r\n"
      "12:00 WARN -- END PROG LOAD LOG --\r\n"
      "libbpf: prog 'b': -- BEGIN PROG LOAD LOG --\n"
      "0: R1=ctx()\n"
      "1: (b7) r0");
  REQUIRE(programs.size() == 2);
  CHECK(programs[0].error == "-EACCES");
  CHECK(programs[0].reason == "too many");
  CHECK_FALSE(programs[0].cut);
  CHECK_FALSE(programs[0].processed.has_value());
  CHECK(programs[1].name == "b");
  CHECK(programs[1].error.empty());
  CHECK(programs[1].cut);
  CHECK(programs[1].log == Lines{"0: R1=ctx()", "1: (b7) r0"});
}

TEST_CASE("Output without a log has no rejected program") {
  CHECK(FindRejectedPrograms("").empty());
  CHECK(FindRejectedPrograms("libbpf: failed to load object 'x'\nEXIT: no\n").empty());
}

TEST_CASE("Rounds that differ only in what registers hold become one, with how many there were") {
  Lines lines = {"0: R1=ctx() R10=fp0"};
  for (int i = 0; i < 40; ++i) AddRound(lines, i);
  lines.push_back("infinite loop detected at insn 2");
  CHECK(FoldCycles(lines) == Lines{
                                 "0: R1=ctx() R10=fp0",
                                 "[40 rounds of 6 lines; the first:]",
                                 "; for (i = 0; i < n; i++) @ x.bpf.c:9",
                                 "2: (07) r1 += 1                       ; R1_w=0 R10=fp0",
                                 "3: (bf) r2 = r1                       ; R1_w=0 R2_w=0",
                                 "from 3 to 5: R1_w=0 R10=fp0",
                                 "5: R1_w=0 R10=fp0",
                                 "7: (05) goto pc-6",
                                 "[234 lines left out]",
                                 "infinite loop detected at insn 2",
                             });
}

TEST_CASE("Two rounds stay as they are, and so do three of four lines") {
  Lines lines;
  AddRound(lines, 0);
  AddRound(lines, 1);
  CHECK(FoldCycles(lines) == lines);
  const Lines round = {"a", "b", "c", "d"};
  Lines short_rounds;
  for (int i = 0; i < 3; ++i) short_rounds.insert(short_rounds.end(), round.begin(), round.end());
  CHECK(FoldCycles(short_rounds) == short_rounds);
}

TEST_CASE("A loop in a loop is folded twice") {
  Lines lines;
  for (int outer = 0; outer < 3; ++outer) {
    lines.push_back(fmt::format("1: (b7) r1 = 0     ; R3={}", outer));
    for (int inner = 0; inner < 4; ++inner) AddRound(lines, inner);
  }
  const Lines folded = FoldCycles(lines);
  REQUIRE(folded.size() == 11);
  CHECK(folded.front() == "[3 rounds of 25 lines; the first:]");
  CHECK(folded[1] == "1: (b7) r1 = 0     ; R3=0");
  CHECK(folded[2] == "[4 rounds of 6 lines; the first:]");
  CHECK(folded[9] == "[18 lines left out]");
  CHECK(folded.back() == "[50 lines left out]");
}

TEST_CASE("Another instruction or another line of the source is another round") {
  Lines lines;
  for (int i = 0; i < 12; ++i) AddRound(lines, i, fmt::format("7: (05) goto pc-{}", i));
  CHECK(FoldCycles(lines) == lines);
}

TEST_CASE("A log of lines that are all alike is folded, and quickly") {
  const Lines lines(200'000, "the same");
  const Lines folded = FoldCycles(lines);
  CHECK(folded.size() == 7);
  CHECK(folded.front() == "[40000 rounds of 5 lines; the first:]");
}
