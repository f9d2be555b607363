#include "test/guest/cli_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "test/checkout.h"

namespace ktstr::test {
namespace {

constexpr std::chrono::minutes kPatience{2};

struct Pipe {
  int read = -1;
  int write = -1;
  Pipe() {
    std::array<int, 2> fds{};
    if (pipe2(fds.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
    read = fds[0];
    write = fds[1];
  }
};

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

TempDir::TempDir() {
  std::string pattern = (std::filesystem::temp_directory_path() / "ktstr-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
  path_ = pattern;
}
TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

CliProcess::CliProcess(const std::vector<std::string>& args, const std::vector<std::string>& env) {
  std::vector<std::string> argv{std::string(kBinaryDir) + "/ktstr-interp"};
  argv.insert(argv.end(), args.begin(), args.end());
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::string name = text.substr(0, text.find('=') + 1);
    bool replaced = false;
    for (const std::string& own : env) replaced = replaced || own.starts_with(name);
    if (!replaced) environment.push_back(text);
  }
  environment.insert(environment.end(), env.begin(), env.end());
  std::vector<char*> argv_pointers = Pointers(argv), env_pointers = Pointers(environment);
  const Pipe out, err;
  pid_ = fork();
  if (pid_ == 0) {
    setpgid(0, 0);
    const int null = open("/dev/null", O_RDONLY);
    dup2(null, 0);
    dup2(out.write, 1);
    dup2(err.write, 2);
    execve(argv_pointers[0], argv_pointers.data(), env_pointers.data());
    _exit(127);
  }
  close(out.write);
  close(err.write);
  out_fd_ = out.read;
  err_fd_ = err.read;
}

CliProcess::~CliProcess() {
  if (!reaped_) {
    kill(-pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  if (out_fd_ >= 0) close(out_fd_);
  if (err_fd_ >= 0) close(err_fd_);
}

bool CliProcess::Pump(int ms) {
  std::array<pollfd, 2> fds{{{out_fd_, POLLIN, 0}, {err_fd_, POLLIN, 0}}};
  if (out_fd_ < 0 && err_fd_ < 0) return false;
  poll(fds.data(), fds.size(), ms);
  for (std::size_t i = 0; i < fds.size(); ++i) {
    if (fds[i].fd < 0 || (fds[i].revents & (POLLIN | POLLHUP)) == 0) continue;
    std::array<char, 65536> buffer{};
    const ssize_t got = read(fds[i].fd, buffer.data(), buffer.size());
    if (got > 0) {
      (i == 0 ? out_ : err_).append(buffer.data(), static_cast<std::size_t>(got));
    } else {
      close(fds[i].fd);
      (i == 0 ? out_fd_ : err_fd_) = -1;
    }
  }
  return out_fd_ >= 0 || err_fd_ >= 0;
}

bool CliProcess::WaitUntil(const std::function<bool()>& done) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline || !Pump(20)) return done();
  }
  return true;
}

bool CliProcess::WaitForOutput(const std::string& text) {
  return WaitUntil(
      [&] { return out_.find(text) != std::string::npos || err_.find(text) != std::string::npos; });
}

int CliProcess::Finish() {
  while (Pump(1000)) {
  }
  if (!reaped_) waitpid(pid_, &status_, 0);
  reaped_ = true;
  return WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
}

void CliProcess::Signal(int signal) { kill(pid_, signal); }

std::vector<pid_t> CliProcess::Children(const std::string& comm) const {
  std::vector<pid_t> found;
  std::error_code gone;  // a thread of it, or it
  // A child belongs to the thread that started it.
  for (const auto& task :
       std::filesystem::directory_iterator("/proc/" + std::to_string(pid_) + "/task", gone)) {
    std::ifstream list(task.path() / "children");
    for (pid_t child = 0; list >> child;) {
      std::string name;
      std::getline(std::ifstream("/proc/" + std::to_string(child) + "/comm"), name);
      if (name.find(comm) != std::string::npos) found.push_back(child);
    }
  }
  return found;
}

CliResult RunCli(const std::vector<std::string>& args, const std::vector<std::string>& env) {
  CliProcess process(args, env);
  const int code = process.Finish();
  return {code, process.out(), process.err()};
}

std::string WriteFile(const std::filesystem::path& dir, const std::string& name, const std::string& text) {
  std::ofstream(dir / name) << text;
  return (dir / name).string();
}

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string FirstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

bool WaitUntil(const std::function<bool()>& done) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    poll(nullptr, 0, 20);
  }
  return true;
}

std::vector<pid_t> ProcessesWith(const std::string& marker) {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos || name == std::to_string(getpid()))
      continue;
    // A clone's command line names no file, but what started it gave it its $TMPDIR.
    for (const char* file : {"cmdline", "environ"}) {
      if (ReadFile(entry.path() / file).find(marker) == std::string::npos) continue;
      found.push_back(std::stoi(name));
      break;
    }
  }
  return found;
}

}  // namespace ktstr::test
