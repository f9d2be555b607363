#include "interpreter/cli/cli_shared_options.h"

#include <fmt/format.h>

#include "interpreter/cli/cli_values.h"

namespace ktstr {

CLI::Option* AddPaths(CLI::App& app, CliOptions& o) {
  return app.add_option("PATH", o.paths, "scenario files, and directories searched for *.yaml and *.yml")
      ->required();
}
void AddFilters(CLI::App& app, CliOptions& o) {
  app.add_option("--filter", o.filters,
                 "only scenarios whose path, name or PATH#VARIANT contains TEXT, or matches it when it has "
                 "one of *?[ (repeatable: any of them)")
      ->type_name("TEXT")
      ->allow_extra_args(false);
  app.add_option("--tag", o.tags, "only scenarios with this tag (repeatable: any of them)")
      ->type_name("TAG")
      ->allow_extra_args(false);
}
void AddFormat(CLI::App& app, CliOptions& o, const std::vector<std::string>& formats) {
  app.add_option("--format", o.format, fmt::format("{} (default: pretty)", fmt::join(formats, ", ")))
      ->type_name("FORMAT")
      ->check([formats](const std::string& word) {
        for (const std::string& format : formats)
          if (word == format) return std::string();
        return fmt::format("'{}' is not a format; use {}", word, fmt::join(formats, ", "));
      });
}
void AddHostFiles(CLI::App& app, CliOptions& o) {
  app.add_flag(
      "--allow-host-files", o.allow_host_files,
      "payloads may be files outside the scenario's directory; whoever wrote the scenario can then read "
      "programs and scripts that you can read");
}
void AddKernel(CLI::App& app, CliOptions& o) {
  app.add_option("--kernel", o.kernel,
                 "a kernel image, or the version of a cached one (default: $KTSTR_KERNEL, else the newest "
                 "built one in the cache, else the newest fetched, else Debian's, fetched)")
      ->type_name("IMAGE");
}

void AddCacheSize(CLI::App& app, CliOptions& o) {
  app.add_option_function<std::string>(
         "--cache-size", [&o](const std::string& text) { o.cache_bytes = ParseBytesOption(text); },
         "the least recently used templates above this are removed (default: 4GiB)")
      ->type_name("SIZE");
}

void AddMachine(CLI::App& app, CliOptions& o) {
  app.add_option("--accel", o.accel, "auto, kvm or tcg (default: auto, which is kvm where it really works)")
      ->type_name("ACCEL");
  app.add_option("--qemu", o.qemu, "the QEMU to use (default: qemu-system-x86_64 on PATH)")
      ->type_name("PROGRAM");
  AddHostFiles(app, o);
  app.add_flag("--no-clone", o.no_clone, "boot a machine for each scenario instead of cloning a booted one");
  AddCacheSize(app, o);
}
void AddJobs(CLI::App& app, CliOptions& o) {
  AddNumber(app, "-j,--jobs", o.jobs, 1, 4096,
            "run N scenarios at a time (default: as many as CPUs and memory allow; -v says why)");
}
void AddOut(CLI::App& app, CliOptions& o) {
  app.add_option("--out", o.out, "where results are kept; each run has its own directory (default: runs)")
      ->type_name("DIR");
}

}  // namespace ktstr
