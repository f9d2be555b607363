// The scheduling of slots, with made-up work.
#include <catch2/catch.hpp>
#include <latch>
#include <map>
#include <set>
#include <stdexcept>
#include <thread>

#include "interpreter/cli/run_slots.h"

namespace ktstr {
namespace {

/// What happened, and work that asks for `run`.
struct Record {
  SlotWork Work() {
    SlotWork work;
    work.hire = [this] {
      const std::lock_guard lock(mutex);
      ++hired;
      return std::make_unique<Worker>(*this);
    };
    work.stop = [this] { return stop.load(); };
    work.failed = [this](std::size_t item, const std::string& what) {
      const std::lock_guard lock(mutex);
      failures[item] = what;
      return true;
    };
    work.report = [this](std::size_t item, bool started) {
      reported.push_back(item);
      if (!started) not_started.push_back(item);
      reporters.insert(std::this_thread::get_id());
      if (on_report) on_report(item);
    };
    return work;
  }

  struct Worker final : SlotWorker {
    explicit Worker(Record& to) : record(to), thread(std::this_thread::get_id()) {}
    ~Worker() override { record.strayed = record.strayed || std::this_thread::get_id() != thread; }
    bool Run(std::size_t item) override {
      {
        const std::lock_guard lock(record.mutex);
        record.ran.push_back(item);
        record.strayed = record.strayed || std::this_thread::get_id() != thread;
      }
      return record.run(item);
    }
    Record& record;
    std::thread::id thread;
  };

  std::function<bool(std::size_t)> run = [](std::size_t) { return true; };
  std::function<void(std::size_t)> on_report;
  std::atomic<bool> stop = false;
  std::mutex mutex;
  int hired = 0;
  std::atomic<bool> strayed = false;
  std::vector<std::size_t> ran;
  std::map<std::size_t, std::string> failures;
  std::vector<std::size_t> reported;
  std::vector<std::size_t> not_started;
  std::set<std::thread::id> reporters;
};

using Items = std::vector<std::size_t>;

TEST_CASE("items end in any order and are reported in theirs") {
  Record record;
  std::latch last_done(1);
  record.run = [&](std::size_t item) {
    if (item == 0) last_done.wait();  // the first item is the last to end
    if (item == 4) last_done.count_down();
    return true;
  };
  RunSlots slots(5, record.Work());
  slots.Run(2);
  CHECK(record.reported == Items{0, 1, 2, 3, 4});
  CHECK(record.not_started.empty());
  CHECK(record.hired == 2);
  CHECK_FALSE(record.strayed);
  CHECK(record.reporters == std::set{std::this_thread::get_id()});
  CHECK(slots.unclaimed() == 5);
}

TEST_CASE("a result is reported while later items still run") {
  Record record;
  std::latch told(1);
  record.run = [&](std::size_t item) {
    if (item == 1) told.wait();  // ends only once item 0 has been reported
    return true;
  };
  record.on_report = [&](std::size_t item) {
    if (item == 0) told.count_down();
  };
  RunSlots(2, record.Work()).Run(2);
  CHECK(record.reported == Items{0, 1});
}

TEST_CASE("as many at a time as there are slots, no more threads than items") {
  Record record;
  std::latch all_here(3);
  record.run = [&](std::size_t) {
    all_here.arrive_and_wait();
    return true;
  };
  RunSlots(3, record.Work()).Run(64);
  CHECK(record.hired == 3);
}

TEST_CASE("after one that says so nothing new is started, and what runs ends") {
  Record record;
  RunSlots* running = nullptr;
  record.run = [&](std::size_t item) {
    if (item == 1) return false;
    while (running->unclaimed() != 6) std::this_thread::yield();  // until item 1 has ended
    return true;
  };
  RunSlots slots(6, record.Work());
  running = &slots;
  slots.Run(2);
  CHECK(record.reported == Items{0, 1, 2, 3, 4, 5});
  CHECK(record.not_started == Items{2, 3, 4, 5});
}

TEST_CASE("a stop is heeded before each item but the first") {
  Record record;
  record.stop = true;
  RunSlots(3, record.Work()).Run(1);
  CHECK(record.ran == Items{0});
  CHECK(record.not_started == Items{1, 2});
}

TEST_CASE("an exception is one item's, whose worker is replaced") {
  Record record;
  record.run = [](std::size_t item) -> bool {
    if (item == 1) throw std::runtime_error("out of luck");
    return true;
  };
  RunSlots(4, record.Work()).Run(1);
  CHECK(record.failures == std::map<std::size_t, std::string>{{1, "out of luck"}});
  CHECK(record.ran == Items{0, 1, 2, 3});
  CHECK(record.not_started.empty());
  CHECK(record.hired == 2);
}

TEST_CASE("nobody who can be hired is each item's failure") {
  Record record;
  SlotWork work = record.Work();
  work.hire = []() -> std::unique_ptr<SlotWorker> { throw std::runtime_error("no room"); };
  RunSlots(2, std::move(work)).Run(2);
  CHECK(record.failures == std::map<std::size_t, std::string>{{0, "no room"}, {1, "no room"}});
  CHECK(record.reported == Items{0, 1});
}

}  // namespace
}  // namespace ktstr
