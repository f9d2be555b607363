// Any text as a snapshot file: the first line is a path into it, the second the name of a map or a variable,
// the rest JSON. An answer or an error; what could be read is written and read back the same.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "vmm/introspection/snapshot/snapshot_json.h"
#include "vmm/introspection/snapshot/snapshot_view.h"

namespace ktstr::vmm {
namespace {

void Demand(bool holds, const char* promise) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

std::string TakeLine(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string line(text.substr(0, end));
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

template <typename T>
void Explained(const SnapshotOutcome<T>& outcome) {
  Demand(outcome.ok() || !outcome.error().message.empty(), "what is not there is explained");
}

void Ask(const SnapshotReport& report, const std::string& path, const std::string& name) {
  Explained(SnapshotPathJson(report, path));
  SnapshotSelector selector;
  selector.path = path;
  Explained(Evaluate(report, selector));
  selector.path.clear();
  selector.var = name;
  Explained(Evaluate(report, selector));
  selector.var.reset();
  selector.map = name;
  Explained(Evaluate(report, selector));
  selector.key = path;
  selector.field = path;
  Explained(Evaluate(report, selector));
  selector.cpu = 1;
  Explained(Evaluate(report, selector));
  Explained(SnapshotView(report).Active());
  for (const std::string& member : SnapshotMemberNames()) {
    Demand(SnapshotMemberJson(report, member).has_value(), "every member has a form");
    static_cast<void>(SnapshotMemberUnavailable(report, member));
  }
}

}  // namespace
}  // namespace ktstr::vmm

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ktstr::vmm;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string path = TakeLine(text);
  const std::string name = TakeLine(text);
  const nlohmann::json json = nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
  if (json.is_discarded()) return 0;
  const auto report = ReportFromJson(json);
  if (!report.ok()) {
    Demand(report.error().kind == ktstr::ErrorKind::kInput && !report.error().message.empty(),
           "what cannot be read is explained");
    return 0;
  }
  Ask(*report, path, name);
  const nlohmann::json written = ToJson(*report);
  const auto back = ReportFromJson(written);
  Demand(back.ok() && ToJson(*back) == written, "what is written reads back the same");
  return 0;
}
