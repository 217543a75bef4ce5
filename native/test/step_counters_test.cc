// A SIGKILL at every instruction of changes, entries and removals of counters that writes. A SIGSTOP at every single
// instruction of a change, and of the longer calls at those that write and at every 29th. In the middle of each, others
// change, remove and replace the counter: no count is lost, and none is made twice or in another counter.
#if !defined(__linux__) || defined(__aarch64__)
#include <stdio.h>
int main() {
  puts("step_counters_test: skipped, it needs Linux's ptrace and a swap of pairs that can be stepped");
  return 0;
}
#else

#include <initializer_list>

#include "counterbox.h"
#include "step.h"

using namespace orbit;

namespace {

constexpr uint32_t kFleetSize = 3, kVictim = 0, kRival = 1, kGone = 2;
constexpr uint64_t kNowMs = 5000, kBriefMs = 10;
const char kDoor[] = "door", kOther[] = "other", kStay[] = "stay";
constexpr uint64_t kHad = 10, kStays = 3, kOthers = 50;

enum class Call { kChange, kChangeByName, kEnter, kEnterLeft, kEnterFull, kRenew, kRemove };
constexpr const char* kCallNames[] = {"a change",
                                      "a change by name",
                                      "an entry",
                                      "an entry that a dead process began",
                                      "an entry in a full bucket",
                                      "a change of an expired one",
                                      "a removal"};

// What the others do while the call is stopped.
enum class Rival { kChanges, kRemoves, kReplaces };

struct Scene {
  void* base;
  Progress* progress;
  Ring ring;
  Writer victim, rival, gone;
  CounterSpot spot;
};

RingSpec spec() { return spec_of_counters(1, 16, kFleetSize); }
uint64_t now_of(Call call) { return call == Call::kRenew || call == Call::kEnterFull ? kNowMs + kBriefMs : kNowMs; }

// Returns what the counter has before the call, at the time of the call.
uint64_t prepare(Scene* scene, Call call) {
  memset(scene->base, 0x5a, ring_bytes(spec()));
  format_counters(scene->base, spec(), 0);
  CHECK(attach_counters(scene->base, ring_bytes(spec()), &scene->ring) == AttachStatus::kOk);
  for (Writer* writer : {&scene->victim, &scene->rival, &scene->gone}) {
    uint32_t node = writer == &scene->victim ? kVictim : writer == &scene->rival ? kRival : kGone;
    CHECK(become_writer(scene->ring, node, writer) == RingStatus::kOk);
  }
  CHECK_EQUAL(add_to(&scene->gone, kStay, kStays, kNowMs), CounterStatus::kDone);
  switch (call) {
    case Call::kEnter:
      return 0;
    case Call::kEnterLeft:
      CHECK_EQUAL(enter_name(&scene->gone, name_of(kDoor), [] { return kNowMs; }), TableStatus::kDone);
      return 0;
    case Call::kEnterFull:  // one is about to expire, the others stay
      for (uint32_t i = 2; i < kBucketCells; i++) add_to(&scene->gone, std::string(1, static_cast<char>(i)), 1, kNowMs);
      CHECK_EQUAL(add_to(&scene->gone, "brief", 1, kNowMs, kBriefMs), CounterStatus::kDone);
      return 0;
    default:
      uint64_t ttlMs = call == Call::kRenew ? kBriefMs : 0;
      CHECK_EQUAL(add_to(&scene->gone, kDoor, kHad, kNowMs, ttlMs, nullptr, &scene->spot), CounterStatus::kDone);
      return call == Call::kRenew ? 0 : kHad;
  }
}

// The result of the child: what it removed, or 1 for a counted change.
pid_t start_call(Scene* scene, Call call) {
  store_release(&scene->progress->result, 0);
  return start(scene->progress, [=] {
    uint64_t nowMs = now_of(call);
    if (call == Call::kRemove) {
      int64_t removed = remove_from(&scene->victim, kDoor, nowMs);
      store_release(&scene->progress->result, removed < 0 ? 0 : static_cast<uint64_t>(removed));
      return;
    }
    CounterStatus status = CounterStatus::kStale;
    if (call == Call::kChange) status = add_at(&scene->victim, scene->spot, 1, nowMs);
    if (status == CounterStatus::kStale || status == CounterStatus::kNone) {
      status = add_to(&scene->victim, kDoor, 1, nowMs);
    }
    CHECK(status == CounterStatus::kDone || status == CounterStatus::kFull);
    store_release(&scene->progress->result, status == CounterStatus::kDone);
  });
}

uint64_t standing(const Scene& scene, const char* name, uint64_t nowMs) {
  int64_t value = value_of(scene.ring, name, nowMs);
  return value < 0 ? 0 : static_cast<uint64_t>(value);
}

// The next processes find what is there, and nothing that blocks them.
void check_goes_on(Scene* scene, uint64_t count, uint64_t nowMs) {
  check_card(scene->ring, 0);
  CHECK_EQUAL(standing(*scene, kStay, nowMs), kStays);
  CHECK_EQUAL(standing(*scene, kDoor, nowMs), count);
  CHECK(become_writer(scene->ring, kVictim, &scene->victim) == RingStatus::kOk);
  CHECK_EQUAL(load_acquire(&scene->ring.header->burned), 0);
  for (Writer* writer : {&scene->victim, &scene->rival}) {
    CHECK(writer->hand != (writer == &scene->victim ? scene->rival : scene->victim).hand);
    CHECK(writer->hand != chunk_in(load_acquire(&scene->ring.slots[0])));
    remove_from(writer, kOther, nowMs);
    CounterStatus status = add_to(writer, kOther, kOthers, nowMs);
    CHECK(status == CounterStatus::kDone || status == CounterStatus::kFull);
    if (status == CounterStatus::kDone) CHECK_EQUAL(remove_from(writer, kOther, nowMs), kOthers);
    CHECK_EQUAL(add_to(writer, kDoor, 1, nowMs), CounterStatus::kDone);
    CHECK_EQUAL(standing(*scene, kDoor, nowMs), ++count);
  }
  CHECK_EQUAL(standing(*scene, kStay, nowMs), kStays);
}

struct Tally {
  uint64_t instructions = 0, points = 0, effects = 0;
};

std::vector<uint64_t> instructions_that_write(Scene* scene, Call call) {
  prepare(scene, call);
  pid_t child = start_call(scene, call);
  return instructions_that_write(child, scene->progress, scene->base, ring_bytes(spec()), [] {});
}

void kill_at(Scene* scene, Call call, uint64_t at, bool isLast, Tally* tally) {
  uint64_t had = prepare(scene, call), nowMs = now_of(call);
  pid_t child = start_call(scene, call);
  step_into(child, scene->progress, at, [] {});
  kill_child(child);
  uint64_t count = standing(*scene, kDoor, nowMs), after = call == Call::kRemove ? 0 : had + 1;
  CHECK(count == had || count == after);
  CHECK(!isLast || count == after);
  check_goes_on(scene, count, nowMs);
  tally->points++;
  tally->effects += count == after;
}

// Returns what it added to the counter; what it took away is added to `*removed`.
uint64_t act(Scene* scene, Rival rival, uint64_t nowMs, uint64_t* removed) {
  if (rival == Rival::kChanges) {
    CHECK_EQUAL(add_to(&scene->rival, kDoor, 5, nowMs), CounterStatus::kDone);
    return 5;
  }
  int64_t taken = remove_from(&scene->rival, kDoor, nowMs);
  *removed += taken < 0 ? 0 : static_cast<uint64_t>(taken);
  if (rival == Rival::kRemoves) return 0;
  CounterStatus status = add_to(&scene->rival, kOther, kOthers, nowMs);
  CHECK(status == CounterStatus::kDone || status == CounterStatus::kFull);
  return 0;
}

// Where a call of so many instructions is stopped.
std::vector<uint64_t> stops_of(uint64_t instructions, const std::vector<uint64_t>& writes) {
  std::vector<uint64_t> points = writes;
  if (instructions > 3000) return points;
  for (uint64_t at = 0; at < instructions; at += instructions < 200 ? 1 : 29) points.push_back(at);
  return points;
}

void stop_at(Scene* scene, Call call, Rival rival, uint64_t at, Tally* tally) {
  uint64_t had = prepare(scene, call), nowMs = now_of(call), removed = 0;
  pid_t child = start_call(scene, call);
  step_into(child, scene->progress, at, [] {});
  uint64_t added = act(scene, rival, nowMs, &removed);
  uint64_t others = standing(*scene, kOther, nowMs);
  CHECK_EQUAL(ptrace(PTRACE_CONT, child, nullptr, nullptr), 0);
  finish_child(child);
  uint64_t result = load_acquire(&scene->progress->result);
  uint64_t counted = call == Call::kRemove ? 0 : result;
  if (call == Call::kRemove) removed += result;
  CHECK(call == Call::kRemove || result == 1 || (call == Call::kEnterFull && others > 0));
  CHECK_EQUAL(standing(*scene, kDoor, nowMs) + removed, had + added + counted);
  CHECK_EQUAL(standing(*scene, kOther, nowMs), others);
  CHECK_EQUAL(standing(*scene, kStay, nowMs), kStays);
  check_card(scene->ring, 0);
  tally->points++;
}

}  // namespace

