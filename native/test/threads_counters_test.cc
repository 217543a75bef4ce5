// Counters in threads, which end by time: names come and go in buckets that are too small for them, and every count is
// in the counter, or was removed with it.
#include <sched.h>

#include <thread>

#include "counterbox.h"

using namespace orbit;

namespace {

constexpr uint32_t kThreads = 4, kNames = 64;
constexpr uint64_t kMostTimes = 1 << 16;

struct Shared {
  std::unique_ptr<void, Free> base;
  uint64_t bytes = 0;
  uint64_t acknowledged[kNames] = {}, removed[kNames] = {};
  uint64_t clock = 1000;  // milliseconds, moved by the threads
  uint64_t hands[kThreads] = {};

  Shared(uint32_t capacity, uint32_t nameBytes) {
    RingSpec spec = spec_of_counters(capacity, nameBytes, kThreads);
    bytes = ring_bytes(spec);
    base.reset(aligned_alloc(64, bytes));
    memset(base.get(), 0x5a, bytes);
    format_counters(base.get(), spec, 0);
  }
  Ring attach() const {
    Ring ring;
    CHECK(attach_counters(base.get(), bytes, &ring) == AttachStatus::kOk);
    return ring;
  }
};

std::string numbered(uint64_t number) { return "counter " + std::to_string(number); }

struct Tally {
  uint64_t changes = 0, removals = 0, full = 0, stale = 0;
};

// One thread: it remembers where it has found each name, as a process does.
class Worker {
 public:
  Worker(Shared* shared, uint32_t node, uint64_t seed) : shared_(shared), node_(node), random_{seed * 31 + node} {
    CHECK(become_writer(shared->attach(), node, &writer_) == RingStatus::kOk);
  }
  void run(double end) {
    for (uint64_t i = 0; i % 256 != 0 || seconds_now() < end; i++) {
      uint64_t name = random_.below(4) != 0 ? random_.below(8) : random_.below(kNames);
      uint64_t what = random_.below(64);
      if (what == 0) sched_yield();
      if (what < 3) {
        remove(name);
      } else {
        add(name, 1 + random_.below(3));
      }
    }
    shared_->hands[node_] = writer_.hand;
  }
  Tally tally;

 private:
  void add(uint64_t name, uint64_t amount) {
    CounterSpot* spot = &spots_[name];
    CounterStatus status = CounterStatus::kStale;
    if (spot->word != 0) status = add_at(&writer_, *spot, amount, 0);
    if (status == CounterStatus::kStale || status == CounterStatus::kNone) {
      tally.stale++;
      status = add_to(&writer_, numbered(name), amount, 0, 0, nullptr, spot);
    }
    if (status == CounterStatus::kFull) {
      tally.full++;
      *spot = {};
      return;
    }
    CHECK_EQUAL(status, CounterStatus::kDone);
    add_relaxed(&shared_->acknowledged[name], amount);
    tally.changes++;
  }
  void remove(uint64_t name) {
    int64_t last = remove_from(&writer_, numbered(name), 0);
    if (last < 0) return;
    add_relaxed(&shared_->removed[name], static_cast<uint64_t>(last));
    tally.removals++;
  }

