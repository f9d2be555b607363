// What is seen in a BPF object file before anybody loads it.
#include <catch2/catch.hpp>
#include <random>

#include "test/unit/vmm/introspection/types/bpf_object_builder.h"
#include "vmm/introspection/types/bpf_object.h"

namespace ktstr::vmm {
namespace {

using test::BpfObjectSketch;

Result<BpfObject> Read(const std::string& file) {
  return ReadBpfObject(std::as_bytes(std::span(file)), "./x.bpf.o");
}

std::string Refused(const BpfObjectSketch& sketch) {
  const auto object = Read(test::BuildBpfObject(sketch));
  return object.ok() ? "no error" : object.error().message;
}

TEST_CASE("bpf object: its schedulers and its global variables are found, and nothing else") {
  const auto object = Read(test::BuildBpfObject({.schedulers = {"one", "two"}}));
  INFO((object.ok() ? "" : object.error().message));
  REQUIRE(object.ok());
  CHECK(object->schedulers == std::vector<std::string>{"one", "two"});
  std::string variables;
  for (const BpfObject::Variable& variable : object->variables)
    variables += variable.name + ": " + object->types->NameOf(variable.type) + "\n";
  CHECK(variables == "slice_ns: u64\nname: char[16]\ncfg: struct config\n");
  REQUIRE(object->FindVariable("cfg") != nullptr);
  CHECK(object->FindVariable("hidden") == nullptr);
  for (const char* section : {".struct_ops", "?.struct_ops.link"})
    CHECK(Read(test::BuildBpfObject({.section = section})).ok());
  CHECK(Read(test::BuildBpfObject({.scheduler_type = "sched_ext_ops___v2"})).ok());
}

TEST_CASE("bpf object: what is none, or none for this guest, is said in one line") {
  const auto message = [](const std::string& file) { return Read(file).error().message; };
  CHECK(message("#!/bin/sh\n") == "'./x.bpf.o' is no BPF object: it is no ELF file");
  CHECK(message("") == "'./x.bpf.o' is no BPF object: it is no ELF file");
  CHECK(message(test::BuildBpfObject().substr(0, 20)) ==
        "'./x.bpf.o' is a damaged ELF file: it ends in its header");
  CHECK(message(test::BuildBpfObject().substr(0, 300)) ==
        "'./x.bpf.o' is a damaged ELF file: its section table is outside the file");
  CHECK(Refused({.machine = EM_X86_64}) == "'./x.bpf.o' is no BPF object: it is built for x86-64");
  CHECK(Refused({.machine = EM_AARCH64}) == "'./x.bpf.o' is no BPF object: it is built for AArch64");
  CHECK(Refused({.data = ELFDATA2MSB}) ==
        "'./x.bpf.o' is a BPF object of the other byte order; the guest is little-endian");
  CHECK(Refused({.type = ET_EXEC}) ==
        "'./x.bpf.o' is no BPF object: it is not what a compiler leaves (ELF type REL)");
  CHECK(Refused({.has_types = false}) == "'./x.bpf.o' has no type information (.BTF); compile it with -g");
  const std::string none =
      "'./x.bpf.o' has no sched_ext_ops: no variable of that type in a section .struct_ops or "
      ".struct_ops.link";
  CHECK(Refused({.schedulers = {}}) == none);
  CHECK(Refused({.section = ".data.ops"}) == none);
  CHECK(Refused({.scheduler_type = "tcp_congestion_ops"}) == none);
}

TEST_CASE("bpf object: whatever the bytes, there is a reading or an error") {
  const std::string sound = test::BuildBpfObject();
  std::mt19937 random(1);
  for (int round = 0; round < 3000; ++round) {
    std::string file = sound;
    for (int change = 0; change < 4; ++change)
      file[random() % file.size()] = static_cast<char>(random() % 2 == 0 ? random() : 0xff);
    if (random() % 8 == 0) file.resize(random() % file.size());
    const auto object = Read(file);
    CHECK((object.ok() || !object.error().message.empty()));
  }
}

}  // namespace
}  // namespace ktstr::vmm
