// The kernel's log as PID 1 reads it; a pipe in packet mode stands for /dev/kmsg: each read yields one
// record.
#include <fcntl.h>

#include <array>
#include <catch2/catch.hpp>
#include <fstream>

#include "guest-init/kernel_log.h"
#include "test/unit/vmm/host/temp_dir.h"

namespace ktstr::guest {
namespace {

using vmm::TempDir;

class FakeLog {
 public:
  FakeLog() {
    std::array<int, 2> ends{};
    REQUIRE(pipe2(ends.data(), O_DIRECT | O_NONBLOCK) == 0);
    read_end_ = Fd(ends[0]);
    write_end_ = Fd(ends[1]);
    SetTaint("0");
    auto loop = EventLoop::Create();
    REQUIRE(loop.ok());
    loop_.emplace(std::move(loop).value());
    log_.emplace(*loop_, "/proc/self/fd/" + std::to_string(read_end_.get()), Tainted(),
                 [this](KernelMessages messages) { sent.push_back(std::move(messages)); });
  }
  void Say(const std::string& record) {
    REQUIRE(write(write_end_.get(), record.data(), record.size()) == static_cast<ssize_t>(record.size()));
  }
  void SetTaint(const std::string& mask) { std::ofstream(Tainted()) << mask << "\n"; }
  KernelLog& log() { return *log_; }
  void RunOnce() { loop_->RunOnce(0); }

  std::vector<KernelMessages> sent;

 private:
  [[nodiscard]] std::string Tainted() const { return (dir_.path() / "tainted").string(); }

  TempDir dir_;
  Fd read_end_, write_end_;
  std::optional<EventLoop> loop_;
  std::optional<KernelLog> log_;
};

TEST_CASE("a record of the kernel's log is taken apart") {
  const auto message = ParseKmsgRecord("4,339,5140900,-;NET: x;y\n SUBSYSTEM=acpi\n");
  REQUIRE(message);
  CHECK(message->priority == 4);
  CHECK(message->sequence == 339);
  CHECK(message->at_us == 5140900);
  CHECK(message->text == "NET: x;y");
  CHECK(ParseKmsgRecord("6,1,2,c,caller=T1;")->text.empty());
  for (const char* none : {"", ";", "4,1;text", "4,1,x,-;text", "-4,1,1,-;text", "no record"})
    CHECK_FALSE(ParseKmsgRecord(none));
}

TEST_CASE("what the kernel said before the scenario is sent as early, also when read ahead") {
  FakeLog fake;
  fake.Say("6,0,1,-;booting\n");
  fake.log().ReadAhead();
  fake.Say("6,1,2,-;parked\n");
  fake.log().Flush();  // before the begin: nothing
  CHECK(fake.sent.empty());
  fake.SetTaint("4096");
  fake.log().Begin();
  REQUIRE(fake.sent.size() == 2);
  CHECK(fake.sent[0].early);
  CHECK(fake.sent[0].messages[0].text == "booting");
  CHECK(fake.sent[1].early);
  CHECK(fake.sent[1].messages[0].text == "parked");
  CHECK(fake.sent[1].taint == 4096U);
  fake.Say("4,2,3,-;now\n");
  fake.RunOnce();
  REQUIRE(fake.sent.size() == 3);
  CHECK_FALSE(fake.sent[2].early);
  CHECK(fake.sent[2].messages[0].text == "now");
}

TEST_CASE("a gap in the numbers of the kernel's log is a loss") {
  FakeLog fake;
  fake.Say("6,0,1,-;a\n");
  fake.log().Begin();
  fake.Say("6,5,2,-;b\n");
  fake.log().Flush();
  REQUIRE(fake.sent.size() == 2);
  CHECK(fake.sent[1].lost == 4);
}

TEST_CASE("while the host does not take anything the kernel's log waits, but for marks") {
  FakeLog fake;
  fake.log().Begin();
  fake.log().SetPaused(true);
  fake.Say("6,0,1,-;a\n");
  fake.RunOnce();
  CHECK(fake.sent.size() == 1);
  fake.log().Flush();
  REQUIRE(fake.sent.size() == 2);
  CHECK(fake.sent[1].messages.size() == 1);
  fake.log().SetPaused(false);
  fake.Say("6,1,1,-;b\n");
  fake.RunOnce();
  CHECK(fake.sent.size() == 3);
}

TEST_CASE("many messages are sent in several events and a log that is not there is said") {
  FakeLog fake;
  for (int i = 0; i < 15; ++i) fake.Say("6," + std::to_string(i) + ",1,-;x\n");
  fake.log().Begin();
  CHECK(fake.sent[0].messages.size() == 15);

  auto loop = EventLoop::Create();
  REQUIRE(loop.ok());
  std::vector<KernelMessages> sent;
  KernelLog none(*loop, "/nonexistent/kmsg", "/nonexistent/tainted",
                 [&](KernelMessages messages) { sent.push_back(std::move(messages)); });
  none.Begin();
  none.Flush();
  REQUIRE(sent.size() == 2);
  CHECK(sent[0].fault == "opening /nonexistent/kmsg: No such file or directory");
  CHECK_FALSE(sent[0].taint);
}

}  // namespace
}  // namespace ktstr::guest
