// A storm of SIGKILL and SIGSTOP over processes that count: the value of each counter, with what was removed of it, is
// what was acknowledged, and at most one change more for each kill.
#ifndef __linux__
#include <stdio.h>
int main() {
  puts("storm_counters_test: skipped, its children need Linux's parent-death signal");
  return 0;
}
#else

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "child.h"
#include "counterbox.h"

using namespace orbit;

namespace {

constexpr uint32_t kProcesses = 5, kNames = 60, kBuckets = 2;
constexpr uint32_t kLasting = 12;  // the first names are never removed
constexpr uint32_t kNodes = 256;   // more than processes: each death may burn a spare chunk (settle.h)

struct Shared {
  uint64_t acknowledged[kNames], removed[kNames];
};

struct Storm {
  Ring ring;
  Shared* shared;
  pid_t children[kProcesses];
  uint64_t kills = 0, stops = 0;
};

void* shared_bytes(uint64_t bytes) {
  void* base = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(base != MAP_FAILED);
  return base;
}

std::string numbered(uint64_t number) { return "counter " + std::to_string(number); }

// Counts, and removes now and then: in two buckets that have no room for all names.
[[noreturn]] void count_on(const Storm& storm, uint32_t node, uint64_t seed) {
  Writer writer;
  CHECK(become_writer(storm.ring, node, &writer) == RingStatus::kOk);
  CounterSpot spots[kNames] = {};
  Random random{seed};
  for (;;) {
    uint64_t name = random.below(4) != 0 ? random.below(6) : random.below(kNames);
    if (name >= kLasting && random.below(8) == 0) {
      int64_t last = remove_from(&writer, numbered(name), 0);
      if (last > 0) add_relaxed(&storm.shared->removed[name], static_cast<uint64_t>(last));
      continue;
    }
    CounterStatus status = CounterStatus::kStale;
    if (spots[name].word != 0) status = add_at(&writer, spots[name], 1, 0);
    if (status == CounterStatus::kStale || status == CounterStatus::kNone) {
      status = add_to(&writer, numbered(name), 1, 0, 0, nullptr, &spots[name]);
    }
    CHECK(status == CounterStatus::kDone || status == CounterStatus::kFull);
    if (status == CounterStatus::kDone) add_relaxed(&storm.shared->acknowledged[name], 1);
  }
}

void start(Storm* storm, uint32_t child, uint64_t seed) {
  storm->children[child] = start_child([=] { count_on(*storm, child, seed); });
}

void end_child(Storm* storm, uint32_t child) {
  int status;
  CHECK_EQUAL(kill(storm->children[child], SIGKILL), 0);
  CHECK_EQUAL(waitpid(storm->children[child], &status, 0), storm->children[child]);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  storm->kills++;
}

void strike(Storm* storm, Random* random) {
  uint32_t child = static_cast<uint32_t>(random->below(kProcesses));
  usleep(static_cast<useconds_t>(random->below(2000)));
  if (random->below(3) == 0) {
    kill(storm->children[child], SIGSTOP);
    usleep(static_cast<useconds_t>(random->below(2000)));
    kill(storm->children[child], SIGCONT);
    storm->stops++;
    return;
  }
  end_child(storm, child);
  start(storm, child, random->next());
}

struct Books {
  uint64_t changes = 0, removed = 0, unacknowledged = 0;
};

// A killed process may have made one change, or one removal, that it did not acknowledge. Counters that are not removed
// have all that was acknowledged.
void check_books(const Storm& storm, Books* books) {
  uint64_t unacknowledged = 0;
  for (uint64_t name = 0; name < kNames; name++) {
    int64_t value = value_of(storm.ring, numbered(name), 0);
    uint64_t removed = storm.shared->removed[name], acknowledged = storm.shared->acknowledged[name];
    uint64_t known = removed + static_cast<uint64_t>(value < 0 ? 0 : value);
    CHECK(known >= acknowledged || name >= kLasting);
    unacknowledged += known > acknowledged ? known - acknowledged : 0;
    books->changes += acknowledged;
    books->removed += removed;
  }
  CHECK(unacknowledged <= storm.kills);
  books->unacknowledged += unacknowledged;
  for (uint32_t bucket = 0; bucket <= storm.ring.mask; bucket++) check_card(storm.ring, bucket);
}

void run_round(Storm* storm, void* base, Random* random, double end, Books* books) {
  RingSpec spec = spec_of_counters(kBuckets, 16, kNodes);
  memset(base, 0x5a, ring_bytes(spec));
  format_counters(base, spec, 0);
  CHECK(attach_counters(base, ring_bytes(spec), &storm->ring) == AttachStatus::kOk);
  memset(storm->shared, 0, sizeof *storm->shared);
  storm->kills = 0;
  for (uint32_t child = 0; child < kProcesses; child++) start(storm, child, random->next());
  while (seconds_now() < end) strike(storm, random);
  for (uint32_t child = 0; child < kProcesses; child++) end_child(storm, child);
  check_books(*storm, books);
}

}  // namespace

int main(int count, char** words) {
  Options options = parse_options(count, words);
  alarm(static_cast<unsigned>(options.seconds) + 120);
  Random random{options.seed};
  Storm storm;
  void* base = shared_bytes(ring_bytes(spec_of_counters(kBuckets, 16, kNodes)));
  storm.shared = static_cast<Shared*>(shared_bytes(sizeof(Shared)));
  double end = seconds_now() + options.seconds;
  uint64_t kills = 0;
  Books books;
  do {
    run_round(&storm, base, &random, seconds_now() + 0.5, &books);
    kills += storm.kills;
  } while (seconds_now() < end);
  CHECK(books.changes > 0 && books.removed > 0);
  auto number = [](uint64_t value) { return static_cast<unsigned long long>(value); };
  printf("%llu changes, %llu of them removed; %llu kills, %llu stops, %llu changes not acknowledged\n",
         number(books.changes), number(books.removed), number(kills), number(storm.stops),
         number(books.unacknowledged));
  return 0;
}
#endif
