// A SIGSTOP at every single instruction of publish; a SIGKILL at every one that writes of publish, settle and audit. A
// death leaves nothing but the shared bytes, so one instruction between two changes of them represents all.
//
// What is true after a death is worked out by elimination, from the slots and from the hands of the living: settle()
// must find the same from the entry alone.
#ifndef __linux__
#include <stdio.h>
int main() {
  puts("step_test: skipped, it needs Linux's ptrace");
  return 0;
}
#else

#include <vector>

#define ORBIT_MOST_LOOKS 2
#include "protocol/settle.h"
#include "step.h"

using namespace orbit;

namespace {

constexpr uint32_t kKind = 9, kPayloadBytes = 44, kFleetSize = 4;
constexpr uint32_t kVictim = 0, kRival = 1, kThird = 2;  // node 3 never publishes
constexpr uint64_t kVictimFrame = 1000000, kThirdFrame = 2000000;
constexpr uint32_t kWarmUp = 3;  // frames of a publisher before the one that is stepped

struct Tally {
  uint64_t instructions = 0, kills = 0, stops = 0, published = 0, byEvidence = 0, burned = 0, spares = 0;
};

// ---- a ring with a known truth -------------------------------------------------------------------------------------

struct Scene {
  Ring ring;
  Progress* progress;
  uint64_t frames = 0;              // named by the parent's publishers so far
  uint64_t head = 0;                // where the test's own count says it is
  uint64_t takenAtMost = 0;         // spares that the deaths so far may have cost
  uint32_t truth[kFleetSize] = {};  // which chunk each node owns
  Writer rival, third;
};

RingSpec spec_of(uint32_t capacity) {
  RingSpec spec;
  spec.typeKind = kKind;
  spec.capacity = capacity;
  spec.payloadBytes = kPayloadBytes;
  spec.fleetSize = kFleetSize;
  return spec;
}

uint32_t fill(uint8_t* payload, uint32_t node, uint64_t name) {
  uint32_t length = static_cast<uint32_t>(name * 7 + node) % (kPayloadBytes + 1);
  for (uint32_t i = 0; i < length; i++) payload[i] = static_cast<uint8_t>(name * 31 + node * 59 + i * 5);
  return length;
}

// A frame's payload is made before the call that is stepped.
struct Outgoing {
  uint64_t name;
  uint32_t length;
  uint8_t payload[kPayloadBytes];
  Outgoing(uint32_t node, uint64_t frameName) : name(frameName), length(fill(payload, node, frameName)) {}
};

uint64_t publish_outgoing(Writer* writer, const Outgoing& frame) {
  uint64_t position;
  uint8_t frameKind = static_cast<uint8_t>(frame.name);
  CHECK(publish(writer, frame.payload, frame.length, frameKind, frame.name, &position) == RingStatus::kOk);
  return position;
}

// The parent's publishers: the frame must land on the head, and the next hand be what the slot held.
void publish_one(Scene* scene, Writer* writer) {
  uint32_t received = chunk_in(load_acquire(slot_of(scene->ring, scene->head)));
  CHECK_EQUAL(publish_outgoing(writer, Outgoing(writer->node, ++scene->frames)), scene->head);
  CHECK_EQUAL(writer->hand, received);
  scene->truth[writer->node] = received;
  scene->head++;
}

void publish_laps(Scene* scene, Writer* writer, uint32_t laps) {
  for (uint64_t i = 0; i < uint64_t{laps} * (scene->ring.mask + 1); i++) publish_one(scene, writer);
}

// The name of the whole frame at `position`.
uint64_t whole_frame(const Ring& ring, uint64_t position) {
  Frame frame;
  uint8_t payload[kPayloadBytes], expected[kPayloadBytes];
  CHECK(read_frame(ring, position, &frame, payload) == RingStatus::kOk);
  CHECK_EQUAL(frame.length, fill(expected, frame.node, frame.version));
  CHECK_EQUAL(frame.frameKind, frame.version & 0xff);
  CHECK(memcmp(payload, expected, frame.length) == 0);
  return frame.version;
}

// I3: what is retained is whole, what is older is gone, what is newer is not there. Says how often `name` is there.
uint32_t check_frames(const Scene& scene, uint64_t name) {
  const Ring& ring = scene.ring;
  uint64_t head = search_head(ring), oldest = oldest_of(ring, head);
  CHECK_EQUAL(head, scene.head);
  CHECK_EQUAL(head_of(ring), head);
  uint32_t found = 0;
  Frame frame;
  uint8_t payload[kPayloadBytes];
  for (uint64_t position = 0; position < oldest; position++) {
    CHECK(read_frame(ring, position, &frame, payload) == RingStatus::kOverwritten);
  }
  for (uint64_t position = oldest; position < head; position++) found += whole_frame(ring, position) == name;
  CHECK(read_frame(ring, head, &frame, payload) == RingStatus::kNotYet);
  return found;
}

class Marks {
 public:
  void once(uint64_t chunk) {
    CHECK(chunk < seen_.size());
    CHECK(!seen_[chunk]);  // I1
    seen_[chunk] = true;
  }
  uint64_t missing() const { return seen_.size() - count(); }
  uint32_t only_missing() const {
    CHECK_EQUAL(missing(), 1);
    for (uint32_t chunk = 0;; chunk++) {
      if (!seen_[chunk]) return chunk;
    }
  }
  explicit Marks(const Ring& ring) : seen_(ring.chunkCount) {
    for (uint32_t i = 0; i <= ring.mask; i++) once(chunk_in(load_acquire(&ring.slots[i])));
  }
  void spares(const Ring& ring) {
    for (uint64_t i = load_acquire(&ring.header->sparesTaken); i < ring.spareCount; i++) once(ring.spares[i]);
  }

