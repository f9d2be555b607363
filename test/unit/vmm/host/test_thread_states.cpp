#include <catch2/catch.hpp>

#include "test/unit/vmm/host/temp_dir.h"
#include "vmm/host/thread_states.h"

namespace ktstr::vmm {
namespace {

TEST_CASE("each thread is told with its name and what it does") {
  const TempDir dir;
  (void)dir.Write("7/task/7/stat", "7 (qemu-system-x86) S 1 7 7 0");
  (void)dir.Write("7/task/8/stat", "8 (ALL CPUs/TCG) R 1 7 7 0");
  (void)dir.Write("7/task/9/stat", "9 (odd) name) D 1 7 7 0");
  (void)dir.Write("7/task/91/stat", "91 (a) T 1");
  (void)dir.Write("7/task/92/stat", "92 (b) t 1");
  (void)dir.Write("7/task/93/stat", "garbage");
  CHECK(DescribeThreads(7, dir.path()) ==
        "qemu-system-x86 sleeping, ALL CPUs/TCG running, odd) name waiting in the kernel, a stopped by a "
        "signal, b "
        "held by a debugger");
  CHECK(DescribeThreads(8, dir.path()) == "gone");
}

}  // namespace
}  // namespace ktstr::vmm
