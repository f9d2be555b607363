#include "workloads/worker/alu.h"

#include <cstring>

namespace ktstr {
namespace {

using Vec128 = std::uint32_t __attribute__((vector_size(16)));
using Vec256 = std::uint32_t __attribute__((vector_size(32)));
using Vec512 = std::uint32_t __attribute__((vector_size(64)));

}  // namespace

// Inlined into each of its callers, which are compiled for the CPUs that have such words.
template <typename Word>
__attribute__((always_inline)) inline void AluChains::Multiply(Lanes& lanes) {
  constexpr std::uint32_t kFactor = 1664525;
  constexpr std::uint32_t kAddend = 1013904223;
  Word chains[4];
  std::memcpy(chains, lanes, sizeof chains);
  for (std::uint64_t step = 0; step < kAluSteps; ++step) {
    for (Word& chain : chains) chain = chain * kFactor + kAddend;
    asm volatile("" : : : "memory");  // no step is computed ahead
  }
  std::memcpy(lanes, chains, sizeof chains);
}

__attribute__((target("sse4.1"))) void AluChains::Step128(Lanes& lanes) { Multiply<Vec128>(lanes); }
__attribute__((target("avx2"))) void AluChains::Step256(Lanes& lanes) { Multiply<Vec256>(lanes); }
__attribute__((target("avx512f"))) void AluChains::Step512(Lanes& lanes) { Multiply<Vec512>(lanes); }

bool AluChains::Has(AluWidth width) {
  switch (width) {
    case AluWidth::kVec128:
      return __builtin_cpu_supports("sse4.1") != 0;
    case AluWidth::kVec256:
      return __builtin_cpu_supports("avx2") != 0;
    case AluWidth::kVec512:
      return __builtin_cpu_supports("avx512f") != 0;
    case AluWidth::kScalar:
    case AluWidth::kWidest:
      break;
  }
  return true;
}

AluChains::AluChains(AluWidth width) {
  for (int i = 0; i < kLanes; ++i) lanes_[i] = static_cast<std::uint32_t>(i) + 1;
  const bool widest = width == AluWidth::kWidest;
  const auto take = [&](AluWidth candidate) { return width == candidate || (widest && Has(candidate)); };
  step_ = take(AluWidth::kVec512)   ? &Step512
          : take(AluWidth::kVec256) ? &Step256
          : take(AluWidth::kVec128) ? &Step128
                                    : [](Lanes& lanes) { Multiply<std::uint32_t>(lanes); };
}

}  // namespace ktstr
