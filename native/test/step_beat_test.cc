// A SIGKILL, and a look, at every single instruction of a beat: the last whole beat can be read at each of them.
#ifndef __linux__
#include <stdio.h>
int main() {
  puts("step_beat_test: skipped, it needs Linux's ptrace");
  return 0;
}
#else

#include "protocol/beat.h"
#include "step.h"

using namespace orbit;

namespace {

constexpr uint64_t kMember = 1;

Beat beat_of(uint64_t name) {
  Beat beat = {name, name * 3, name * 5, {}};
  for (uint32_t i = 0; i < kStatusBytes; i++) beat.status[i] = static_cast<uint8_t>(name * 7 + i);
  return beat;
}

// The number of the beat that can be read, which is whole; 0: none.
uint64_t number_of(const NodeRecord* record, uint64_t incarnation) {
  uint64_t number;
  Beat beat;
  if (!read_beat(record, incarnation, &number, &beat)) return 0;
  Beat wanted = beat_of(incarnation * 1000 + number);
  CHECK(memcmp(&beat, &wanted, sizeof beat) == 0);
  return number;
}

struct Tally {
  uint64_t kills = 0, counted = 0;
};

// False: the beat was over before instruction `at`.
bool kill_beat_at(NodeRecord* record, Progress* progress, uint64_t made, uint64_t at, Tally* tally) {
  NodeRecord taken = {};
  taken.incarnation = kMember;
  *record = taken;
  for (uint64_t number = 1; number <= made; number++) write_beat(record, beat_of(kMember * 1000 + number));
  Beat next = beat_of(kMember * 1000 + made + 1);
  pid_t child = start(progress, [&] { write_beat(record, next); });
  uint64_t seen = made;
  bool isInside = step_into(child, progress, at, [&] {
    uint64_t number = number_of(record, kMember);
    CHECK(number == seen || (seen == made && number == made + 1));
    seen = number;
  });
  kill_child(child);
  CHECK_EQUAL(number_of(record, kMember), seen);
  CHECK(isInside || seen == made + 1);

  taken.incarnation = kMember + 1;
  copy_to_shared(reinterpret_cast<uint64_t*>(record), &taken, sizeof taken);
  CHECK_EQUAL(number_of(record, kMember + 1), 0);
  write_beat(record, beat_of((kMember + 1) * 1000 + 1));
  CHECK_EQUAL(number_of(record, kMember + 1), 1);
  tally->kills++;
  tally->counted += seen == made + 1;
  return isInside;
}

}  // namespace

int main(int count, char** words) {
  parse_options(count, words);
  if (!can_trace()) {
    puts("step_beat_test: skipped, ptrace is forbidden here");
    return skipped();
  }
  alarm(kWatchdogSeconds);
  stay_on_one_processor();
  NodeRecord* record = static_cast<NodeRecord*>(shared_memory(sizeof(NodeRecord)));
  Progress* progress = static_cast<Progress*>(shared_memory(sizeof(Progress)));
  for (uint64_t made = 0; made < 3; made++) {
    Tally tally;
    while (kill_beat_at(record, progress, made, tally.kills, &tally)) continue;
    printf("beat %llu: %llu kills, %llu after it was counted\n", static_cast<unsigned long long>(made + 1),
           static_cast<unsigned long long>(tally.kills), static_cast<unsigned long long>(tally.counted));
    CHECK(tally.kills > 20);
    CHECK(tally.counted > 0 && tally.counted < tally.kills);
  }
  return 0;
}
#endif
