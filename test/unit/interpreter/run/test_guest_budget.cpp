#include <catch2/catch.hpp>

#include "guest-init/wire/messages.h"
#include "interpreter/run/guest_budget.h"

namespace ktstr {
namespace {

std::string Spent(GuestBudget& budget, const AnyStruct& event, std::size_t bytes, std::uint64_t times) {
  for (std::uint64_t i = 0; i < times; ++i)
    if (const Result<> spent = budget.Spend(event, bytes); !spent.ok()) {
      CHECK(spent.error().kind == ErrorKind::kGuest);
      return std::to_string(i) + ": " + spent.error().message;
    }
  return "";
}

TEST_CASE("each worker and each payload is reported on once") {
  GuestBudget budget(3, 1);
  CHECK(Spent(budget, AnyStruct::Of(WorkerDone{}), 4096, 4) ==
        "3: the guest sent more than 3 reports of workers");
  CHECK(Spent(budget, AnyStruct::Of(PayloadDone{}), 100, 2) ==
        "1: the guest sent more than 1 results of payloads");
}

TEST_CASE("what a guest may say of itself is bounded, in number and in bytes") {
  GuestBudget budget(0, 0);
  CHECK(Spent(budget, AnyStruct::Of(Warning{}), 10, 20'000) ==
        "10000: the guest sent more than 10000 warnings");
  const std::size_t frame = std::size_t{16} << 20;
  CHECK(Spent(budget, AnyStruct::Of(KernelMessages{}), frame, 100) ==
        "16: the guest sent more than 256 MiB of kernel messages");
  CHECK(Spent(budget, AnyStruct::Of(FileContent{}), frame, 100) ==
        "4: the guest sent more than 64 MiB of files");
  CHECK(Spent(budget, AnyStruct::Of(PayloadOutput{}), frame, 1000).empty());
}

TEST_CASE("a large run may send large reports") {
  GuestBudget budget(4096, 0);
  CHECK(Spent(budget, AnyStruct::Of(WorkerDone{}), 64 * 1024, 4096).empty());
}

}  // namespace
}  // namespace ktstr
