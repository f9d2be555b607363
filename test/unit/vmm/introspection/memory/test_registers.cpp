// The registers as QEMU's monitor prints them.
#include <catch2/catch.hpp>

#include "vmm/introspection/memory/registers.h"

namespace ktstr::vmm {
namespace {

// QEMU 7.2, `info registers -a`: a CPU that waits in the kernel, one in user mode, one before its start.
const std::string kInKernel =
    "\r\nCPU#0\r\n"
    "RAX=0000000000000000 RBX=ffff88800f800000 RCX=0000000000000018 RDX=000000000000039e\r\n"
    "RSI=00000000000000ff RDI=00000000000000f0 RBP=0000000000000000 RSP=ffff88800f805fd8\r\n"
    "R8 =0000000000000000 R9 =0000000000000000 R10=0000000000000000 R11=ffff88800f805ff8\r\n"
    "R12=0000000000000000 R13=0000000000000000 R14=0000000000000000 R15=0000000000000000\r\n"
    "RIP=ffffffff81e24f05 RFL=00000046 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1\r\n"
    "ES =0000 0000000000000000 00000000 00000000\r\n"
    "CS =0010 0000000000000000 ffffffff 00af9b00 DPL=0 CS64 [-RA]\r\n"
    "GS =0000 ffff88800fa00000 00000000 00000000\r\n"
    "LDT=0000 0000000000000000 00000000 00008200 DPL=0 LDT\r\n"
    "GDT=     fffffe0000001000 0000007f\r\n"
    "IDT=     fffffe0000000000 00000fff\r\n"
    "CR0=80050033 CR2=ffff888009000000 CR3=0000000008a16000 CR4=003506b0\r\n"
    "DR0=0000000000000000 DR1=0000000000000000 DR2=0000000000000000 DR3=0000000000000000 \r\n"
    "EFER=0000000000000d01\r\n";
const std::string kInUserMode =
    "\r\nCPU#1\r\n"
    "RSI=00000000000000ff RDI=00000000000000f0 RBP=0000000000000000 RSP=00007ffe12345678\r\n"
    "RIP=000000000040beef RFL=00000246 [---Z-P-] CPL=3 II=0 A20=1 SMM=0 HLT=0\r\n"
    "GS =0000 0000000000000000 00000000 00000000\r\n"
    "IDT=     fffffe0000000000 00000fff\r\n"
    "CR0=80050033 CR2=ffff888009000000 CR3=0000000008a18801 CR4=003516b0\r\n";
const std::string kBeforeStart =
    "\r\nCPU#2\r\n"
    "ESI=00000000 EDI=00000000 EBP=00000000 ESP=00000007\r\n"
    "EIP=0000fff0 EFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=1\r\n"
    "GS =0000 00000000 0000ffff 00009300\r\n"
    "IDT=     00000000 0000ffff\r\n"
    "CR0=60000010 CR2=00000000 CR3=00000000 CR4=00000000\r\n";

TEST_CASE("registers of CPUs in all modes") {
  const auto all = ParseRegisters(kInKernel + kInUserMode + kBeforeStart);
  REQUIRE(all.ok());
  REQUIRE(all->size() == 3);
  CHECK((*all)[0] == CpuRegisters{0xffffffff81e24f05, 0xffff88800f805fd8, 0xffff88800fa00000,
                                  0xfffffe0000000000, 0x8a16000, 0x3506b0, 0, true});
  CHECK((*all)[1] ==
        CpuRegisters{0x40beef, 0x7ffe12345678, 0, 0xfffffe0000000000, 0x8a18801, 0x3516b0, 3, false});
  CHECK((*all)[2] == CpuRegisters{0xfff0, 7, 0, 0, 0, 0, 0, true});
}

TEST_CASE("incomplete registers are refused, with the name of what is missing") {
  const auto refusal = [](const std::string& text) {
    const auto all = ParseRegisters(text);
    REQUIRE_FALSE(all.ok());
    CHECK(all.error().kind == ErrorKind::kMachine);
    return all.error().message;
  };
  CHECK(refusal("") == "QEMU's registers have no CPU");
  CHECK(refusal("unknown command: 'info registers'\r\n") == "QEMU's registers have no CPU");
  CHECK(refusal("CPU#0\r\n") == "QEMU's registers of CPU 0 have no RIP");
  CHECK(refusal(kInUserMode) == "QEMU's registers tell of CPU 1 after 0 others");
  CHECK(refusal(kInKernel + kBeforeStart) == "QEMU's registers tell of CPU 2 after 1 others");
  CHECK(refusal("CPU#\r\n") == "QEMU's registers tell of no CPU after 0 others");
  const std::pair<const char*, const char*> missing[] = {{"RIP=", "RIP"}, {"RSP=", "RSP"}, {"GS =", "GS"},
                                                         {"IDT=", "IDT"}, {"CR3=", "CR3"}, {"CR4=", "CR4"},
                                                         {"CPL=", "CPL"}, {"HLT=", "HLT"}};
  for (const auto& [label, name] : missing) {
    std::string without = kInKernel;
    without[without.find(label)] = 'x';
    CHECK(refusal(without) == std::string("QEMU's registers of CPU 0 have no ") + name);
    std::string garbled = kInKernel;
    garbled[garbled.find(label) + 4] = 'x';
    if (label != std::string("GS ="))
      CHECK(refusal(garbled) == std::string("QEMU's registers of CPU 0 have no ") + name);
  }
  std::string ring = kInKernel;
  ring[ring.find("CPL=") + 4] = '4';
  CHECK(refusal(ring) == "QEMU's registers of CPU 0 have no CPL");
  for (std::size_t cut = 0; cut + 40 < kInKernel.size() - 140; ++cut) refusal(kInKernel.substr(0, cut));
}

}  // namespace
}  // namespace ktstr::vmm
