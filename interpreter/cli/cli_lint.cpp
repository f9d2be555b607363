#include <ostream>

#include "interpreter/cli/cli_commands.h"
#include "interpreter/cli/lint.h"

namespace ktstr {

int LintCommand(const CliOptions& options, Console& io) {
  const LintReport report = LintPaths(options.paths, options.allow_host_files);
  const DiagnosticFormat format = ParseDiagnosticFormat(options.format).value_or(DiagnosticFormat::kPretty);
  io.out << RenderDiagnostics(format, report.diagnostics, io.color_out) << std::flush;
  io.err << LintSummary(report) << '\n';
  return LintExitCode(report);
}

}  // namespace ktstr
