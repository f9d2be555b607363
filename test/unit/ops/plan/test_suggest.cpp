#include <catch2/catch.hpp>

#include "ops/plan/suggest.h"

namespace ktstr {
namespace {

std::string Closest(std::string_view wrong, std::vector<std::string_view> names) {
  return ClosestName(wrong, std::span<const std::string_view>(names)).value_or("-");
}

TEST_CASE("ClosestName offers a near name, and only a near one") {
  CHECK(Closest("hto", {"steady", "hot"}) == "hot");
  CHECK(Closest("HOT", {"hot"}) == "hot");
  CHECK(Closest("SetCpuSet", {"SetCpuset", "ClearCpuset"}) == "SetCpuset");
  CHECK(Closest("runpayload", {"RunPayload", "WaitPayload"}) == "RunPayload");
  CHECK(Closest("RunPaylod", {"KillPayload", "RunPayload"}) == "RunPayload");
  CHECK(Closest("timeuot", {"timeout"}) == "timeout");
  SECTION("too far") {
    CHECK(Closest("cgroup", {"payload", "timeout"}) == "-");
    CHECK(Closest("ab", {"cd"}) == "-");
    CHECK(Closest("a", {"b"}) == "-");
    CHECK(Closest("cold", {"hot"}) == "-");
    CHECK(Closest("", {"hot"}) == "-");
    CHECK(Closest("hot", {}) == "-");
    CHECK(Closest("hot", {""}) == "-");
  }
  SECTION("the first of equally near ones") {
    CHECK(Closest("work1", {"work2", "work3"}) == "work2");
    CHECK(Closest("step", {"steps", "stop"}) == "steps");
  }
  SECTION("the only one that begins so") {
    CHECK(Closest("Capture", {"CaptureSnapshot", "RunPayload"}) == "CaptureSnapshot");
    CHECK(Closest("Capture", {"CaptureSnapshot", "CaptureTrace"}) == "-");
    CHECK(Closest("Ca", {"CaptureSnapshot"}) == "-");
  }
}

TEST_CASE("DidYouMean is a whole hint or nothing") {
  const std::vector<std::string> names = {"hot", "cold"};
  CHECK(DidYouMean("hto", std::span<const std::string>(names)) == "did you mean 'hot'?");
  CHECK(DidYouMean("elephant", std::span<const std::string>(names)).empty());
}

}  // namespace
}  // namespace ktstr
