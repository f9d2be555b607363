#include <catch2/catch.hpp>

#include "ops/plan/diagnostics.h"

namespace ktstr {
namespace {

using Parts = std::vector<std::string>;

TEST_CASE("JoinPath and SplitPath undo each other") {
  CHECK(JoinPath("", "steps").compare("steps") == 0);
  CHECK(JoinPath("steps", 1) == "steps/1");
  CHECK(JoinPath("steps", std::size_t{0}) == "steps/0");
  CHECK(JoinPath("steps/1/ops/0/SetCpuset", "cgroup") == "steps/1/ops/0/SetCpuset/cgroup");
  CHECK(JoinPath("a", "x/y~z") == "a/x~1y~0z");
  CHECK(SplitPath("") == Parts{});
  CHECK(SplitPath("a/x~1y~0z/3") == Parts{"a", "x/y~z", "3"});
  CHECK(SplitPath("a//b") == Parts{"a", "", "b"});
  CHECK(SplitPath(JoinPath("a", "~1")) == Parts{"a", "~1"});
}

TEST_CASE("Diagnostics keep the order of finding and drop repetitions") {
  Diagnostics found;
  CHECK(found.empty());
  found.Warning("b", "slow", "this is slow");
  CHECK_FALSE(found.has_errors());
  found.Error("a", "unknown-key", "unknown key 'x'", "did you mean 'y'?");
  found.Error("a", "unknown-key", "unknown key 'x'");
  CHECK(found.has_errors());
  REQUIRE(found.size() == 2);
  CHECK(found.items()[0].path == "b");
  CHECK(found.items()[0].severity == Severity::kWarning);
  CHECK(found.items()[1].hint == "did you mean 'y'?");
  SECTION("another place, side, code or message is another fault") {
    found.Error("c", "unknown-key", "unknown key 'x'");
    found.ErrorOnKey("a", "unknown-key", "unknown key 'x'");
    found.Error("a", "bad-key", "unknown key 'x'");
    found.Error("a", "unknown-key", "unknown key 'z'");
    Diagnostic placed{Severity::kError, "unknown-key", "a", false, "unknown key 'x'"};
    placed.at = Span{3, 4, 1};
    found.Add(placed);
    placed.at = Span{3, 5, 1};
    found.Add(placed);
    CHECK(found.size() == 8);
    CHECK(found.items()[3].on_key);
  }
}

}  // namespace
}  // namespace ktstr