 private:
  uint64_t count() const {
    uint64_t found = 0;
    for (bool seen : seen_) found += seen;
    return found;
  }
  std::vector<bool> seen_;
};

// I1 by elimination: the one chunk that the slots, the others' hands and the spares leave for `node`.
uint32_t chunk_left_for(const Scene& scene, uint32_t node) {
  Marks marks(scene.ring);
  marks.spares(scene.ring);
  for (uint32_t other = 0; other < kFleetSize; other++) {
    if (other != node) marks.once(scene.truth[other]);
  }
  return marks.only_missing();
}

// I1 when no call is under way: every entry is exact, and each taken spare has cost one chunk.
void check_ownership(const Scene& scene) {
  Marks marks(scene.ring);
  marks.spares(scene.ring);
  for (uint32_t node = 0; node < kFleetSize; node++) {
    CHECK_EQUAL(load_acquire(&scene.ring.entries[node].intentPosition), 0);
    marks.once(load_acquire(&scene.ring.entries[node].hand));
  }
  uint64_t taken = load_acquire(&scene.ring.header->sparesTaken);
  CHECK(taken <= scene.takenAtMost);
  CHECK(load_acquire(&scene.ring.header->burned) <= taken);
  CHECK_EQUAL(marks.missing(), taken);
}

void set_scene(Scene* scene, void* base, Progress* progress, uint32_t capacity) {
  *scene = Scene();
  format_ring(base, spec_of(capacity), 0);
  CHECK(attach_ring(base, ring_bytes(spec_of(capacity)), &scene->ring) == AttachStatus::kOk);
  memset(progress, 0, sizeof *progress);
  scene->progress = progress;
  for (uint32_t node = 0; node < kFleetSize; node++) scene->truth[node] = capacity + node;
  CHECK(become_writer(scene->ring, kRival, &scene->rival) == RingStatus::kOk);
  CHECK(become_writer(scene->ring, kThird, &scene->third) == RingStatus::kOk);
  publish_laps(scene, &scene->rival, 1);
  publish_one(scene, &scene->third);
}

// A child that goes on as `node`, in the middle of its life: it knows its newest position, and publishes one frame.
pid_t start_publisher(Scene* scene, uint32_t node, uint64_t name) {
  Writer warm;
  CHECK(become_writer(scene->ring, node, &warm) == RingStatus::kOk);
  for (uint32_t i = 0; i < kWarmUp; i++) publish_one(scene, &warm);
  Outgoing frame(node, name);
  return start(scene->progress, [&] { scene->progress->result = publish_outgoing(&warm, frame); });
}

// Stopped between its swap and its next store: its frame is out, the chunk it received is in no slot and no hand.
pid_t start_and_swap(Scene* scene, uint32_t node, uint64_t name) {
  pid_t pid = start_publisher(scene, node, name);
  uint64_t* slot = slot_of(scene->ring, scene->head);
  uint64_t before = load_acquire(slot);
  step_until(pid, [&] { return load_acquire(slot) != before; });
  CHECK_EQUAL(load_acquire(&scene->ring.entries[node].intentPosition), scene->head + 1);
  scene->truth[node] = chunk_in(before);
  scene->head++;
  return pid;
}

// ---- a kill at every instruction of publish ------------------------------------------------------------------------

enum class Afterwards {
  kAtOnce,     // settled while nothing else has moved
  kLapped,     // settled when the others have published two laps more
  kSwapping,   // settled when the slot is lapped and the chunk that would decide is inside a third node's swap
  kStaleHand,  // as kLapped, and the chunk that the victim receives is still the hand of a third node in its
               // swap
};

struct Variant {
  uint32_t capacity;
  uint32_t lostSwaps;      // how often a rival takes the slot between the victim's intent and its swap
  uint32_t framesPerLoss;  // how many frames the rival publishes each time
  Afterwards afterwards;
};

constexpr Variant kVariants[] = {
    {4, 0, 0, Afterwards::kAtOnce},   {8, 0, 0, Afterwards::kAtOnce},   {4, 1, 1, Afterwards::kAtOnce},
    {4, 0, 0, Afterwards::kLapped},   {4, 1, 5, Afterwards::kLapped},   {8, 0, 0, Afterwards::kStaleHand},
    {4, 0, 0, Afterwards::kSwapping}, {4, 2, 1, Afterwards::kSwapping},
};

// The rival, which publishes whenever the victim has named a new slot and not yet swapped.
class Rivalry {
 public:
  Rivalry(Scene* scene, const Variant& variant) : scene_(scene), variant_(variant), left_(variant.lostSwaps) {}
  void operator()() {
    uint64_t intent = load_acquire(&scene_->ring.entries[kVictim].intentPosition);
    if (intent == 0 || intent == last_ || left_ == 0) return;
    CHECK_EQUAL(intent, scene_->head + 1);
    last_ = intent;
    left_--;
    for (uint32_t i = 0; i < variant_.framesPerLoss; i++) publish_one(scene_, &scene_->rival);
  }
  bool finished() const { return left_ == 0; }

