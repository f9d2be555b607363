// The machine's two network cards, as workers know them.
#pragma once

#include <array>
#include <cstdint>

namespace ktstr {

/// A card that is up. Plain data.
struct Nic {
  int index = 0;  // the kernel's number of the interface; 0: the machine has none
  std::array<std::uint8_t, 6> address{};
};

/// The cards at the two ends of the wire. What goes into one comes out of the other, and of no other.
struct NicPair {
  Nic sends;
  Nic receives;
};

}  // namespace ktstr
