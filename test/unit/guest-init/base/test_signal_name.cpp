#include <catch2/catch.hpp>

#include "guest-init/base/signal_name.h"

namespace ktstr {
namespace {

TEST_CASE("signals are called by their names, those without one by their number") {
  CHECK(SignalName(SIGKILL) == "SIGKILL");
  CHECK(SignalName(64) == "signal 64");
}

}  // namespace
}  // namespace ktstr
