// What surrounds the saving of a guest: parking, files and a whole plan from the next host.
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "test/unit/guest-init/guest_process.h"

namespace ktstr::guest {
namespace {

namespace fs = std::filesystem;

std::string ContentOf(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

/// A new directory, removed at the end.
struct Scratch {
  Scratch() {
    std::string name = "/tmp/ktstr-saving-XXXXXX";
    path = mkdtemp(name.data());
  }
  ~Scratch() { fs::remove_all(path); }
  fs::path path;
};

TEST_CASE("a parked guest is silent until the next host speaks, and then begins anew") {
  GuestProcess guest;
  const Reply parked = guest.Call(Park{});
  REQUIRE(parked.error.empty());
  guest.BecomeNextHost();
  const std::uint32_t ping = guest.Send(Ping{});
  const Ready again = guest.NextEvent<Ready>();
  CHECK(again.boot_id == guest.ready.boot_id);
  CHECK(again.decl_hash == guest.ready.decl_hash);
  CHECK(again.clock_ns >= parked.clock_ns);
  CHECK(guest.NextReply().request_id == ping);
}

TEST_CASE("a guest with work under way cannot be parked") {
  GuestProcess guest;
  REQUIRE(guest.Call(Workers(1, "SpinWait", 1)).error.empty());
  CHECK(guest.Call(Park{}).error == "a guest with work under way cannot be parked");
  CHECK(guest.Call(Ping{}).error.empty());  // and goes on as if it had not been asked
}

TEST_CASE("files come in pieces, with their modes and directories") {
  const Scratch scratch;
  const fs::path file = scratch.path / "a/b/tool";
  GuestProcess guest;
  guest.Send(PutFile{file, 0640, false, "one "});
  guest.Send(PutFile{file, 0755, true, "two"});
  const fs::path empty = scratch.path / "empty";
  guest.Send(PutFile{empty, 0600, false, ""});
  for (int i = 0; i < 3; ++i) CHECK(guest.NextReply().error.empty());
  CHECK(ContentOf(file) == "one two");
  CHECK(fs::status(file).permissions() == fs::perms(0755));
  CHECK(fs::file_size(empty) == 0);
  REQUIRE(guest.Call(PutFile{file, 0755, false, "new"}).error.empty());
  CHECK(ContentOf(file) == "new");
}

TEST_CASE("a file that cannot be written is refused with its name") {
  const Scratch scratch;
  const fs::path in_the_way = scratch.path / "file";
  GuestProcess guest;
  REQUIRE(guest.Call(PutFile{in_the_way, 0644, false, ""}).error.empty());
  CHECK(guest.Call(PutFile{in_the_way / "below", 0644, false, ""}).error ==
        "opening " + (in_the_way / "below").string() + ": Not a directory");
}

TEST_CASE("in a program the first refused request is the last one tried, but for Finish") {
  GuestProcess guest;
  guest.Send(Program{});
  guest.Send(CreateCgroup{"made"});
  guest.Send(CreateCgroup{"made"});  // refused
  guest.Send(CreateCgroup{"late"});
  guest.Send(Hold{3'600'000'000'000, false});
  guest.Send(Finish{});
  CHECK(guest.NextReply().error.empty());
  CHECK(guest.NextReply().error.empty());
  CHECK(guest.NextReply().error.find("exists") != std::string::npos);
  CHECK(guest.NextReply().error == "not tried: an earlier request was refused");
  CHECK(guest.NextReply().error == "not tried: an earlier request was refused");
  CHECK(guest.NextReply().error.empty());
  CHECK_FALSE(fs::exists(guest.cgroup_parent() + "/late"));
}

TEST_CASE("outside of a program a refused request keeps nothing behind it from being tried") {
  GuestProcess guest;
  REQUIRE(guest.Call(CreateCgroup{"made"}).error.empty());
  CHECK_FALSE(guest.Call(CreateCgroup{"made"}).error.empty());
  CHECK(guest.Call(Ping{}).error.empty());
}

}  // namespace
}  // namespace ktstr::guest
