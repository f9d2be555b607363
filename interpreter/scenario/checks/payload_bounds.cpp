// The payload checks `min`, `max` and `range`: bounds on a metric of the output.
#include <fmt/format.h>

#include "interpreter/scenario/checks/check_kind.h"
#include "interpreter/scenario/checks/payload_checks.h"
#include "interpreter/scenario/checks/payload_metric.h"

namespace ktstr {
namespace {

/// What each of the three comes to: a bound on either side may be absent.
struct Bounded {
  std::string_view kind;
  const std::string& metric;
  const Quantity* lo = nullptr;
  const Quantity* hi = nullptr;
};

Bounded BoundedOf(const PayloadMinCheck& check) { return {"min", check.min.metric, &check.min.value}; }
Bounded BoundedOf(const PayloadMaxCheck& check) {
  return {"max", check.max.metric, nullptr, &check.max.value};
}
Bounded BoundedOf(const PayloadRangeCheck& check) {
  return {"range", check.range.metric, &check.range.lo, &check.range.hi};
}

template <typename Args>
void Resolve(const Args& check, const CheckNames::Payload& payload, CheckSite& site) {
  const Bounded bounded = BoundedOf(check);
  const auto at = [&](std::string_view field) { return fmt::format("{}/{}", bounded.kind, field); };
  PayloadNames(site).KnownMetric(payload, bounded.metric, at("metric"));
  const std::optional<std::string_view> unit = PayloadNames::UnitOf(payload, bounded.metric);
  if (!unit) return;
  const bool both = bounded.lo != nullptr && bounded.hi != nullptr;
  if (bounded.lo != nullptr) site.FitsUnit(at(both ? "lo" : "value"), *bounded.lo, *unit);
  if (bounded.hi != nullptr) site.FitsUnit(at(both ? "hi" : "value"), *bounded.hi, *unit);
}

CheckResult JudgeBounded(const Bounded& bounded, const PayloadResult& payload) {
  CheckResult result;
  const auto number = FindPayloadMetric(payload, bounded.kind, bounded.metric, result);
  if (!number) return result;
  for (const Quantity* quantity : {bounded.lo, bounded.hi}) {
    if (quantity == nullptr) continue;
    const bool is_max = quantity == bounded.hi;
    const Result<double> bound = quantity->In(number->unit);
    if (!bound) {
      result.verdict = Verdict::kError;
      result.message =
          fmt::format("the bound of {} makes no sense: {}", bounded.metric, bound.error().message);
      return result;
    }
    result.bound = *bound;
    if (is_max ? number->value <= *bound : number->value >= *bound) continue;
    result.verdict = Verdict::kFail;
    result.message += fmt::format(", {} of {}", is_max ? "above the maximum" : "below the minimum",
                                  FormatAmount(*bound, number->unit));
    return result;
  }
  return result;
}

template <typename Args>
CheckResult Judge(const Args& check, const PayloadResult& payload) {
  return JudgeBounded(BoundedOf(check), payload);
}

void PayloadRangeRules(const void* object, RuleSink& sink) {
  const auto& range = *static_cast<const PayloadRange*>(object);
  if (range.lo.SurelyMoreThan(range.hi)) sink.Diagnose("lo", "lo is above hi");
}

}  // namespace

const StructDecl& PayloadBound::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&PayloadBound::metric>("metric", "A metric of the payload's output."),
      Required<&PayloadBound::value>("value", "The bound, inclusive."),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<PayloadBound>("PayloadBound", "A metric and its bound.", kFields);
  return kDecl;
}

const StructDecl& PayloadRange::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&PayloadRange::metric>("metric", "A metric of the payload's output."),
      Required<&PayloadRange::lo>("lo", "The smallest value allowed."),
      Required<&PayloadRange::hi>("hi", "The largest value allowed."),
  };
  static constexpr StructDecl kDecl = [] {
    StructDecl decl = DeclareStruct<PayloadRange>("PayloadRange", "A metric and its two bounds.", kFields);
    decl.rules = &PayloadRangeRules;
    return decl;
  }();
  return kDecl;
}

const StructDecl& PayloadMinCheck::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&PayloadMinCheck::min>("min", "A metric must be there and at least this."),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<PayloadMinCheck>("min", "A metric of the payload's output is large enough.", kFields);
  return kDecl;
}

const StructDecl& PayloadMaxCheck::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&PayloadMaxCheck::max>("max", "A metric must be there and at most this."),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<PayloadMaxCheck>("max", "A metric of the payload's output is small enough.", kFields);
  return kDecl;
}

const StructDecl& PayloadRangeCheck::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&PayloadRangeCheck::range>("range", "A metric must be there and within these bounds."),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<PayloadRangeCheck>("range", "A metric of the payload's output is in a range.", kFields);
  return kDecl;
}

extern const PayloadCheckKind payload_check_min;
extern const PayloadCheckKind payload_check_max;
extern const PayloadCheckKind payload_check_range;
const PayloadCheckKind payload_check_min =
    DeclarePayloadCheck<PayloadMinCheck, &Resolve<PayloadMinCheck>, &Judge<PayloadMinCheck>>();
const PayloadCheckKind payload_check_max =
    DeclarePayloadCheck<PayloadMaxCheck, &Resolve<PayloadMaxCheck>, &Judge<PayloadMaxCheck>>();
const PayloadCheckKind payload_check_range =
    DeclarePayloadCheck<PayloadRangeCheck, &Resolve<PayloadRangeCheck>, &Judge<PayloadRangeCheck>>();

}  // namespace ktstr
