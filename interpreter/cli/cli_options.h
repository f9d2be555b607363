// What the command line said. One struct for all commands: each fills and reads its part.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "guest-init/base/units.h"
#include "interpreter/plan/plan.h"
#include "interpreter/scenario/scenario.h"
#include "vmm/template/template_cache.h"

namespace ktstr {

struct CliOptions {
  std::string program = "ktstr-interp";  // as the user called it; for commands to repeat

  // which scenarios (run, list, lint)
  std::vector<std::string> paths;
  std::vector<std::string> filters;
  std::vector<std::string> tags;
  std::string variant;  // "": all

  std::string format = "pretty";
  bool allow_host_files = false;  // run, lint: scenarios may name files outside their directories

  // run
  std::vector<std::string>
      arguments;       // the command line after the program's name, for those who finish it later
  std::string resume;  // a results directory to finish; "": a new one
  std::string out = "runs";
  bool fail_fast = false;
  bool require = false;  // an unmet requirement is an error, not a skip
  bool dry_run = false;
  bool verbose = false;
  std::uint32_t repeat = 1;
  std::optional<std::uint32_t> rerun;  // instead of the scenarios' `on_failure: {rerun: N}`
  bool probe = false;                  // as `on_failure: {probe: true}` for every scenario
  std::optional<std::uint32_t> jobs;   // runs at a time; nothing: as many as the host allows
  std::optional<Duration> timeout;     // instead of the scenarios'
  std::optional<Clock> clock;
  std::optional<std::uint64_t> seed;
  std::optional<SchedulerOverride> scheduler;
  std::string kernel;  // "": $KTSTR_KERNEL, the cache, or fetched
  std::string accel = "auto";
  std::string qemu = "qemu-system-x86_64";
  bool no_clone = false;  // boot each machine
  std::uint64_t cache_bytes = vmm::TemplateCache::kDefaultLimit;

  // verify
  std::vector<SchedulerOverride> schedulers;  // beside those that the scenarios declare
  std::vector<std::string> kernels;           // as `kernel`; none: the one that `run` prefers
  std::vector<TopologySpec> topologies;       // none: the usual ones
  std::string baseline;                       // a results directory; "": none
  std::optional<std::uint64_t> max_insns;     // in place of the schedulers'
  std::optional<Percent> max_growth;
  bool raw = false;  // no log is folded

  // kernel and schedulers
  std::string kernel_source;  // build: a directory or tarball; "": Debian's package, or what the kernel is of
  std::string kernel_config;  // build: a fragment; "": none
  unsigned kernel_jobs = 0;   // build: of make; 0: one per core
  std::size_t kernel_keep = 1;  // gc: so many of each kind

  // snapshot
  std::vector<std::string> words;  // show: RUN [TAG [PATH]]; diff: A B; schedulers build: names
  std::optional<std::string> map;
  std::optional<std::string> var;
  std::optional<std::string> key;
  std::optional<std::string> field;
  std::optional<std::uint32_t> cpu;

  std::string topic;  // explain: a name or a file; kernel, schedulers, cache and snapshot: what to do
  bool json = false;
  bool all = false;        // cache gc: every template; snapshot: long lists, too
  std::string schema_out;  // schema: a directory; "": standard output
};

}  // namespace ktstr
