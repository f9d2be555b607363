// Strict decoding: what is accepted, and the whole text of each complaint.
#include <catch2/catch.hpp>

#include "test/unit/interpreter/load/decl_samples.h"

namespace ktstr {
namespace {

using samples::Read;
using samples::ReadScript;

/// The diagnostics of a document that is right but for `line`.
std::string DiagnosticsOf(const std::string& line) {
  return ReadScript("name: n\n" + line + "\n").diagnostics;
}

TEST_CASE("Decode reads every kind of field") {
  const Read read = ReadScript(R"(
name: all
loud: true
level: 0xff
seed: 18446744073709551615
offset: -9223372036854775808
mode: fast
hold: 1.5s
memory: 64KiB
args: [a, "2"]
levels: [08, 2.0]
note: "yes"
range: {lo: -1, hi: 2.5}
ranges: {low: {hi: 1}, high: {lo: 1, hi: 2}}
ops:
  - Ping: {}
  - Start: {cgroup: hot, place: "0-1,3", work: [{type: Burst, rest: 3ms, workers: 50%, nice: -20}, {type: Spin, workers: 4}]}
x-anything: [goes]
)");
  CHECK(read.diagnostics == "");
  REQUIRE(read.ok);
  const samples::Script& s = read.script;
  CHECK(s.name == "all");
  CHECK(s.loud);
  CHECK(s.level == 255);
  CHECK(s.seed == 18446744073709551615ULL);
  CHECK(s.offset == std::numeric_limits<std::int64_t>::min());
  CHECK(s.mode == samples::Mode::kFast);
  CHECK(s.hold == Milliseconds(1500));
  CHECK(s.memory.bytes == 65536);
  CHECK(s.args == std::vector<std::string>{"a", "2"});  // the default is replaced, not added to
  CHECK(s.levels == std::vector<std::uint32_t>{8, 2});
  CHECK(s.note == "yes");
  CHECK(s.range.lo == -1);
  CHECK(s.range.hi == 2.5);
  REQUIRE(s.ranges.items.size() == 2);
  CHECK(s.ranges.items[1].first == "high");
  CHECK(s.ranges.items[1].second.lo == 1);
  REQUIRE(s.ops.size() == 2);
  CHECK(s.ops[0].Is<samples::Ping>());
  const auto& start = s.ops[1].As<samples::Start>();
  CHECK(start.cgroup == "hot");
  CHECK(start.place.cpus == CpuSet{{0, 1, 3}});
  REQUIRE(start.work.size() == 2);
  CHECK(start.work[0].type.As<samples::Burst>().rest == Milliseconds(3));
  CHECK(start.work[0].type.As<samples::Burst>().work == Milliseconds(2));
  CHECK(start.work[0].workers->of_cpus == 0.5);
  CHECK(start.work[0].nice == -20);
  CHECK(start.work[1].type.Is<samples::Spin>());
  CHECK(start.work[1].workers->count == 4);
}

TEST_CASE("Decode leaves defaults where the document is silent") {
  const Read read = ReadScript("name: n\nrange: {lo: 3}\n");
  REQUIRE(read.ok);
  CHECK(read.script.level == 3);
  CHECK(read.script.args == std::vector<std::string>{"default"});
  CHECK(read.script.range.lo == 3);
  CHECK(read.script.range.hi == 5);  // the parent's default, not Range's own
  CHECK_FALSE(read.script.note);
}

TEST_CASE("Decode says which kind of value it wanted and which it found") {
  CHECK(DiagnosticsOf("loud: yes") ==
        "loud wrong-type: expected true or false, found the string 'yes' ['yes' is a string in YAML 1.2; "
        "write true]\n");
  CHECK(DiagnosticsOf("loud: \"true\"") ==
        "loud wrong-type: expected true or false, found the string 'true' [remove the quotes: true]\n");
  CHECK(DiagnosticsOf("level: abc") == "level wrong-type: expected an integer, found the string 'abc'\n");
  CHECK(DiagnosticsOf("level: \"2\"") ==
        "level wrong-type: expected an integer, found the string '2' [remove the quotes: 2]\n");
  CHECK(DiagnosticsOf("level: 2.5") == "level wrong-type: expected an integer, found the number '2.5'\n");
  CHECK(DiagnosticsOf("level:") == "level wrong-type: expected an integer, found nothing\n");
  CHECK(DiagnosticsOf("args: [--cpu, 2]") ==
        "args/1 wrong-type: expected a string, found the integer '2' [quote it: \"2\"]\n");
  CHECK(DiagnosticsOf("args: true") ==
        "args wrong-type: expected a list, found true [write a list: [true]]\n");
  CHECK(DiagnosticsOf("args: {a: b}") == "args wrong-type: expected a list, found a map\n");
  CHECK(DiagnosticsOf("note: 1.50") ==
        "note wrong-type: expected a string, found the number '1.50' [quote it: \"1.50\"]\n");
  CHECK(DiagnosticsOf("range: [1, 2]") == "range wrong-type: expected a map, found a list\n");
  CHECK(DiagnosticsOf("range:") ==
        "range wrong-type: expected a map, found nothing [write {} for an empty map]\n");
  CHECK(DiagnosticsOf("range: {lo: x}") == "range/lo wrong-type: expected a number, found the string 'x'\n");
  CHECK(DiagnosticsOf("ranges: 5") == "ranges wrong-type: expected a map, found the integer '5'\n");
  CHECK(DiagnosticsOf("hold: [1]") == "hold wrong-type: expected a Duration (500ms, 2s), found a list\n");
  CHECK(DiagnosticsOf("mode: 1") == "mode wrong-type: expected slow or fast, found the integer '1'\n");
  CHECK(ReadScript("[a, b]\n").diagnostics == " wrong-type: expected a map, found a list\n");
}

TEST_CASE("Decode shows strange strings on one line") {
  CHECK(DiagnosticsOf("level: \"a\\nb\\e\"") ==
        "level wrong-type: expected an integer, found the string 'a\\nb\\x1b'\n");
  CHECK(DiagnosticsOf("level: " + std::string(100, 'x')) ==
        "level wrong-type: expected an integer, found the string '" + std::string(60, 'x') + "...'\n");
}

TEST_CASE("Decode checks ranges") {
  CHECK(DiagnosticsOf("level: 0") ==
        "level out-of-range: 0 is out of range: it must be between 1 and 255 dB\n");
  CHECK(DiagnosticsOf("level: 256") ==
        "level out-of-range: 256 is out of range: it must be between 1 and 255 dB\n");
  CHECK(DiagnosticsOf("level: 1e6") ==
        "level out-of-range: 1e6 is out of range: it must be between 1 and 255 dB\n");
  CHECK(DiagnosticsOf("seed: -1") == "seed out-of-range: -1 is out of range: it must be at least 0\n");
  CHECK(DiagnosticsOf("seed: 18446744073709551616") ==
        "seed out-of-range: 18446744073709551616 is out of range: it must be at least 0\n");
  CHECK(DiagnosticsOf("offset: 9223372036854775808") ==
        "offset out-of-range: 9223372036854775808 is out of range: it does not fit into 64 bits\n");
  CHECK(DiagnosticsOf("range: {lo: 0, hi: 0}") ==
        "range/hi out-of-range: 0 is out of range: it must be more than 0 m\n");
  CHECK(DiagnosticsOf("range: {hi: .inf}") == "range/hi out-of-range: .inf is not a finite number\n");
  CHECK(DiagnosticsOf("range: {lo: .nan}") == "range/lo out-of-range: .nan is not a finite number\n");
  CHECK(DiagnosticsOf("levels: [3]") == "levels out-of-range: the list has 1 item, but needs at least 2\n");
  CHECK(DiagnosticsOf("levels: [3, 10]") ==
        "levels/1 out-of-range: 10 is out of range: it must be between 0 and 9\n");
}

TEST_CASE("Decode checks texts with a grammar") {
  CHECK(DiagnosticsOf("hold: 5") == "hold bad-value: '5' has no unit; write e.g. 5ms or 5s\n");
  CHECK(DiagnosticsOf("hold: 5 s") ==
        "hold bad-value: ' s' is not a unit of time; use ns, us, ms, s, m or h\n");
  CHECK(DiagnosticsOf("memory: 64MiX").find("memory bad-value: 'MiX' is not a unit of size") == 0);
  CHECK(DiagnosticsOf("memory: 010") == "");     // ten bytes, as in YAML 1.2
  CHECK(DiagnosticsOf("memory: 0x1000") == "");  // an integer like any other
  CHECK(DiagnosticsOf("memory: -1") == "memory bad-value: '-1' is not a size; write e.g. 64MiB\n");
  CHECK(DiagnosticsOf("hold: " + std::string(2000, '1')).find("is longer than 1024 bytes") !=
        std::string::npos);
  CHECK(DiagnosticsOf("ranges: {A1: {}}") ==
        "ranges/A1(key) bad-value: 'A1' is not allowed here: small letters\n");
  CHECK(DiagnosticsOf("ops: [{Start: {cgroup: Hot}}]") ==
        "ops/0/Start/cgroup bad-value: 'Hot' is not allowed here: small letters\n");
}

TEST_CASE("Decode names unknown keys and what was probably meant") {
  CHECK(DiagnosticsOf("lou: true") ==
        "lou(key) unknown-key: unknown key 'lou' in Script [did you mean 'loud'?]\n");
  CHECK(DiagnosticsOf("range: {zebra: 1}") ==
        "range/zebra(key) unknown-key: unknown key 'zebra' in Range [known: lo, hi]\n");
  CHECK(DiagnosticsOf("range: {x-a: 1}") ==
        "range/x-a(key) unknown-key: unknown key 'x-a' in Range [known: lo, hi]\n");
}

TEST_CASE("Decode names missing keys, but not one that was only misspelt") {
  CHECK(ReadScript("loud: true\n").diagnostics ==
        "(key) missing-key: Script needs the key 'name' [name: Its name.]\n");
  CHECK(ReadScript("nmae: n\n").diagnostics ==
        "nmae(key) unknown-key: unknown key 'nmae' in Script [did you mean 'name'?]\n");
}

TEST_CASE("Decode reports all mistakes in one pass") {
  CHECK(ReadScript("level: x\nmode: quick\nops: [{Pong: {}}]\n").diagnostics ==
        "level wrong-type: expected an integer, found the string 'x'\n"
        "mode unknown-name: expected slow or fast, found 'quick'\n"
        "ops/0/Pong(key) unknown-name: there is no Op 'Pong' [did you mean 'Ping'?]\n"
        "(key) missing-key: Script needs the key 'name' [name: Its name.]\n");
}

TEST_CASE("Decode takes exactly one key for a choice") {
  CHECK(DiagnosticsOf("ops: [Ping]") ==
        "ops/0 wrong-type: expected a map with one key, the name of an Op, found the string 'Ping' [write "
        "'Ping: {...}']\n");
  CHECK(DiagnosticsOf("ops: [{}]") ==
        "ops/0 missing-key: expected a map with one key, the name of an Op, found none\n");
  CHECK(DiagnosticsOf("ops: [{Ping: {}, Start: {cgroup: a}}]") ==
        "ops/0/Start(key) too-many-keys: 'Start' stands in one item with 'Ping'; an item is one Op "
        "[begin an item of its own with '- ']\n");
  CHECK(DiagnosticsOf("ops:\n- Start:\n  cgroup: a\n  work: []\n") ==
        "ops/0/cgroup(key) too-many-keys: 'cgroup' stands beside 'Start', not in it [indent it further]\n");
  CHECK(DiagnosticsOf("ops: [{Ping: }]") ==
        "ops/0/Ping wrong-type: expected a map, found nothing [write {} for an empty map]\n");
  CHECK(DiagnosticsOf("ops: [{Zzz: {}}]") ==
        "ops/0/Zzz(key) unknown-name: there is no Op 'Zzz' [known: Start, Ping]\n");
}

TEST_CASE("Decode takes the fields of the chosen alternative beside its name") {
  const auto work = [](const std::string& text) {
    return DiagnosticsOf("ops: [{Start: {cgroup: a, work: [{" + text + "}]}}]");
  };
  const std::string at = "ops/0/Start/work/0";
  CHECK(work("type: Burst, rest: 1ms") == "");
  CHECK(work("rest: 1ms, type: Burst") == "");
  CHECK(work("type: Burst") ==
        at + "(key) missing-key: Burst needs the key 'rest' [rest: How long it then sleeps.]\n");
  CHECK(work("type: Spin, rest: 1ms") ==
        at + "/rest(key) unknown-key: unknown key 'rest' in Work of type Spin [it belongs to type Burst]\n");
  CHECK(work("type: Burts, rest: 1ms") ==
        at + "/type unknown-name: there is no work type 'Burts' [did you mean 'Burst'?]\n");
  CHECK(work("rest: 1ms, nice: 1") ==
        at + "(key) missing-key: Work needs the key 'type' [type: What runs.]\n");
  CHECK(work("type: 3") ==
        at + "/type wrong-type: expected the name of a work type, found the integer '3'\n");
  CHECK(work("type: Spin, workers: 0") == at + "/workers bad-value: at least one worker is needed\n");
}

TEST_CASE("Decode takes exactly one field, or the short form") {
  const auto place = [](const std::string& text) {
    return DiagnosticsOf("ops: [{Start: {cgroup: a, place: " + text + "}}]");
  };
  const std::string at = "ops/0/Start/place";
  CHECK(place("{llc: 0}") == "");
  CHECK(place("3") == "");
  CHECK(place("0-1") == "");
  CHECK(place("x") == at + " bad-value: 'x' is not a CPU list; write e.g. 0-3,8\n");
  CHECK(place("[1]") == at + " wrong-type: expected a map or a short form (0-3), found a list\n");
  CHECK(place("{}") == at + "(key) missing-key: Place needs one of the keys llc or cpus\n");
  CHECK(place("{llc: 0, cpus: 1}") == at + "/cpus(key) too-many-keys: 'llc' and 'cpus' exclude each other "
                                           "[write exactly one of llc and cpus]\n");
}

TEST_CASE("Decode runs a struct's rules only on values that are right in themselves") {
  CHECK(DiagnosticsOf("range: {lo: 6}") == "range/lo rule: lo must not exceed hi\n");
  CHECK(DiagnosticsOf("range: {lo: 6, hi: x}") ==
        "range/hi wrong-type: expected a number, found the string 'x'\n");
  CHECK(DiagnosticsOf("ranges: {a: {lo: 2}}") == "ranges/a/lo rule: lo must not exceed hi\n");
}

TEST_CASE("Decode keeps list positions when elements are wrong, and is silent after the loader") {
  const Read read = ReadScript("name: n\nops: [{Pong: {}}, {Ping: {}}]\n");
  REQUIRE(read.script.ops.size() == 2);
  CHECK(read.script.ops[0].decl() == nullptr);
  CHECK(read.script.ops[1].Is<samples::Ping>());
  const Read broken = ReadScript("name: [\n");
  CHECK_FALSE(broken.ok);
  CHECK(broken.diagnostics.find("wrong-type") == std::string::npos);
}

// For test_decode_linkage.cpp: a struct of the same name as one there.
struct Args {
  std::string name;
  static const StructDecl& Decl() {
    static constexpr FieldDecl kFields[] = {Required<&Args::name>("name", "A name.")};
    static constexpr StructDecl kDecl = DeclareStruct<Args>("Args", "Of this file.", kFields);
    return kDecl;
  }
};

}  // namespace

bool DecodesOtherArgs();
bool DecodesOtherArgs() {
  const Args args;
  return Args::Decl().fields[0].Member(&args) == &args.name;
}

}  // namespace ktstr
