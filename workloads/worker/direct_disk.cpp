#include "workloads/worker/direct_disk.h"

#include <fcntl.h>
#include <unistd.h>

#include <string>

namespace ktstr {

DirectDisk::DirectDisk(WorkerContext& context) : context_(context) {
  // An open file of its own: the one that is shared was opened for the page cache.
  file_ =
      Fd(open(("/proc/self/fd/" + std::to_string(context.disk())).c_str(), O_RDWR | O_DIRECT | O_CLOEXEC));
  if (!file_.valid()) context.FailCall("opening the disk with O_DIRECT");
  const off_t size = lseek(file_.get(), 0, SEEK_END);
  if (size < 0) context.FailCall("lseek on the disk");
  stripe_blocks_ = static_cast<std::uint64_t>(size) / kDiskStripes / kDiskBlockBytes;
  if (stripe_blocks_ == 0) context.Fail("the disk is too small");
  to_write_.fill('k');
}

std::uint64_t DirectDisk::own_stripe() const {
  return context_.place().index % kDiskStripes * stripe_blocks_;
}

void DirectDisk::Read(std::uint64_t block) {
  const std::uint64_t begin = context_.BeginBlock();
  const ssize_t done =
      pread(file_.get(), read_.data(), read_.size(), static_cast<off_t>(block * read_.size()));
  if (done < 0) context_.FailCall("pread of the disk");
  context_.EndBlock(begin);
  if (done != static_cast<ssize_t>(read_.size())) context_.Fail("the disk gave part of a block only");
}

void DirectDisk::Write(std::uint64_t block) {
  const std::uint64_t begin = context_.BeginBlock();
  const ssize_t done =
      pwrite(file_.get(), to_write_.data(), to_write_.size(), static_cast<off_t>(block * to_write_.size()));
  if (done < 0) context_.FailCall("pwrite to the disk");
  context_.EndBlock(begin);
  if (done != static_cast<ssize_t>(to_write_.size())) context_.Fail("the disk took part of a block only");
}

void DirectDisk::Flush() {
  const std::uint64_t begin = context_.BeginBlock();
  if (fdatasync(file_.get()) != 0) context_.FailCall("fdatasync of the disk");
  context_.EndBlock(begin);
}

}  // namespace ktstr
