#include "guest-init/kernel_log.h"

#include <fcntl.h>

#include <array>
#include <cerrno>
#include <charconv>

#include "guest-init/system_error.h"

namespace ktstr::guest {
namespace {

// More than the kernel ever puts into one record.
constexpr std::size_t kRecordBytes = 16384;
// What goes into one event, so that a flood of messages does not keep PID 1 from everything else.
constexpr std::size_t kMessagesPerEvent = 128;

/// Takes "<number><end>" off the front of `text`.
std::optional<std::uint64_t> TakeNumber(std::string_view& text, char end) {
  std::uint64_t value = 0;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || at == text.data() + text.size() || *at != end) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(at - text.data()) + 1);
  return value;
}

}  // namespace

std::optional<KernelMessage> ParseKmsgRecord(std::string_view record) {
  const std::size_t semicolon = record.find(';');
  if (semicolon == std::string_view::npos) return std::nullopt;
  std::string_view head = record;
  const auto priority = TakeNumber(head, ',');
  const auto sequence = priority ? TakeNumber(head, ',') : std::nullopt;
  const auto at_us = sequence ? TakeNumber(head, ',') : std::nullopt;
  if (!at_us) return std::nullopt;
  std::string_view text = record.substr(semicolon + 1);
  text = text.substr(0, text.find('\n'));
  return KernelMessage{*sequence, *at_us, static_cast<std::uint32_t>(*priority), std::string(text)};
}

KernelLog::KernelLog(EventLoop& loop, const std::string& kmsg, const std::string& tainted, Send send)
    : loop_(loop), send_(std::move(send)), kmsg_(open(kmsg.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {
  if (!kmsg_.valid()) fault_ = SystemError("opening " + kmsg).message;
  tainted_ = Fd(open(tainted.c_str(), O_RDONLY | O_CLOEXEC));
}

KernelLog::~KernelLog() { loop_.Remove(kmsg_.get()); }

bool KernelLog::ReadSome(KernelMessages& into) {
  std::array<char, kRecordBytes> record;
  while (kmsg_.valid() && into.messages.size() < kMessagesPerEvent) {
    const ssize_t got = read(kmsg_.get(), record.data(), record.size());
    if (got < 0 && (errno == EINTR || errno == EPIPE)) continue;  // EPIPE: overrun; the next number tells
    if (got < 0 && errno != EAGAIN) {
      fault_ = SystemError("reading the kernel log").message;
      loop_.Remove(kmsg_.get());
      kmsg_.Reset();
    }
    if (got <= 0) return false;
    std::optional<KernelMessage> message =
        ParseKmsgRecord(std::string_view(record.data(), static_cast<std::size_t>(got)));
    if (!message) continue;
    if (message->sequence > next_sequence_) into.lost += message->sequence - next_sequence_;
    next_sequence_ = message->sequence + 1;
    into.messages.push_back(std::move(*message));
  }
  return kmsg_.valid();
}

void KernelLog::ReadAhead() {
  if (begun_) return;
  for (bool more = true; more;) {
    KernelMessages early;
    early.early = true;
    more = ReadSome(early);
    if (!early.messages.empty()) early_.push_back(std::move(early));
  }
}

void KernelLog::Begin() {
  if (begun_) return;
  ReadAhead();
  begun_ = true;
  if (early_.empty()) early_.emplace_back().early = true;
  early_.back().taint = Taint();
  early_.back().fault = fault_;
  for (KernelMessages& early : early_) send_(std::move(early));
  early_.clear();
  Watch();
}

void KernelLog::Watch() {
  if (!begun_ || paused_ || !kmsg_.valid()) return;
  const Result<> added = loop_.Add(kmsg_.get(), EPOLLIN, [this](std::uint32_t) {
    KernelMessages now;
    ReadSome(now);
    if (!now.messages.empty()) send_(std::move(now));
  });
  if (!added.ok()) fault_ = added.error().message;
}

void KernelLog::Flush() {
  if (!begun_) return;
  for (bool more = true; more;) {
    KernelMessages now;
    more = ReadSome(now);
    if (!more) {
      now.taint = Taint();
      now.fault = fault_;
    }
    send_(std::move(now));
  }
}

void KernelLog::SetPaused(bool paused) {
  if (std::exchange(paused_, paused) == paused) return;
  if (paused)
    loop_.Remove(kmsg_.get());
  else
    Watch();
}

std::optional<std::uint64_t> KernelLog::Taint() const {
  std::array<char, 32> text;
  const ssize_t got = pread(tainted_.get(), text.data(), text.size(), 0);
  std::uint64_t mask = 0;
  if (got <= 0 || std::from_chars(text.data(), text.data() + got, mask).ec != std::errc())
    return std::nullopt;
  return mask;
}

}  // namespace ktstr::guest
