// Any text as a scenario: load, decode, and whatever could be decoded is checked and planned. No crash, no
// hang, no fault without a message; and what is found faultless can be planned for every variant.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "interpreter/load/decode.h"
#include "interpreter/plan/plan.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ktstr;
  Diagnostics diagnostics;
  const Document document =
      LoadDocument("fuzz.yaml", std::string(reinterpret_cast<const char*>(data), size), diagnostics);
  if (!document.complete()) return 0;
  Scenario scenario;
  BrokenPlaces broken(Scenario::Decl());
  if (!Decode(document, scenario, diagnostics, &broken) || diagnostics.has_errors()) {
    CheckPartlyDecoded(scenario, broken, {}, diagnostics);
    return 0;
  }
  const RunPlans plans = PlanRuns(scenario, {}, diagnostics);
  for (const Diagnostic& fault : diagnostics.items())
    if (fault.message.empty() || fault.code.empty()) std::abort();
  if (diagnostics.has_errors()) return 0;
  if (plans.empty()) std::abort();
  for (const std::shared_ptr<const RunPlan>& plan : plans)
    if (plan->requests.empty()) std::abort();
  return 0;
}
