#include "test/unit/workloads/jemalloc/started.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>

#include <array>
#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "test/checkout.h"

namespace ktstr::test {
namespace {

std::array<Fd, 2> Pipe() {
  int ends[2];
  REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
  return {Fd(ends[0]), Fd(ends[1])};
}

std::vector<char*> Pointers(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

Started::Started(std::vector<std::string> argv, const std::vector<std::string>& environment) {
  if (argv[0].find('/') == std::string::npos) argv[0] = std::string(kBinaryDir) + "/" + argv[0];
  std::vector<std::string> variables = environment;
  for (char** variable = environ; *variable != nullptr; ++variable) variables.emplace_back(*variable);
  const std::vector<char*> arguments = Pointers(argv), all = Pointers(variables);
  auto output = Pipe(), errors = Pipe();
  pid_ = fork();
  REQUIRE(pid_ >= 0);
  if (pid_ == 0) {
    dup2(output[1].get(), STDOUT_FILENO);
    dup2(errors[1].get(), STDERR_FILENO);
    execve(arguments[0], arguments.data(), all.data());
    _exit(127);
  }
  output_ = std::move(output[0]);
  errors_ = std::move(errors[0]);
}

Started::~Started() { Kill(); }

void Started::Kill() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

std::string Started::ReadLine() {
  std::string line;
  char c = 0;
  while (read(output_.get(), &c, 1) == 1 && c != '\n') line += c;
  return line;
}

Ending Started::Finish() {
  Ending ending;
  std::array<pollfd, 2> streams = {{{output_.get(), POLLIN, 0}, {errors_.get(), POLLIN, 0}}};
  while (streams[0].fd >= 0 || streams[1].fd >= 0) {
    REQUIRE(poll(streams.data(), streams.size(), 60'000) > 0);
    for (std::size_t i = 0; i < streams.size(); ++i) {
      if (streams[i].fd < 0 || streams[i].revents == 0) continue;
      std::array<char, 4096> bytes;
      const ssize_t got = read(streams[i].fd, bytes.data(), bytes.size());
      if (got <= 0)
        streams[i].fd = -1;
      else
        (i == 0 ? ending.output : ending.errors).append(bytes.data(), static_cast<std::size_t>(got));
    }
  }
  int status = 0;
  REQUIRE(waitpid(pid_, &status, 0) == pid_);
  pid_ = -1;
  ending.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return ending;
}

Ending RunToEnd(std::vector<std::string> argv, const std::vector<std::string>& environment) {
  return Started(std::move(argv), environment).Finish();
}

char StateOf(pid_t tid) {
  std::ifstream file("/proc/" + std::to_string(tid) + "/stat");
  std::string line;
  if (!std::getline(file, line)) return 0;
  return line.at(line.rfind(')') + 2);
}

std::string StatusField(pid_t pid, const std::string& name) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(name + ":\t")) return line.substr(name.size() + 2);
  return {};
}

OwnDirectory::OwnDirectory() : path_("/tmp/ktstr-jemalloc-XXXXXX") {
  REQUIRE(mkdtemp(path_.data()) != nullptr);
}
OwnDirectory::~OwnDirectory() {
  std::error_code gone;
  std::filesystem::remove_all(path_, gone);
}

}  // namespace ktstr::test
