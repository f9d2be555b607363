// A worker's report on its way through its pipe to PID 1: a fixed header, then the encoded WorkerReport. The
// header tells a report from whatever else a broken worker may have written.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "guest-init/wire/report.h"

namespace ktstr::guest {

/// No valid record is longer; a worker that sends more is cut off.
inline constexpr std::size_t kMaxReportRecord = std::size_t{16} << 20;

/// Drops the raw samples (and sets `stripped`) when the report would not fit into a frame with them.
std::vector<std::byte> EncodeReportRecord(WorkerReport& report);
/// nullopt unless `bytes` is exactly one intact record.
std::optional<WorkerReport> DecodeReportRecord(std::span<const std::byte> bytes);

}  // namespace ktstr::guest
