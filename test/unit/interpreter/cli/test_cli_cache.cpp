// `cache` on templates made by hand.
#include <nlohmann/json.hpp>
#include <regex>

#include "test/unit/interpreter/cli/test_cli_fixture.h"

using namespace ktstr;
using namespace ktstr::test;

namespace {

/// A cache directory of its own, in use while this lives.
struct Cache {
  Cache() {
    if (const char* before = std::getenv("XDG_CACHE_HOME")) before_ = before;
    ::setenv("XDG_CACHE_HOME", dir.path().c_str(), 1);
  }
  ~Cache() {
    if (before_.empty()) {
      ::unsetenv("XDG_CACHE_HOME");
    } else {
      ::setenv("XDG_CACHE_HOME", before_.c_str(), 1);
    }
  }
  /// 1 MiB and a bit; last used on 2026-01-<day>, at noon.
  void Make(const std::string& key, int day, bool damaged = false) const {
    const std::filesystem::path at = templates / key;
    WriteText(at / "ram0", std::string(1 << 20, 'm'));
    WriteText(at / "manifest.json",
              damaged ? "{" : R"({"key": ")" + key + R"(", "description": "kernel 6.12, 1n1l2c1t",
      "kernel_release": "6.12", "boot_id": "b", "parked_ns": 5, "build_ms": 1.5, "ram_hashes": [1], "state_hash": 2})");
    WriteText(templates / (key + ".lock"), "");
    const auto when = std::chrono::sys_days(std::chrono::year(2026) / 1 / day) + std::chrono::hours(12);
    std::filesystem::last_write_time(at, std::chrono::file_clock::from_sys(std::chrono::sys_seconds(when)));
  }
  [[nodiscard]] bool Has(const std::string& name) const { return std::filesystem::exists(templates / name); }

  WorkDir dir;
  std::filesystem::path templates = dir.path() / "ktstr-interp" / "templates";

 private:
  std::string before_;
};

constexpr const char* kOld = "0123456789abcdef";
constexpr const char* kNew = "fedcba9876543210";

/// Sizes on disk depend on the file system.
std::string Steady(const std::string& text) {
  return std::regex_replace(text, std::regex("[0-9.]+ MiB"), "N MiB");
}

}  // namespace

TEST_CASE("cache list names the templates, the last used first") {
  const Cache cache;
  cache.Make(kOld, 3);
  cache.Make(kNew, 4, true);
  const CliResult list = Cli({"cache", "list"});
  CHECK(list.code == 0);
  CHECK(Steady(list.out) ==
        "fedcba9876543210     N MiB  used 2026-01-04T12:00:00Z  (damaged)\n"
        "0123456789abcdef     N MiB  used 2026-01-03T12:00:00Z  kernel 6.12, 1n1l2c1t\n");
  CHECK(Steady(list.err) == "2 templates, N MiB\n");
  const auto json = nlohmann::json::parse(Cli({"cache", "list", "--json"}).out);
  REQUIRE(json.size() == 2);
  CHECK(json[1]["key"] == kOld);
  CHECK(json[1]["description"] == "kernel 6.12, 1n1l2c1t");
  CHECK(json[1]["used"] == "2026-01-03T12:00:00Z");
  CHECK(json[1]["bytes"].get<std::uint64_t>() >= 1 << 20);
}

TEST_CASE("cache list of nothing") {
  const Cache cache;
  const CliResult list = Cli({"cache", "list"});
  CHECK(list.out.empty());
  CHECK(list.err == "0 templates, 0.0 MiB\n");
  CHECK(Cli({"cache", "list", "--json"}).out == "[]\n");
}

TEST_CASE("cache gc keeps what fits the limit, and removes lock files of what is gone") {
  const Cache cache;
  cache.Make(kOld, 3);
  cache.Make(kNew, 4);
  CHECK(Steady(Cli({"cache", "gc"}).out) == "freed N MiB; 2 templates, N MiB left\n");
  CHECK(cache.Has(kOld));
  CHECK(Steady(Cli({"cache", "gc", "--cache-size", "2MiB"}).out) == "freed N MiB; 1 template, N MiB left\n");
  CHECK_FALSE(cache.Has(kOld));
  CHECK_FALSE(cache.Has(std::string(kOld) + ".lock"));
  CHECK(cache.Has(kNew));
  CHECK(cache.Has(std::string(kNew) + ".lock"));
  const auto json = nlohmann::json::parse(Cli({"cache", "gc", "--all", "--json"}).out);
  CHECK(json["freed_bytes"].get<std::uint64_t>() >= 1 << 20);
  CHECK(json["templates"] == 0);
  CHECK(json["bytes"] == 0);
  CHECK(std::filesystem::is_empty(cache.templates));
}

TEST_CASE("cache path, and what is not to be done with it") {
  const Cache cache;
  CHECK(Cli({"cache", "path"}).out == cache.templates.string() + "\n");
  CHECK(nlohmann::json::parse(Cli({"cache", "path", "--json"}).out)["templates"] == cache.templates.string());
  const CliResult wrong = Cli({"cache", "lst"});
  CHECK(wrong.code == 64);
  CHECK(wrong.err ==
        "ktstr-interp: 'lst' is nothing to do with the cache; use list, gc or path\n  did you mean "
        "'list'?\n");
}

TEST_CASE("a cache that cannot be is one line") {
  const Cache cache;
  WriteText(cache.dir.path() / "ktstr-interp", "");
  const CliResult list = Cli({"cache", "list"});
  CHECK(list.code == 2);
  CHECK(std::count(list.err.begin(), list.err.end(), '\n') == 1);
  CHECK(list.err.find("cannot be written") != std::string::npos);
}
