#include "test/guest/truth_guest.h"

#include <chrono>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "test/checkout.h"
#include "vmm/image/initramfs.h"
#include "vmm/introspection/memory/pause.h"
#include "vmm/introspection/memory/registers.h"

namespace ktstr::test {
namespace {

/// Under the limit of one frame.
constexpr std::size_t kChunk = std::size_t{4} << 20;
constexpr std::uint64_t kMillisecond = 1'000'000;

std::string ContentOf(const vmm::InitramfsFile& file) {
  std::ifstream in(std::get<std::filesystem::path>(file.content), std::ios::binary);
  std::stringstream content;
  content << in.rdbuf();
  return content.str();
}

std::vector<std::optional<vmm::VcpuRegisters>> Registers(vmm::Machine& machine) {
  std::vector<std::optional<vmm::VcpuRegisters>> all;
  for (const vmm::CpuRegisters& cpu :
       Need(vmm::ReadRegisters(machine, vmm::After(std::chrono::seconds(30))))) {
    vmm::VcpuRegisters registers;
    registers.instruction_pointer = cpu.rip;
    registers.stack_pointer = cpu.rsp;
    registers.page_table_root = cpu.cr3;
    all.emplace_back(registers);
  }
  return all;
}

}  // namespace

TruthGuest::TruthGuest(const vmm::Kernel& kernel, Start start, vmm::MachineConfig config)
    : guest_(kernel, start, std::move(config)) {
  Upload({kBpfTruth, "/usr/sbin/bpftool"});
  kernel_ = Need(guest_.OpenKernel(facts_));
  layout_ = vmm::KernelLayout::Of(kernel_->facts());
}

void TruthGuest::Upload(const std::vector<std::string>& programs) {
  std::vector<vmm::PayloadSource> sources;
  for (const std::string& program : programs) sources.push_back({program, "/", true});
  for (const vmm::InitramfsFile& file : Need(vmm::PayloadFiles(sources))) {
    const std::string content = ContentOf(file);
    for (std::size_t at = 0; at == 0 || at < content.size(); at += kChunk) {
      const Reply reply =
          guest_.Call(PutFile{file.guest_path, file.mode, at != 0, content.substr(at, kChunk)});
      if (!reply.error.empty()) throw std::runtime_error(reply.error);
    }
  }
}

std::uint32_t TruthGuest::Run(std::vector<std::string> argv, const std::string& file,
                              const std::string& cgroup) {
  guest_.Call(PutFile{file, 0644, false, ""});
  StartPayload request;
  request.handle = ++handle_;
  request.name = argv.front();
  request.cgroup = cgroup;
  request.argv = std::move(argv);
  request.argv.insert(request.argv.begin(), {"bpf_truth", "to", file});
  const Reply reply = guest_.Call(request);
  if (!reply.error.empty()) throw std::runtime_error(reply.error);
  return handle_;
}

std::vector<std::string> TruthGuest::Plant(const std::string& mode, const std::string& cgroup) {
  if (!cgroup.empty()) guest_.Call(CreateCgroup{cgroup});
  const std::string file = "/tmp/truth" + std::to_string(handle_);
  Run({"bpf_truth", mode}, file, cgroup);
  for (int tries = 0; tries < 1000; ++tries) {
    guest_.Call(Hold{20 * kMillisecond, false});  // the guest goes on
    std::istringstream text(guest_.ReadFile(file));
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    if (!lines.empty() && lines.back() == "ready") return lines;
  }
  throw std::runtime_error("bpf_truth is not ready: " + guest_.ReadFile(file));
}

vmm::SnapshotReport TruthGuest::Capture(const vmm::CaptureOptions& options) {
  using Clock = std::chrono::steady_clock;
  vmm::RawCapture raw;
  double paused_ms = 0;
  {
    vmm::MachinePause pause(guest_.machine(), nullptr, "capture", 0);
    Need(pause.began());
    auto registers = Registers(guest_.machine());
    vmm::PausedMemory memory = kernel_->Paused();
    const auto start = Clock::now();
    raw = vmm::Collect(vmm::KernelView(kernel_->facts(), memory), *layout_, btfs_, std::move(registers),
                       options);
    collect_ms_ = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
    Need(pause.End());
    paused_ms = std::chrono::duration<double, std::milli>(pause.duration()).count();
  }
  vmm::SnapshotReport report = vmm::Render(raw, kernel_->facts(), *layout_, btfs_);
  report.paused_ms = paused_ms;
  return report;
}

nlohmann::json TruthGuest::BpfTool(const std::vector<std::string>& args) {
  std::vector<std::string> argv = {"bpftool", "-j"};
  argv.insert(argv.end(), args.begin(), args.end());
  const std::string file = "/tmp/bpftool" + std::to_string(handle_);
  const std::uint32_t handle = Run(argv, file, "");
  const Reply reply = guest_.Call(AwaitPayload{handle, 60'000 * kMillisecond});
  if (!reply.error.empty()) throw std::runtime_error(reply.error);
  return nlohmann::json::parse(guest_.ReadFile(file));
}

}  // namespace ktstr::test
