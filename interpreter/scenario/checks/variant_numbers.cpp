#include "interpreter/scenario/checks/variant_numbers.h"

#include <algorithm>

namespace ktstr {

const StructDecl& VariantNumber::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&VariantNumber::check>("check", "Document path of the check."),
      Optional<&VariantNumber::cgroup>("cgroup", "The cgroup; empty where the metric has none."),
      Optional<&VariantNumber::number>("number", "Which one of this check and cgroup, from 0."),
      Optional<&VariantNumber::value>("value", "What was measured."),
      Optional<&VariantNumber::no_data>("no_data", "Why nothing was.")};
  static constexpr StructDecl kDecl =
      DeclareStruct<VariantNumber>("VariantNumber", "What others are compared with.", kFields);
  return kDecl;
}

const StructDecl& VariantNumbers::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&VariantNumbers::variant>("variant", "The variant that was measured."),
      Optional<&VariantNumbers::unusable>("unusable", "Why nothing can be compared with it."),
      Optional<&VariantNumbers::wait_pct>(
          "wait_pct", "Share of the time QEMU wanted a CPU in which it had none; 0 on the virtual clock.",
          Unit("%")),
      Optional<&VariantNumbers::poor_host>("poor_host", "That is too much for anything but throughputs."),
      Optional<&VariantNumbers::numbers>("numbers", "What it measured for the checks of others.")};
  static constexpr StructDecl kDecl = DeclareStruct<VariantNumbers>(
      "VariantNumbers", "What a variant measured for the checks of others.", kFields);
  return kDecl;
}

const VariantNumber* VariantNumbers::Find(std::string_view check, std::string_view cgroup,
                                          std::uint32_t number) const {
  const auto it = std::find_if(numbers.begin(), numbers.end(), [&](const VariantNumber& one) {
    return one.check == check && one.cgroup == cgroup && one.number == number;
  });
  return it == numbers.end() ? nullptr : &*it;
}

}  // namespace ktstr
