#include "guest-init/sched_ext_dump.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string_view>

#include "guest-init/base/file_io.h"

namespace ktstr::guest {
namespace {

// Each CPU has a buffer, and one CPU writes a whole dump. A dump of two hundred tasks is some 100 KiB.
constexpr const char* kBufferKib = "256";
constexpr std::string_view kPrefix = "sched_ext_dump: ";

bool Write(const std::string& file, std::string_view text) {
  const Fd fd(open(file.c_str(), O_WRONLY | O_CLOEXEC));
  return fd.valid() && WriteAll(fd.get(), text) == 0;
}

/// The lines without what the trace puts before each.
std::string WithoutPrefixes(std::string_view lines) {
  std::string text;
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size() - 1) + 1;
    std::string_view line = lines.substr(0, end);
    if (line.starts_with(kPrefix)) line.remove_prefix(kPrefix.size());
    text += line;
    lines.remove_prefix(end);
  }
  return text;
}

}  // namespace

void SchedExtDump::Begin(const std::string& traces) {
  if (begun_) return;
  begun_ = true;
  const std::string instance = traces + "/ktstr";
  if (mkdir(instance.c_str(), 0700) != 0) return;
  Write(instance + "/buffer_size_kb", kBufferKib);
  // Neither the name of the task that writes it nor the time: the dump has its own.
  if (!Write(instance + "/trace_options", "nocontext-info")) return;
  if (!Write(instance + "/events/sched_ext/sched_ext_dump/enable", "1")) return;
  pipe_ = Fd(open((instance + "/trace_pipe").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
}

void SchedExtDump::Trigger(const std::string& sysrq) {
  if (pipe_.valid()) Write(sysrq, "D");
}

SchedulerDump SchedExtDump::Take() {
  SchedulerDump dump;
  if (!pipe_.valid()) return dump;
  std::string lines;
  std::string chunk(std::size_t{64} << 10, '\0');
  ssize_t got = 0;
  while ((got = read(pipe_.get(), chunk.data(), chunk.size())) > 0) {
    if (lines.size() + static_cast<std::size_t>(got) > kMaxDumps)
      dump.cut = true;  // the rest is read all the same, so that the next dump begins anew
    else
      lines.append(chunk, 0, static_cast<std::size_t>(got));
  }
  dump.text = WithoutPrefixes(lines);
  return dump;
}

}  // namespace ktstr::guest
