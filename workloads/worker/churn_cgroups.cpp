#include "workloads/worker/churn_cgroups.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "guest-init/base/file_io.h"
#include "workloads/worker/own_cgroup.h"

namespace ktstr {

ChurnCgroups::ChurnCgroups(std::uint64_t count, WorkerContext& context)
    : count_(count), context_(context), name_(std::string(kChurnCgroup) + std::to_string(getpid()) + "-") {
  Make();
}

ChurnCgroups::~ChurnCgroups() { Remove(); }

std::string ChurnCgroups::PathOf(std::uint64_t which) const {
  return home_ + "/" + name_ + std::to_string(which);
}

void ChurnCgroups::Make() {
  home_ = OwnCgroup();
  if (home_.empty()) context_.Fail("the kernel does not tell which cgroup it is in");
  // It is in one of its own when the kernel refused a move for another reason than that it was moved.
  home_.resize(std::min(home_.size(), home_.find("/" + std::string(kChurnCgroup))));
  for (std::uint64_t i = 0; i < count_; ++i) {
    if (mkdir(PathOf(i).c_str(), 0755) != 0 && errno != EEXIST)
      context_.FailCall("making the cgroup " + PathOf(i));
    errno = WriteOnce(PathOf(i) + "/cgroup.type", "threaded");
    if (errno != 0) context_.FailCall("making the cgroup " + PathOf(i) + " threaded");
  }
  // Behind the first threaded one: only the root of a threaded tree may have both tasks and controllers.
  errno = WriteOnce(home_ + "/cgroup.subtree_control", "+cpu");
  if (errno != 0) context_.FailCall("enabling the controller cpu below " + home_);
}

void ChurnCgroups::Remove() {
  // Refused when the scenario has moved it, and then it is in none of them.
  WriteOnce(home_ + "/cgroup.threads", "0");
  for (std::uint64_t i = 0; i < count_; ++i) rmdir(PathOf(i).c_str());
}

void ChurnCgroups::MakeAnew() {
  Remove();
  Make();
}

int ChurnCgroups::Enter(std::uint64_t which) { return WriteOnce(PathOf(which) + "/cgroup.threads", "0"); }

std::string ChurnCgroups::Describe(std::uint64_t which, int code) const {
  return "moving into its cgroup " + PathOf(which) + ": " + std::strerror(code);
}

}  // namespace ktstr