 private:
  Scene* scene_;
  Variant variant_;
  uint64_t last_ = 0;
  uint32_t left_;
};

// What the dead left, and what is really so.
struct Death {
  uint64_t hand, received, intent;
  bool published;
  bool isAmbiguous() const { return intent != 0 && hand != received; }
  bool is_lapped(const Ring& ring) const {
    return intent != 0 && lap_in(load_acquire(slot_of(ring, intent - 1))) > lap_of(ring, intent - 1);
  }
};

Death look_at_the_dead(Scene* scene) {
  const NodeEntry& entry = scene->ring.entries[kVictim];
  uint64_t head = search_head(scene->ring);
  CHECK(head == scene->head || head == scene->head + 1);
  Death death{load_acquire(&entry.hand), load_acquire(&entry.intentChunk), load_acquire(&entry.intentPosition),
              head != scene->head};
  scene->head = head;
  CHECK_EQUAL(check_frames(*scene, kVictimFrame), death.published ? 1 : 0);
  if (death.published) CHECK_EQUAL(whole_frame(scene->ring, head - 1), kVictimFrame);
  scene->truth[kVictim] = chunk_left_for(*scene, kVictim);
  return death;
}

// Publishes until the dead node's slot is lapped and the next publisher is about to receive the chunk that would
// decide; then stops the third node with that chunk in its swap.
pid_t hide_the_evidence(Scene* scene, const Death& death) {
  uint64_t evidence = scene->truth[kVictim] == death.hand ? death.received : death.hand;
  for (int i = 0;; i++) {
    bool isNext = chunk_in(load_acquire(slot_of(scene->ring, scene->head + kWarmUp))) == evidence;
    if (!death.isAmbiguous() || (isNext && death.is_lapped(scene->ring))) break;
    CHECK(i < 100);
    publish_one(scene, &scene->rival);
  }
  pid_t third = start_and_swap(scene, kThird, kThirdFrame);
  if (death.isAmbiguous()) CHECK_EQUAL(scene->truth[kThird], evidence);
  return third;
}

// Stops the third node in its swap, and publishes until the chunk that it swapped in is what the victim will receive.
pid_t leave_a_stale_hand(Scene* scene) {
  pid_t third = start_and_swap(scene, kThird, kThirdFrame);
  uint64_t swappedIn = load_acquire(&scene->ring.entries[kThird].hand);
  for (int i = 0; chunk_in(load_acquire(slot_of(scene->ring, scene->head + kWarmUp))) != swappedIn; i++) {
    CHECK(i < 100);
    publish_one(scene, &scene->rival);
  }
  return third;
}

// All nodes publish two laps more, in turn; then all is where it should be.
void go_on(Scene* scene, Writer* victim) {
  scene->truth[kVictim] = victim->hand;
  for (uint64_t i = 0; i < 2 * uint64_t{scene->ring.mask} + 2; i++) {
    publish_one(scene, victim);
    publish_one(scene, &scene->rival);
    publish_one(scene, &scene->third);
  }
  check_frames(*scene, 0);
  check_ownership(*scene);
}

// The node's next owner. A burn is allowed, and needed, exactly where settle.h says that nothing can tell.
Writer settle_the_dead(Scene* scene, const Death& death, Afterwards afterwards, Tally* tally) {
  bool mustBurn = afterwards == Afterwards::kSwapping && death.isAmbiguous();
  bool needsEvidence = death.isAmbiguous() && death.is_lapped(scene->ring);
  uint64_t spare = scene->ring.spares[0];
  Writer victim;
  CHECK(become_writer(scene->ring, kVictim, &victim) == RingStatus::kOk);
  CHECK_EQUAL(load_acquire(&scene->ring.header->burned), mustBurn);
  CHECK_EQUAL(load_acquire(&scene->ring.header->sparesTaken), mustBurn);
  CHECK_EQUAL(victim.hand, mustBurn ? spare : scene->truth[kVictim]);
  if (mustBurn) scene->takenAtMost++;
  tally->burned += mustBurn;
  tally->byEvidence += needsEvidence && !mustBurn;
  return victim;
}

// `dies` is the third node's end, where one is stopped in its swap: it dies as well and is settled, or goes on.
void kill_publish_at(Scene* scene, const Variant& variant, uint64_t point, bool isLast, bool dies, Tally* tally) {
  pid_t third = variant.afterwards == Afterwards::kStaleHand ? leave_a_stale_hand(scene) : 0;
  pid_t child = start_publisher(scene, kVictim, kVictimFrame);
  Rivalry rivalry(scene, variant);
  bool isInside = step_into(child, scene->progress, point, [&] { rivalry(); });
  kill_child(child);
  CHECK_EQUAL(isInside, !isLast);
  CHECK(isInside || rivalry.finished());

  Death death = look_at_the_dead(scene);
  CHECK(isInside || death.published);
  if (variant.afterwards == Afterwards::kLapped || third != 0) publish_laps(scene, &scene->rival, 2);
  if (variant.afterwards == Afterwards::kSwapping) third = hide_the_evidence(scene, death);
  Writer victim = settle_the_dead(scene, death, variant.afterwards, tally);
  if (third != 0) {
    if (dies) {
      kill_child(third);
    } else {
      CHECK_EQUAL(ptrace(PTRACE_DETACH, third, nullptr, nullptr), 0);
      finish_child(third);
    }
    CHECK(become_writer(scene->ring, kThird, &scene->third) == RingStatus::kOk);
    CHECK_EQUAL(scene->third.hand, scene->truth[kThird]);
  }
  go_on(scene, &victim);
  tally->kills++;
  tally->published += death.published;
}

std::vector<uint64_t> publish_writes(Scene* scene, const Variant& variant) {
  pid_t third = variant.afterwards == Afterwards::kStaleHand ? leave_a_stale_hand(scene) : 0;
  Rivalry rivalry(scene, variant);
  pid_t child = start_publisher(scene, kVictim, kVictimFrame);
  std::vector<uint64_t> points = instructions_that_write(child, scene->progress, scene->ring.header,
                                                         ring_bytes(spec_of(variant.capacity)), rivalry);
  if (third != 0) kill_child(third);
  return points;
}

void kill_publish_everywhere(void* base, Progress* progress, const Variant& variant) {
  Tally tally;
  Scene scene;
  set_scene(&scene, base, progress, variant.capacity);
  std::vector<uint64_t> points = publish_writes(&scene, variant);
  bool hasThird = variant.afterwards >= Afterwards::kSwapping;
  for (uint64_t point : points) {
    for (int dies = 0; dies <= hasThird; dies++) {
      set_scene(&scene, base, progress, variant.capacity);
      kill_publish_at(&scene, variant, point, point == points.back(), dies, &tally);
    }
  }
  static const char* const kNames[] = {"settled at once", "lapped twice", "evidence hidden", "a stale hand in sight"};
  printf(
      "publish, capacity %u, swaps lost %u x %u frames, %s: %llu instructions, %llu kills, %llu published, "
      "%llu decided by evidence, %llu burned\n",
      variant.capacity, variant.lostSwaps, variant.framesPerLoss, kNames[static_cast<int>(variant.afterwards)],
      static_cast<unsigned long long>(points.back()), static_cast<unsigned long long>(tally.kills),
      static_cast<unsigned long long>(tally.published), static_cast<unsigned long long>(tally.byEvidence),
      static_cast<unsigned long long>(tally.burned));
  CHECK(points.back() > 30);
  CHECK(tally.published > 0 && tally.published < tally.kills);
  if (variant.afterwards == Afterwards::kSwapping) CHECK(tally.burned > 0);
  if (variant.afterwards == Afterwards::kLapped || variant.afterwards == Afterwards::kStaleHand)
    CHECK(tally.byEvidence > 0);
}

// ---- a stop at every instruction of publish ------------------------------------------------------------------------

// While one member is stopped the others publish three laps and read each frame at once.
void live_without(Scene* scene) {
  for (uint64_t i = 0; i < 3 * (uint64_t{scene->ring.mask} + 1); i++) {
    publish_one(scene, i % 2 == 0 ? &scene->rival : &scene->third);
    CHECK_EQUAL(whole_frame(scene->ring, scene->head - 1), scene->frames);
    CHECK_EQUAL(head_of(scene->ring), scene->head);
  }
}

bool stop_publish_at(Scene* scene, uint64_t count, Tally* tally) {
  uint64_t beginning = scene->head + kWarmUp;
  pid_t child = start_publisher(scene, kVictim, kVictimFrame);
  bool isInside = step_into(child, scene->progress, count, [] {});
  CHECK_EQUAL(ptrace(PTRACE_DETACH, child, nullptr, reinterpret_cast<void*>(SIGSTOP)), 0);
  int status;
  CHECK_EQUAL(waitpid(child, &status, WUNTRACED), child);
  CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);

