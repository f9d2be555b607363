// Any bytes at all must load into a Document whose promises hold, and its faults must render in every format.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>

#include "interpreter/load/document.h"
#include "interpreter/load/render_diagnostics.h"
#include "interpreter/load/source_text.h"

namespace ktstr {
namespace {

void Demand(bool holds, const char* promise) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

class Walker {
 public:
  explicit Walker(const Document& document) : document_(document) {}

  void Walk(const Node& node, const std::string& path, std::size_t depth) {
    if (++visited_ > 2000) return;
    CheckSpan(node.span);
    if (node.alias_of) CheckSpan(node.alias_of->span);
    // A value under a '/' or '~' key is found too, thanks to the escapes.
    Demand(document_.Find(path) == &node, "Find gets every node by its path");
    Demand(document_.Locate(path).span.line >= 1, "Locate gives every node a place");
    Demand(node.IsScalar() || depth < kMaxNesting, "nesting is bounded");
    Demand(node.IsMap() || node.entries.empty(), "only maps have entries");
    Demand(node.IsSeq() || node.items.empty(), "only lists have items");
    (void)node.BoolValue();
    (void)node.IntValue();
    (void)node.UintValue();
    (void)node.FloatValue();
    std::set<std::string_view> keys;
    for (const Entry& entry : node.entries) {
      Demand(keys.insert(entry.key).second, "keys are unique");
      Demand(entry.value != nullptr, "entries have values");
      CheckSpan(entry.key_span);
      if (entry.merge) CheckSpan(*entry.merge);
      Walk(*entry.value, JoinPath(path, entry.key), depth + 1);
    }
    for (std::size_t i = 0; i < node.items.size(); ++i) Walk(*node.items[i], JoinPath(path, i), depth + 1);
  }

  void CheckSpan(const Span& span) {
    Demand(span.line >= 1 && span.column >= 1 && span.length >= 1, "spans are set");
    const std::size_t width = CountCodePoints(document_.Line(span.line));
    // A token at the very end of a line may stand one past it, and a CR is not part of the line.
    Demand(span.column - 1 + span.length <= width + 2, "spans lie on their line");
  }

 private:
  const Document& document_;
  std::size_t visited_ = 0;
};

void Check(std::string text) {
  Diagnostics faults;
  const Document document = LoadDocument("fuzz.yaml", std::move(text), faults);
  Demand(document.root() != nullptr, "there is a root");
  Demand(document.complete() || faults.has_errors(), "an incomplete tree has a reason");
  Walker walker(document);
  if (document.complete()) walker.Walk(*document.root(), "", 0);
  for (const Diagnostic& fault : faults.items()) {
    Demand(fault.at.has_value(), "faults have places");
    if (fault.at->line > 0) walker.CheckSpan(*fault.at);
    Demand(fault.message.find('\n') == std::string::npos || document.complete(), "messages are one line");
  }
  std::vector<LocatedDiagnostic> located = Locate(document, faults);
  SortByPlace(located);
  if (located.size() > 20) located.resize(20);
  for (const auto format : {DiagnosticFormat::kPretty, DiagnosticFormat::kJson, DiagnosticFormat::kSarif,
                            DiagnosticFormat::kGithub}) {
    (void)RenderDiagnostics(format, located);
  }
}

}  // namespace
}  // namespace ktstr

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ktstr::Check(std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}
