#include "interpreter/cli/tee.h"

namespace ktstr {

void Tee::OnEvent(const RunEvent& event) {
  a_.OnEvent(event);
  b_.OnEvent(event);
}

void Tee::OnConsole(std::string_view bytes) {
  a_.OnConsole(bytes);
  b_.OnConsole(bytes);
}

void Tee::OnCrashText(std::string_view bytes) {
  a_.OnCrashText(bytes);
  b_.OnCrashText(bytes);
}

void Tee::OnKernelLog(std::string_view lines) {
  a_.OnKernelLog(lines);
  b_.OnKernelLog(lines);
}

void Tee::OnSchedulerDump(std::string_view lines) {
  a_.OnSchedulerDump(lines);
  b_.OnSchedulerDump(lines);
}

void Tee::OnPayloadOutput(std::uint32_t handle, std::string_view payload, Stream stream,
                          std::string_view bytes) {
  a_.OnPayloadOutput(handle, payload, stream, bytes);
  b_.OnPayloadOutput(handle, payload, stream, bytes);
}

}  // namespace ktstr
