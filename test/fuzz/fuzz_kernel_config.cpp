// Any bytes as the image of a kernel with its configuration inside, and as the text of a configuration: an
// answer, and the answers agree with each other.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

#include "vmm/kernel/kernel_config.h"
#include "vmm/kernel/kernel_features.h"
#include "vmm/kernel/kernel_ikconfig.h"

namespace {

void ReadConfig(std::string_view config) {
  using namespace ktstr::vmm;
  const auto features = FeaturesIn(config);
  if (!std::is_sorted(features.begin(), features.end())) std::abort();
  const auto lacking = LackingOptions(config);
  for (const RequiredOption& option : lacking)
    if (IsBuiltIn(config, option.name)) std::abort();
  if (!lacking.empty() && LackingText(lacking).empty()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto config = ktstr::vmm::EmbeddedConfig(std::as_bytes(std::span(data, size)));
  if (config) ReadConfig(*config);
  ReadConfig({reinterpret_cast<const char*>(data), size});
  return 0;
}
