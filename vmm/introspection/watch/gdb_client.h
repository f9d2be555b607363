// QEMU's debugger stub: registers, memory and write watchpoints of a paused machine.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/base/fd.h"
#include "guest-init/base/result.h"
#include "vmm/host/byte_stream.h"
#include "vmm/host/deadline.h"
#include "vmm/introspection/memory/kernel_memory.h"
#include "vmm/introspection/watch/gdb_packets.h"

namespace ktstr::vmm {

class Machine;

/// Numbers that x86-64 stubs agree on; the others come from vmm/introspection/memory/registers.h.
enum class GdbRegister : std::uint32_t { kRsp = 7, kRip = 16 };

/// One connection to the stub. It is never asked to run or to stop the machine: that is QMP's, because the
/// stub swallows any byte that comes while the machine runs, and stops it. So every request REQUIRES that the
/// machine is paused (Machine::Pause(), or a watchpoint was hit). One thread.
///
/// Errors, from the second on permanent: kMachine "QEMU's debugger stub refused 'x': E22"; kMachine "QEMU
/// closed its debugger socket"; kTimeout "QEMU's debugger stub did not answer 'x' in time"; kProtocol, see
/// PacketReader and ParseStopReply.
class GdbClient {
 public:
  /// QEMU's stub takes and gives no more bytes at once.
  static constexpr std::size_t kMaxChunk = 1024;
  static constexpr std::chrono::seconds kTimeout{5};

  /// Has QEMU attach its stub to the machine's debugger stream; for the rest of its life. REQUIRES: the
  /// machine is paused, and is not attached to. From now on somebody has to read: see OnReadable().
  static Result<GdbClient> Attach(Machine& machine);
  /// REQUIRES: a connected non-blocking stream socket.
  explicit GdbClient(Fd socket) : socket_(std::move(socket)) {}

  [[nodiscard]] int fd() const { return socket_.get(); }

  /// Reads what is there without blocking. The stub tells of each stop of the machine, whoever asked for it:
  /// QEMU blocks once some 200 of them are unread.
  Result<> OnReadable();
  /// The oldest stop that was read and not yet taken.
  std::optional<StopReply> TakeStop();

  Result<std::uint64_t> ReadRegister(std::uint32_t cpu, GdbRegister which);
  /// Memory as the first CPU addresses it now: of the kernel, what every CPU sees.
  Result<> ReadMemory(std::uint64_t address, std::span<std::byte> into);
  Result<> WriteMemory(std::uint64_t address, std::span<const std::byte> from);
  /// From now on addresses of memory are physical ones, or virtual ones again.
  Result<> UsePhysicalAddresses(bool physical);
  /// Stops the machine after each write to one of `bytes` bytes from a virtual address on.
  Result<> InsertWatch(std::uint64_t address, std::uint32_t bytes);
  Result<> RemoveWatch(std::uint64_t address, std::uint32_t bytes);

  /// Sends all requests at once; their answers in the same order.
  Result<std::vector<std::string>> Ask(std::span<const std::string> requests);
  Result<std::string> Ask(const std::string& request);
  /// The first error that no later call can get over; each returns it again.
  [[nodiscard]] const std::optional<Error>& broken() const { return broken_; }

 private:
  Result<> TakePackets();
  Result<> Expect(const std::string& request, std::string_view answer);
  Result<> Break(ErrorKind kind, std::string message);
  Result<> Send(std::string_view bytes, Deadline deadline, const std::string& request);

  Fd socket_;
  PacketReader reader_;
  std::deque<std::string> answers_;
  std::deque<StopReply> stops_;
  std::optional<Error> broken_;
};

/// The guest's kernel memory by way of the stub: slow, but QEMU's own translation. The machine is paused.
class GdbMemory final : public KernelMemory {
 public:
  /// `client` outlives this.
  explicit GdbMemory(GdbClient& client) : client_(client) {}

  bool Read(std::uint64_t address, std::span<std::byte> into) override;
  std::size_t ReadSome(std::uint64_t address, std::span<std::byte> into) override;
  bool Write(std::uint64_t address, std::span<const std::byte> from) override;

 private:
  GdbClient& client_;
};

}  // namespace ktstr::vmm
