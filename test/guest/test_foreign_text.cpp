// What a guest's programs print, on its way to the terminal.
#include <catch2/catch.hpp>
#include <sstream>

#include "test/guest/guest_run.h"

namespace ktstr::test {
namespace {

TEST_CASE("what a payload prints neither steers the terminal nor speaks to a CI system") {
  GuestRun run(
      "payloads:\n  p:\n    binary: sh\n    args:\n      - -c\n      - |\n"
      "        printf '::error file=x::out\\n##[error]out \\033[2J\\302\\233\\342\\200\\256\\377\\n'\n"
      "        printf 'first\\r::error::err\\n##vso[task.complete]\\033]0;t\\a\\n::error::last \\033[31m\\n' "
      ">&2\n"
      "        printf '<2>kmsg\\n::error::kmsg \\033[31m\\n' > /dev/kmsg\n"
      "        exit 3\n"
      "steps:\n  - name: only\n    ops: [{RunPayload: {payload: p}}, {WaitPayload: {payload: p}}]\n",
      {"-v"});
  run.Finish("FAIL");
  for (const std::string& text : {run.process().out(), run.process().err(), run.Text("kernel.log")}) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      INFO(line);
      for (const char c : line) CHECK((c >= ' ' && c <= '~'));
      const std::size_t begin = line.find_first_not_of(' ');
      CHECK(line.compare(begin == std::string::npos ? 0 : begin, 2, "::") != 0);
      CHECK(line.find("##[") == std::string::npos);
      CHECK(line.find("##vso[") == std::string::npos);
    }
  }
  CHECK_THAT(run.process().err(), Catch::Contains(R"(\x3a:error::last \x1b[31m)"));
}

}  // namespace
}  // namespace ktstr::test