  bool swapped = search_head(scene->ring) != scene->head;
  scene->head += swapped;
  live_without(scene);
  CHECK_EQUAL(kill(child, SIGCONT), 0);
  finish_child(child);

  uint64_t position = load_acquire(&scene->progress->result);
  CHECK_EQUAL(position, swapped ? beginning : scene->head);
  scene->head += !swapped;
  CHECK_EQUAL(check_frames(*scene, kVictimFrame), swapped ? 0 : 1);
  Writer victim;
  CHECK(become_writer(scene->ring, kVictim, &victim) == RingStatus::kOk);
  check_ownership(*scene);
  go_on(scene, &victim);
  tally->stops++;
  tally->published += swapped;
  return isInside;
}

void stop_publish_everywhere(void* base, Progress* progress, uint32_t capacity) {
  Tally tally;
  bool isInside = true;
  while (isInside) {
    Scene scene;
    set_scene(&scene, base, progress, capacity);
    isInside = stop_publish_at(&scene, tally.instructions, &tally);
    tally.instructions += isInside;
  }
  printf("publish, capacity %u, stopped: %llu instructions, %llu stops, %llu of them after the swap\n", capacity,
         static_cast<unsigned long long>(tally.instructions), static_cast<unsigned long long>(tally.stops),
         static_cast<unsigned long long>(tally.published));
  CHECK(tally.published > 0 && tally.published < tally.stops);
}