int main(int count, char** words) {
  parse_options(count, words);
  if (!can_step("step_counters_test")) return skipped();
  alarm(2 * kWatchdogSeconds);
  stay_on_one_processor();
  Scene scene;
  scene.base = shared_memory(ring_bytes(spec()));
  scene.progress = static_cast<Progress*>(shared_memory(sizeof(Progress)));
  for (Call call : {Call::kChange, Call::kChangeByName, Call::kEnter, Call::kEnterLeft, Call::kEnterFull, Call::kRenew,
                    Call::kRemove}) {
    Tally kills, stops;
    std::vector<uint64_t> points = instructions_that_write(&scene, call);
    kills.instructions = points.back();
    for (uint64_t point : points) kill_at(&scene, call, point, point == points.back(), &kills);
    CHECK(kills.effects > 0 && kills.effects < kills.points);
    for (Rival rival : {Rival::kChanges, Rival::kRemoves, Rival::kReplaces}) {
      if (call == Call::kEnterFull && rival != Rival::kReplaces) continue;
      for (uint64_t at : stops_of(kills.instructions, points)) stop_at(&scene, call, rival, at, &stops);
    }
    auto number = [](uint64_t value) { return static_cast<unsigned long long>(value); };
    printf("%s: %llu instructions, %llu kills, %llu after it took effect; %llu stops\n",
           kCallNames[static_cast<int>(call)], number(kills.instructions), number(kills.points), number(kills.effects),
           number(stops.points));
    fflush(stdout);
  }
  return 0;
}
#endif
