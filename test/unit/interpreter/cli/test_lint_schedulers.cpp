// What lint says of the files that schedulers name: BPF objects, configurations, places outside the
// scenario's directory.
#include <sys/stat.h>

#include "test/unit/interpreter/cli/test_cli_fixture.h"
#include "test/unit/vmm/introspection/types/bpf_object_builder.h"

namespace ktstr::test {
namespace {

using vmm::test::BuildBpfObject;

/// The messages about a scenario with this `schedulers:`, a line each, without the excerpts.
std::string Lint(const std::string& schedulers) {
  WriteText("s/x.yaml", "version: 1\nschedulers:\n" + schedulers + "steps: [{hold: 1s}]\n");
  std::istringstream lines(Cli({"lint", "s"}).out);
  std::string messages;
  for (std::string line; std::getline(lines, line);) {
    const std::size_t hint = line.find_last_of("^~");
    if (line.starts_with("s/x.yaml"))
      messages += line + "\n";
    else if (hint != std::string::npos && hint + 1 < line.size())
      messages += "~" + line.substr(hint + 1) + "\n";
  }
  return messages;
}

TEST_CASE("lint looks into a BPF object for what the scenario names in it") {
  const WorkDir dir;
  WriteText("s/good.bpf.o", BuildBpfObject());
  WriteText("s/two.bpf.o", BuildBpfObject({.schedulers = {"first", "second"}}));
  WriteText("s/none.bpf.o", BuildBpfObject({.schedulers = {}}));
  WriteText("s/text.bpf.o", "hello\n");
  CHECK(Lint("  a: {object: ./good.bpf.o, variables: {slice_ns: 5, cfg.level: -1, 'name[0]': 65}}\n"
             "  b: {object: ./two.bpf.o, ops: second}\n") == "");
  CHECK(
      Lint("  a: {object: ./gone.bpf.o}\n"
           "  b: {object: ./text.bpf.o}\n"
           "  c: {object: ./none.bpf.o}\n"
           "  d: {object: ./two.bpf.o}\n"
           "  e: {object: ./two.bpf.o, ops: frist}\n"
           "  f: {object: ./good.bpf.o, variables: {slice_us: 5}}\n"
           "  g: {object: ./good.bpf.o, variables: {hidden: 5}}\n"
           "  h: {object: ./good.bpf.o, variables: {cfg.levle: 5}}\n") ==
      "s/x.yaml:3:15: error[missing-program]: file './gone.bpf.o' does not exist (looked for s/gone.bpf.o)\n"
      "s/x.yaml:4:15: error[bad-program]: './text.bpf.o' is no BPF object: it is no ELF file\n"
      "s/x.yaml:5:15: error[bad-program]: './none.bpf.o' has no sched_ext_ops: no variable of that type "
      "in a section .struct_ops or .struct_ops.link\n"
      "s/x.yaml:6:15: error[unknown-name]: the object has several sched_ext_ops: first, second\n"
      "~ say with `ops:` which is meant\n"
      "s/x.yaml:7:33: error[unknown-name]: the object has no sched_ext_ops 'frist'\n"
      "~ did you mean 'first'?\n"
      "s/x.yaml:8:51: error[unknown-name]: the object has no variable 'slice_us'\n"
      "~ did you mean 'slice_ns'?\n"
      "s/x.yaml:9:49: error[unknown-name]: the object has no variable 'hidden'\n"
      "~ it has slice_ns (u64), name (char[16]), cfg (struct config)\n"
      "s/x.yaml:10:52: error[unknown-name]: struct config has no member 'levle'; did you mean "
      "'level'?\n");
}

TEST_CASE("what a scheduler names outside the scenario's directory is an error unless the user allows it") {
  const WorkDir dir;
  WriteText("tool", "#!/bin/sh\n");
  CHECK(::chmod("tool", 0755) == 0);
  WriteText("mine.bpf.o", BuildBpfObject());
  WriteText("mine.toml", "");
  WriteText("s/mine.toml", "");
  CHECK(
      Lint("  a: {binary: ../tool}\n"
           "  b: {object: ../mine.bpf.o}\n"
           "  c: {binary: sh, config: ../mine.toml, args: ['${config}']}\n"
           "  d: {binary: sh, config: mine.toml, args: ['${config}'], include: [/no/such]}\n"
           "  e: {object: /etc/shadow}\n") ==
      "s/x.yaml:3:15: error[host-file]: program '../tool' is outside the scenario's directory; name a "
      "program "
      "on PATH, or allow such files by --allow-host-files\n"
      "s/x.yaml:4:15: error[host-file]: file '../mine.bpf.o' is outside the scenario's directory; allow such "
      "files by --allow-host-files\n"
      "s/x.yaml:5:27: error[host-file]: file '../mine.toml' is outside the scenario's directory; allow such "
      "files by --allow-host-files\n"
      "s/x.yaml:6:69: error[host-file]: program '/no/such' is outside the scenario's directory; name a "
      "program on PATH, or allow such files by --allow-host-files\n"
      "s/x.yaml:7:15: error[host-file]: file '/etc/shadow' is outside the scenario's directory; allow such "
      "files by --allow-host-files\n");
  WriteText(
      "s/x.yaml",
      "version: 1\nschedulers: {a: {binary: ../tool}, b: {object: ../mine.bpf.o}}\nsteps: [{hold: 1s}]\n");
  CHECK(Cli({"lint", "s", "--allow-host-files"}).code == 0);
}

}  // namespace
}  // namespace ktstr::test
