// A scenario given as text, decoded and planned, with what was said against it.
#pragma once

#include <string>

#include "interpreter/load/decode.h"
#include "interpreter/plan/plan.h"

namespace ktstr {

struct LoadedPlan {
  Scenario scenario;
  Diagnostics diagnostics;
  RunPlans plans;  // empty when the text could not be decoded

  explicit LoadedPlan(const std::string& yaml) {
    const Document document = LoadDocument("t.yaml", yaml, diagnostics);
    BrokenPlaces broken(Scenario::Decl());
    if (Decode(document, scenario, diagnostics, &broken)) {
      plans = PlanRuns(scenario, {}, diagnostics);
    } else {
      CheckPartlyDecoded(scenario, broken, {}, diagnostics);
    }
  }
  /// "path: message (hint)" of each diagnostic, a line each.
  [[nodiscard]] std::string Messages() const {
    std::string all;
    for (const Diagnostic& d : diagnostics.items())
      all += d.path + ": " + d.message + (d.hint.empty() ? "" : " (" + d.hint + ")") + "\n";
    return all;
  }
};

}  // namespace ktstr
