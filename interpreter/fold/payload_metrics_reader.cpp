#include "interpreter/fold/payload_metrics_reader.h"

#include <algorithm>

#include "interpreter/fold/payload_metrics_parse.h"

namespace ktstr {

class PayloadMetricsReader::OfStream {
 public:
  OfStream(const OutputSpec& spec, const NamedMap<MetricHint>& hints, Stream stream)
      : spec_(spec), sink_(hints, stream) {}

  void Feed(std::string_view bytes) {
    total_ += bytes.size();
    switch (spec_.parse) {
      case OutputParse::kExitCode:
        return;
      case OutputParse::kKv:
        return FeedLines(bytes);
      case OutputParse::kJson:
        if (total_ <= kMaxJsonOutput)
          text_ += bytes;
        else
          text_ = {};
        return;
      case OutputParse::kRegex:
        text_ += bytes;
        if (text_.size() >= 2 * kKeptForRegex) text_.erase(0, text_.size() - kKeptForRegex);
        return;
    }
  }

  PayloadMetrics Take() {
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
    text_ = {};
    return sink_.Take();
  }
  [[nodiscard]] bool empty() const { return total_ == 0; }

 private:
  // One byte more than is ever searched, so that it shows that there was more.
  static constexpr std::size_t kKeptForRegex = kMaxRegexText + 1;

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
  std::size_t total_ = 0;
  std::string text_;  // kv: the last line, cut; json: all of it; regex: its end
};

PayloadMetricsReader::PayloadMetricsReader(const OutputSpec& spec, const NamedMap<MetricHint>& hints)
    : streams_{std::make_unique<OfStream>(spec, hints, Stream::kStdout),
               std::make_unique<OfStream>(spec, hints, Stream::kStderr)} {}
PayloadMetricsReader::PayloadMetricsReader(PayloadMetricsReader&&) noexcept = default;
PayloadMetricsReader::~PayloadMetricsReader() = default;

void PayloadMetricsReader::Feed(Stream stream, std::string_view bytes) {
  streams_[static_cast<std::size_t>(stream)]->Feed(bytes);
}

PayloadMetrics PayloadMetricsReader::Take() {
  OfStream& out = *streams_[static_cast<std::size_t>(Stream::kStdout)];
  OfStream& err = *streams_[static_cast<std::size_t>(Stream::kStderr)];
  PayloadMetrics found = out.Take();
  if (!found.metrics.empty() || !found.unread.empty() || err.empty()) return found;
  PayloadMetrics other = err.Take();
  return other.metrics.empty() && other.unread.empty() ? found : other;
}

PayloadMetrics ExtractMetrics(const OutputSpec& spec, const NamedMap<MetricHint>& hints,
                              std::string_view stdout_text, std::string_view stderr_text) {
  PayloadMetricsReader reader(spec, hints);
  reader.Feed(Stream::kStdout, stdout_text);
  reader.Feed(Stream::kStderr, stderr_text);
  return reader.Take();
}

}  // namespace ktstr
