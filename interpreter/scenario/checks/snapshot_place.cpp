#include "interpreter/scenario/checks/snapshot_place.h"

#include <fmt/format.h>

namespace ktstr {

vmm::SnapshotSelector SnapshotPlace::Selector() const {
  vmm::SnapshotSelector selector;
  selector.map = map;
  selector.var = var;
  if (key) selector.key = key->text;
  selector.field = field;
  selector.cpu = cpu;
  selector.path = at;
  return selector;
}

std::string SnapshotPlace::Text() const {
  std::string text = map ? fmt::format("map '{}'", *map) : var ? fmt::format("variable '{}'", *var) : at;
  if (key) text += ", key " + key->text;
  if (cpu) text += fmt::format(", CPU {}", *cpu);
  if (field) text += ", field " + *field;
  return text;
}

void PlaceRules(const SnapshotPlace& place, RuleSink& sink) {
  const int ways = static_cast<int>(place.map.has_value()) + static_cast<int>(place.var.has_value()) +
                   static_cast<int>(!place.at.empty());
  const std::string_view first = place.map ? "map" : place.var ? "var" : "at";
  if (ways != 1)
    return sink.Diagnose(ways == 0 ? "" : first, "say what in the snapshot: one of map, var and at");
  if (place.key && !place.map) sink.Diagnose("key", "a key needs `map`");
  if (place.cpu && !place.map) sink.Diagnose("cpu", "a cpu needs `map`, one that has a value per CPU");
  if (place.field && !place.map && !place.var) sink.Diagnose("field", "a field needs `map` or `var`");
}

}  // namespace ktstr
