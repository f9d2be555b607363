// A kernel of a hundred bytes: writes on both serial ports, then ends in a chosen way. It boots in a fraction
// of a second, so what the machine layer makes of a dying guest is tested with a real QEMU and no Linux.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ktstr::vmm {

enum class ToyEnding {
  kReset,     // through the keyboard controller, as Linux does with reboot=k
  kPowerOff,  // ACPI S5
  kHang,      // halts with interrupts off
  kFlood,     // writes 'A' on the console for ever
};

/// A multiboot image. `console` goes to ttyS0, then `crash` to ttyS1; neither may contain NUL.
inline std::string ToyKernel(std::string_view console, std::string_view crash, ToyEnding ending) {
  constexpr std::uint32_t kLoadAddress = 0x100000;
  constexpr std::uint32_t kMagic = 0x1badb002;
  constexpr std::uint32_t kFlags = 0x10000;  // addresses are in the header
  const auto dword = [](std::uint32_t v) {
    std::string out;
    for (int i = 0; i < 4; ++i) out += static_cast<char>(v >> (8 * i));
    return out;
  };
  const auto bytes = [](std::initializer_list<int> list) {
    std::string out;
    for (const int b : list) out += static_cast<char>(b);
    return out;
  };
  const auto print = [&](std::uint32_t text_address, int port_high) {
    return bytes({0xbe}) + dword(text_address) +       // mov esi, text
           bytes({0x66, 0xba, 0xf8, port_high}) +      // mov dx, port
           bytes({0xac, 0x84, 0xc0, 0x74, 0x03, 0xee,  // next: lodsb; test al, al; jz done; out dx, al
                  0xeb, 0xf8});                        //       jmp next; done:
  };
  std::string end;
  switch (ending) {
    case ToyEnding::kReset:  // mov al, 0xfe; out 0x64, al
      end = bytes({0xb0, 0xfe, 0xe6, 0x64});
      break;
    case ToyEnding::kPowerOff:  // mov dx, 0x604; mov ax, 0x2000; out dx, ax
      end = bytes({0x66, 0xba, 0x04, 0x06, 0x66, 0xb8, 0x00, 0x20, 0x66, 0xef});
      break;
    case ToyEnding::kHang:
      break;
    case ToyEnding::kFlood:  // mov dx, 0x3f8; mov al, 'A'; again: out dx, al; jmp again
      end = bytes({0x66, 0xba, 0xf8, 0x03, 0xb0, 0x41, 0xee, 0xeb, 0xfd});
      break;
  }
  end += bytes({0xfa, 0xf4, 0xeb, 0xfd});  // cli; halt: hlt; jmp halt

  constexpr std::uint32_t kHeaderSize = 32;
  constexpr std::uint32_t kPrintSize = 17;
  const auto code_size = static_cast<std::uint32_t>(1 + 2 * kPrintSize + end.size());
  const std::uint32_t console_at = kLoadAddress + kHeaderSize + code_size;
  const auto crash_at = static_cast<std::uint32_t>(console_at + console.size() + 1);
  std::string image = dword(kMagic) + dword(kFlags) + dword(-(kMagic + kFlags)) + dword(kLoadAddress) +
                      dword(kLoadAddress) + dword(0) + dword(0) + dword(kLoadAddress + kHeaderSize);
  image += bytes({0xfc}) + print(console_at, 0x03) + print(crash_at, 0x02) + end;  // cld first
  image += std::string(console) + '\0' + std::string(crash) + '\0';
  return image;
}

}  // namespace ktstr::vmm
