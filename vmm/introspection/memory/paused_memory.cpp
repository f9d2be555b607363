#include "vmm/introspection/memory/paused_memory.h"

#include <algorithm>
#include <cstring>

namespace ktstr::vmm {
namespace {

constexpr std::uint64_t kPageBytes = 4096;
/// Translations kept; those of as much memory as the kernel has in a small guest.
constexpr std::size_t kTranslations = 65'536;

std::uint64_t InPage(std::uint64_t address, std::uint64_t count) {
  return std::min(count, kPageBytes - address % kPageBytes);
}

}  // namespace

const PageCache::Page* PageCache::Get(std::uint64_t page) {
  const auto known = pages_.find(page);
  if (known != pages_.end()) return known->second.get();
  if (pages_.size() >= kPages) pages_.clear();
  auto fresh = std::make_unique<Page>();
  if (!memory_->Read(page, *fresh)) fresh = nullptr;
  return pages_.emplace(page, std::move(fresh)).first->second.get();
}

bool PageCache::Read(std::uint64_t address, std::span<std::byte> into) {
  while (!into.empty()) {
    const std::uint64_t skip = address % kPageBytes;
    const std::size_t part = InPage(address, into.size());
    const Page* page = Get(address - skip);
    if (page == nullptr) return false;
    std::memcpy(into.data(), page->data() + skip, part);
    address += part;
    into = into.subspan(part);
  }
  return true;
}

bool PageCache::Write(std::uint64_t address, std::span<const std::byte> from) {
  if (!memory_->Write(address, from)) return false;
  while (!from.empty()) {
    const std::uint64_t skip = address % kPageBytes;
    const std::size_t part = InPage(address, from.size());
    const auto known = pages_.find(address - skip);
    if (known != pages_.end() && known->second != nullptr)
      std::memcpy(known->second->data() + skip, from.data(), part);
    address += part;
    from = from.subspan(part);
  }
  return true;
}

std::optional<std::uint64_t> PausedMemory::PhysicalOf(std::uint64_t address) {
  const std::uint64_t skip = address % kPageBytes;
  const auto known = translations_.find(address - skip);
  if (known != translations_.end())
    return known->second ? std::optional(*known->second + skip) : std::nullopt;
  if (translations_.size() >= kTranslations) translations_.clear();
  const auto at = tables_.Translate(address - skip);
  translations_.emplace(address - skip, at ? std::optional(at->physical) : std::nullopt);
  return at ? std::optional(at->physical + skip) : std::nullopt;
}

bool PausedMemory::Read(std::uint64_t address, std::span<std::byte> into) {
  return ReadSome(address, into) == into.size();
}

std::size_t PausedMemory::ReadSome(std::uint64_t address, std::span<std::byte> into) {
  std::size_t done = 0;
  while (done < into.size()) {
    const std::size_t part = InPage(address + done, into.size() - done);
    const auto at = PhysicalOf(address + done);
    if (!at || !cache_.Read(*at, into.subspan(done, part))) break;
    done += part;
  }
  return done;
}

bool PausedMemory::Write(std::uint64_t address, std::span<const std::byte> from) {
  return tables_.Write(address, from);  // through the cache
}

}  // namespace ktstr::vmm