// ---- a kill at every instruction of settle -------------------------------------------------------------------------

enum class Settling {
  kInPlace,        // the slot still tells
  kByEvidence,     // lapped; the slots or the hands tell
  kUndecidable,    // lapped, the evidence in a third node's swap, even while the second settler settles
  kEvidenceLater,  // the same, but the third node has finished when the second settler comes
};

bool is_hidden(Settling settling) { return settling >= Settling::kUndecidable; }

// The victim is dead in its swap; `*third` is stopped in another, where that hides the evidence, or 0.
pid_t start_settler(Scene* scene, Settling settling, pid_t* third) {
  kill_child(start_and_swap(scene, kVictim, kVictimFrame));
  const NodeEntry& entry = scene->ring.entries[kVictim];
  Death death{load_acquire(&entry.hand), load_acquire(&entry.intentChunk), load_acquire(&entry.intentPosition), true};
  CHECK(death.isAmbiguous());
  if (settling == Settling::kByEvidence) publish_laps(scene, &scene->rival, 2);
  *third = is_hidden(settling) ? hide_the_evidence(scene, death) : 0;
  return start(scene->progress, [=] {
    uint32_t hand;
    CHECK(settle(scene->ring, kVictim, &hand) == RingStatus::kOk);
  });
}

void kill_settle_at(Scene* scene, Settling settling, uint64_t point, Tally* tally) {
  pid_t third, settler = start_settler(scene, settling, &third);
  step_into(settler, scene->progress, point, [] {});
  kill_child(settler);

  if (third != 0 && settling != Settling::kUndecidable) {
    CHECK_EQUAL(ptrace(PTRACE_DETACH, third, nullptr, nullptr), 0);
    finish_child(third);
    third = 0;
  }
  if (is_hidden(settling)) scene->takenAtMost = 2;  // one for each settler
  Writer victim;
  CHECK(become_writer(scene->ring, kVictim, &victim) == RingStatus::kOk);
  uint64_t taken = load_acquire(&scene->ring.header->sparesTaken);
  if (taken == 0) CHECK_EQUAL(victim.hand, scene->truth[kVictim]);
  CHECK(settling != Settling::kUndecidable || taken > 0);
  if (third != 0) kill_child(third);
  CHECK(become_writer(scene->ring, kThird, &scene->third) == RingStatus::kOk);
  CHECK_EQUAL(scene->third.hand, scene->truth[kThird]);
  check_ownership(*scene);
  go_on(scene, &victim);
  tally->kills++;
  tally->burned += load_acquire(&scene->ring.header->burned);
  tally->spares += taken;
}

