#include "test/guest/template_cache.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>

#include "test/checkout.h"

namespace ktstr::test {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> WithKernel(std::vector<std::string> args) {
  static const std::string kernel = DefaultKernel();  // from the usual cache, which the run does not see
  if (std::find(args.begin(), args.end(), "--kernel") == args.end())
    args.insert(args.end(), {"--kernel", kernel});
  return args;
}

}  // namespace

TemplateCache::TemplateCache() : dir_(std::make_unique<TempDir>()) {}

TemplateCache TemplateCache::WithTemplate(const std::string& qemu) {
  const fs::path shared = fs::path(kBinaryDir) / "test-cache";
  fs::create_directories(shared);
  std::vector<std::string> args = {"--cache-size", "512MiB"};
  if (!qemu.empty()) args.insert(args.end(), {"--qemu", qemu});
  GuestRun run(kTiny, WithKernel(args), {"XDG_CACHE_HOME=" + shared.string()});
  run.Finish("PASS");
  const std::string started = Started(run);
  REQUIRE_THAT(started, Catch::StartsWith("clone of "));
  TemplateCache cache;
  fs::create_directories(cache.templates());
  const std::string copy = "cp -a --sparse=always '" +
                           (shared / "ktstr-interp/templates" / started.substr(9)).string() + "' '" +
                           cache.templates().string() + "'";
  REQUIRE(std::system(copy.c_str()) == 0);
  return cache;
}

std::unique_ptr<GuestRun> TemplateCache::Start(const std::string& yaml, std::vector<std::string> args,
                                               std::vector<std::string> env) const {
  env.push_back("XDG_CACHE_HOME=" + home().string());
  return std::make_unique<GuestRun>(yaml, WithKernel(std::move(args)), std::move(env));
}

std::unique_ptr<GuestRun> TemplateCache::Pass(const std::string& yaml, std::vector<std::string> args,
                                              std::vector<std::string> env) const {
  auto run = Start(yaml, std::move(args), std::move(env));
  run->Finish("PASS");
  return run;
}

std::vector<std::string> TemplateCache::Names() const {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(templates()))
    if (entry.path().extension() != ".lock") names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

fs::path TemplateCache::File(const std::string& name) const {
  const std::vector<std::string> names = Names();
  REQUIRE(names.size() == 1);
  return templates() / names[0] / name;
}

std::string Started(const GuestRun& run) { return run.File("verdict.json").at("machine").at("started"); }

int TemplatesMade(GuestRun& run) {
  const std::string& text = run.process().err();
  int made = 0;
  for (std::size_t at = 0; (at = text.find("making a template", at)) != std::string::npos; ++at) ++made;
  return made;
}

}  // namespace ktstr::test
