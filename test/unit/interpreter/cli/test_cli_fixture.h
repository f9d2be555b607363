// The command line inside a directory of its own, with its output caught.
#pragma once

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "interpreter/cli/cli.h"

namespace ktstr::test {

/// The current directory while it lives, so that paths in pinned texts are short and always the same.
class WorkDir {
 public:
  WorkDir() : before_(std::filesystem::current_path()) {
    std::string name = (std::filesystem::temp_directory_path() / "ktstr-cli-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
    std::filesystem::current_path(path_);
  }
  WorkDir(const WorkDir&) = delete;
  WorkDir& operator=(const WorkDir&) = delete;
  ~WorkDir() {
    std::filesystem::current_path(before_);
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path before_;
  std::filesystem::path path_;
};

inline void WriteText(const std::filesystem::path& path, const std::string& text) {
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path());
  std::ofstream(path) << text;
  REQUIRE(std::filesystem::exists(path));
}

inline std::string ReadText(const std::filesystem::path& path) {
  std::ifstream file(path);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct CliResult {
  int code = -1;
  std::string out;
  std::string err;
};

inline CliResult Cli(const std::vector<std::string>& args) {
  std::ostringstream out, err;
  Console io{out, err};
  std::vector<const char*> argv = {"ktstr-interp"};
  for (const std::string& arg : args) argv.push_back(arg.c_str());
  CliResult result;
  result.code = RunCli(argv, io);
  result.out = out.str();
  result.err = err.str();
  return result;
}

inline const std::string kTinyScenario = R"(version: 1
name: tiny
description: Nothing happens for a second.
tags: [smoke]
steps:
  - hold: 1s
)";

}  // namespace ktstr::test