  Shared* shared_;
  uint32_t node_;
  Random random_;
  Writer writer_;
  CounterSpot spots_[kNames] = {};
};

void check_chunks(const Shared& shared) {
  Ring ring = shared.attach();
  std::vector<uint32_t> places(ring.chunkCount);
  for (uint32_t bucket = 0; bucket <= ring.mask; bucket++) places[chunk_in(load_acquire(&ring.slots[bucket]))]++;
  for (uint64_t hand : shared.hands) places[hand]++;
  for (uint64_t i = 0; i < ring.spareCount; i++) places[ring.spares[i]]++;
  for (uint32_t chunk = 0; chunk < ring.chunkCount; chunk++) CHECK_EQUAL(places[chunk], 1);
}

void come_and_go(double seconds, uint64_t seed) {
  Shared shared(2, 16);
  Tally sum;
  std::vector<std::thread> threads;
  for (uint32_t node = 0; node < kThreads; node++) {
    threads.emplace_back([&, node] {
      Worker worker(&shared, node, seed);
      worker.run(seconds_now() + seconds);
      add_relaxed(&sum.changes, worker.tally.changes);
      add_relaxed(&sum.removals, worker.tally.removals);
      add_relaxed(&sum.full, worker.tally.full);
    });
  }
  for (std::thread& thread : threads) thread.join();
  Ring ring = shared.attach();
  for (uint64_t name = 0; name < kNames; name++) {
    int64_t value = value_of(ring, numbered(name), 0);
    CHECK_EQUAL(shared.removed[name] + static_cast<uint64_t>(value < 0 ? 0 : value), shared.acknowledged[name]);
  }
  for (uint32_t bucket = 0; bucket <= ring.mask; bucket++) check_card(ring, bucket);
  check_chunks(shared);
  CHECK(sum.removals > 0 && sum.full > 0);
  auto number = [](uint64_t value) { return static_cast<unsigned long long>(value); };
  printf("came and went: %llu changes, %llu removals, %llu without room\n", number(sum.changes), number(sum.removals),
         number(sum.full));
}

// The clock is a counter that threads move. A counter that expires begins anew, and no value exceeds what its time
// allows: a change that returned a sum was the sum's last addition.
void expire(double seconds, uint64_t seed) {
  constexpr uint64_t kTtlMs = 4, kBrief = 8;
  Shared shared(1, 16);
  std::vector<std::thread> threads;
  std::vector<uint64_t> seen(kBrief * kMostTimes);  // how often each value was returned, by the end of its counter
  for (uint32_t node = 0; node < kThreads; node++) {
    threads.emplace_back([&, node] {
      Writer writer;
      CHECK(become_writer(shared.attach(), node, &writer) == RingStatus::kOk);
      Random random{seed + node};
      double end = seconds_now() + seconds;
      for (uint64_t i = 0; i % 256 != 0 || seconds_now() < end; i++) {
        uint64_t name = random.below(kBrief), nowMs = load_relaxed(&shared.clock), value = 0;
        if (nowMs + 100 >= kMostTimes) break;
        if (random.below(512) == 0) add_relaxed(&shared.clock, 1);
        if (random.below(1024) == 0) sched_yield();
        CounterSpot spot;
        CounterStatus status = change_counter(
            &writer, name_of(numbered(name)), kTtlMs, [=] { return nowMs; },
            [&](uint64_t* to, bool isNew) {
              *to = isNew ? nowMs + kTtlMs + (uint64_t{1} << 32) : *to + (uint64_t{1} << 32);
              value = *to;
              return true;
            },
            &spot);
        CHECK_EQUAL(status, CounterStatus::kDone);
        add_relaxed(&seen[name * kMostTimes + (value & 0xffffffff)], value >> 32);  // 1 + 2 + ... + n
      }
      shared.hands[node] = writer.hand;
    });
  }
  for (std::thread& thread : threads) thread.join();
  uint64_t counters = 0, counts = 0;
  for (uint64_t sum : seen) {
    if (sum == 0) continue;
    uint64_t n = 0;
    while (n * (n + 1) / 2 < sum) n++;
    CHECK_EQUAL(n * (n + 1) / 2, sum);
    counters++;
    counts += n;
  }
  check_chunks(shared);
  CHECK(counters > 0);
  printf("expired: %llu counters with %llu changes, each counted once\n", static_cast<unsigned long long>(counters),
         static_cast<unsigned long long>(counts));
}

}  // namespace

int main(int count, char** words) {
  Options options = parse_options(count, words);
  alarm(static_cast<unsigned>(options.seconds) + 120);
  come_and_go(options.seconds / 2, options.seed);
  expire(options.seconds / 2, options.seed);
  return 0;
}
