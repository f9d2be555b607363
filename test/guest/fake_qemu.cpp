// Stands in for QEMU where a guest must misbehave on cue: it speaks enough QMP to be resumed, then the guest
// of fake_guest.h is on the guest channel, with the lie that $KTSTR_FAKE names (lies.h; "good": none). Used
// as `ktstr-interp run --qemu <this>`. With the argument --lies alone it prints the names of all lies.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "test/guest/lies.h"

namespace {

using namespace ktstr::test;

void WriteAll(int fd, const void* data, std::size_t size) {
  const auto* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t put = write(fd, at, size);
    if (put <= 0) _exit(3);
    at += put;
    size -= static_cast<std::size_t>(put);
  }
}

/// Answers every QMP command; "cont" boots the guest.
class Qmp {
 public:
  /// A mute one neither greets nor answers.
  Qmp(int fd, FakeGuest& guest, bool mute) : fd_(fd), guest_(guest), mute_(mute) {
    if (mute) return;
    Say(R"({"QMP": {"version": {"qemu": {"micro": 0, "minor": 2, "major": 7}, "package": ""}, "capabilities": []}})");
  }
  void Read() {
    char buffer[4096];
    const ssize_t got = read(fd_, buffer, sizeof buffer);
    if (got <= 0) _exit(0);
    if (mute_) return;
    text_.append(buffer, static_cast<std::size_t>(got));
    for (std::size_t end = 0; (end = text_.find('\n')) != std::string::npos; text_.erase(0, end + 1))
      Answer(text_.substr(0, end));
  }

 private:
  void Say(const std::string& line) {
    const std::string text = line + "\r\n";
    WriteAll(fd_, text.data(), text.size());
  }
  void Answer(const std::string& command) {
    const std::size_t id_at = command.find("\"id\":");
    std::string id;
    if (id_at != std::string::npos) {
      const std::size_t end = command.find_first_of(",}", id_at);
      id = ", " + command.substr(id_at, end - id_at);
    }
    std::string answer = "{}";
    if (command.find("query-status") != std::string::npos)
      answer = R"({"running": false, "status": "prelaunch", "singlestep": false})";
    // Nothing is saved: this guest is made anew for each clone.
    if (command.find("query-migrate") != std::string::npos) answer = R"({"status": "completed"})";
    Say("{\"return\": " + answer + id + "}");
    if (command.find("\"cont\"") != std::string::npos) guest_.Boot();
  }

  int fd_;
  FakeGuest& guest_;
  bool mute_;
  std::string text_;
};

/// The descriptor of `-chardev socket,id=<id>,fd=<n>`.
std::map<std::string, int> Chardevs(int argc, char** argv) {
  std::map<std::string, int> fds;
  for (int i = 1; i < argc; ++i) {
    const std::string text = argv[i];
    const std::size_t id = text.find("id="), fd = text.find("fd=");
    if (!text.starts_with("socket,") || id == std::string::npos || fd == std::string::npos) continue;
    fds[text.substr(id + 3, text.find(',', id) - id - 3)] = std::atoi(text.c_str() + fd + 3);
  }
  return fds;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<Lie> lies = AllLies();
  if (argc == 2 && std::string(argv[1]) == "--lies") {
    for (const Lie& lie : lies) std::cout << lie.name << '\n';
    return 0;
  }
  const char* given = std::getenv("KTSTR_FAKE");
  const std::string part = given == nullptr ? "" : given;
  if (part == "refuses") {
    std::cerr << "qemu-system-x86_64: warning: something minor\nqemu-system-x86_64: cannot set up guest "
                 "memory 'ram': Cannot allocate memory\n";
    return 1;
  }
  const bool mute = part == "mute";
  const auto lie = std::find_if(lies.begin(), lies.end(),
                                [&](const Lie& one) { return one.name == (mute ? "good" : part); });
  if (lie == lies.end()) return 2;
  std::map<std::string, int> fds = Chardevs(argc, argv);
  const bool clone = std::find(argv, argv + argc, std::string("-incoming")) != argv + argc;
  FakeGuest guest(fds.at("channel"), *lie, clone);
  Qmp qmp(fds.at("qmp"), guest, mute);
  while (true) {
    pollfd polled[2] = {{fds.at("qmp"), POLLIN, 0}, {guest.booted() ? fds.at("channel") : -1, POLLIN, 0}};
    if (poll(polled, 2, -1) < 0) return 1;
    if (polled[0].revents != 0) qmp.Read();
    if (polled[1].revents != 0) guest.Read();
  }
}
