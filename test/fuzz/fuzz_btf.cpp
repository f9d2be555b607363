// A length, a path of that length, then any bytes as BTF: an answer or an error to everything that can be
// asked, never a read outside, an endless loop or memory without bound.
#include <bpf/btf.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>

#include "vmm/introspection/types/btf.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ktstr;
  if (size == 0) return 0;
  const std::size_t length = std::min<std::size_t>(data[0], size - 1);
  const std::string_view path(reinterpret_cast<const char*>(data + 1), length);
  const auto blob = std::as_bytes(std::span(data + 1 + length, size - 1 - length));
  const auto parsed = vmm::Btf::Parse(blob);
  if (!parsed) {
    if (!parsed.error().message.starts_with("not BTF: ")) std::abort();
    return 0;
  }
  const vmm::Btf& btf = **parsed;
  static_cast<void>(btf.Path(path));
  static_cast<void>(btf.FindEnumerator(path));
  static_cast<void>(btf.VariableType(path));
  vmm::RenderOptions options;
  options.max_depth = 2;
  options.max_values = 200;
  options.fetch = [&](std::uint64_t address, std::span<std::byte> into) {
    std::memset(into.data(), static_cast<int>(address), into.size());
    return address % 5 != 0;
  };
  // The blob is also what stands in memory.
  const std::uint32_t count = std::min<std::uint32_t>(btf__type_cnt(btf.raw()), 64);
  for (std::uint32_t id = 0; id < count; ++id) {
    const auto found = btf.Path(id, path);
    if (found)
      static_cast<void>(
          btf.RenderMember(*found, blob.first(std::min<std::size_t>(blob.size(), found->size))));
    const vmm::RenderedValue value = btf.Render(id, blob, options);
    const auto back = vmm::RenderedFromJson(vmm::ToJson(value));
    if (!back || !(*back == value)) std::abort();
    if (vmm::FormatRendered(value).empty() || btf.NameOf(id).empty()) std::abort();
  }
  return 0;
}
