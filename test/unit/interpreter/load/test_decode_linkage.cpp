// Two files may each have a struct of the same name in an anonymous namespace, as all Ops have their Args:
// each must get its own member offsets. (g++ merges templates whose only argument is a pointer to such a
// member.)
#include <catch2/catch.hpp>

#include "test/unit/interpreter/load/decl_samples.h"

namespace ktstr {

// The other `Args`, of test_decode.cpp, has its `name` elsewhere.
bool DecodesOtherArgs();

namespace {

struct Args {
  std::uint64_t before[4] = {1, 2, 3, 4};
  std::string name;
  static const StructDecl& Decl() {
    static constexpr FieldDecl kFields[] = {Required<&Args::name>("name", "A name.")};
    static constexpr StructDecl kDecl = DeclareStruct<Args>("Args", "Of this file.", kFields);
    return kDecl;
  }
};

TEST_CASE("Structs of one name in two files keep their own offsets") {
  const Args args;
  CHECK(Args::Decl().fields[0].Member(&args) == &args.name);
  CHECK(DecodesOtherArgs());
}

}  // namespace
}  // namespace ktstr
