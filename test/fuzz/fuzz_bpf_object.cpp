// Any bytes as a BPF object file: what is said of its schedulers and variables can be asked for, or there is
// an error in one line; never a read outside.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "vmm/introspection/types/bpf_object.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ktstr;
  const auto object = vmm::ReadBpfObject(std::as_bytes(std::span(data, size)), "x.bpf.o");
  if (!object.ok()) {
    const std::string& message = object.error().message;
    if (message.find("'x.bpf.o'") == std::string::npos || message.find('\n') != std::string::npos)
      std::abort();
    return 0;
  }
  if (object->schedulers.empty()) std::abort();
  for (const vmm::BpfObject::Variable& variable : object->variables) {
    if (object->FindVariable(variable.name) == nullptr) std::abort();
    if (object->types->NameOf(variable.type).empty()) std::abort();
  }
  return 0;
}
