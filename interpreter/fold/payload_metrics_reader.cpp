#include "interpreter/fold/payload_metrics_reader.h"

#include <algorithm>
#include <utility>

#include "interpreter/fold/payload_metrics_parse.h"

namespace ktstr {
namespace {

std::string NoRoom() {
  return "the payloads of a run may have " + std::to_string(kMaxHeldOutput >> 20) +
         " MiB of output and numbers kept in memory together";
}

std::size_t BytesOf(const PayloadMetrics& found) {
  std::size_t bytes = 0;
  for (const PayloadMetric& metric : found.metrics)
    bytes += sizeof metric + metric.name.size() + metric.unit.size();
  for (const std::string& note : found.notes) bytes += note.size();
  return bytes;
}

}  // namespace

class PayloadMetricsReader::OfStream {
 public:
  OfStream(const OutputSpec& spec, const NamedMap<MetricHint>& hints, Stream stream, OutputMemory& memory)
      : spec_(spec), sink_(hints, stream), memory_(memory) {}
  ~OfStream() { Drop(); }
  OfStream(const OfStream&) = delete;
  OfStream& operator=(const OfStream&) = delete;

  void Feed(std::string_view bytes) {
    total_ += bytes.size();
    switch (spec_.parse) {
      case OutputParse::kExitCode:
        return;
      case OutputParse::kKv:
        return FeedLines(bytes);
      case OutputParse::kJson:
        if (total_ <= kMaxJsonOutput)
          Hold(bytes);
        else
          Drop();
        return;
      case OutputParse::kRegex:
        Hold(bytes);
        if (text_.size() >= 2 * kKeptForRegex) KeepEnd(kKeptForRegex);
        return;
    }
  }

  PayloadMetrics Take() {
    if (no_room_) {
      sink_.Unread("it printed " + std::to_string(total_) + " bytes, and " + NoRoom());
      return sink_.Take();
    }
    switch (spec_.parse) {
      case OutputParse::kExitCode:
        break;
      case OutputParse::kKv:
        ParseKvLine(text_, sink_);
        break;
      case OutputParse::kJson:
        if (total_ > kMaxJsonOutput)
          sink_.Unread("it printed " + std::to_string(total_) + " bytes, and JSON of at most " +
                       std::to_string(kMaxJsonOutput >> 20) + " MiB is read");
        else
          ParseJsonOutput(text_, sink_);
        break;
      case OutputParse::kRegex:
        // The same text whatever the pieces were in which it came.
        ParseRegexOutput(spec_.regex,
                         std::string_view(text_).substr(text_.size() - std::min(text_.size(), kKeptForRegex)),
                         sink_);
        break;
    }
    Drop();
    return sink_.Take();
  }
  [[nodiscard]] bool empty() const { return total_ == 0; }

 private:
  // One byte more than is ever searched, so that it shows that there was more.
  static constexpr std::size_t kKeptForRegex = kMaxRegexText + 1;

  void Hold(std::string_view bytes) {
    if (no_room_) return;
    if (memory_.Take(bytes.size())) {
      held_ += bytes.size();
      text_ += bytes;
    } else {
      no_room_ = true;
      Drop();
    }
  }
  void KeepEnd(std::size_t bytes) {
    const std::size_t surplus = text_.size() - bytes;
    text_.erase(0, surplus);
    held_ -= surplus;
    memory_.GiveBack(surplus);
  }
  void Drop() {
    memory_.GiveBack(std::exchange(held_, 0));
    text_ = {};
  }

  void FeedLines(std::string_view bytes) {
    while (!bytes.empty()) {
      const std::size_t end = bytes.find_first_of("\r\n");
      text_ += bytes.substr(0, std::min(end, kMaxOutputLine - text_.size()));
      if (end == std::string_view::npos) return;
      ParseKvLine(text_, sink_);
      text_.clear();
      bytes.remove_prefix(end + 1);
    }
  }

  const OutputSpec& spec_;
  MetricSink sink_;
  OutputMemory& memory_;
  std::size_t held_ = 0;  // of `memory_`, for `text_` of JSON and regex
  bool no_room_ = false;
  std::size_t total_ = 0;
  std::string text_;  // kv: the last line, cut; json: all of it; regex: its end
};

PayloadMetricsReader::PayloadMetricsReader(const OutputSpec& spec, const NamedMap<MetricHint>& hints,
                                           OutputMemory& memory)
    : memory_(&memory),
      streams_{std::make_unique<OfStream>(spec, hints, Stream::kStdout, memory),
               std::make_unique<OfStream>(spec, hints, Stream::kStderr, memory)} {}
PayloadMetricsReader::PayloadMetricsReader(PayloadMetricsReader&&) noexcept = default;
PayloadMetricsReader::~PayloadMetricsReader() = default;

void PayloadMetricsReader::Feed(Stream stream, std::string_view bytes) {
  streams_[static_cast<std::size_t>(stream)]->Feed(bytes);
}

PayloadMetrics PayloadMetricsReader::Take() {
  PayloadMetrics found = TakeFound();
  // They stay with the results of the run, so this is not given back.
  if (memory_->Take(BytesOf(found))) return found;
  PayloadMetrics none;
  none.unread = NoRoom();
  none.notes = {none.unread};
  return none;
}

PayloadMetrics PayloadMetricsReader::TakeFound() {
  OfStream& out = *streams_[static_cast<std::size_t>(Stream::kStdout)];
  OfStream& err = *streams_[static_cast<std::size_t>(Stream::kStderr)];
  PayloadMetrics found = out.Take();
  if (!found.metrics.empty() || !found.unread.empty() || err.empty()) return found;
  PayloadMetrics other = err.Take();
  return other.metrics.empty() && other.unread.empty() ? found : other;
}

PayloadMetrics ExtractMetrics(const OutputSpec& spec, const NamedMap<MetricHint>& hints,
                              std::string_view stdout_text, std::string_view stderr_text) {
  OutputMemory memory;
  PayloadMetricsReader reader(spec, hints, memory);
  reader.Feed(Stream::kStdout, stdout_text);
  reader.Feed(Stream::kStderr, stderr_text);
  return reader.Take();
}

}  // namespace ktstr
