#include <catch2/catch.hpp>
#include <cstdint>

#include "vmm/machine/memory_size.h"

namespace ktstr::vmm {
namespace {

TEST_CASE("automatic memory follows its formula") {
  constexpr std::uint64_t mib = 1 << 20;
  // 96 + 0 + 16 + 128 = 240
  CHECK(AutoMemoryMib({0, 0, 1, 1}) == 256);
  // 96 + 3 * 3 + 2 * 16 + 128 = 265
  CHECK(AutoMemoryMib({2 * mib + 1, 0, 2, 1}) == 320);
  // 96 + 3 * 4 + 16 * 16 + 128 = 492
  CHECK(AutoMemoryMib({4 * mib, 0, 16, 2}) == 512);
  // 96 + 0 + 8 * 16 + 128 = 352, but eight nodes need 512
  CHECK(AutoMemoryMib({0, 0, 8, 8}) == 512);
  // exactly on a step: 96 + 0 + 10 * 16 + 128 = 384
  CHECK(AutoMemoryMib({0, 0, 10, 1}) == 384);
}

TEST_CASE("few files do not change the memory size, many change it in large steps") {
  constexpr std::uint64_t mib = 1 << 20;
  CHECK(AutoMemoryMib({0, 32 * mib, 1, 1}) == 256);
  CHECK(AutoMemoryMib({0, 32 * mib + 1, 1, 1}) == 256 + 256);
  CHECK(AutoMemoryMib({0, 128 * mib, 1, 1}) == 256 + 256);
  CHECK(AutoMemoryMib({0, 129 * mib, 1, 1}) == 256 + 512);
  CHECK(AutoMemoryMib({UINT64_MAX / 4, UINT64_MAX / 4, 255, 1}) == 1048576);
}

}  // namespace
}  // namespace ktstr::vmm
