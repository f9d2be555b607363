#include "interpreter/scenario/checks/check_result.h"

namespace ktstr {

const StructDecl& CheckResult::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&CheckResult::verdict>("verdict", ""),
      Optional<&CheckResult::kind>("kind", "the kind of check, as in explain"),
      Required<&CheckResult::check>("check", "what was checked"),
      Required<&CheckResult::path>("path", "document path of the check"),
      Required<&CheckResult::phase>("phase", "\"\" for the whole run"),
      Required<&CheckResult::cgroup>("cgroup", ""),
      Required<&CheckResult::message>("message", "the cause, in one line"),
      Required<&CheckResult::detail>("detail", "more lines for people"),
      Optional<&CheckResult::value>("value", ""),
      Optional<&CheckResult::bound>("bound", "the bound it was held against"),
      Required<&CheckResult::unit>("unit", "of value and bound"),
      Required<&CheckResult::counts>("counts", "false: shown only"),
      Optional<&CheckResult::as_expected>("as_expected", "it failed, as `expect` says that it must"),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<CheckResult>("CheckResult", "What came of one check.", kFields);
  return kDecl;
}

}  // namespace ktstr
