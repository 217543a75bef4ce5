// What a get and a put of a store cost.
//
// Measured: nanoseconds of CPU per call, one process, keys of 16 bytes, values of 64 to 65536 bytes: a hit of one hot
// key, hits of random keys, a miss, and a put over. The store has room for all keys; in the last column it has room for
// a quarter of them, and a miss is put.
//
// Method: every round measures each cell once, in turn. Printed are the medians over the rounds, 15 or as many as the
// argument says.
#include <sys/mman.h>
#include <time.h>

#include <algorithm>
#include <vector>

#include "protocol/storeput.h"
#include "protocol/storestats.h"
#include "test/check.h"

using namespace orbit;

namespace {

constexpr uint64_t kNowMs = 1000000, kStoreBytes = uint64_t{128} << 20;

struct Bench {
  ValueStore store;
  StoreWriter writer;
  uint64_t keys;
  uint64_t valueBytes;
  Random random{1};
  std::vector<uint8_t> value, target;

  Bench(uint64_t bytes, uint64_t keys, uint64_t valueBytes)
      : keys(keys), valueBytes(valueBytes), value(valueBytes, 7), target(valueBytes) {
    StoreSpec spec = plan_store(bytes, static_cast<uint32_t>(valueBytes + 64), 4);
    spec.seed = {1, 2};
    void* base =
        mmap(nullptr, store_bytes(spec), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    CHECK(base != MAP_FAILED);
    format_store(base, spec, 1);
    CHECK(attach_store(base, store_bytes(spec), &store) == AttachStatus::kOk);
    CHECK(join_store(store, 0, &writer) == RingStatus::kOk);
  }
  ~Bench() { munmap(store.header, store_bytes(store.spec)); }
  Bench(const Bench&) = delete;

  bool get(uint64_t number) {
    uint64_t key[2] = {number, 0};
    StoreEntry entry;
    return get_value(store, &writer, store_key(store, key, sizeof key), kNowMs, target.data(), target.size(), &entry) ==
           StoreStatus::kDone;
  }
  void put(uint64_t number) {
    uint64_t key[2] = {number, 0}, id;
    StoreValue put;
    put.bytes = value.data();
    put.length = valueBytes;
    CHECK(put_value(&writer, store_key(store, key, sizeof key), put, kNowMs, {}, &id) == StoreStatus::kDone);
  }
};

double cpu_ns() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

template <typename Call>
double ns_each(uint64_t times, Call call) {
  double begin = cpu_ns();
  for (uint64_t i = 0; i < times; i++) call(i);
  return (cpu_ns() - begin) / static_cast<double>(times);
}

double median(std::vector<double> all) {
  std::sort(all.begin(), all.end());
  return all[all.size() / 2];
}

void measure(uint64_t valueBytes, int rounds) {
  uint64_t keys = kStoreBytes / 4 / (valueBytes + 128), times = valueBytes > 10000 ? 500 : 20000;
  Bench bench(kStoreBytes, keys, valueBytes), small(kStoreBytes / 16, keys, valueBytes);
  for (uint64_t key = 0; key < keys; key++) bench.put(key);
  std::vector<double> hot, random, miss, over, mixed;
  uint64_t hits = 0, looks = 0;
  for (int round = 0; round < rounds; round++) {
    hot.push_back(ns_each(times, [&](uint64_t) { CHECK(bench.get(7)); }));
    random.push_back(ns_each(times, [&](uint64_t) { bench.get(bench.random.below(keys)); }));
    miss.push_back(ns_each(times, [&](uint64_t i) { CHECK(!bench.get(keys + i)); }));
    over.push_back(ns_each(times, [&](uint64_t) { bench.put(bench.random.below(keys)); }));
    mixed.push_back(ns_each(times, [&](uint64_t) {
      uint64_t key = small.random.below(small.random.below(keys) + 1);
      bool isHit = small.get(key);
      if (!isHit) small.put(key);
      hits += isHit;
      looks++;
    }));
  }
  printf("%8llu  %8.0f  %10.0f  %6.0f  %8.0f  %10.0f (%.0f %% hits)\n", static_cast<unsigned long long>(valueBytes),
         median(hot), median(random), median(miss), median(over), median(mixed),
         100.0 * static_cast<double>(hits) / static_cast<double>(looks));
}

// The pause of one put, walks of victims included, in a store that is full.
void measure_pauses() {
  Bench bench(kStoreBytes, 1 << 20, 500);
  for (uint64_t i = 0; i < 300000; i++) bench.put(i);
  std::vector<double> pauses;
  for (uint64_t i = 0; i < 300000; i++) {
    uint64_t key = bench.random.below(bench.random.below(bench.keys) + 1);
    if (bench.get(key)) continue;
    double begin = cpu_ns();
    bench.put(key);
    pauses.push_back(cpu_ns() - begin);
  }
  std::sort(pauses.begin(), pauses.end());
  auto at = [&](double share) {
    return pauses[static_cast<size_t>(share * static_cast<double>(pauses.size() - 1))] / 1000;
  };
  printf("\nput of 500 bytes on a miss, us of CPU: p50 %.2f, p99 %.2f, p99.9 %.1f, p99.99 %.1f, max %.0f\n", at(0.5),
         at(0.99), at(0.999), at(0.9999), at(1));
}

}  // namespace

int main(int count, char** words) {
  int rounds = count > 1 ? atoi(words[1]) : 15;
  printf("   bytes   hot hit  random hit    miss  put over  get or put, ns of CPU\n");
  for (uint64_t valueBytes : {64, 1024, 65536}) measure(valueBytes, rounds);
  measure_pauses();
  return 0;
}
