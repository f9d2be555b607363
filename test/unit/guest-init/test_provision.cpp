// Files as the host hands them over: content, mode, directories.
#include <stdlib.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "guest-init/provision.h"

namespace ktstr::guest {
namespace {

namespace fs = std::filesystem;

/// A directory of its own, removed with all it holds.
struct Root {
  Root() {
    std::string pattern = (fs::temp_directory_path() / "ktstr-test-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  Root(const Root&) = delete;
  Root& operator=(const Root&) = delete;
  ~Root() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  fs::path path;
};

unsigned ModeOf(const fs::path& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

std::string ContentOf(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST_CASE("a file has its mode whatever the umask is, and its directories are made") {
  const Root root;
  const mode_t before = ::umask(0077);
  const std::string deep = root.path / "a/b/c/d/e/f/g/h/program", data = root.path / "a/b/data";
  const bool stored =
      StoreFile({deep, 0755, false, "#!/bin/sh\n"}).ok() && StoreFile({data, 0644, false, ""}).ok();
  ::umask(before);
  REQUIRE(stored);
  CHECK(ModeOf(deep) == 0755);
  CHECK(ContentOf(deep) == "#!/bin/sh\n");
  CHECK(ModeOf(data) == 0644);
  CHECK(fs::file_size(data) == 0);
}

TEST_CASE("a file that comes in pieces is put together; one that comes again replaces the first") {
  const Root root;
  const std::string file = root.path / "file";
  REQUIRE(StoreFile({file, 0755, false, "one "}).ok());
  REQUIRE(StoreFile({file, 0755, true, "two "}).ok());
  REQUIRE(StoreFile({file, 0644, true, "three"}).ok());
  CHECK(ContentOf(file) == "one two three");
  CHECK(ModeOf(file) == 0644);
  REQUIRE(StoreFile({file, 0600, false, "new"}).ok());
  CHECK(ContentOf(file) == "new");
  CHECK(ModeOf(file) == 0600);
}

TEST_CASE("what cannot be stored is named") {
  const Root root;
  const std::string file = root.path / "file";
  REQUIRE(StoreFile({file, 0644, false, ""}).ok());
  const Result<> below_file = StoreFile({file + "/below", 0644, false, "x"});
  REQUIRE_FALSE(below_file.ok());
  CHECK(below_file.error().message == "opening " + file + "/below: Not a directory");
  const Result<> full = StoreFile({"/dev/full", 0666, true, "x"});
  REQUIRE_FALSE(full.ok());
  CHECK(full.error().message == "writing /dev/full: No space left on device");
}

}  // namespace
}  // namespace ktstr::guest
