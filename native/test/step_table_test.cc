// A SIGSTOP at every single instruction of claim, renew and release; a SIGKILL at every one that writes. A death leaves
// nothing but the shared bytes, so one instruction between two changes of them represents all.
//
// One bucket. The victim's call is on "door"; a rival holds "window" in the same bucket and moves the bucket when it
// likes. What is true after a death is worked out from the bucket and, by elimination, from the hands of the living.
#ifndef __linux__
#include <stdio.h>
int main() {
  puts("step_table_test: skipped, it needs Linux's ptrace");
  return 0;
}
#else

#include <vector>

#include "protocol/settle.h"
#include "protocol/table.h"
#include "step.h"

using namespace orbit;

namespace {

constexpr uint32_t kFleetSize = 4;
constexpr uint32_t kVictim = 0, kRival = 1, kThird = 2, kGone = 3;
constexpr uint64_t kNowMs = 1000, kTtlMs = 500, kLongMs = 1000000;
const char kDoor[] = "door", kWindow[] = "window";
const char kOwner[] = "an owner";

// kClaim is one for life in kills; a stopped victim lives, and its claim has to expire.
enum class Call { kClaim, kClaimExpired, kClaimDead, kYield, kRenew, kRelease };
constexpr const char* kCallNames[] = {
    "claim", "claim of an expired one", "claim of a dead one's", "lost claim", "renew", "release"};

// ---- a bucket with a known truth -----------------------------------------------------------------------------------

struct Scene {
  Ring ring;
  Progress* progress;
  Writer victim, rival, third;
  uint64_t door = 0, window = 0;  // tokens; 0: not claimed
  uint64_t doorExpiresAtMs = 0;
  uint64_t victimTtlMs = kForLifeMs;  // of kClaim
};

RingSpec spec_of_table() {
  RingSpec spec;
  spec.typeKind = 222;
  spec.capacity = 1;
  spec.payloadBytes = kCardBytes;
  spec.fleetSize = kFleetSize;
  return spec;
}

template <size_t kSize>
Subject subject_of(const char (&label)[kSize]) {
  return {label, kSize - 1, 0};
}

struct Outcome {
  TableStatus status;
  Claim claim;
};

// `dead` is the node that does not live; kGone is always dead.
Outcome claim_at(Writer* writer, const Subject& subject, uint64_t nowMs, uint64_t ttlMs, uint32_t dead) {
  Request request = {subject, kOwner, sizeof kOwner - 1, 1, nowMs, writer->node, ttlMs};
  Outcome outcome;
  uint64_t stamp;
  auto lives = [=](uint32_t node, uint64_t) { return node != dead && node != kGone; };
  outcome.status = claim_subject(writer, request, lives, &outcome.claim, &stamp);
  return outcome;
}

Outcome find_at(const Scene& scene, const Subject& subject, uint64_t nowMs) {
  Outcome outcome;
  uint64_t stamp;
  auto allAlive = [](uint32_t, uint64_t) { return true; };
  outcome.status = find_holder(scene.ring, subject, nowMs, allAlive, &outcome.claim, &stamp);
  if (outcome.status == TableStatus::kDone) {
    CHECK_EQUAL(outcome.claim.ownerBytes, sizeof kOwner - 1);
    CHECK(memcmp(outcome.claim.owner, kOwner, sizeof kOwner - 1) == 0);
    CHECK_EQUAL(outcome.claim.claimedAtMs, outcome.claim.node);
  } else {
    CHECK_EQUAL(outcome.status, TableStatus::kNone);
  }
  return outcome;
}

void move_bucket(Scene* scene) {
  CHECK_EQUAL(renew_claim(&scene->rival, subject_of(kWindow), scene->window, kLongMs, kNowMs), TableStatus::kDone);
}

void set_scene(Scene* scene, void* base, Progress* progress, Call call) {
  *scene = Scene();
  memset(base, 0x5a, ring_bytes(spec_of_table()));
  format_table(base, spec_of_table(), 0);
  CHECK(attach_table(base, ring_bytes(spec_of_table()), &scene->ring) == AttachStatus::kOk);
  memset(progress, 0, sizeof *progress);
  scene->progress = progress;
  Writer gone;
  CHECK(become_writer(scene->ring, kVictim, &scene->victim) == RingStatus::kOk);
  CHECK(become_writer(scene->ring, kRival, &scene->rival) == RingStatus::kOk);
  CHECK(become_writer(scene->ring, kThird, &scene->third) == RingStatus::kOk);
  CHECK(become_writer(scene->ring, kGone, &gone) == RingStatus::kOk);
  Outcome window = claim_at(&scene->rival, subject_of(kWindow), kNowMs, kLongMs, kGone);
  CHECK_EQUAL(window.status, TableStatus::kDone);
  scene->window = window.claim.token;
  Writer* holder = call == Call::kClaimDead ? &gone : call == Call::kYield ? &scene->third : &scene->victim;
  if (call == Call::kClaim) return;
  // That of a dead holder, without expiry, is free too.
  uint64_t ttlMs = call == Call::kClaimExpired ? 0 : call == Call::kClaimDead ? kForLifeMs : kTtlMs;
  Outcome door = claim_at(holder, subject_of(kDoor), kNowMs, ttlMs, kGone);
  CHECK_EQUAL(door.status, TableStatus::kDone);
  scene->door = door.claim.token;
  scene->doorExpiresAtMs = door.claim.expiresAtMs;
}

bool is_claim(Call call) { return call <= Call::kClaimDead; }

// The call that is stepped; its status is the child's result.
pid_t start_call(Scene* scene, Call call) {
  return start(scene->progress, [=] {
    TableStatus status;
    if (call == Call::kRenew) {
      status = renew_claim(&scene->victim, subject_of(kDoor), scene->door, kNowMs + 2 * kTtlMs, kNowMs);
    } else if (call == Call::kRelease) {
      status = release_claim(&scene->victim, subject_of(kDoor), scene->door, kNowMs);
    } else {
      uint64_t ttlMs = call == Call::kClaim ? scene->victimTtlMs : 2 * kTtlMs;
      status = claim_at(&scene->victim, subject_of(kDoor), kNowMs, ttlMs, kGone).status;
    }
    store_release(&scene->progress->result, static_cast<uint64_t>(-static_cast<int>(status)));
  });
}

TableStatus result_of(const Scene& scene) {
  return static_cast<TableStatus>(-static_cast<int>(load_acquire(&scene.progress->result)));
}

// Did the call take effect? The bucket shows all of it or nothing.
bool took_effect(const Scene& scene, Call call) {
  CHECK_EQUAL(find_at(scene, subject_of(kWindow), kNowMs).claim.token, scene.window);
  Outcome door = find_at(scene, subject_of(kDoor), kNowMs);
  bool isHeld = door.status == TableStatus::kDone;
  switch (call) {
    case Call::kRelease:
      if (isHeld) CHECK(door.claim.token == scene.door && door.claim.expiresAtMs == scene.doorExpiresAtMs);
      return !isHeld;
    case Call::kRenew:
      CHECK(isHeld && door.claim.token == scene.door);
      if (door.claim.expiresAtMs == scene.doorExpiresAtMs) return false;
      CHECK_EQUAL(door.claim.expiresAtMs, kNowMs + 2 * kTtlMs);
      return true;
    case Call::kYield:
      CHECK(isHeld && door.claim.node == kThird && door.claim.token == scene.door);
      return false;
    default:
      if (!isHeld || door.claim.node != kVictim) return false;
      CHECK_EQUAL(door.claim.expiresAtMs,
                  call == Call::kClaim && scene.victimTtlMs == kForLifeMs ? kNeverMs : kNowMs + 2 * kTtlMs);
      CHECK(door.claim.token > scene.door && door.claim.token > scene.window);
      return true;
  }
}

// ---- ownership -----------------------------------------------------------------------------------------------------

// I1 by elimination: the one chunk that bucket, spares and the hands of the others leave for the victim.
uint32_t chunk_left_for_the_victim(const Scene& scene) {
  std::vector<uint32_t> places(scene.ring.chunkCount);
  places[chunk_in(load_acquire(&scene.ring.slots[0]))]++;
  for (uint64_t i = load_acquire(&scene.ring.header->sparesTaken); i < scene.ring.spareCount; i++) {
    places[scene.ring.spares[i]]++;
  }
  for (uint32_t node = kRival; node < kFleetSize; node++) {
    CHECK_EQUAL(load_acquire(&scene.ring.entries[node].intentPosition), 0);
    places[load_acquire(&scene.ring.entries[node].hand)]++;
  }
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

void settle_the_victim(Scene* scene) {
  uint32_t truth = chunk_left_for_the_victim(*scene);
  CHECK(become_writer(scene->ring, kVictim, &scene->victim) == RingStatus::kOk);
  CHECK_EQUAL(scene->victim.hand, truth);
  CHECK_EQUAL(load_acquire(&scene->ring.header->burned), 0);  // no other node is in a swap: all can be determined
}

// All nodes claim and release in turn, each token above the last.
void go_on(Scene* scene, uint64_t above) {
  Writer* writers[] = {&scene->victim, &scene->rival, &scene->third};
  for (uint32_t i = 0; i < 3 * kFleetSize; i++) {
    Outcome claimed = claim_at(writers[i % 3], {&i, sizeof i, 1}, kNowMs, kTtlMs, kGone);
    CHECK_EQUAL(claimed.status, TableStatus::kDone);
    CHECK(claimed.claim.token > above);
    above = claimed.claim.token;
    CHECK_EQUAL(release_claim(writers[i % 3], {&i, sizeof i, 1}, above, kNowMs), TableStatus::kDone);
    CHECK_EQUAL(scene->victim.hand, chunk_left_for_the_victim(*scene));
  }
}

// ---- a kill at every instruction -----------------------------------------------------------------------------------

struct Variant {
  uint32_t lostSwaps;   // how often the rival moves the bucket between the victim's intent and its swap
  uint32_t movesAfter;  // and how often between its death and its settling
};
constexpr Variant kVariants[] = {{0, 0}, {0, 1}, {0, 3}, {1, 0}, {2, 3}};

struct Tally {
  uint64_t instructions = 0, deaths = 0, effects = 0;
};

// The rival, which moves the bucket whenever the victim has named a new stamp and not yet swapped.
class Rivalry {
 public:
  Rivalry(Scene* scene, uint32_t lostSwaps) : scene_(scene), left_(lostSwaps) {}
  void operator()() {
    uint64_t intent = load_acquire(&scene_->ring.entries[kVictim].intentPosition);
    if (intent == 0 || intent == last_ || left_ == 0) return;
    last_ = intent;
    left_--;
    move_bucket(scene_);
  }
  bool finished() const { return left_ == 0; }

 private:
  Scene* scene_;
  uint64_t last_ = 0;
  uint32_t left_;
};

// False: the call had ended before instruction `count`.
bool kill_at(Scene* scene, Call call, const Variant& variant, uint64_t count, Tally* tally) {
  uint64_t bytes = ring_bytes(spec_of_table());
  const uint8_t* base = reinterpret_cast<const uint8_t*>(scene->ring.header);
  std::vector<uint8_t> before(base, base + bytes);
  pid_t child = start_call(scene, call);
  Rivalry rivalry(scene, variant.lostSwaps);
  bool isInside = step_into(child, scene->progress, count, [&] { rivalry(); });
  kill_child(child);
  bool isEffective = took_effect(*scene, call);
  if (call == Call::kYield) {
    CHECK(memcmp(before.data(), base, bytes) == 0);  // T4
  } else {
    CHECK(isInside || (isEffective && rivalry.finished()));
  }

  // Its subject is free at once, before its node is settled; a renewal by the dead holder has no effect.
  for (uint32_t i = 0; i < variant.movesAfter; i++) move_bucket(scene);
  uint64_t newest = find_at(*scene, subject_of(kDoor), kNowMs).claim.token;
  if (call != Call::kYield) {
    Outcome next = claim_at(&scene->third, subject_of(kDoor), kNowMs, kTtlMs, kVictim);
    CHECK_EQUAL(next.status, TableStatus::kDone);
    CHECK(next.claim.token > scene->door && (!isEffective || call == Call::kRelease || next.claim.token > newest));
    newest = next.claim.token;
  }
  settle_the_victim(scene);
  CHECK_EQUAL(find_at(*scene, subject_of(kDoor), kNowMs).claim.token, newest);
  go_on(scene, newest);
  tally->deaths++;
  tally->effects += isEffective;
  return isInside;
}

std::vector<uint64_t> instructions_that_write(Scene* scene, Call call, const Variant& variant) {
  Rivalry rivalry(scene, variant.lostSwaps);
  pid_t child = start_call(scene, call);
  return instructions_that_write(child, scene->progress, scene->ring.header, ring_bytes(spec_of_table()), rivalry);
}

void kill_everywhere(void* base, Progress* progress, Call call, const Variant& variant) {
  Tally tally;
  Scene scene;
  set_scene(&scene, base, progress, call);
  std::vector<uint64_t> points = instructions_that_write(&scene, call, variant);
  for (uint64_t point : points) {
    set_scene(&scene, base, progress, call);
    CHECK_EQUAL(kill_at(&scene, call, variant, point, &tally), point < points.back());
  }
  printf("%s, swaps lost %u, bucket moved on by %u: %llu instructions, %llu kills, %llu took effect\n",
         kCallNames[static_cast<int>(call)], variant.lostSwaps, variant.movesAfter,
         static_cast<unsigned long long>(points.back()), static_cast<unsigned long long>(tally.deaths),
         static_cast<unsigned long long>(tally.effects));
  fflush(stdout);
  CHECK(tally.effects < tally.deaths && (tally.effects > 0) == (call != Call::kYield));
}

// ---- a stop at every instruction -----------------------------------------------------------------------------------

// While the victim is stopped, the third node takes the door as soon as the table allows, and not before.
Claim take_the_door(Scene* scene, Call call, bool isEffective) {
  uint64_t freeAtMs = kNowMs;
  if (isEffective && call != Call::kRelease) freeAtMs = kNowMs + 2 * kTtlMs;
  if (!isEffective && (call == Call::kRenew || call == Call::kRelease)) freeAtMs = scene->doorExpiresAtMs;
  if (freeAtMs > kNowMs) {
    Outcome early = claim_at(&scene->third, subject_of(kDoor), freeAtMs - 1, kTtlMs, kGone);
    CHECK_EQUAL(early.status, TableStatus::kYield);
    CHECK_EQUAL(early.claim.node, kVictim);
  }
  Outcome taken = claim_at(&scene->third, subject_of(kDoor), freeAtMs, kLongMs, kGone);
  CHECK_EQUAL(taken.status, TableStatus::kDone);
  CHECK(taken.claim.token > scene->door);
  move_bucket(scene);
  return taken.claim;
}

void stop_at(Scene* scene, Call call, uint64_t count, Tally* tally) {
  pid_t child = start_call(scene, call);
  step_into(child, scene->progress, count, [] {});
  CHECK_EQUAL(ptrace(PTRACE_DETACH, child, nullptr, reinterpret_cast<void*>(SIGSTOP)), 0);
  int status;
  CHECK_EQUAL(waitpid(child, &status, WUNTRACED), child);
  CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);

  bool isEffective = took_effect(*scene, call);
  uint64_t stale = find_at(*scene, subject_of(kDoor), kNowMs).claim.token;
  Claim taken = take_the_door(scene, call, isEffective);
  CHECK(!isEffective || call == Call::kRelease || taken.token > stale);
  CHECK_EQUAL(kill(child, SIGCONT), 0);
  finish_child(child);

  // It comes back to a time that is long over: it may know of the guard that it got before, never get one now.
  TableStatus expected = isEffective ? TableStatus::kDone : is_claim(call) ? TableStatus::kYield : TableStatus::kNone;
  CHECK_EQUAL(result_of(*scene), expected);
  settle_the_victim(scene);
  if (isEffective && is_claim(call)) {
    CHECK_EQUAL(renew_claim(&scene->victim, subject_of(kDoor), stale, kLongMs, kNowMs), TableStatus::kNone);
    CHECK_EQUAL(release_claim(&scene->victim, subject_of(kDoor), stale, kNowMs), TableStatus::kNone);
  }
  Outcome held = find_at(*scene, subject_of(kDoor), kNowMs);
  CHECK(held.status == TableStatus::kDone && held.claim.node == kThird && held.claim.token == taken.token);
  go_on(scene, taken.token);
  tally->deaths++;
  tally->effects += isEffective;
}

void stop_everywhere(void* base, Progress* progress, Call call, uint64_t stride) {
  Tally tally;
  Scene scene;
  set_scene(&scene, base, progress, call);
  scene.victimTtlMs = 2 * kTtlMs;
  std::vector<uint64_t> writes = instructions_that_write(&scene, call, {0, 0});
  tally.instructions = writes.back();
  for (uint64_t point : points_of(tally.instructions, stride, writes)) {
    set_scene(&scene, base, progress, call);
    scene.victimTtlMs = 2 * kTtlMs;
    stop_at(&scene, call, point, &tally);
  }
  printf("%s, stopped: %llu instructions, %llu stops, %llu of them after the swap\n",
         kCallNames[static_cast<int>(call)], static_cast<unsigned long long>(tally.instructions),
         static_cast<unsigned long long>(tally.deaths), static_cast<unsigned long long>(tally.effects));
  CHECK(tally.effects > 0 && tally.effects < tally.deaths);
}

}  // namespace

int main(int count, char** words) {
  Options options = parse_options(count, words);
  if (!can_step("step_table_test")) return skipped();
  alarm(kWatchdogSeconds);
  stay_on_one_processor();
  void* base = shared_memory(ring_bytes(spec_of_table()));
  Progress* progress = static_cast<Progress*>(shared_memory(sizeof(Progress)));
  for (Call call : {Call::kClaim, Call::kClaimExpired, Call::kClaimDead, Call::kRenew, Call::kRelease}) {
    for (const Variant& variant : kVariants) kill_everywhere(base, progress, call, variant);
  }
  for (Call call : {Call::kClaim, Call::kRenew, Call::kRelease}) stop_everywhere(base, progress, call, options.stride);
  kill_everywhere(base, progress, Call::kYield, {0, 0});
  return 0;
}
#endif
