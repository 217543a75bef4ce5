// A SIGKILL at every instruction of add, change and remove that writes. A death leaves nothing but the shared bytes.
//
// Two cells. The victim's call is on the first; the second has an entry of a rival. After a death the first cell has all
// of the old content or all of the new, it is free for another node, and the victim's chunk is the one that cells,
// spares and the hands of the living leave.
#ifndef __linux__
#include <stdio.h>
int main() {
  puts("step_entries_test: skipped, it needs Linux's ptrace");
  return 0;
}
#else

#include <string>
#include <vector>

#include "protocol/entries.h"
#include "protocol/settle.h"
#include "step.h"

using namespace orbit;

namespace {

constexpr uint32_t kFleetSize = 4;
constexpr uint32_t kVictim = 0, kRival = 1, kThird = 2, kGone = 3;

enum class Call { kAdd, kAddOverDead, kChange, kRemove };
constexpr const char* kCallNames[] = {"add", "add in the cell of a dead owner", "change", "remove"};

struct Scene {
  Ring ring;
  Progress* progress;
  Writer writers[kFleetSize];
};

RingSpec spec_of_cells() {
  RingSpec spec;
  spec.typeKind = 130;
  spec.capacity = 2;
  spec.payloadBytes = 64;
  spec.fleetSize = kFleetSize;
  return spec;
}

Entry entry_of(const char* id, const char* value) {
  return {1, id, static_cast<uint32_t>(strlen(id)), value, static_cast<uint32_t>(strlen(value))};
}

TableStatus fill(Scene* scene, uint32_t node, uint32_t cell, const char* value, uint32_t dead) {
  auto lives = [=](uint32_t owner, uint64_t) { return owner != dead && owner != kGone; };
  return fill_cell(&scene->writers[node], cell, entry_of("id", value), lives);
}

void set_scene(Scene* scene, void* base, Progress* progress, Call call) {
  *scene = Scene();
  memset(base, 0x5a, ring_bytes(spec_of_cells()));
  format_table(base, spec_of_cells(), 0);
  CHECK(attach_table(base, ring_bytes(spec_of_cells()), &scene->ring) == AttachStatus::kOk);
  memset(progress, 0, sizeof *progress);
  scene->progress = progress;
  for (uint32_t node = 0; node < kFleetSize; node++) {
    CHECK(become_writer(scene->ring, node, &scene->writers[node]) == RingStatus::kOk);
  }
  CHECK_EQUAL(fill(scene, kRival, 1, "of the rival", kGone), TableStatus::kDone);
  if (call == Call::kAddOverDead) CHECK_EQUAL(fill(scene, kGone, 0, "before", kVictim), TableStatus::kDone);
  if (call >= Call::kChange) CHECK_EQUAL(fill(scene, kVictim, 0, "before", kGone), TableStatus::kDone);
}

pid_t start_call(Scene* scene, Call call) {
  return start(scene->progress, [=] {
    Writer* victim = &scene->writers[kVictim];
    if (call == Call::kChange) {
      CHECK_EQUAL(change_cell(victim, 0, entry_of("id", "after the change")), TableStatus::kDone);
    } else if (call == Call::kRemove) {
      CHECK_EQUAL(empty_cell(victim, 0, 1), TableStatus::kDone);
    } else {
      CHECK_EQUAL(fill(scene, kVictim, 0, "after the change", kGone), TableStatus::kDone);
    }
  });
}

std::string content(const Scene& scene, uint32_t cell) {
  Card card;
  EntryHeader header;
  CHECK(read_card(scene.ring, cell, &card));
  CellState state = entry_in(scene.ring, card, &header);
  CHECK(state != CellState::kDamaged);
  if (state == CellState::kEmpty) return "";
  const char* bytes = reinterpret_cast<const char*>(card.bytes) + sizeof header;
  CHECK(std::string(bytes, header.idBytes) == "id");
  return std::to_string(header.node) + " " + std::string(bytes + header.idBytes, header.valueBytes);
}

// Did the call take effect? The cell shows all of it or nothing.
bool took_effect(const Scene& scene, Call call) {
  CHECK(content(scene, 1) == "1 of the rival");
  std::string before = call == Call::kAdd ? "" : call == Call::kAddOverDead ? "3 before" : "0 before";
  std::string after = call == Call::kRemove ? "" : "0 after the change";
  std::string now = content(scene, 0);
  CHECK(now == before || now == after);
  return now == after;
}

// I1 by elimination, as in step_table_test.
uint32_t chunk_left_for_the_victim(const Scene& scene) {
  std::vector<uint32_t> places(scene.ring.chunkCount);
  for (uint32_t cell = 0; cell < 2; cell++) places[chunk_in(load_acquire(&scene.ring.slots[cell]))]++;
  for (uint64_t i = load_acquire(&scene.ring.header->sparesTaken); i < scene.ring.spareCount; i++) {
    places[scene.ring.spares[i]]++;
  }
  for (uint32_t node = kRival; node < kFleetSize; node++) places[load_acquire(&scene.ring.entries[node].hand)]++;
  uint32_t left = scene.ring.chunkCount;
  for (uint32_t chunk = 0; chunk < scene.ring.chunkCount; chunk++) {
    CHECK(places[chunk] <= 1);
    if (places[chunk] == 1) continue;
    CHECK_EQUAL(left, scene.ring.chunkCount);
    left = chunk;
  }
  CHECK(left < scene.ring.chunkCount);
  return left;
}

// The cell is free before the victim's node is settled; `moves` more transitions go over it.
void take_over(Scene* scene, uint32_t moves) {
  CHECK_EQUAL(fill(scene, kThird, 0, "of the third", kVictim), TableStatus::kDone);
  for (uint32_t i = 0; i < moves; i++) {
    CHECK_EQUAL(change_cell(&scene->writers[kThird], 0, entry_of("id", "of the third")), TableStatus::kDone);
  }
  uint32_t truth = chunk_left_for_the_victim(*scene);
  CHECK(become_writer(scene->ring, kVictim, &scene->writers[kVictim]) == RingStatus::kOk);
  CHECK_EQUAL(scene->writers[kVictim].hand, truth);
  CHECK(content(*scene, 0) == "2 of the third");
  CHECK_EQUAL(empty_cell(&scene->writers[kThird], 0, 1), TableStatus::kDone);
  CHECK_EQUAL(fill(scene, kVictim, 0, "again", kGone), TableStatus::kDone);
  CHECK(content(*scene, 0) == "0 again");
  CHECK_EQUAL(scene->writers[kVictim].hand, chunk_left_for_the_victim(*scene));
}

std::vector<uint64_t> instructions_that_write(Scene* scene, Call call) {
  pid_t child = start_call(scene, call);
  return instructions_that_write(child, scene->progress, scene->ring.header, ring_bytes(spec_of_cells()), [] {});
}

void kill_everywhere(void* base, Progress* progress, Call call, uint32_t moves) {
  Scene scene;
  set_scene(&scene, base, progress, call);
  std::vector<uint64_t> points = instructions_that_write(&scene, call);
  uint64_t effects = 0;
  for (uint64_t point : points) {
    set_scene(&scene, base, progress, call);
    pid_t child = start_call(&scene, call);
    bool isInside = step_into(child, scene.progress, point, [] {});
    kill_child(child);
    CHECK_EQUAL(isInside, point < points.back());
    bool isEffective = took_effect(scene, call);
    CHECK(isInside || isEffective);
    effects += isEffective;
    take_over(&scene, moves);
  }
  printf("%s, cell moved on by %u: %llu instructions, %zu kills, %llu took effect\n",
         kCallNames[static_cast<int>(call)], moves, static_cast<unsigned long long>(points.back()), points.size(),
         static_cast<unsigned long long>(effects));
  fflush(stdout);
  CHECK(effects > 0 && effects < points.size());
}

}  // namespace

int main(int count, char** words) {
  parse_options(count, words);
  if (!can_step("step_entries_test")) return skipped();
  alarm(kWatchdogSeconds);
  stay_on_one_processor();
  void* base = shared_memory(ring_bytes(spec_of_cells()));
  Progress* progress = static_cast<Progress*>(shared_memory(sizeof(Progress)));
  for (Call call : {Call::kAdd, Call::kAddOverDead, Call::kChange, Call::kRemove}) {
    for (uint32_t moves : {0u, 1u, 3u}) kill_everywhere(base, progress, call, moves);
  }
  return 0;
}
#endif
