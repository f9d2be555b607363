#include "interpreter/report/descriptor_stream.h"

#include <span>

#include "guest-init/base/file_io.h"

namespace ktstr {

DescriptorStream::Buffer::Buffer(int to) : fd(to) { setp(held.data(), held.data() + held.size()); }

DescriptorStream::Buffer::~Buffer() { WriteHeld(); }

bool DescriptorStream::Buffer::WriteHeld() {
  const auto size = static_cast<std::size_t>(pptr() - pbase());
  if (error == 0 && size > 0) error = WriteAll(fd, std::as_bytes(std::span(pbase(), size)));
  setp(held.data(), held.data() + held.size());
  return error == 0;
}

int DescriptorStream::Buffer::sync() { return WriteHeld() ? 0 : -1; }

DescriptorStream::Buffer::int_type DescriptorStream::Buffer::overflow(int_type next) {
  if (!WriteHeld()) return traits_type::eof();
  if (!traits_type::eq_int_type(next, traits_type::eof())) sputc(traits_type::to_char_type(next));
  return traits_type::not_eof(next);
}

}  // namespace ktstr
