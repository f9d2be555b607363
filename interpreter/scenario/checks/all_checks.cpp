#include <algorithm>
#include <vector>

#include "interpreter/scenario/checks/check_kind.h"

namespace ktstr {

extern const CheckKind check_metric;
extern const CheckKind check_share;
extern const CheckKind check_snapshot;
extern const CheckKind check_read;
extern const CheckKind check_watch;
extern const CheckKind check_procs;
extern const CheckKind check_file;
extern const CheckKind check_console;
extern const CheckKind check_scheduler;
extern const CheckKind check_over_time;

extern const PayloadCheckKind payload_check_exit_code;
extern const PayloadCheckKind payload_check_min;
extern const PayloadCheckKind payload_check_max;
extern const PayloadCheckKind payload_check_range;
extern const PayloadCheckKind payload_check_exists;

namespace {

// The lists: a row without its file does not link, a file without its row fails test/style. The first kind
// whose key is given is meant: `read` stands before `over_time`, which it takes as an argument.
const CheckKind* const kChecks[] = {
    &check_metric, &check_share, &check_snapshot, &check_read,      &check_watch,
    &check_procs,  &check_file,  &check_console,  &check_scheduler, &check_over_time,
};
const PayloadCheckKind* const kPayloadChecks[] = {
    &payload_check_exit_code, &payload_check_min,    &payload_check_max,
    &payload_check_range,     &payload_check_exists,
};

template <typename Kind>
std::vector<const StructDecl*> ArgsOf(std::span<const Kind* const> kinds) {
  std::vector<const StructDecl*> args;
  for (const Kind* kind : kinds) args.push_back(&kind->args());
  return args;
}

template <typename Kind>
const Kind* FindKind(std::span<const Kind* const> kinds, const AnyStruct& args) {
  const auto at = std::find_if(kinds.begin(), kinds.end(),
                               [&](const Kind* kind) { return &kind->args() == args.decl(); });
  return at == kinds.end() ? nullptr : *at;
}

}  // namespace

std::span<const CheckKind* const> AllChecks() { return kChecks; }
std::span<const PayloadCheckKind* const> AllPayloadChecks() { return kPayloadChecks; }

const CheckKind* KindOf(const Check& check) { return FindKind(AllChecks(), check.kind); }
const PayloadCheckKind* KindOf(const PayloadCheck& check) { return FindKind(AllPayloadChecks(), check.kind); }

std::span<const StructDecl* const> CheckKinds::Alternatives() {
  static const std::vector<const StructDecl*> kArgs = ArgsOf(AllChecks());
  return kArgs;
}

std::span<const StructDecl* const> PayloadCheckKinds::Alternatives() {
  static const std::vector<const StructDecl*> kArgs = ArgsOf(AllPayloadChecks());
  return kArgs;
}

const StructDecl& Check::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&Check::kind>("", "say what is checked"),
      Optional<&Check::because>("because", "The reason, repeated when the check fails."),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<Check>("Check", "What a run must fulfil; bounds are inclusive.", kFields);
  return kDecl;
}

const StructDecl& PayloadCheck::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&PayloadCheck::kind>("", "say what is checked"),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<PayloadCheck>("PayloadCheck", "What a payload's end and output must be like.", kFields);
  return kDecl;
}

}  // namespace ktstr
