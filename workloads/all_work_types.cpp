// The one list of work types. A row without its file does not link.
#include <array>

#include "workloads/work_type.h"

namespace ktstr {

WorkTypeDecl SpinWaitType();
WorkTypeDecl YieldHeavyType();
WorkTypeDecl MixedType();
WorkTypeDecl BurstyType();
WorkTypeDecl PipeIoType();
WorkTypeDecl FutexPingPongType();

std::span<const WorkTypeDecl> AllWorkTypes() {
  static const std::array kTypes = {
      SpinWaitType(), YieldHeavyType(), MixedType(), BurstyType(), PipeIoType(), FutexPingPongType(),
  };
  return kTypes;
}

const WorkTypeDecl* FindWorkType(std::string_view name) {
  for (const WorkTypeDecl& type : AllWorkTypes())
    if (type.params().name == name) return &type;
  return nullptr;
}

std::span<const StructDecl* const> WorkTypes::Alternatives() {
  static const auto kParams = [] {
    std::vector<const StructDecl*> params;
    for (const WorkTypeDecl& type : AllWorkTypes()) params.push_back(&type.params());
    return params;
  }();
  return kParams;
}

}  // namespace ktstr
