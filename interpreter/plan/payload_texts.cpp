#include "interpreter/plan/payload_texts.h"

#include <string>
#include <vector>

#include "guest-init/wire/messages.h"

namespace ktstr {

std::uint64_t PayloadTexts(std::span<const PlannedRequest> requests) {
  constexpr std::size_t kTextUnit = 64;
  std::uint64_t sum = 0;
  for (const PlannedRequest& request : requests) {
    const auto* const start = request.As<StartPayload>();
    if (start == nullptr) continue;
    for (const std::vector<std::string>* texts : {&start->argv, &start->env})
      for (const std::string& text : *texts) sum += 1 + text.size() / kTextUnit;
  }
  return sum;
}

}  // namespace ktstr
