// Waiting for a file: what a text says, and a guest that looks until it does.
#include <catch2/catch.hpp>
#include <fstream>

#include "guest-init/file_awaiting.h"
#include "test/unit/guest-init/guest_process.h"

namespace ktstr::guest {
namespace {

AwaitFile Wanted(std::string pattern, std::string key, std::optional<std::int64_t> min,
                 std::optional<std::int64_t> max) {
  return {"/x", std::move(pattern), std::move(key), min, max, 0};
}

std::string Said(const AwaitFile& wanted, std::string_view text) {
  const FileCondition condition(wanted);
  return condition.Holds(text) ? "" : condition.WhyNot(text);
}

TEST_CASE("a line that matches, a number within bounds, or why not") {
  const std::string_view stat = "usage_usec 100\nnr_throttled 3\nthrottled -7\n";
  CHECK(Said(Wanted("^nr_.* 3$", "", {}, {}), stat).empty());
  CHECK(Said(Wanted("^3", "", {}, {}), stat) == "has no line with /^3/");
  CHECK(Said(Wanted("", "nr_throttled", 3, 3), stat).empty());
  CHECK(Said(Wanted("", "nr_throttled", 5, {}), stat) == "has 3 behind 'nr_throttled', not at least 5");
  CHECK(Said(Wanted("", "nr_throttled", {}, 2), stat) == "has 3 behind 'nr_throttled', not at most 2");
  CHECK(Said(Wanted("", "throttled", {}, -7), stat).empty());
  CHECK(Said(Wanted("", "usec", 1, {}), stat) == "has no number behind 'usec'");
  CHECK(Said(Wanted("", "", 42, 42), " 42\n").empty());
  CHECK(Said(Wanted("", "", 1, {}), "max\n") == "has no number at its begin");
  CHECK(Said(Wanted("", "", 1, {}), "") == "has no number at its begin");
  // Both are asked for.
  CHECK(Said(Wanted("usage", "nr_throttled", 4, {}), stat) == "has 3 behind 'nr_throttled', not at least 4");
}

TEST_CASE("a guest waits for a file that comes to be as it should, and says what it is when it does not") {
  GuestProcess guest;
  const std::string path = guest.directory() + "/state";
  const auto wait = [&](const std::string& pattern) {
    return guest.Call(AwaitFile{path, pattern, "", {}, {}, 20'000'000}).error;
  };
  CHECK(wait("on") == path + " still cannot be read after 20ms: No such file or directory");
  std::ofstream(path) << "off\n";
  CHECK(wait("on") == path + " still has no line with /on/ after 20ms");
  std::ofstream(path) << "on\n";
  CHECK(wait("on").empty());
}

}  // namespace
}  // namespace ktstr::guest
