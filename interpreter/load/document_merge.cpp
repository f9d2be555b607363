// The end of a map: duplicate keys and `<<`.
#include <unordered_map>

#include "interpreter/load/document_build.h"

namespace ktstr {
namespace {

// Small maps, which nearly all are, are searched; large ones get an index.
class KeyIndex {
 public:
  explicit KeyIndex(std::vector<Entry>& entries) : entries_(entries) {}

  const Entry* Find(std::string_view key) {
    if (entries_.size() <= kSmall) {
      for (const Entry& entry : entries_) {
        if (entry.key == key) return &entry;
      }
      return nullptr;
    }
    for (; indexed_ < entries_.size(); ++indexed_) index_.emplace(entries_[indexed_].key, indexed_);
    const auto found = index_.find(key);
    return found == index_.end() ? nullptr : &entries_[found->second];
  }

 private:
  static constexpr std::size_t kSmall = 16;
  std::vector<Entry>& entries_;
  std::unordered_map<std::string_view, std::size_t> index_;
  std::size_t indexed_ = 0;
};

}  // namespace

std::vector<Entry> DocumentBuilder::WithoutDuplicates(std::span<const Entry> written) {
  std::vector<Entry> unique;
  unique.reserve(written.size());
  KeyIndex index(unique);
  for (const Entry& entry : written) {
    if (const Entry* first = index.Find(entry.key)) {
      Diagnose(entry.key_span, "duplicate-key",
               "the key '" + std::string(entry.key) + "' stands twice in this map", "",
               {{"", "the first one is here", first->key_span}});
    } else {
      unique.push_back(entry);
    }
  }
  return unique;
}

void DocumentBuilder::MergeMap(std::vector<Entry>& entries, const Node& from, const Span* merge_site) {
  KeyIndex index(entries);
  for (const Entry& entry : from.entries) {
    if (index.Find(entry.key)) continue;
    if (++merged_ > kMaxExpandedNodes) {
      Diagnose(from.span, "too-many-aliases",
               "'<<' adds more than " + std::to_string(kMaxExpandedNodes) + " entries to this file");
      throw ParseStopped{};
    }
    entries.push_back(entry);
    if (merge_site) entries.back().merge = merge_site;
  }
}

void DocumentBuilder::Merge(std::vector<Entry>& entries, const Node& merge) {
  const auto site = [](const Node& node) { return node.alias_of ? &node.span : nullptr; };
  const auto refuse = [&](const Node& node) {
    if (node.broken) return;
    Diagnose(node.span, "bad-merge",
             "'<<' takes a map or a list of maps, not " + std::string(KindPhrase(node.kind)));
  };
  if (merge.IsMap()) {
    MergeMap(entries, merge, site(merge));
  } else if (merge.IsSeq()) {
    for (const Node* item : merge.items) {
      if (item->IsMap()) {
        MergeMap(entries, *item, site(merge) ? site(merge) : site(*item));
      } else {
        refuse(*item);
      }
    }
  } else {
    refuse(merge);
  }
}

void DocumentBuilder::FinishMap(Frame& frame) {
  const std::span<const Entry> written = std::span<const Entry>(entries_).subspan(frame.children);
  std::vector<Entry> entries = WithoutDuplicates(written);
  entries_.resize(frame.children);
  if (frame.merge) Merge(entries, *frame.merge);
  frame.node->entries = storage_.Copy(std::span<const Entry>(entries));
}

}  // namespace ktstr
