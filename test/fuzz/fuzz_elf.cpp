// Any bytes as an ELF file, whole and cut short: an answer or an error, never a read outside.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "vmm/host/elf_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ktstr;
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  for (const std::size_t length : {size, size / 2}) {
    const vmm::ElfReading elf = vmm::ReadElf(bytes.first(length));
    const bool explained =
        elf.fault == vmm::ElfFault::kOtherArchitecture || elf.fault == vmm::ElfFault::kCorrupt;
    if (explained && elf.detail.empty()) std::abort();
  }
  return 0;
}
