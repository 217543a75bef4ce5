// A SIGSTOP at every single instruction of a decision, a SIGKILL at every one that writes: in the middle of each, others
// decide on the same key, evict it or remove it, and every decision that was allowed is counted once.
#if !defined(__linux__) || defined(__aarch64__)
#include <stdio.h>
int main() {
  puts("step_limits_test: skipped, it needs Linux's ptrace and a swap of pairs that can be stepped");
  return 0;
}
#else

#include <initializer_list>
#include <vector>

#include "protocol/limiter.h"
#include "step.h"

using namespace orbit;

namespace {

constexpr uint32_t kEntries = 64, kVictim = 1, kRival = 2, kGone = 3;
constexpr uint64_t kNowMs = 50000, kLimit = 6, kSoonMs = 10, kLongMs = 1000000;
constexpr uint64_t kKey = 7;

// What the window of the key has before the call.
enum class Before { kCounted, kFree, kOver, kSameTentative, kTwoTentatives, kLaterTentative };
constexpr const char* kBeforeNames[] = {
    "a counted key",           "a free window",         "a window of keys that are over",
    "its own tentative entry", "two tentative entries", "a later tentative entry"};

// What the others do while the call is stopped.
enum class Rival { kTakes, kTakesEarlier, kEvicts, kRemoves };

struct Scene {
  void* base;
  Limits limits;
  Progress* progress;
  Limiter limiter;
  EntryPlace place;
};

EntryPlace place_of_key(const Scene& scene, uint64_t key) {
  return place_of(scene.limits, scene.limiter.seed, &key, sizeof key);
}

// Allowed or not. `nowMs` is the time of the caller.
bool take(const Scene& scene, uint32_t node, const EntryPlace& place, uint64_t nowMs) {
  Limits own = scene.limits;
  own.node = node;
  Decision decision;
  LimitStatus status = change_entry(&own, place, nowMs, [&](EntryValue* value) {
    return take_from(scene.limiter, value, 1, nowMs * kNsPerMs, &decision);
  });
  CHECK(status == LimitStatus::kAllowed || status == LimitStatus::kRefused || status == LimitStatus::kFull);
  return status == LimitStatus::kAllowed;
}

Pair stranger(uint64_t tag, uint64_t expiryMs) { return {entry_key(tag, kPresent, 0), entry_value(expiryMs, 1)}; }

// Returns how many the key has taken before the call.
uint64_t prepare(Scene* scene, Before before) {
  format_limits(scene->base, 224, kEntries, {1, 2}, 3, 4);
  CHECK(attach_limits(scene->base, limits_bytes(kEntries), &scene->limits) == AttachStatus::kOk);
  Limits gone = scene->limits;
  gone.node = kGone;
  auto entry = [&](uint32_t step) { return entry_at(scene->limits, scene->place, step); };
  // Two strangers at the front: soon over, and not over for long.
  *entry(0) = stranger(scene->place.tag ^ 1, kNowMs + kSoonMs);
  *entry(1) = stranger(scene->place.tag ^ 2, kNowMs + kLongMs);
  switch (before) {
    case Before::kCounted:
      for (int i = 0; i < 2; i++) CHECK(take(*scene, kGone, scene->place, kNowMs));
      return 2;
    case Before::kFree:
      break;
    case Before::kOver:
      for (uint32_t step = 2; step < kWindow; step++) *entry(step) = stranger(scene->place.tag ^ step, kNowMs - step);
      break;
    case Before::kSameTentative:
      *entry(5) = tentative_entry(&gone, scene->place, kNowMs);
      break;
    case Before::kTwoTentatives:
      *entry(5) = tentative_entry(&gone, scene->place, kNowMs);
      [[fallthrough]];
    case Before::kLaterTentative:
      *entry(9) = tentative_entry(&gone, scene->place, kNowMs);
      break;
  }
  return 0;
}

// L1, and the count of the key.
uint64_t counted_in(const Scene& scene) {
  uint64_t found = 0, count = 0;
  for (uint32_t step = 0; step < kWindow; step++) {
    Pair entry = load_pair(entry_at(scene.limits, scene.place, step));
    if (tag_in(entry.key) != scene.place.tag || state_in(entry.key) != kPresent) continue;
    found++;
    count = value_in(entry).low;
  }
  CHECK(found <= 1);
  return count;
}

// The next caller finds the count that is there, and nothing that blocks it.
void check_goes_on(const Scene& scene, uint64_t count) {
  CHECK_EQUAL(counted_in(scene), count);
  for (uint64_t i = count; i < kLimit; i++) CHECK(take(scene, kRival, scene.place, kNowMs));
  CHECK(!take(scene, kRival, scene.place, kNowMs));
  CHECK_EQUAL(counted_in(scene), kLimit);
  for (uint32_t step = 0; step < kWindow; step++) {
    uint64_t key = load_acquire(&entry_at(scene.limits, scene.place, step)->key);
    CHECK(tag_in(key) != scene.place.tag || state_in(key) == kPresent);
  }
}

struct Tally {
  uint64_t points = 0, counted = 0;
};

pid_t start_take(const Scene& scene) {
  store_release(&scene.progress->result, 0);
  return start(scene.progress,
               [&] { store_release(&scene.progress->result, take(scene, kVictim, scene.place, kNowMs) ? 1 : 2); });
}

// After a death nothing is left but the shared bytes: one instruction between two changes of them represents all.
std::vector<uint64_t> instructions_that_write(Scene* scene, Before before) {
  prepare(scene, before);
  pid_t child = start_take(*scene);
  return instructions_that_write(child, scene->progress, scene->base, limits_bytes(kEntries), [] {});
}

// True: the decision was counted.
bool kill_at(Scene* scene, Before before, uint64_t at) {
  uint64_t had = prepare(scene, before);
  pid_t child = start_take(*scene);
  step_into(child, scene->progress, at, [] {});
  kill_child(child);
  uint64_t count = counted_in(*scene);
  CHECK(count == had || count == had + 1);
  check_goes_on(*scene, count);
  return count == had + 1;
}

Tally kill_everywhere(Scene* scene, Before before, const std::vector<uint64_t>& points) {
  Tally tally;
  for (uint64_t point : points) {
    bool isCounted = kill_at(scene, before, point);
    CHECK(isCounted || tally.counted == 0);  // once counted, always
    tally.points++;
    tally.counted += isCounted;
  }
  CHECK(tally.counted > 0 && tally.counted < tally.points);
  return tally;
}

// What the rival's act takes from the count, and adds to it.
uint64_t act(const Scene& scene, Rival rival, uint64_t* removed) {
  switch (rival) {
    case Rival::kTakes:
      return take(scene, kRival, scene.place, kNowMs);
    case Rival::kTakesEarlier:  // for its clock the stranger at the front is over
      return take(scene, kRival, scene.place, kNowMs + kSoonMs);
    case Rival::kEvicts:  // for its clock the tentative entries are over, and it fills the window with another key's
      for (uint32_t step = 0; step < kWindow; step++) {
        Pair* pair = entry_at(scene.limits, scene.place, step);
        Pair seen = load_pair(pair);
        if (!is_over(seen, kNowMs + kTentativeMs) || state_in(seen.key) == kPresent) continue;
        CHECK(exchange_pair(pair, seen, stranger(scene.place.tag ^ (100 + step), kNowMs + kSoonMs)));
      }
      return 0;
    case Rival::kRemoves:
      *removed = counted_in(scene);
      remove_entry(scene.limits, scene.place, kNowMs);
      return 0;
  }
  return 0;
}

void stop_at(Scene* scene, Before before, Rival rival, uint64_t at, Tally* tally) {
  uint64_t had = prepare(scene, before);
  pid_t child = start_take(*scene);
  step_into(child, scene->progress, at, [] {});
  uint64_t removed = 0;
  uint64_t taken = act(*scene, rival, &removed);
  CHECK_EQUAL(ptrace(PTRACE_CONT, child, nullptr, nullptr), 0);
  finish_child(child);
  uint64_t result = load_acquire(&scene->progress->result);
  CHECK(result == 1 || (result == 2 && rival == Rival::kEvicts));  // evicted by others, it may find no room
  uint64_t sum = had + taken + (result == 1);
  CHECK_EQUAL(counted_in(*scene) + removed, sum);
  tally->points++;
  tally->counted += result == 1;
}

}  // namespace

