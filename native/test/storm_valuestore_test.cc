// A storm of SIGKILL and SIGSTOP over processes that use a store: no get answers bytes that are torn, of another key or
// stale, and in the end each segment is in one place.
//
// Generations and marks have four bits here. So a generation repeats after 16 uses of a segment, and many keys of a
// bucket have equal marks.
#define ORBIT_GENERATION_BITS 4
#define ORBIT_MARK_BITS 4
#ifndef __linux__
#include <stdio.h>
int main() {
  puts("storm_valuestore_test: skipped, its children need Linux's parent-death signal");
  return 0;
}
#else

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "child.h"
#include "storerun.h"

using namespace orbit;

namespace {

constexpr uint32_t kProcesses = 4;

struct Storm {
  ValueStore store;
  RunFacts* facts;
  pid_t children[kProcesses];
  uint64_t lives = 0, kills = 0, stops = 0;
};

void* shared_bytes(uint64_t bytes) {
  void* base = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(base != MAP_FAILED);
  return base;
}

[[noreturn]] void live(const Storm& storm, uint32_t node, uint64_t seed) {
  StoreWriter writer;
  CHECK(join_store(storm.store, node, &writer) == RingStatus::kOk);
  StoreRun run{storm.facts, &writer, {seed}, max_value_bytes(storm.store.spec) / 16};
  while (load_acquire(&storm.facts->isOver) == 0) run.step();
  _exit(0);
}

void start(Storm* storm, uint32_t node, uint64_t seed) {
  storm->children[node] = start_child([=] { live(*storm, node, seed); });
  storm->lives++;
}

void strike(Storm* storm, Random* random) {
  uint32_t node = static_cast<uint32_t>(random->below(kProcesses));
  pid_t pid = storm->children[node];
  usleep(static_cast<useconds_t>(random->below(400)));
  if (random->below(3) == 0) {
    kill(pid, SIGSTOP);
    usleep(static_cast<useconds_t>(random->below(2000)));
    kill(pid, SIGCONT);
    storm->stops++;
    return;
  }
  int status;
  kill(pid, SIGKILL);
  CHECK_EQUAL(waitpid(pid, &status, 0), pid);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);  // not ended by a check of its own
  storm->kills++;
  start(storm, node, random->next());
}

void check_segments(const Storm& storm) {
  for (uint32_t node = 0; node < kProcesses; node++) CHECK(settle_store(storm.store, node) == RingStatus::kOk);
  CHECK_EQUAL(count_lost_chunks(storm.store), load_relaxed(&storm.store.ring.header->burned));
  std::vector<uint64_t> marks(audit_mark_words(storm.store.ring.chunkCount));
  CHECK(audit_store(storm.store, marks.data()) == RingStatus::kOk);
  CHECK_EQUAL(count_lost_chunks(storm.store), 0);
}

uint64_t count_wraps(const ValueStore& store) {
  uint64_t wraps = 0;
  for (uint32_t segment = 0; segment < store.spec.capacity; segment++) {
    wraps += generation_of(store.segments[segment].state) / (kGenerationMask + 1);
  }
  return wraps;
}

}  // namespace

int main(int count, char** words) {
  Options options = parse_options(count, words);
  alarm(static_cast<unsigned>(options.seconds) + 120);
  Random random{options.seed};
  Storm storm;
  StoreSpec spec = store_spec(64, 1 << 14, 32, kProcesses);
  void* base = shared_bytes(store_bytes(spec));
  format_store(base, spec, 1);
  CHECK(attach_store(base, store_bytes(spec), &storm.store) == AttachStatus::kOk);
  storm.facts = static_cast<RunFacts*>(shared_bytes(sizeof(RunFacts)));
  for (uint32_t node = 0; node < kProcesses; node++) start(&storm, node, random.next());
  double end = seconds_now() + options.seconds;
  while (seconds_now() < end) strike(&storm, &random);
  store_release(&storm.facts->isOver, 1);
  for (pid_t child : storm.children) {
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  check_segments(storm);
  const RunFacts& facts = *storm.facts;
  CHECK(storm.kills > 0 && facts.hits > 0 && facts.resets > 0 && facts.refusedFills > 0);
  auto number = [](uint64_t value) { return static_cast<unsigned long long>(value); };
  printf(
      "%llu puts, %llu hits, %llu misses, %llu fills, %llu refused, %llu resets; %llu kills, %llu stops, %llu wraps\n",
      number(facts.puts), number(facts.hits), number(facts.misses), number(facts.fills), number(facts.refusedFills),
      number(facts.resets), number(storm.kills), number(storm.stops), number(count_wraps(storm.store)));
  return 0;
}
#endif
