#include "test/guest/live_guest.h"

#include <algorithm>
#include <stdexcept>

#include "test/checkout.h"
#include "vmm/kernel/schedulers.h"
#include "vmm/machine/guest_files.h"

namespace ktstr::test {
namespace {

constexpr std::chrono::seconds kPatience{120};

vmm::TemplateCache SharedTemplates() {
  return Need(vmm::TemplateCache::Open(std::filesystem::path(kBinaryDir) / "test-templates"));
}

}  // namespace

std::optional<vmm::Kernel> CachedKernel(const std::string& kind) {
  for (const vmm::Kernel& kernel : Need(vmm::ListKernels()))
    if (kernel.built == (kind == "built")) return kernel;
  return std::nullopt;
}

bool HaveSchedulers() {
  const auto kernel = CachedKernel("built");
  if (!kernel) return false;
  const std::filesystem::path cache = Need(vmm::SchedulerCacheDir());
  const auto schedulers = vmm::ShippedSchedulers();
  for (const vmm::ShippedScheduler& helper : vmm::SchedulerHelpers())
    if (!vmm::FindBuiltScheduler(cache, helper.name, kernel->version).ok()) return false;
  return std::all_of(schedulers.begin(), schedulers.end(), [&](const vmm::ShippedScheduler& scheduler) {
    return vmm::FindBuiltScheduler(cache, scheduler.name, kernel->version).ok();
  });
}

LiveGuest::LiveGuest(const vmm::Kernel& kernel, Start start, vmm::MachineConfig config) : kernel_(kernel) {
  config.kernel = kernel.image;
  templates_ = std::make_unique<vmm::OpenTemplates>(SharedTemplates(), vmm::KnownFiles::InCache(),
                                                    [](std::string_view) {});
  pool_ = std::make_unique<vmm::MachinePool>(templates_.get(), scratch_.path(), -1);
  pooled_ = Need(pool_->Take({config, {}}, start == Start::kClone, {}, {}));
  if ((pooled_.cloned_from != nullptr) != (start == Start::kClone))
    throw std::runtime_error("not the start that was wanted: " + pooled_.why_booted);
  Need(machine().AwaitBuilt());
  Need(machine().Resume());
  next_id_ = pooled_.requests_sent + 1;
  Frame first = Next();
  std::span<const std::byte> payload = first.payload;
  ready_ = Need(DecodeAny(EventTypes(), payload)).As<Ready>();
  for (std::uint32_t i = 0; i < pooled_.requests_sent;) i += Next().type == FrameType::kReply ? 1 : 0;
}

Frame LiveGuest::Next() { return Need(pooled_.channel->Receive(vmm::After(kPatience))); }

std::uint32_t LiveGuest::Post(const AnyStruct& request) {
  const std::uint32_t id = next_id_++;
  Need(pooled_.channel->SendRequest(id, request));
  return id;
}

Reply LiveGuest::Call(const AnyStruct& request, std::string* content, PayloadDone* done) {
  return Answer(Post(request), content, done);
}

Reply LiveGuest::Answer(std::uint32_t id, std::string* content, PayloadDone* done) {
  while (true) {
    const Frame frame = Next();
    if (frame.type == FrameType::kReply) {
      const Reply reply = Need(Decode<Reply>(frame.payload));
      if (reply.request_id == id) return reply;
      throw std::runtime_error("the guest answered another request");
    }
    std::span<const std::byte> payload = frame.payload;
    const AnyStruct event = Need(DecodeAny(EventTypes(), payload));
    if (done != nullptr && event.Is<PayloadDone>()) *done = event.As<PayloadDone>();
    if (content != nullptr && event.Is<FileContent>()) *content += event.As<FileContent>().bytes;
  }
}

void LiveGuest::Send(const std::vector<vmm::InitramfsFile>& files) {
  const auto sent = Need(vmm::SendGuestFiles(*pooled_.channel, files, next_id_, vmm::After(kPatience)));
  for (std::uint32_t i = 0; i < sent.requests; ++i, ++next_id_) {
    const Frame frame = Next();
    if (frame.type != FrameType::kReply) throw std::runtime_error("an event where a reply was due");
    const Reply reply = Need(Decode<Reply>(frame.payload));
    if (!reply.error.empty()) throw std::runtime_error(reply.error);
  }
}

void LiveGuest::Await(std::chrono::milliseconds time) {
  const vmm::Deadline end = vmm::After(time);
  Result<> pumped;
  while (pumped.ok()) pumped = machine().Pump(end);
  if (pumped.error().kind != ErrorKind::kTimeout) throw std::runtime_error(pumped.error().message);
}

std::string LiveGuest::ReadFile(const std::string& path) {
  std::string content;
  const Reply reply = Call(AnyStruct::Of(ktstr::ReadFile{path}), &content);
  if (!reply.error.empty()) throw std::runtime_error(reply.error);
  return content;
}

Result<std::unique_ptr<vmm::GuestKernel>> LiveGuest::OpenKernel(vmm::KernelFactsCache& cache) {
  return vmm::GuestKernel::Open(machine(), ready_, kernel_, cache,
                                [this] { return Result<std::string>(ReadFile("/proc/kallsyms")); });
}

}  // namespace ktstr::test
