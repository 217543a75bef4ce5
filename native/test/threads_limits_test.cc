// Limits in threads: what was allowed is never over a limit, and each key is in the table once.
//
// Keys are entered by all threads at the same time, and a table that is too small for them lets them evict one another
// all the time.
#include <sched.h>

#include <memory>
#include <thread>
#include <vector>

#include "check.h"
#include "protocol/limiter.h"

using namespace orbit;

namespace {

constexpr uint32_t kThreads = 4;
constexpr uint64_t kLimit = 5, kTries = 7;

struct Table {
  std::unique_ptr<void, Free> memory;
  Limits limits;

  explicit Table(uint32_t entries) : memory(aligned_alloc(64, limits_bytes(entries))) {
    format_limits(memory.get(), 224, entries, {11, 22}, 33, 44);
    CHECK(attach_limits(memory.get(), limits_bytes(entries), &limits) == AttachStatus::kOk);
  }
};

struct Tally {
  uint64_t allowed = 0, refused = 0, full = 0;
};

LimitStatus take(Limits* limits, const Limiter& limiter, uint64_t key, uint64_t nowMs, Decision* decision) {
  LimitStatus status = change_entry(limits, place_of(*limits, {5, 6}, &key, sizeof key), nowMs, [&](EntryValue* value) {
    return take_from(limiter, value, 1, nowMs * kNsPerMs, decision);
  });
  CHECK(status != LimitStatus::kCorrupt);
  return status;
}

// Threads draw tickets; kTries of them are for one key, so that threads meet at it while it is entered.
void enter_together(double seconds) {
  constexpr uint64_t kKeys = 4000;
  Limiter limiter = make_limiter(Algorithm::kFixed, {5, 6}, kLimit, 1000, 0);
  uint64_t rounds = 0;
  for (double end = seconds_now() + seconds; seconds_now() < end; rounds++) {
    Table table(1 << 15);
    uint64_t ticket = 0;
    std::vector<uint64_t> allowed(kKeys);
    std::vector<std::thread> threads;
    for (uint32_t node = 0; node < kThreads; node++) {
      threads.emplace_back([&, node] {
        Limits own = table.limits;
        own.node = node;
        for (uint64_t next; (next = __atomic_fetch_add(&ticket, 1, __ATOMIC_RELAXED)) < kKeys * kTries;) {
          Decision decision;
          LimitStatus status = take(&own, limiter, next / kTries, 1000, &decision);
          if (status == LimitStatus::kAllowed) add_relaxed(&allowed[next / kTries], 1);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (uint64_t count : allowed) CHECK_EQUAL(count, kLimit);
    CHECK_EQUAL(count_entries(table.limits, 1000).present, kKeys);
    CHECK_EQUAL(count_entries(table.limits, 1000).tentative, 0);
  }
  printf("entered together: %llu rounds of %llu keys\n", (unsigned long long)rounds, (unsigned long long)kKeys);
}

// The clock is a counter that threads move. A window is known by the time at which it ends, and allows kLimit.
void evict_one_another(double seconds, uint64_t seed) {
  constexpr uint64_t kKeys = 40, kTimes = 1 << 15, kWindowMs = 8;
  Table table(32);
  Limiter limiter = make_limiter(Algorithm::kFixed, {5, 6}, kLimit, kWindowMs, 0);
  std::vector<uint64_t> allowed(kKeys * kTimes);
  uint64_t clock = 1000, full = 0;
  double end = seconds_now() + seconds;
  std::vector<std::thread> threads;
  for (uint32_t node = 0; node < kThreads; node++) {
    threads.emplace_back([&, node] {
      Limits own = table.limits;
      own.node = node;
      Random random{seed + node};
      uint64_t found = 0;
      for (uint64_t i = 0; i % 1024 != 0 || seconds_now() < end; i++) {
        uint64_t key = random.below(4) != 0 ? random.below(8) : random.below(kKeys);
        uint64_t nowMs = load_relaxed(&clock);
        if (nowMs + 100 >= kTimes) break;
        if (random.below(256) == 0) add_relaxed(&clock, 1);
        if (random.below(512) == 0) sched_yield();
        Decision decision;
        LimitStatus status = take(&own, limiter, key, nowMs, &decision);
        if (status == LimitStatus::kFull) found++;
        if (status == LimitStatus::kAllowed) {
          add_relaxed(&allowed[key * kTimes + nowMs + decision.resetNs / kNsPerMs], 1);
        }
      }
      add_relaxed(&full, found);
    });
  }
  for (std::thread& thread : threads) thread.join();
  uint64_t windows = 0;
  for (uint64_t count : allowed) {
    CHECK(count <= kLimit);
    windows += count > 0;
  }
  CHECK(windows > 0 && load_relaxed(&table.limits.header->full) == full);
  printf("evicted one another: %llu windows, none over its limit; %llu decisions found no room\n",
         (unsigned long long)windows, (unsigned long long)full);
}

}  // namespace

int main(int count, char** words) {
  Options options = parse_options(count, words);
  alarm(static_cast<unsigned>(options.seconds) + 60);
  enter_together(options.seconds / 2);
  evict_one_another(options.seconds / 2, options.seed);
  return 0;
}
