// Options that several commands have, each spelled here only.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "interpreter/cli/cli_options.h"

namespace ktstr {

CLI::Option* AddPaths(CLI::App& app, CliOptions& o);
/// --filter and --tag.
void AddFilters(CLI::App& app, CliOptions& o);
/// The first of `formats` is the default.
void AddFormat(CLI::App& app, CliOptions& o, const std::vector<std::string>& formats);
void AddHostFiles(CLI::App& app, CliOptions& o);
void AddKernel(CLI::App& app, CliOptions& o);
void AddCacheSize(CLI::App& app, CliOptions& o);
/// How machines are made: --accel, --qemu, --allow-host-files, --no-clone, --cache-size.
void AddMachine(CLI::App& app, CliOptions& o);
void AddJobs(CLI::App& app, CliOptions& o);
void AddOut(CLI::App& app, CliOptions& o);

}  // namespace ktstr
