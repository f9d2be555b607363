#include "interpreter/cli/cli.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <filesystem>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "guest-init/base/printable.h"
#include "interpreter/cli/cli_commands.h"
#include "interpreter/cli/cli_shared_options.h"
#include "interpreter/cli/cli_values.h"
#include "interpreter/cli/run_command.h"
#include "interpreter/report/kept_results.h"
#include "interpreter/report/version.h"
#include "ops/plan/suggest.h"

namespace ktstr {
namespace {

// ---- the commands

void RunOptions(CLI::App& app, CliOptions& o) {
  AddPaths(app, o)->required(false);  // --resume knows them
  app.add_option("--resume", o.resume,
                 "finish the runs of an earlier, interrupted or killed `run` whose results are in DIR, as it "
                 "was called; "
                 "finished ones are kept")
      ->type_name("DIR");
  AddFilters(app, o);
  AddFormat(app, o, {"pretty", "json", "junit"});
  app.add_option("--variant", o.variant, "only this variant, as `list` names it")->type_name("NAME");
  AddOut(app, o);
  app.add_flag("--dry-run", o.dry_run, "print the plan of each variant and boot nothing");
  app.add_flag("--fail-fast", o.fail_fast,
               "stop after the first scenario that neither passes nor is skipped");
  app.add_flag("--require", o.require,
               "a scenario whose requirements the kernel does not meet is an error, not skipped");
  AddNumber(app, "--repeat", o.repeat, 1, 1'000'000, "run each scenario N times (default: 1)");
  AddNumber(app, "--rerun-failed", o.rerun, 0, kMaxReruns,
            "run each scenario that fails N times more and say how often it fails again, instead of what "
            "scenarios say with `on_failure:`");
  app.add_flag(
      "--probe-failed", o.probe,
      "run each scenario that fails under a scheduler once more with probes in the kernel and on the "
      "scheduler, as `on_failure: {probe: true}` asks for");
  AddJobs(app, o);
  app.add_option_function<std::string>(
         "--timeout", [&o](const std::string& text) { o.timeout = ParseDurationOption(text); },
         "instead of the scenarios' `timeout:`, e.g. 30s")
      ->type_name("TIME");
  AddNumber(app, "--seed", o.seed, 0, kMaxU64, "instead of the scenarios' `seed:`");
  app.add_option_function<std::string>(
         "--clock", [&o](const std::string& text) { o.clock = ParseClockOption(text); },
         "wall or virtual, instead of the scenarios' `clock:`; of a matrix, the variants with this clock")
      ->type_name("CLOCK");
  app.add_option_function<std::string>(
         "--scheduler", [&o](const std::string& text) { o.scheduler = ParseSchedulerOption(text); },
         "this sched_ext scheduler under every scenario that names none: a program's path, a shipped "
         "scheduler, a name on PATH, or eevdf; its arguments behind it, separated by spaces. Scenarios that "
         "name a scheduler are skipped")
      ->type_name("\"PROGRAM [ARG]...\"");
  AddKernel(app, o);
  AddMachine(app, o);
  app.add_flag("-v,--verbose", o.verbose, "show every event of a run");
}
void ListOptions(CLI::App& app, CliOptions& o) {
  AddPaths(app, o);
  AddFilters(app, o);
  AddFormat(app, o, {"pretty", "json"});
}
void LintOptions(CLI::App& app, CliOptions& o) {
  AddPaths(app, o);
  AddFormat(app, o, {"pretty", "json", "sarif", "github"});
  AddHostFiles(app, o);
}
void ExplainOptions(CLI::App& app, CliOptions& o) {
  app.add_option("NAME", o.topic,
                 "an Op, a work type, a metric, a check, a section of a scenario, or a scenario file: then "
                 "every effective value with where it came from");
  app.add_flag("--json", o.json, "everything that is declared, as JSON");
}
void SchemaOptions(CLI::App& app, CliOptions& o) {
  app.add_option("--out", o.schema_out, "write scenario.schema.json and ops.md into this directory")
      ->type_name("DIR");
}
void KernelOptions(CLI::App& app, CliOptions& o) {
  app.add_option("ACTION", o.topic,
                 "list (the cached kernels), fetch (Debian's), build (one with sched_ext), path (what `run` "
                 "boots), gc (remove old ones and abandoned builds)")
      ->required();
  app.add_flag("--json", o.json, "list: as JSON, with features");
  app.add_option("--source", o.kernel_source,
                 "build: a kernel source tree or a tarball of one (default: Debian's linux-source-6.12, "
                 "downloaded into the cache)")
      ->type_name("PATH");
  app.add_option("--config", o.kernel_config, "build: configuration options that overrule ours")
      ->type_name("FRAGMENT");
  AddNumber(app, "-j,--jobs", o.kernel_jobs, 1, 1024, "build: jobs of make (default: one per core)");
  AddNumber(app, "--keep", o.kernel_keep, 0, kMaxU32,
            "gc: keep the newest N fetched and the newest N built (default: 1)");
  AddKernel(app, o);
}

void SchedulersOptions(CLI::App& app, CliOptions& o) {
  app.add_option("ACTION", o.topic, "list (what there is and what is built), build [NAME...] (all), path")
      ->required();
  app.add_option("NAME", o.words, "build: only these");
  app.add_flag("--json", o.json, "list: as JSON");
  app.add_option("--kernel", o.kernel, "build: for this cached kernel (default: the newest built one)")
      ->type_name("VERSION");
  app.add_option("--source", o.kernel_source, "build: from this kernel source (default: the kernel's own)")
      ->type_name("PATH");
  AddNumber(app, "-j,--jobs", o.kernel_jobs, 1, 1024, "build: jobs of make (default: one per core)");
}

void CacheOptions(CLI::App& app, CliOptions& o) {
  app.add_option("ACTION", o.topic, "list (the templates), gc (remove what is above the limit), path")
      ->required();
  app.add_flag("--json", o.json, "as JSON");
  app.add_flag("--all", o.all, "gc: remove every template");
  AddCacheSize(app, o);
}

void SnapshotOptions(CLI::App& app, CliOptions& o) {
  app.add_option("ACTION", o.topic,
                 "show RUN [TAG [PATH]] (the snapshots of a run; one of them; a part, e.g. "
                 "tasks[comm=spin].nr_threads), diff A B (each RUN:TAG or a file; exit code 1: they differ)")
      ->required();
  app.add_option("ARGUMENT", o.words, "a run's directory, a tag, a path; see ACTION");
  app.add_option("--map", o.map, "show: this BPF map, or the value in it that --key and --field lead to")
      ->type_name("NAME");
  app.add_option("--var", o.var, "show: this global variable of a BPF object")->type_name("NAME");
  app.add_option("--key", o.key, "a key of the map: 3, a=1,b=2, hex:03000000")->type_name("KEY");
  app.add_option("--field", o.field, "in the value, e.g. a.b[1]")->type_name("PATH");
  AddNumber(app, "--cpu", o.cpu, 0, kMaxU32, "of a per-CPU map");
  app.add_flag("--json", o.json, "as JSON");
  app.add_flag("--all", o.all, "fold no long list");
}

struct Command {
  const char* name;
  const char* help;
  void (*options)(CLI::App& app, CliOptions& o);
  int (*run)(const CliOptions& o, Console& io);
};
constexpr Command kCommands[] = {
    {"run", "Run scenarios on a kernel in a virtual machine", &RunOptions, &RunCommand},
    {"list", "Name the scenarios and their variants", &ListOptions, &ListCommand},
    {"lint", "Find every mistake in scenario files", &LintOptions, &LintCommand},
    {"explain", "Tell what a name or a file means", &ExplainOptions, &ExplainCommand},
    {"schema", "Print the JSON Schema for editors", &SchemaOptions, &SchemaCommand},
    {"verify", "Load sched_ext schedulers and count what their programs cost the verifier", &VerifyOptions,
     &VerifyCommand},
    {"kernel", "List, fetch, build or locate kernels", &KernelOptions, &KernelCommand},
    {"schedulers", "List or build the sched_ext schedulers of the kernel's source", &SchedulersOptions,
     &SchedulersCommand},
    {"cache", "List, remove or locate the templates that runs are cloned from", &CacheOptions, &CacheCommand},
    {"snapshot", "Show or compare the snapshots of a run", &SnapshotOptions, &SnapshotCommand},
};
constexpr const char* kAbout =
    "Runs Linux-scheduler tests written as YAML on a real kernel in a virtual machine.";
constexpr const char* kFooter =
    "Exit codes: 0 all passed or skipped (lint: no errors); 1 a scenario failed (lint: errors found);\n"
    "2 an error, an inconclusive result or an interruption; 64 a wrong command line.";

// ---- faults of the command line

/// What the user may have meant by an argument that nothing took.
std::string Suggest(const CLI::App& app, const CLI::App* command, const std::string& word) {
  std::vector<std::string> known;
  if (command == nullptr)
    for (const Command& candidate : kCommands) known.emplace_back(candidate.name);
  for (const CLI::Option* option : (command == nullptr ? &app : command)->get_options())
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  return DidYouMean(word.substr(0, word.find('=')), known);
}

int ReportParseError(const CLI::App& app, const CLI::ParseError& error, const CliOptions& options,
                     Console& io) {
  const std::vector<CLI::App*> parsed = app.get_subcommands();
  const CLI::App* command = parsed.empty() ? nullptr : parsed.front();
  const std::string help =
      fmt::format("{}{} --help", options.program, command == nullptr ? "" : " " + command->get_name());
  const std::vector<std::string> remaining = app.remaining(true);
  if (!remaining.empty()) {
    const std::string& word = remaining.front();
    const std::string_view what = word.starts_with('-') ? "option"
                                  : command == nullptr  ? "command"
                                                        : "argument";
    const std::string guess = Suggest(app, command, word);
    return UsageError(io, fmt::format("unknown {} '{}'", what, word), guess.empty() ? "see " + help : guess);
  }
  std::string message = error.what();
  while (!message.empty() && (message.back() == '\n' || message.back() == '.')) message.pop_back();
  if (command == nullptr) message = "a command is needed";
  return UsageError(io, message.substr(0, message.find('\n')), "see " + help);
}

int Dispatch(CLI::App& app, const CliOptions& options, Console& io) {
  const std::string name = app.get_subcommands().front()->get_name();
  for (const Command& command : kCommands)
    if (name == command.name) return command.run(options, io);
  return kExitError;  // not reached: the commands come from the same table
}

/// Reads the command line `words` into `options`; the exit code when that is all there is to do.
std::optional<int> Parse(CLI::App& app, std::span<const std::string> words, CliOptions& options,
                         Console& io) {
  app.footer(kFooter);
  app.set_version_flag("--version", fmt::format("ktstr-interp {}", kVersion));
  app.require_subcommand(1);
  for (const Command& command : kCommands)
    command.options(*app.add_subcommand(command.name, command.help), options);
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));  // CLI11 takes them from the back
  } catch (const CLI::Success& success) {                               // --help and --version
    return app.exit(success, io.out, io.err);
  } catch (const CLI::ParseError& error) {
    return ReportParseError(app, error, options, io);
  }
  options.arguments.assign(words.begin(), words.end());
  return std::nullopt;
}

