// The payload check `exists`.
#include "interpreter/scenario/checks/check_kind.h"
#include "interpreter/scenario/checks/payload_checks.h"
#include "interpreter/scenario/checks/payload_metric.h"

namespace ktstr {
namespace {

void Resolve(const PayloadExistsCheck& check, const CheckNames::Payload& payload, CheckSite& site) {
  PayloadNames(site).KnownMetric(payload, check.exists, "exists");
}

CheckResult Judge(const PayloadExistsCheck& check, const PayloadResult& payload) {
  CheckResult result;
  FindPayloadMetric(payload, "exists", check.exists, result);
  return result;
}

}  // namespace

const StructDecl& PayloadExistsCheck::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&PayloadExistsCheck::exists>("exists", "A metric must be there."),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<PayloadExistsCheck>("exists", "A metric is in the payload's output.", kFields);
  return kDecl;
}

extern const PayloadCheckKind payload_check_exists;
const PayloadCheckKind payload_check_exists = DeclarePayloadCheck<PayloadExistsCheck, &Resolve, &Judge>();

}  // namespace ktstr
