// Small declared structs for the tests of everything that works on declarations: one of each kind of field.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "guest-init/base/units.h"
#include "interpreter/load/decode.h"

namespace ktstr::samples {

enum class Mode : std::uint8_t { kSlow, kFast };
inline constexpr EnumValue kModes[] = {{"slow", 0, "Takes its time."}, {"fast", 1, "Hurries."}};
constexpr EnumDecl DescribeEnum(Mode) { return {"Mode", kModes, nullptr, nullptr}; }

/// Exactly one member; the short form is a CPU list.
struct Place {
  std::optional<std::uint32_t> llc;
  std::optional<CpuSet> cpus;
  static const StructDecl& Decl() {
    static constexpr FieldDecl kFields[] = {
        Optional<&Place::llc>("llc", "All CPUs of an LLC."),
        Optional<&Place::cpus>("cpus", "These CPUs."),
    };
    static constexpr ShorthandDecl kShort{"A CPU list.",
                                          "^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$",
                                          "0-3",
                                          true,
                                          [](std::string_view text, void* out) {
                                            CpuSet set;
                                            std::string why = CpuSet::Scalar().parse(text, &set);
                                            if (why.empty()) static_cast<Place*>(out)->cpus = set;
                                            return why;
                                          },
                                          [](const void* p) {
                                            const auto& place = *static_cast<const Place*>(p);
                                            return place.cpus ? FormatCpus(*place.cpus) : std::string();
                                          }};
    static constexpr StructDecl kDecl = [] {
      StructDecl decl = DeclareStruct<Place>("Place", "Where.", kFields);
      decl.exactly_one = true;
      decl.shorthand = &kShort;
      return decl;
    }();
    return kDecl;
  }
};

// Work types: alternatives beside a `type`.
struct Spin {
  static const StructDecl& Decl() {
    static constexpr StructDecl kDecl = DeclareStruct<Spin>("Spin", "Spins.", {});
    return kDecl;
  }
};
struct Burst {
  Duration work = Milliseconds(2);
  Duration rest;
  static const StructDecl& Decl() {
    static constexpr FieldDecl kFields[] = {
        Optional<&Burst::work>("work", "How long it works."),
        Required<&Burst::rest>("rest", "How long it then sleeps."),
    };
    static constexpr StructDecl kDecl = DeclareStruct<Burst>("Burst", "Works, then sleeps.", kFields);
    return kDecl;
  }
};
struct Types {
  static constexpr std::string_view kName = "work type";
  static std::span<const StructDecl* const> Alternatives() {
    static const StructDecl* const kAll[] = {&Spin::Decl(), &Burst::Decl()};
    return kAll;
  }
};
struct Work {
  Variant<Types> type;
  std::optional<WorkerCount> workers;
  std::int32_t nice = 0;
  static const StructDecl& Decl() {
    static constexpr FieldDecl kFields[] = {
        Required<&Work::type>("type", "What runs."),
        Optional<&Work::workers>("workers", "How many."),
        Optional<&Work::nice>("nice", "Nice value.", Between(-20, 19)),
    };
    static constexpr StructDecl kDecl = DeclareStruct<Work>("Work", "Workers.", kFields);
    return kDecl;
  }
};

// Ops: one key in an item.
struct Start {
  std::string cgroup;
  std::vector<Work> work;
  Place place;
  static const StructDecl& Decl() {
    static constexpr FieldDecl kFields[] = {
        Required<&Start::cgroup>("cgroup", "Where to.",
                                 {.pattern = "^[a-z]+$", .pattern_doc = "small letters"}, Refers::kCgroup),
        Optional<&Start::work>("work", "What to start."),
        Optional<&Start::place>("place", "On which CPUs."),
    };
    static constexpr StructDecl kDecl = DeclareStruct<Start>("Start", "Starts workers.", kFields);
    return kDecl;
  }
};
struct Ping {
  static const StructDecl& Decl() {
    static constexpr StructDecl kDecl = DeclareStruct<Ping>("Ping", "Does nothing.", {});
    return kDecl;
  }
};
struct Ops {
  static constexpr std::string_view kName = "Op";
  static std::span<const StructDecl* const> Alternatives() {
    static const StructDecl* const kAll[] = {&Start::Decl(), &Ping::Decl()};
    return kAll;
  }
};

struct Range {
  double lo = 0;
  double hi = 1;
  static const StructDecl& Decl() {
    static constexpr FieldDecl kFields[] = {
        Optional<&Range::lo>("lo", "From."),
        Optional<&Range::hi>("hi", "To.", MoreThan(0, "m")),
    };
    static constexpr StructDecl kDecl = [] {
      StructDecl decl = DeclareStruct<Range>("Range", "From, to.", kFields);
      decl.rules = [](const void* object, RuleSink& sink) {
        const auto& range = *static_cast<const Range*>(object);
        if (range.lo > range.hi) sink.Diagnose("lo", "lo must not exceed hi");
      };
      return decl;
    }();
    return kDecl;
  }
};

struct Script {
  std::string name;
  bool loud = false;
  std::uint8_t level = 3;
  std::uint64_t seed = 1;
  std::int64_t offset = -1;
  Mode mode = Mode::kSlow;
  Duration hold = Seconds(1);
  ByteSize memory{4096};
  std::vector<std::string> args = {"default"};
  std::vector<std::uint32_t> levels;
  std::optional<std::string> note;
  Range range{.lo = 2, .hi = 5};
  NamedMap<Range> ranges;
  std::vector<OneKey<Ops>> ops;
  static const StructDecl& Decl() {
    static constexpr FieldDecl kFields[] = {
        Required<&Script::name>("name", "Its name."),
        Optional<&Script::loud>("loud", "Whether it is loud."),
        Optional<&Script::level>("level", "How much.", AtLeast(1, "dB")),
        Optional<&Script::seed>("seed", "For what is drawn."),
        Optional<&Script::offset>("offset", "Signed."),
        Optional<&Script::mode>("mode", "How."),
        Optional<&Script::hold>("hold", "How long."),
        Optional<&Script::memory>("memory", "How much memory."),
        Optional<&Script::args>("args", "Arguments."),
        Optional<&Script::levels>("levels", "Several levels.", {.max = 9, .has_max = true, .min_items = 2}),
        Optional<&Script::note>("note", "A note."),
        Optional<&Script::range>("range", "A range."),
        Optional<&Script::ranges>("ranges", "Ranges by name.",
                                  {.pattern = "^[a-z]+$", .pattern_doc = "small letters"}),
        Optional<&Script::ops>("ops", "What happens."),
    };
    static constexpr StructDecl kDecl = [] {
      StructDecl decl = DeclareStruct<Script>("Script", "A test's own little format.", kFields);
      decl.allow_extension_keys = true;
      return decl;
    }();
    return kDecl;
  }
};

/// What Decode says about a text: one line a diagnostic, "path code: message [hint]".
struct Read {
  Script script;
  bool ok = false;
  std::string diagnostics;
};
inline Read ReadScript(std::string text) {
  Read read;
  Diagnostics diagnostics;
  const Document document = LoadDocument("t.yaml", std::move(text), diagnostics);
  read.ok = Decode(document, read.script, diagnostics);
  for (const Diagnostic& d : diagnostics.items()) {
    read.diagnostics += d.path + (d.on_key ? "(key) " : " ") + d.code + ": " + d.message;
    if (!d.hint.empty()) read.diagnostics += " [" + d.hint + "]";
    read.diagnostics += '\n';
  }
  return read;
}

}  // namespace ktstr::samples
