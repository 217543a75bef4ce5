// A storm of SIGKILL and SIGSTOP over processes that take from limits: for each key, what was acknowledged is counted,
// what is counted is at most that and one for each kill, and never over the limit.
#ifndef __linux__
#include <stdio.h>
int main() {
  puts("storm_limits_test: skipped, its children need Linux's parent-death signal");
  return 0;
}
#else

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "check.h"
#include "child.h"
#include "protocol/limiter.h"

using namespace orbit;

namespace {

constexpr uint32_t kProcesses = 5, kEntries = 1 << 17;
constexpr uint64_t kKeys = 20000, kTries = 7, kLimit = 5;
constexpr uint64_t kLongMs = 1000000, kNowMs = 1000;

struct Shared {
  uint64_t tickets;
  uint64_t acknowledged[kKeys];
};

struct Tally {
  uint64_t rounds = 0, kills = 0, stops = 0, unacknowledged = 0;
};

struct Storm {
  Limits limits;
  Limiter limiter;
  Shared* shared;
  pid_t children[kProcesses];
  uint64_t kills = 0;  // in this round
  Tally tally;
};

void* shared_bytes(uint64_t bytes) {
  void* base = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(base != MAP_FAILED);
  return base;
}

EntryPlace place_of_key(const Storm& storm, uint64_t key) {
  return place_of(storm.limits, storm.limiter.seed, &key, sizeof key);
}

[[noreturn]] void take_on(const Storm& storm, uint32_t node) {
  Limits own = storm.limits;
  own.node = node;
  for (uint64_t ticket; (ticket = __atomic_fetch_add(&storm.shared->tickets, 1, __ATOMIC_RELAXED)) < kKeys * kTries;) {
    uint64_t key = ticket / kTries;
    Decision decision;
    LimitStatus status = change_entry(&own, place_of_key(storm, key), kNowMs, [&](EntryValue* value) {
      return take_from(storm.limiter, value, 1, kNowMs * kNsPerMs, &decision);
    });
    CHECK(status == LimitStatus::kAllowed || status == LimitStatus::kRefused || status == LimitStatus::kFull);
    if (status == LimitStatus::kAllowed) add_relaxed(&storm.shared->acknowledged[key], 1);
    for (int i = 0; i < 20; i++) relax();
  }
  _exit(0);
}

void start(Storm* storm, uint32_t child, uint32_t life) {
  storm->children[child] = start_child([=] { take_on(*storm, child + life % 1000 * kProcesses); });
}

// False: the children have come to the last ticket.
bool strike(Storm* storm, Random* random, uint32_t life) {
  uint32_t child = static_cast<uint32_t>(random->below(kProcesses));
  pid_t pid = storm->children[child];
  int status;
  usleep(static_cast<useconds_t>(random->below(300)));
  if (random->below(3) == 0) {
    kill(pid, SIGSTOP);
    usleep(static_cast<useconds_t>(random->below(2000)));
    kill(pid, SIGCONT);
    storm->tally.stops++;
    return load_relaxed(&storm->shared->tickets) < kKeys * kTries;
  }
  kill(pid, SIGKILL);
  CHECK_EQUAL(waitpid(pid, &status, 0), pid);
  CHECK(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 0);
  storm->kills += WIFSIGNALED(status);
  start(storm, child, life);
  return load_relaxed(&storm->shared->tickets) < kKeys * kTries;
}

void check_books(Storm* storm) {
  uint64_t unacknowledged = 0, atLimit = 0;
  for (uint64_t key = 0; key < kKeys; key++) {
    EntryPlace place = place_of_key(*storm, key);
    uint64_t found = 0, count = 0;
    for (uint32_t step = 0; step < kWindow; step++) {
      Pair entry = load_pair(entry_at(storm->limits, place, step));
      if (tag_in(entry.key) != place.tag || state_in(entry.key) != kPresent) continue;
      found++;
      count = value_in(entry).low;
    }
    CHECK(found <= 1 && count <= kLimit);
    CHECK(storm->shared->acknowledged[key] <= count);
    unacknowledged += count - storm->shared->acknowledged[key];
    atLimit += count == kLimit;
  }
  CHECK(unacknowledged <= storm->kills);
  CHECK(atLimit > kKeys / 2);
  storm->tally.kills += storm->kills;
  storm->tally.unacknowledged += unacknowledged;
  storm->tally.rounds++;
}

}  // namespace

int main(int count, char** words) {
  Options options = parse_options(count, words);
  alarm(static_cast<unsigned>(options.seconds) + 120);
  Random random{options.seed};
  Storm storm;
  void* base = shared_bytes(limits_bytes(kEntries));
  storm.shared = static_cast<Shared*>(shared_bytes(sizeof(Shared)));
  storm.limiter = make_limiter(Algorithm::kFixed, {5, 6}, kLimit, kLongMs, 0);
  double end = seconds_now() + options.seconds;
  do {
    format_limits(base, 224, kEntries, {1, 2}, 3, 4);
    CHECK(attach_limits(base, limits_bytes(kEntries), &storm.limits) == AttachStatus::kOk);
    memset(storm.shared, 0, sizeof *storm.shared);
    storm.kills = 0;
    for (uint32_t child = 0; child < kProcesses; child++) start(&storm, child, 0);
    for (uint32_t life = 1; strike(&storm, &random, life);) life++;
    for (pid_t child : storm.children) {
      int status;
      CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    check_books(&storm);
  } while (seconds_now() < end);
  CHECK(storm.tally.kills > 0);
  auto number = [](uint64_t value) { return static_cast<unsigned long long>(value); };
  printf("%llu rounds of %llu keys, none over its limit; %llu kills, %llu stops, %llu decisions not acknowledged\n",
         number(storm.tally.rounds), number(kKeys), number(storm.tally.kills), number(storm.tally.stops),
         number(storm.tally.unacknowledged));
  return 0;
}
#endif
