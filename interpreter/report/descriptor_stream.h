// A stream to a file descriptor that remembers why it could not be written.
#pragma once

#include <array>
#include <ostream>
#include <streambuf>

namespace ktstr {

/// Streams of the C++ library say only that they failed. One thread. The descriptor outlives it and is not
/// closed by it. What is left is written at its end.
class DescriptorStream : public std::ostream {
 public:
  explicit DescriptorStream(int fd) : std::ostream(nullptr), buffer_(fd) { rdbuf(&buffer_); }
  DescriptorStream(const DescriptorStream&) = delete;

  /// The errno of the first write that failed; 0 while none has. After it nothing more is written.
  [[nodiscard]] const int& error() const { return buffer_.error; }

 private:
  struct Buffer : std::streambuf {
    // Holds what is written until it is full or flushed.
    explicit Buffer(int to);
    ~Buffer() override;
    Buffer(const Buffer&) = delete;
    int_type overflow(int_type next) override;
    int sync() override;
    bool WriteHeld();  // whether all could be written so far

    int fd;
    int error = 0;  // an errno
    std::array<char, 4096> held;
  };

  Buffer buffer_;
};

}  // namespace ktstr