void kill_settle_everywhere(void* base, Progress* progress, uint32_t capacity, Settling settling) {
  Tally tally;
  Scene scene;
  set_scene(&scene, base, progress, capacity);
  pid_t third, settler = start_settler(&scene, settling, &third);
  std::vector<uint64_t> points = instructions_that_write(settler, progress, base, ring_bytes(spec_of(capacity)), [] {});
  if (third != 0) kill_child(third);
  for (uint64_t point : points) {
    set_scene(&scene, base, progress, capacity);
    kill_settle_at(&scene, settling, point, &tally);
  }
  static const char* const kNames[] = {"in place", "by evidence", "undecidable", "evidence later"};
  printf("settle, capacity %u, %s: %llu instructions, %llu kills, %llu burned, %llu spares taken\n", capacity,
         kNames[static_cast<int>(settling)], static_cast<unsigned long long>(points.back()),
         static_cast<unsigned long long>(tally.kills), static_cast<unsigned long long>(tally.burned),
         static_cast<unsigned long long>(tally.spares));
  CHECK((tally.burned > 0) == is_hidden(settling));
}

// ---- a kill at every instruction of audit --------------------------------------------------------------------------

pid_t start_audit(Scene* scene) {
  kill_child(start_and_swap(scene, kVictim, kVictimFrame));
  kill_child(start_and_swap(scene, kThird, kThirdFrame));
  store_release(&scene->ring.header->sparesTaken, 2);  // as two burns would have left it
  CHECK(audit_mark_words(scene->ring.chunkCount) == 1);
  return start(scene->progress, [&] {
    uint64_t marks[1] = {};
    CHECK(audit(scene->ring, marks) == RingStatus::kOk);
  });
}