int main(int count, char** words) {
  Options options = parse_options(count, words);
  if (!can_step("step_limits_test")) return skipped();
  alarm(2 * kWatchdogSeconds);
  stay_on_one_processor();
  Scene scene;
  scene.base = shared_memory(limits_bytes(kEntries));
  scene.progress = static_cast<Progress*>(shared_memory(sizeof(Progress)));
  scene.limiter = make_limiter(Algorithm::kFixed, {5, 6}, kLimit, kLongMs, 0);
  prepare(&scene, Before::kFree);
  scene.place = place_of_key(scene, kKey);
  for (Before before : {Before::kCounted, Before::kFree, Before::kOver, Before::kSameTentative, Before::kTwoTentatives,
                        Before::kLaterTentative}) {
    std::vector<uint64_t> writes = instructions_that_write(&scene, before);
    uint64_t instructions = writes.back();
    CHECK(instructions > 50);
    Tally kills = kill_everywhere(&scene, before, writes), stops;
    for (Rival rival : {Rival::kTakes, Rival::kTakesEarlier, Rival::kEvicts, Rival::kRemoves}) {
      bool isPlanted = before >= Before::kSameTentative;
      if (isPlanted && rival >= Rival::kEvicts) continue;  // as with a free window
      for (uint64_t at : points_of(instructions, options.stride, writes)) stop_at(&scene, before, rival, at, &stops);
    }
    auto number = [](uint64_t value) { return static_cast<unsigned long long>(value); };
    printf("%s: %llu instructions, %llu kills, %llu after it was counted; %llu stops\n",
           kBeforeNames[static_cast<int>(before)], number(instructions), number(kills.points), number(kills.counted),
           number(stops.points));
    fflush(stdout);
  }
  return 0;
}
#endif
