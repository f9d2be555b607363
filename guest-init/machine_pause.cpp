#include "guest-init/machine_pause.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <filesystem>

#include "guest-init/base/fd.h"
#include "guest-init/base/file_io.h"
#include "guest-init/system_error.h"

namespace ktstr::guest {
namespace {

constexpr const char* kPciDevices = "/sys/bus/pci/devices";
constexpr const char* kVendor = "0x1b36\n";  // Red Hat
constexpr const char* kDevice = "0x0011\n";  // pvpanic-pci
constexpr std::uint8_t kPanicked = 1;        // the bit that asks for the action

}  // namespace

Result<> PauseThisMachine() {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(kPciDevices, error)) {
    const std::string device = entry.path().string();
    if (ReadSmallFile((device + "/vendor").c_str()) != kVendor ||
        ReadSmallFile((device + "/device").c_str()) != kDevice)
      continue;
    // Refused while the kernel's own driver has it, which has enabled it then.
    const Fd enable(open((device + "/enable").c_str(), O_WRONLY | O_CLOEXEC));
    static_cast<void>(!write(enable.get(), "1", 1));
    const Fd registers(open((device + "/resource0").c_str(), O_RDWR | O_CLOEXEC));
    if (!registers.valid()) return SystemError("opening " + device + "/resource0");
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    void* mapped = mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, registers.get(), 0);
    if (mapped == MAP_FAILED) return SystemError("mapping " + device + "/resource0");
    *static_cast<volatile std::uint8_t*>(mapped) = kPanicked;
    munmap(mapped, page);
    return {};
  }
  return Error{ErrorKind::kGuest, "this machine has no device to stop it with"};
}

}  // namespace ktstr::guest
