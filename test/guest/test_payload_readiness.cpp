// Payloads that others depend on.
#include <catch2/catch.hpp>

#include "test/guest/guest_run.h"

namespace ktstr::test {
namespace {

TEST_CASE("a client runs once its server is ready, and knows the server by its process id") {
  GuestRun run(
      "topology: 1n1l1c1t\n"
      "payloads:\n"
      "  server: {binary: sh, include: [sleep], args: [-c, 'echo > /run/server.ready; sleep 1000']}\n"
      "  talker: {binary: sh, include: [sleep], args: [-c, 'echo listening on 42; sleep 1000']}\n"
      "  client: {binary: sh, args: [-c, 'test -e /run/server.ready && kill -0 ${pid:server} && kill -0 "
      "$TALKER'],\n"
      "           env: ['TALKER=${pid:talker}']}\n"
      "steps:\n"
      "  - ops:\n"
      "      - RunPayload: {payload: server, ready: {file: /run/server.ready, timeout: 30s}}\n"
      "      - RunPayload: {payload: talker, ready: {output: \"on [0-9]+$\", timeout: 30s}}\n"
      "      - RunPayload: {payload: client}\n"
      "      - WaitPayload: {payload: client, timeout: 30s}\n"
      "      - PollPayload: {payload: server}\n"
      "      - KillPayload: {payload: server}\n"
      "      - KillPayload: {payload: talker}\n");
  run.Finish("PASS");
  CHECK(run.Payload("server").at("done").at("pid") > 1);
}

TEST_CASE("a payload that ends before it is ready fails the scenario with its exit and its last words") {
  GuestRun run(
      "topology: 1n1l1c1t\n"
      "payloads: {server: {binary: sh, args: [-c, 'echo cannot bind >&2; exit 3']}}\n"
      "steps:\n"
      "  - ops:\n"
      "      - RunPayload: {payload: server, ready: {output: listening, timeout: 30s}}\n");
  run.Finish("FAIL");
  CHECK(run.first_line() ==
        "FAIL scenario.yaml: payload 'server' ended before it was ready: it exited with code 3; its last "
        "output: "
        "cannot bind");
}

TEST_CASE("a payload that is not ready in time fails the scenario") {
  GuestRun run(
      "topology: 1n1l1c1t\n"
      "payloads: {server: {binary: sh, include: [sleep], args: [-c, 'sleep 1000']}}\n"
      "steps:\n"
      "  - ops:\n"
      "      - RunPayload: {payload: server, ready: {file: /run/never, timeout: 200ms}}\n");
  run.Finish("FAIL");
  CHECK(run.first_line() ==
        "FAIL scenario.yaml: payload 'server' was not ready within 200ms: /run/never was not there");
}

TEST_CASE("a payload that should still run and does not fails the scenario") {
  GuestRun run(
      "topology: 1n1l1c1t\n"
      "payloads: {short: {binary: sh, args: [-c, 'exit 0']}}\n"
      "steps:\n"
      "  - ops:\n"
      "      - RunPayload: {payload: short}\n"
      "    hold: 500ms\n"
      "  - ops:\n"
      "      - RunPayload: {payload: short}\n"
      "      - WaitPayload: {payload: short}\n"
      "      - RunPayload: {payload: short, ready: {file: /run/never, timeout: 20s}}\n");
  run.Finish("FAIL");
  CHECK(run.first_line() ==
        "FAIL scenario.yaml: payload 'short' ended before it was ready: it exited with code 0");
}

}  // namespace
}  // namespace ktstr::test
