#include "vmm/introspection/capture/btf_cache.h"

namespace ktstr::vmm {

std::shared_ptr<const Btf> BtfCache::Get(const RawBtf& raw, const std::shared_ptr<const Btf>& kernel,
                                         std::string& why) {
  if (raw.of_kernel) return kernel;
  auto found = parsed_.find(KeyOf(raw));
  if (found == parsed_.end()) {
    if (raw.reason != nullptr) {
      why = raw.reason;
      return nullptr;
    }
    if (parsed_.size() >= kMax || bytes_ + raw.blob.size() > kMaxBytes) {
      parsed_.clear();
      bytes_ = 0;
    }
    bytes_ += raw.blob.size();
    Entry entry;
    auto parsed = Btf::Parse(raw.blob, raw.split ? kernel : nullptr);
    if (parsed.ok())
      entry.btf = *std::move(parsed);
    else
      entry.why = "the map's types are " + parsed.error().message;
    found = parsed_.emplace(KeyOf(raw), std::move(entry)).first;
  }
  why = found->second.why;
  return found->second.btf;
}

}  // namespace ktstr::vmm
