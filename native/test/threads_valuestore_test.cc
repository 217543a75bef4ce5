// A store in threads: no get answers bytes that are torn, of another key or stale. Under ThreadSanitizer: no access is
// a data race.
//
// Generations and marks have four bits, as in storm_valuestore_test.
#define ORBIT_GENERATION_BITS 4
#define ORBIT_MARK_BITS 4
#include <sched.h>

#include <thread>

#include "storerun.h"

using namespace orbit;

namespace {

constexpr uint32_t kThreads = 4;

// What the threads did, for a check that they met.
void run_together(const StoreSpec& spec, double seconds, uint64_t seed, bool onlyGets) {
  HeapStore heap(spec);
  auto facts = std::make_unique<RunFacts>();
  std::vector<std::thread> threads;
  for (uint32_t node = 0; node < kThreads; node++) {
    threads.emplace_back([&, node] {
      StoreMember member(heap.store, node);
      StoreRun run{facts.get(), &member.writer, {seed + node}, max_value_bytes(spec) / 16};
      bool isReader = onlyGets && node % 2 == 0;
      while (load_acquire(&facts->isOver) == 0) {
        if (isReader) {
          run.get(run.random.below(4), nullptr);
        } else {
          run.step();
        }
      }
    });
  }
  usleep(static_cast<useconds_t>(seconds * 1e6));
  store_release(&facts->isOver, 1);
  for (std::thread& thread : threads) thread.join();
  CHECK_EQUAL(count_lost_chunks(heap.store), 0);
  auto number = [](uint64_t value) { return static_cast<unsigned long long>(value); };
  printf("%llu puts, %llu hits, %llu misses, %llu fills, %llu refused, %llu resets\n", number(facts->puts),
         number(facts->hits), number(facts->misses), number(facts->fills), number(facts->refusedFills),
         number(facts->resets));
  CHECK(facts->puts > 0 && facts->hits > 0);
}

}  // namespace

int main(int count, char** words) {
  Options options = parse_options(count, words);
  alarm(static_cast<unsigned>(options.seconds) + 120);
  run_together(store_spec(64, 1 << 14, 32, kThreads), options.seconds / 2, options.seed, false);
  // A few segments, which all repeat soon, and readers that do nothing else.
  run_together(store_spec(32, 1 << 13, 4, kThreads), options.seconds / 2, options.seed + 100, true);
  return 0;
}
