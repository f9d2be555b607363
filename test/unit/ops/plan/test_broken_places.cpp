// Which names a value that could not be read might have made: told by the declarations along its path.
#include <catch2/catch.hpp>

#include "ops/op.h"
#include "ops/plan/broken_places.h"

using namespace ktstr;

namespace {

/// A document of two lists, as steps have them.
struct Part {
  std::vector<CgroupDef> cgroups;
  std::vector<Op> ops;
  static const StructDecl& Decl() {
    static constexpr FieldDecl kFields[] = {
        Optional<&Part::cgroups>("cgroups", ""),
        Optional<&Part::ops>("ops", ""),
    };
    static constexpr StructDecl kDecl = DeclareStruct<Part>("Part", "", kFields);
    return kDecl;
  }
};

/// "cgroup tag group starts ends freezes thaws", as far as `path` may have done it.
std::string DoubtsOf(const std::string& path) {
  BrokenPlaces broken(Part::Decl());
  broken.Add(path);
  const NameDoubts doubts = broken.DoubtsIn("");
  std::string text;
  const auto add = [&](bool may, const std::string& word) { text += may ? word + " " : ""; };
  add(doubts.MayMake(Refers::kCgroup), "cgroup");
  add(doubts.MayMake(Refers::kTag), "tag");
  add(doubts.MayMake(Refers::kGroup), "group");
  add(doubts.MayStart(), "starts");
  add(doubts.MayEnd(), "ends");
  add(doubts.MayFreeze(), "freezes");
  add(doubts.MayThaw(), "thaws");
  return text;
}

}  // namespace

TEST_CASE("a broken value may have made what its declaration makes, and nothing else") {
  CHECK(DoubtsOf("cgroups/0/name") == "cgroup ");
  CHECK(DoubtsOf("cgroups/0/cpuset") == "");
  CHECK(DoubtsOf("cgroups/0/cpuset/range/1") == "");
  CHECK(DoubtsOf("cgroups/0/payload") == "starts ");
  CHECK(DoubtsOf("cgroups/0/work/2") == "group ");
  CHECK(DoubtsOf("cgroups/0/work/2/type") == "");
  CHECK(DoubtsOf("cgroups/0") == "cgroup group starts ");
  CHECK(DoubtsOf("cgroups") == "cgroup group starts ");
  CHECK(DoubtsOf("ops/1/SetCpuset") == "");
  CHECK(DoubtsOf("ops/1/SetCpuset/cgroup") == "");
  CHECK(DoubtsOf("ops/1/RemoveCgroup/cgroup") == "ends thaws ");
  CHECK(DoubtsOf("ops/1/StopCgroup/cgroup") == "ends thaws ");
  CHECK(DoubtsOf("ops/1/KillPayload/payload") == "ends ");
  CHECK(DoubtsOf("ops/1/FreezeCgroup/cgroup") == "freezes ");
  CHECK(DoubtsOf("ops/1/UnfreezeCgroup/cgroup") == "thaws ");
  CHECK(DoubtsOf("ops/1/AddCgroupDef/def/name") == "cgroup ");
  CHECK(DoubtsOf("ops/1/ReadKernelHot/tag") == "tag ");
  CHECK(DoubtsOf("ops/1/ReadKernelHot/width") == "");
  CHECK(DoubtsOf("ops/1/ReadKernelHot/target/symbol") == "");
  for (const char* in_target : {"", "/symbol", "/no_such_key"})
    CHECK(DoubtsOf(std::string("ops/1/WatchSnapshot/target") + in_target) == "tag ");
  CHECK(DoubtsOf("ops/1/WatchSnapshot/when") == "");
  CHECK(DoubtsOf("ops/1") == "cgroup tag group starts ends freezes thaws ");
  CHECK(DoubtsOf("nonsense") == "");
  CHECK(DoubtsOf("ops/1/NoSuchOp/name") == "");
}

TEST_CASE("a place covers what is in it, and touches what is around it") {
  BrokenPlaces broken(Part::Decl());
  CHECK_FALSE(broken.Covers(""));
  broken.Add("ops/1/SetCpuset/cpus");
  CHECK(broken.Covers("ops/1/SetCpuset/cpus"));
  CHECK(broken.Covers("ops/1/SetCpuset/cpus/llc"));
  CHECK_FALSE(broken.Covers("ops/1/SetCpuset"));
  CHECK_FALSE(broken.Covers("ops/1/SetCpuset/cpusets"));
  CHECK(broken.Touches("ops/1/SetCpuset"));
  CHECK(broken.Touches("ops/1/SetCpuset/cpus/llc"));
  CHECK_FALSE(broken.Touches("ops/1/SetCpuset/cgroup"));
}
