#include "vmm/introspection/capture/collector.h"

#include <algorithm>
#include <cstring>

namespace ktstr::vmm {
namespace {

constexpr std::size_t kMaxBtfBlob = std::size_t{32} << 20;

/// How the kernel marks what is in a slot of an xarray.
bool IsXaInternal(std::uint64_t entry) { return (entry & 3) == 2; }
bool IsXaNode(std::uint64_t entry) { return IsXaInternal(entry) && entry > 4096; }

class IdrWalk {
 public:
  IdrWalk(const Collector& c, std::size_t max, bool& truncated) : c_(c), max_(max), truncated_(truncated) {}

  void Node(std::uint64_t address, std::uint64_t shift_limit) {
    const XaNodeLayout& layout = c_.layout.xa_node;
    const auto shift = c_.LoadField(address, layout.shift);
    Bytes slots(layout.slots.size);
    // A child covers less than its parent, so a tree that does not end is no tree.
    if (nodes_left_-- == 0 || !shift || *shift >= shift_limit ||
        !c_.view.memory().Read(address + layout.slots.offset, slots)) {
      truncated_ = true;
      return;
    }
    for (std::size_t at = 0; at + 8 <= slots.size() && nodes_left_ != 0; at += 8) {
      const std::uint64_t entry = PointerAt(slots, at);
      if (entry == 0) continue;
      if (*shift != 0 && IsXaNode(entry)) Node(entry - 2, *shift);
      if (*shift == 0 && (entry & 3) == 0) Add(entry);
    }
  }
  void Add(std::uint64_t object) {
    if (found_.size() < max_)
      found_.push_back(object);
    else
      truncated_ = true;
  }
  std::vector<std::uint64_t> Take() { return std::move(found_); }

 private:
  const Collector& c_;
  std::size_t max_;
  bool& truncated_;
  std::size_t nodes_left_ = 4096;
  std::vector<std::uint64_t> found_;
};

}  // namespace

Collector::Collector(const KernelView& kernel, const KernelLayout& where, const BtfCache& cache,
                     const CaptureOptions& wanted, RawCapture& capture)
    : view(kernel),
      layout(where),
      known(cache),
      options(wanted),
      out(capture),
      start_(std::chrono::steady_clock::now()),
      steps_left_(wanted.max_steps) {}

bool Collector::Expired() {
  if (out.truncated_at_us) return true;
  const auto passed = std::chrono::steady_clock::now() - start_;
  if (passed < options.time_limit) return false;
  out.truncated_at_us =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(passed).count());
  return true;
}

std::optional<std::uint64_t> Collector::LoadField(std::uint64_t address, const Field& field) const {
  if (!field || field.size == 0 || field.size > 8) return std::nullopt;
  std::uint64_t value = 0;
  const auto bytes = std::as_writable_bytes(std::span(&value, 1)).first(field.size);
  if (!view.memory().Read(address + field.offset, bytes)) return std::nullopt;
  return Get(bytes, Field{0, field.size, field.is_signed, true});
}

bool Collector::HasRoom(std::size_t size, const Bytes& into) const {
  return size <= options.max_map_bytes && into.size() <= options.max_map_bytes - size &&
         size <= options.max_bytes && copied_ <= options.max_bytes - size;
}

Bytes Collector::Copy(std::uint64_t address, std::size_t size) {
  Bytes copy;
  Append(address, size, copy);
  return copy;
}

bool Collector::Append(std::uint64_t address, std::size_t size, Bytes& into) {
  if (!HasRoom(size, into)) return false;
  const std::size_t before = into.size();
  into.resize(before + size);
  if (!view.memory().Read(address, std::span(into).subspan(before))) {
    into.resize(before);
    return false;
  }
  copied_ += size;
  return true;
}

