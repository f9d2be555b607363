// The payload check `exit_code`.
#include <fmt/format.h>

#include "interpreter/scenario/checks/check_kind.h"
#include "interpreter/scenario/checks/payload_checks.h"

namespace ktstr {
namespace {

void Resolve(const ExitCodeCheck&, const CheckNames::Payload&, CheckSite&) {}  // it names nothing

CheckResult Judge(const ExitCodeCheck& check, const PayloadResult& payload) {
  CheckResult result;
  result.check = fmt::format("exit_code of payload {}", payload.name);
  result.value = payload.done.exit_code;
  result.bound = check.exit_code;
  result.message = fmt::format("{} {}", PayloadTitle(payload), HowPayloadEnded(payload.done));
  if (ExitCodeOf(payload.done) == check.exit_code) return result;
  result.verdict = Verdict::kFail;
  result.message += fmt::format(", wanted exit code {}", check.exit_code) + StderrEnd(payload);
  result.detail = StderrTail(payload);
  return result;
}

}  // namespace

const StructDecl& ExitCodeCheck::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&ExitCodeCheck::exit_code>(
          "exit_code", "It must exit with this code. Judged before all others, and alone when it fails."),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<ExitCodeCheck>("exit_code", "The payload exits with a code.", kFields);
  return kDecl;
}

extern const PayloadCheckKind payload_check_exit_code;
const PayloadCheckKind payload_check_exit_code = DeclarePayloadCheck<ExitCodeCheck, &Resolve, &Judge>(true);

}  // namespace ktstr
