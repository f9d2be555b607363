// Results as JUnit XML, for CI systems.
#pragma once

#include <string>
#include <string_view>

#include "interpreter/report/report_run.h"

namespace ktstr {

/// One testsuite, a testcase per run: FAIL is a failure, ERROR and INCONCLUSIVE are errors, SKIP and what was
/// not run are skipped. The text of a failure is RenderRun's.
std::string RenderJunit(const RunSummary& summary, std::string_view program);

/// `text` for XML 1.0, in content and attributes alike: what XML cannot hold (control characters, bytes that
/// are not UTF-8) becomes U+FFFD.
std::string EscapeXml(std::string_view text);

}  // namespace ktstr
