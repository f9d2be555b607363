#include "interpreter/scenario/shipped_payloads.h"

#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "interpreter/scenario/scenario.h"

namespace ktstr {
namespace {

using Texts = std::vector<std::string>;

/// What the author of a scenario need not know of it.
struct Shipped {
  std::string binary;  // "": as `use` names it
  Texts always;        // arguments that go first
  Texts unless;        // arguments when the author gives none
  OutputSpec output;
  NamedMap<MetricHint> metrics;
};

/// Those whose metrics have a unit.
constexpr int kCyclictestThreads = 8;

Shipped Cyclictest() {
  Shipped shipped;
  // Its summary has a line per thread; in JSON each is a metric of its own, so that no thread hides another.
  shipped.always = {"--quiet", "--json=/proc/self/fd/1"};
  shipped.unless = {"--threads", "1", "--interval", "1000", "--loops", "1000"};
  shipped.output.parse = OutputParse::kJson;
  for (int thread = 0; thread < kCyclictestThreads; ++thread)
    for (const char* what : {"min", "avg", "max"})
      shipped.metrics.items.emplace_back("thread." + std::to_string(thread) + "." + what,
                                         MetricHint{"", "us", Polarity::kLower});
  return shipped;
}

Shipped Hackbench() {
  Shipped shipped;
  shipped.unless = {"--pipe", "--groups", "1", "--loops", "50"};
  shipped.output.parse = OutputParse::kRegex;
  shipped.output.regex.items = {{"seconds", "^Time: *([0-9.]+)"}};
  shipped.metrics.items = {{"seconds", {"", "s", Polarity::kLower}}};
  return shipped;
}

Shipped JemallocProbe() {
  Shipped shipped;
  shipped.binary = "ktstr-jemalloc-probe";
  shipped.always = {"--pid"};
  shipped.output.parse = OutputParse::kJson;
  for (const char* bytes : {"main.allocated_bytes", "main.deallocated_bytes"})
    shipped.metrics.items.emplace_back(bytes, MetricHint{"", "B", Polarity::kInfo});
  return shipped;
}

Shipped JemallocWorker(const char* binary) {
  Shipped shipped;
  shipped.binary = binary;
  shipped.unless = {"16777216"};
  return shipped;
}

Shipped StressNg() {
  Shipped shipped;
  shipped.always = {"--metrics-brief"};
  shipped.unless = {"--cpu", "1", "--timeout", "1s"};
  shipped.output.parse = OutputParse::kRegex;
  // "stress-ng: metrc: [53] cpu    887      1.00      0.53      0.00       884.78        1666.84"
  const std::string row = R"(metrc: \[[0-9]+\] [a-z0-9-]+ +)";
  shipped.output.regex.items = {{"bogo_ops", row + "([0-9]+) "},
                                {"bogo_ops_per_sec", row + "[0-9]+ +[0-9.]+ +[0-9.]+ +[0-9.]+ +([0-9.]+)"}};
  shipped.metrics.items = {{"bogo_ops", {"", "", Polarity::kHigher}},
                           {"bogo_ops_per_sec", {"", "", Polarity::kHigher}}};
  return shipped;
}

Shipped DefinitionOf(ShippedPayload payload) {
  switch (payload) {
    case ShippedPayload::kCyclictest:
      return Cyclictest();
    case ShippedPayload::kHackbench:
      return Hackbench();
    case ShippedPayload::kJemallocProbe:
      return JemallocProbe();
    case ShippedPayload::kJemallocWorker:
      return JemallocWorker("ktstr-jemalloc-alloc-worker");
    case ShippedPayload::kJemallocWorkerShared:
      return JemallocWorker("ktstr-jemalloc-alloc-worker-shared");
    case ShippedPayload::kStressNg:
      return StressNg();
  }
  return {};
}

void PutShipped(Payload& payload) {
  Shipped shipped = DefinitionOf(*payload.use);
  payload.binary =
      shipped.binary.empty() ? kShippedPayloads[static_cast<std::size_t>(*payload.use)].name : shipped.binary;
  payload.use.reset();
  const Texts& rest = payload.args.empty() ? shipped.unless : payload.args;
  shipped.always.insert(shipped.always.end(), rest.begin(), rest.end());
  payload.args = std::move(shipped.always);
  payload.output = std::move(shipped.output);
  for (auto& [name, hint] : shipped.metrics.items)
    if (payload.metrics.Find(name) == nullptr) payload.metrics.items.emplace_back(name, std::move(hint));
}

}  // namespace

void PutShippedPayloads(Scenario& scenario) {
  for (auto& [name, payload] : scenario.payloads.items)
    if (payload.use) PutShipped(payload);
}

}  // namespace ktstr
