// Any text as a System.map, or as the /proc/kallsyms of a kernel that says where it is: an error that says
// which line, or a table whose answers agree with each other. A byte that picks, where the kernel says it is,
// a line with the name that is looked for, then the text.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "vmm/introspection/types/symbol_table.h"

namespace {

/// What lies below is part of no image, and covers nothing.
constexpr std::uint64_t kLowestImage = 0xffffffff80000000;

void Demand(bool holds, const char* promise) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ktstr::vmm;
  std::uint64_t runtime_text = 0;
  if (size < 1 + sizeof runtime_text) return 0;
  if (data[0] % 2 == 1) std::memcpy(&runtime_text, data + 1, sizeof runtime_text);
  std::string_view text(reinterpret_cast<const char*>(data) + 1 + sizeof runtime_text,
                        size - 1 - sizeof runtime_text);
  const std::string_view name = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(name.size() + 1, text.size()));
  const auto table = SymbolTable::FromText(text, runtime_text);
  if (!table.ok()) {
    Demand(table.error().kind == ktstr::ErrorKind::kInput && !table.error().message.empty(),
           "what cannot be read is explained");
    return 0;
  }
  const SymbolTable& symbols = **table;
  Demand(symbols.size() > 0 && symbols.Find("_text").has_value(), "a table has _text");
  Demand(symbols.Similar(name).size() <= 3, "at most three names are suggested");
  for (const std::string_view wanted : {name, std::string_view("_text")}) {
    const auto found = symbols.Find(wanted);
    if (!found) continue;
    const auto place = symbols.Covering(found->address);
    if (!found->per_cpu && found->address >= kLowestImage)
      Demand(place.has_value() && place->offset == 0, "a symbol covers its own address");
  }
  if (const auto place = symbols.Covering(runtime_text))
    Demand(place->offset <= 1U << 20 && symbols.Find(place->name).has_value(), "a place has a symbol");
  return 0;
}
