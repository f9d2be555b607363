// Freezing: what is written, what is waited for, and who is thawed. Plain files stand in for the kernel's, so
// the test is the kernel.
#include <catch2/catch.hpp>
#include <fstream>

#include "guest-init/base/file_io.h"
#include "test/unit/guest-init/guest_process.h"

namespace ktstr::guest {
namespace {

class Cgroup {
 public:
  Cgroup(GuestProcess& guest, const std::string& name) : path_(guest.cgroup_parent() + "/" + name) {
    REQUIRE(guest.Call(CreateCgroup{name}).error.empty());
    Write("cgroup.freeze", "");
    SayFrozen(false);
  }
  void SayFrozen(bool frozen) const { Write("cgroup.events", frozen ? "frozen 1\n" : "frozen 0\n"); }
  [[nodiscard]] std::string Asked() const { return ReadSmallFile((path_ + "/cgroup.freeze").c_str()); }

 private:
  void Write(const std::string& file, const std::string& text) const {
    std::ofstream(path_ + "/" + file) << text;
  }
  std::string path_;
};

TEST_CASE("a freeze is answered once the kernel says that all are frozen") {
  GuestProcess guest;
  const Cgroup hot(guest, "hot");
  const std::uint32_t freeze = guest.Send(SetFrozen{"hot", true});
  while (hot.Asked().empty()) continue;  // then it waits
  CHECK(hot.Asked() == "1\n");
  guest.Send(Ping{});
  hot.SayFrozen(true);
  const Reply frozen = guest.NextReply();
  CHECK(frozen.request_id == freeze);
  CHECK(frozen.error.empty());
  CHECK(guest.NextReply().error.empty());
  hot.SayFrozen(false);
  CHECK(guest.Call(SetFrozen{"hot", false}).error.empty());
  CHECK(hot.Asked() == "0\n");
}

TEST_CASE("a cgroup that cannot be frozen in time is thawed again and named") {
  GuestProcess guest;
  const Cgroup hot(guest, "hot");
  CHECK(guest.Call(SetFrozen{"hot", true}).error ==
        "cgroup 'hot' was not frozen within 5s (a task in it waits in the kernel and cannot be interrupted)");
  CHECK(hot.Asked() == "0\n");
  CHECK(guest.Call(SetFrozen{"cold", true}).error == "there is no cgroup 'cold'");
}

TEST_CASE("the end thaws what keeps workers from ending, above them too") {
  GuestProcess guest;
  const Cgroup top(guest, "top");
  const Cgroup below(guest, "top/below");
  StartWorkers workers = Workers(1, "SpinWait", 1);
  workers.cgroup = "top/below";
  std::ofstream(guest.cgroup_parent() + "/top/below/cgroup.procs");
  REQUIRE(guest.Call(workers).error.empty());
  top.SayFrozen(true);
  REQUIRE(guest.Call(SetFrozen{"top", true}).error.empty());
  REQUIRE(guest.Call(Finish{}).error.empty());
  CHECK(top.Asked()[0] == '0');
  CHECK(below.Asked()[0] == '0');
  CHECK(guest.reports.size() == 1);
}

}  // namespace
}  // namespace ktstr::guest