/// What else the options of `run` ask for; the exit code when they are wrong.
std::optional<int> CheckRunOptions(const CLI::App& run, const CliOptions& options, Console& io) {
  const std::string help = fmt::format("see {} run --help", options.program);
  if (options.resume.empty()) {
    if (!options.paths.empty()) return std::nullopt;
    return UsageError(io, "PATH is required", help);
  }
  for (const CLI::Option* option : run.get_options()) {
    const bool may_change =
        option->check_name("--resume") || option->check_name("--jobs") || option->check_name("--verbose");
    if (option->count() > 0 && !may_change)
      return UsageError(
          io, fmt::format("--resume runs what was asked for then; leave {} out", option->get_name()), help);
  }
  return std::nullopt;
}

/// Calls `run` as the invocation did whose results are to be completed: with its arguments, in its working
/// directory, on its kernel.
int ResumeRun(const CliOptions& given, Console& io) {
  const Result<Invocation> invocation = ReadInvocation(given.resume);
  if (!invocation.ok()) return UsageError(io, invocation.error().message);
  CliOptions options;
  options.program = given.program;
  CLI::App app{kAbout, "ktstr-interp"};
  if (const std::optional<int> code = Parse(app, invocation->arguments, options, io)) return *code;
  options.resume = given.resume;
  if (options.kernel.empty()) options.kernel = invocation->kernel;
  if (given.jobs) options.jobs = given.jobs;
  options.verbose = options.verbose || given.verbose;
  std::error_code error;
  if (!std::filesystem::equivalent(invocation->directory, std::filesystem::current_path(error), error)) {
    options.resume = std::filesystem::absolute(given.resume).string();
    std::filesystem::current_path(invocation->directory, error);
    if (error)
      return CommandError(
          io, fmt::format("the directory '{}', in which that `run` was started, cannot be entered: {}",
                          invocation->directory.string(), error.message()));
  }
  return RunCommand(options, io);
}

