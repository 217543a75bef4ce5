// One heart and many readers, in threads: every beat that is read is whole, its member's, and no older than the last.
//
// Each byte of a beat follows from its member's incarnation and its number, so a torn, a mixed and a misnumbered beat
// all tell on themselves. Now and then a next owner takes the node, and comes to the same numbers again.
#include <sched.h>

#include <thread>
#include <vector>

#include "check.h"
#include "protocol/beat.h"

using namespace orbit;

namespace {

constexpr uint32_t kReaders = 3;
constexpr uint64_t kMostBeats = 40;  // of one member

struct Scene {
  NodeRecord record = {};
  uint64_t ended = 0;
  uint64_t beats = 0, members = 0;
  uint64_t whole[kReaders] = {};
};

Beat beat_of(uint64_t incarnation, uint64_t number) {
  uint64_t name = Random{incarnation * 1000 + number}.next();
  Beat beat = {name, name * 3, name * 5, {}};
  for (uint32_t i = 0; i < kStatusBytes; i++) beat.status[i] = static_cast<uint8_t>((name >> (i % 8 * 8)) + i);
  return beat;
}

// As Fleet::take_node does it.
void take(NodeRecord* record, uint64_t incarnation) {
  NodeRecord next = {};
  next.incarnation = incarnation;
  store_release(&record->joined, kNotJoined);
  copy_to_shared(reinterpret_cast<uint64_t*>(record), &next, sizeof next);
  store_release(&record->joined, kIsJoined);
}

// As Fleet::members does it: the incarnation that has joined; 0: none at this instant.
uint64_t member_of(const NodeRecord* record) {
  NodeRecord head;
  copy_from_shared(&head, reinterpret_cast<const uint64_t*>(record), offsetof(NodeRecord, beatCount));
  return head.joined == kNotJoined ? 0 : head.incarnation;
}

void beat_on(Scene* scene, uint64_t seed, double end) {
  Random random{seed};
  for (uint64_t incarnation = 1; seconds_now() < end; incarnation++) {
    take(&scene->record, incarnation);
    scene->members++;
    for (uint64_t number = 1, last = random.below(kMostBeats); number <= last; number++) {
      write_beat(&scene->record, beat_of(incarnation, number));
      scene->beats++;
      if (random.below(64) == 0) sched_yield();
    }
  }
  store_release(&scene->ended, 1);
}

void read_on(Scene* scene, uint32_t reader) {
  uint64_t lastIncarnation = 0, lastNumber = 0;
  while (load_acquire(&scene->ended) == 0) {
    uint64_t incarnation = member_of(&scene->record), number;
    Beat beat;
    if (incarnation == 0 || !read_beat(&scene->record, incarnation, &number, &beat)) continue;
    Beat wanted = beat_of(incarnation, number);
    CHECK(memcmp(&beat, &wanted, sizeof beat) == 0);
    CHECK(incarnation > lastIncarnation || (incarnation == lastIncarnation && number >= lastNumber));
    lastIncarnation = incarnation;
    lastNumber = number;
    scene->whole[reader]++;
  }
}

}  // namespace

int main(int count, char** words) {
  Options options = parse_options(count, words);
  alarm(static_cast<unsigned>(options.seconds) + 15);
  Scene scene;
  std::vector<std::thread> threads;
  for (uint32_t reader = 0; reader < kReaders; reader++) threads.emplace_back(read_on, &scene, reader);
  beat_on(&scene, options.seed, seconds_now() + options.seconds);
  for (std::thread& thread : threads) thread.join();
  uint64_t whole = 0;
  for (uint64_t each : scene.whole) whole += each;
  CHECK(whole > 0);
  printf("threads_beat_test: %llu beats of %llu members, %llu read whole\n",
         static_cast<unsigned long long>(scene.beats), static_cast<unsigned long long>(scene.members),
         static_cast<unsigned long long>(whole));
  return 0;
}