std::size_t Collector::AppendSome(std::uint64_t address, std::size_t size, Bytes& into) {
  if (!HasRoom(size, into)) return 0;
  const std::size_t before = into.size();
  into.resize(before + size);
  const std::size_t got = std::min(size, view.memory().ReadSome(address, std::span(into).subspan(before)));
  into.resize(before + got);
  copied_ += got;
  return got;
}

void Collector::NameTask(std::uint64_t task) {
  if (task == 0 || out.task_names.contains(task)) return;
  const auto pid = LoadField(task, layout.task.pid);
  RawTaskName name;
  const std::size_t size = std::min<std::size_t>(layout.task.comm.size, name.comm.size());
  const auto comm = std::as_writable_bytes(std::span(name.comm)).first(size);
  if (!pid || !view.memory().Read(task + layout.task.comm.offset, comm)) return;
  name.pid = static_cast<std::int32_t>(*pid);
  out.task_names.emplace(task, name);
}

const char* Collector::CopyBtf(std::uint64_t data, RawBtf& btf) {
  if (btf.size > kMaxBtfBlob) return "the map's types are over 32 MiB";
  // A guest can have any number of them, all as large as that.
  if (btf.size > options.max_bytes || copied_ > options.max_bytes - btf.size)
    return "the map's types are not read: the capture is full";
  btf.blob.resize(btf.size);
  if (view.memory().Read(data, btf.blob)) {
    copied_ += btf.size;
    return nullptr;
  }
  btf.blob = {};
  return "the map's types cannot be read";
}

void Collector::AddBtf(std::uint64_t address) {
  const auto same = [&](const RawBtf& btf) { return btf.address == address; };
  if (std::any_of(out.btfs.begin(), out.btfs.end(), same) || !layout.btf.ok()) return;
  RawBtf btf;
  btf.address = address;
  Bytes head(layout.btf.extent);
  if (!view.memory().Read(address, head)) {
    btf.reason = "the map's types (struct btf) cannot be read";
    out.btfs.push_back(std::move(btf));
    return;
  }
  btf.id = static_cast<std::uint32_t>(Get(head, layout.btf.id).value_or(0));
  btf.size = static_cast<std::uint32_t>(Get(head, layout.btf.data_size).value_or(0));
  btf.split = Get(head, layout.btf.base_btf).value_or(0) != 0;
  btf.of_kernel = !btf.split && Get(head, layout.btf.kernel_btf).value_or(0) != 0;
  if (!btf.of_kernel && !known.Has(btf)) {
    btf.reason = CopyBtf(Get(head, layout.btf.data).value_or(0), btf);
  }
  out.btfs.push_back(std::move(btf));
}

std::uint64_t PointerAt(const Bytes& copy, std::size_t offset) {
  std::uint64_t value = 0;
  if (copy.size() >= sizeof(value) && offset <= copy.size() - sizeof(value))
    std::memcpy(&value, copy.data() + offset, sizeof(value));
  return value;
}

std::vector<std::uint64_t> WalkIdr(Collector& c, std::uint64_t idr, std::size_t max, bool& truncated) {
  IdrWalk walk(c, max, truncated);
  const auto head = c.LoadField(idr, c.layout.idr.head);
  if (!head)
    truncated = true;
  else if (IsXaNode(*head))
    walk.Node(*head - 2, 64);
  else if (*head != 0 && (*head & 3) == 0)
    walk.Add(*head);  // a lone object with id 0
  return walk.Take();
}

std::vector<std::uint64_t> WalkList(Collector& c, std::uint64_t head, std::size_t max, bool& truncated) {
  std::vector<std::uint64_t> nodes;
  WalkGuard guard(c);
  auto next = c.Load(head);
  while (next && *next != head) {
    if (nodes.size() >= max || !guard.Step(*next)) {
      truncated = true;
      return nodes;
    }
    nodes.push_back(*next);
    next = c.Load(*next);
  }
  if (!next) truncated = true;
  return nodes;
}

}  // namespace ktstr::vmm
