#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "test/unit/vmm/host/temp_dir.h"
#include "vmm/machine/accel.h"

namespace ktstr::vmm {
namespace {

/// Ordinary files stand in for QEMU, the kernel and the device.
struct Stage {
  TempDir dir;
  AccelSubject subject;
  std::filesystem::path cache;
  int proofs = 0;
  Result<> verdict;

  Stage() {
    cache = dir.path() / "cache";
    std::filesystem::create_directory(cache);
    subject = {Write("qemu", "q"), Write("kernel", "k"), Write("kvm", "")};
  }
  std::filesystem::path Write(const std::string& name, const std::string& text) const {
    std::ofstream(dir.path() / name) << text;
    return dir.path() / name;
  }
  std::string Resolve(AccelRequest request) {
    const auto prove = [this]() -> Result<> {
      ++proofs;
      return verdict;
    };
    const auto choice = ResolveAccel(request, subject, prove, cache);
    if (!choice.ok()) return "error: " + choice.error().message;
    return std::string(AccelName(choice->accel)) + ": " + choice->reason;
  }
  void WriteCache(const std::string& text) const {
    const auto file = AccelCacheFile(subject, cache);
    REQUIRE(file.ok());
    std::ofstream(*file) << text;
  }
};

const Error kHangs{ErrorKind::kTimeout, "the guest did not answer in time"};

TEST_CASE("tcg asked for is tcg, nothing is proven") {
  Stage stage;
  CHECK(stage.Resolve(AccelRequest::kTcg) == "tcg: as asked for");
  CHECK(stage.proofs == 0);
}

TEST_CASE("a proof is run once and remembered") {
  Stage stage;
  CHECK(stage.Resolve(AccelRequest::kAuto) == "kvm: it has just booted this kernel");
  CHECK(stage.Resolve(AccelRequest::kAuto) == "kvm: it booted this kernel before");
  CHECK(stage.Resolve(AccelRequest::kKvm) == "kvm: it booted this kernel before");
  CHECK(stage.proofs == 1);
}

TEST_CASE("a failed proof means tcg, with its reason, and is remembered for auto only") {
  Stage stage;
  stage.verdict = kHangs;
  CHECK(stage.Resolve(AccelRequest::kAuto) == "tcg: KVM cannot be used: the guest did not answer in time");
  CHECK(stage.Resolve(AccelRequest::kAuto) == "tcg: KVM cannot be used: the guest did not answer in time");
  CHECK(stage.proofs == 1);
  CHECK(stage.Resolve(AccelRequest::kKvm) == "error: KVM cannot be used: the guest did not answer in time");
  CHECK(stage.proofs == 2);
  stage.verdict = {};
  CHECK(stage.Resolve(AccelRequest::kKvm) == "kvm: it has just booted this kernel");
  CHECK(stage.Resolve(AccelRequest::kAuto) == "kvm: it booted this kernel before");
  CHECK(stage.proofs == 3);
}

TEST_CASE("another kernel, QEMU or device needs another proof") {
  Stage stage;
  stage.Resolve(AccelRequest::kAuto);
  SECTION("a changed kernel") { stage.Write("kernel", "another"); }
  SECTION("a changed QEMU") { stage.Write("qemu", "another"); }
  SECTION("another kernel file") { stage.subject.kernel = stage.Write("kernel2", "k"); }
  SECTION("another device") { stage.subject.kvm_device = stage.Write("kvm2", ""); }
  stage.Resolve(AccelRequest::kAuto);
  CHECK(stage.proofs == 2);
}

TEST_CASE("a damaged memory costs another proof, nothing else") {
  for (const char* damage : {"", "{", "[]", "{\"key\": 1, \"why_not\": \"\"}",
                             "{\"key\": \"x\", \"why_not\": \"\"}", "\xff\xfe", "{\"why_not\": \"\"}"}) {
    Stage stage;
    stage.verdict = kHangs;
    stage.WriteCache(damage);
    CHECK(stage.Resolve(AccelRequest::kAuto) == "tcg: KVM cannot be used: the guest did not answer in time");
    CHECK(stage.proofs == 1);
  }
}

TEST_CASE("a missing cache directory costs a proof each time") {
  Stage stage;
  stage.cache = stage.dir.path() / "missing";
  CHECK(stage.Resolve(AccelRequest::kAuto) == "kvm: it has just booted this kernel");
  CHECK(stage.Resolve(AccelRequest::kAuto) == "kvm: it has just booted this kernel");
}

TEST_CASE("no device means tcg, or an error when kvm was named") {
  Stage stage;
  stage.subject.kvm_device = "/dev/no-such-kvm";
  CHECK(stage.Resolve(AccelRequest::kAuto) == "tcg: KVM cannot be used: /dev/no-such-kvm does not exist");
  CHECK(stage.Resolve(AccelRequest::kKvm) == "error: KVM cannot be used: /dev/no-such-kvm does not exist");
  stage.subject.kvm_device = stage.dir.path();
  CHECK(stage.Resolve(AccelRequest::kAuto) ==
        "tcg: KVM cannot be used: " + stage.dir.path().string() + " cannot be opened: Is a directory");
  CHECK(stage.proofs == 0);
}

TEST_CASE("an interrupted proof is no answer") {
  Stage stage;
  stage.verdict = Error{ErrorKind::kCancelled, "interrupted"};
  CHECK(stage.Resolve(AccelRequest::kAuto) == "error: interrupted");
  stage.verdict = {};
  CHECK(stage.Resolve(AccelRequest::kAuto) == "kvm: it has just booted this kernel");
}

TEST_CASE("a missing kernel is named") {
  Stage stage;
  stage.subject.kernel = "/no/such/kernel";
  CHECK(stage.Resolve(AccelRequest::kAuto) == "error: /no/such/kernel: No such file or directory");
}

TEST_CASE("the accelerator's names") {
  CHECK(*ParseAccelRequest("auto") == AccelRequest::kAuto);
  CHECK(*ParseAccelRequest("kvm") == AccelRequest::kKvm);
  CHECK(*ParseAccelRequest("tcg") == AccelRequest::kTcg);
  CHECK(ParseAccelRequest("KVM").error().message == "'KVM' is not an accelerator; use auto, kvm or tcg");
}

}  // namespace
}  // namespace ktstr::vmm