int ParseAndRun(std::span<const char* const> argv, Console& io) {
  CliOptions options;
  if (!argv.empty()) options.program = argv.front();
  CLI::App app{kAbout, "ktstr-interp"};
  const std::vector<std::string> words(argv.begin() + (argv.empty() ? 0 : 1), argv.end());
  if (const std::optional<int> code = Parse(app, words, options, io)) return *code;
  const CLI::App& command = *app.get_subcommands().front();
  if (command.get_name() == "run") {
    if (const std::optional<int> code = CheckRunOptions(command, options, io)) return *code;
    if (!options.resume.empty()) return ResumeRun(options, io);
  }
  return Dispatch(app, options, io);
}

}  // namespace

int RunCli(std::span<const char* const> argv, Console& io) {
  int code = kExitError;
  try {
    code = ParseAndRun(argv, io);
  } catch (const std::exception& fault) {
    io.err << "ktstr-interp: internal error: " << Printable(fault.what()) << '\n';
  }
  io.err.flush();
  if (io.out.flush()) return code;
  io.err << "ktstr-interp: standard output cannot be written";
  if (io.out_error != nullptr && *io.out_error != 0) io.err << ": " << std::strerror(*io.out_error);
  io.err << '\n' << std::flush;
  return code == 0 ? kExitError : code;
}

}  // namespace ktstr
