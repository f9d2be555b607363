// A library that looks like jemalloc from outside and has its counters where Debian's has not: in a block
// that is found through the vector of a thread's blocks, as of a library that was built for dlopen(). Built
// with -DMISCOUNTS, its counters do not count.
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace {

thread_local std::uint64_t something_else[5] = {1, 2, 3, 4, 5};
thread_local std::uint64_t allocated = 0;
thread_local std::uint64_t deallocated = 0;

/// Of a block made by mallocx, which begins with its size.
std::uint64_t& SizeOf(void* block) { return *(static_cast<std::uint64_t*>(block) - 2); }

}  // namespace

extern "C" {

void* mallocx(size_t size, int) {
  ++something_else[0];
#ifndef MISCOUNTS
  allocated += size;
#endif
  auto* const words = static_cast<std::uint64_t*>(std::malloc(size + 16));
  SizeOf(words + 2) = size;
  return words + 2;
}

void dallocx(void* block, int) {
#ifndef MISCOUNTS
  deallocated += SizeOf(block);
#endif
  std::free(static_cast<std::uint64_t*>(block) - 2);
}

int mallctl(const char* name, void* old, size_t*, void*, size_t) {
  std::uint64_t* const counter = std::strcmp(name, "thread.allocatedp") == 0 ? &allocated : &deallocated;
  std::memcpy(old, &counter, sizeof counter);
  return 0;
}
}