void kill_audit_at(Scene* scene, uint64_t point) {
  pid_t auditor = start_audit(scene);
  bool isInside = step_into(auditor, scene->progress, point, [] {});
  kill_child(auditor);

  // Until an audit is through, the word that asks a lone joiner for one must not say that all is well.
  if (isInside && load_acquire(&scene->ring.header->sparesTaken) == 0) check_ownership(*scene);
  uint64_t marks[1] = {};
  CHECK(audit(scene->ring, marks) == RingStatus::kOk);
  check_ownership(*scene);
  Writer victim;
  CHECK(become_writer(scene->ring, kVictim, &victim) == RingStatus::kOk);
  CHECK(become_writer(scene->ring, kRival, &scene->rival) == RingStatus::kOk);
  CHECK(become_writer(scene->ring, kThird, &scene->third) == RingStatus::kOk);
  go_on(scene, &victim);
}

void kill_audit_everywhere(void* base, Progress* progress, uint32_t capacity) {
  Scene scene;
  set_scene(&scene, base, progress, capacity);
  std::vector<uint64_t> points =
      instructions_that_write(start_audit(&scene), progress, base, ring_bytes(spec_of(capacity)), [] {});
  for (uint64_t point : points) {
    set_scene(&scene, base, progress, capacity);
    kill_audit_at(&scene, point);
  }
  printf("audit, capacity %u: %llu instructions, %zu kills\n", capacity, static_cast<unsigned long long>(points.back()),
         points.size());
  CHECK(points.size() > 5);
}

}  // namespace

int main(int count, char** words) {
  parse_options(count, words);
  if (!can_step("step_test")) return skipped();
  alarm(kWatchdogSeconds);
  stay_on_one_processor();
  void* base = shared_memory(ring_bytes(spec_of(8)));
  Progress* progress = static_cast<Progress*>(shared_memory(sizeof(Progress)));
  for (const Variant& variant : kVariants) kill_publish_everywhere(base, progress, variant);
  for (uint32_t capacity : {4u, 8u}) stop_publish_everywhere(base, progress, capacity);
  for (Settling settling :
       {Settling::kInPlace, Settling::kByEvidence, Settling::kUndecidable, Settling::kEvidenceLater}) {
    kill_settle_everywhere(base, progress, 4, settling);
  }
  kill_audit_everywhere(base, progress, 4);
  return 0;
}
#endif
