// settle.h: every state that a death can leave, built by hand, and the hand that its next owner must find.
//
// The states come from real calls of publish, after which the last words are set back to the instant of death.
#include "protocol/settle.h"

#include <functional>
#include <memory>
#include <vector>

#include "check.h"
#include "peer.h"

using namespace orbit;

namespace {

uint64_t g_seed = 1;
constexpr uint32_t kCapacity = 4, kNodes = 4, kDead = 0, kPeer = 1, kOther = 2;

struct PlainRing {
  std::unique_ptr<uint8_t, Free> base;
  Ring ring;
  Writer dead, peer, other;

  explicit PlainRing(uint32_t capacity = kCapacity) {
    RingSpec spec;
    spec.typeKind = 12;
    spec.capacity = capacity;
    spec.payloadBytes = 8;
    spec.fleetSize = kNodes;
    base.reset(static_cast<uint8_t*>(aligned_alloc(64, ring_bytes(spec))));
    format_ring(base.get(), spec, 0);
    CHECK(attach_ring(base.get(), ring_bytes(spec), &ring) == AttachStatus::kOk);
    CHECK(become_writer(ring, kDead, &dead) == RingStatus::kOk);
    CHECK(become_writer(ring, kPeer, &peer) == RingStatus::kOk);
    CHECK(become_writer(ring, kOther, &other) == RingStatus::kOk);
  }
  NodeEntry& entry(uint32_t node) const { return ring.entries[node]; }
};

uint64_t publish_one(Writer* writer) {
  uint64_t position;
  CHECK(publish(writer, "settled!", 8, 0, 0, &position) == RingStatus::kOk);
  return position;
}

// The dead node's entry as it was between the swap and step 7 of the publish just done: { hand, intent } still stand.
struct Swap {
  uint64_t position;
  uint32_t given, received;
};
Swap die_after_swap(PlainRing* plain) {
  Swap swap;
  swap.given = plain->dead.hand;
  swap.position = publish_one(&plain->dead);
  swap.received = plain->dead.hand;
  plain->entry(kDead).hand = swap.given;
  plain->entry(kDead).intentChunk = swap.received;
  plain->entry(kDead).intentPosition = swap.position + 1;
  return swap;
}

// The dead node's entry as it was after step 5 of a publish at the head.
Swap die_before_swap(PlainRing* plain) {
  Swap swap;
  swap.position = head_of(plain->ring);
  swap.given = plain->dead.hand;
  swap.received = chunk_in(*slot_of(plain->ring, swap.position));
  plain->entry(kDead).intentChunk = swap.received;
  plain->entry(kDead).intentPosition = swap.position + 1;
  return swap;
}

// Chunks that are neither in a slot, nor a hand, nor an untaken spare. I1: no chunk is in two places.
std::vector<uint32_t> missing_chunks(const Ring& ring) {
  std::vector<uint32_t> places(ring.chunkCount), missing;
  auto count = [&](uint64_t chunk) {
    CHECK(chunk < ring.chunkCount);
    CHECK_EQUAL(++places[chunk], 1);
  };
  for (uint32_t i = 0; i <= ring.mask; i++) count(chunk_in(ring.slots[i]));
  for (uint32_t node = 0; node < ring.spec.fleetSize; node++) count(ring.entries[node].hand);
  for (uint64_t i = ring.header->sparesTaken; i < ring.spareCount; i++) count(ring.spares[i]);
  for (uint32_t chunk = 0; chunk < ring.chunkCount; chunk++) {
    if (places[chunk] == 0) missing.push_back(chunk);
  }
  CHECK_EQUAL(missing.size(), ring.header->burned);
  return missing;
}

// Settles the dead node, expects this hand, and expects it again: settling twice is settling once.
void check_settles_to(PlainRing* plain, uint32_t expected) {
  for (int turn = 0; turn < 2; turn++) {
    uint32_t hand = ~0u;
    CHECK(settle(plain->ring, kDead, &hand) == RingStatus::kOk);
    CHECK_EQUAL(hand, expected);
    CHECK_EQUAL(plain->entry(kDead).hand, expected);
    CHECK_EQUAL(plain->entry(kDead).intentPosition, 0);
    missing_chunks(plain->ring);
  }
  // Its next owner can publish, and the living can, and no chunk is in two places.
  Writer heir;
  CHECK(become_writer(plain->ring, kDead, &heir) == RingStatus::kOk);
  for (int i = 0; i < 20; i++) {
    uint64_t head = head_of(plain->ring);
    CHECK_EQUAL(publish_one(i % 2 == 0 ? &heir : &plain->peer), head);
    missing_chunks(plain->ring);
  }
}

// ---- the states of settle.h's head comment, in its order -----------------------------------------------------------

void without_intent_the_hand_is_inherited() {
  PlainRing fresh;
  check_settles_to(&fresh, kCapacity + kDead);
  PlainRing used;
  for (int i = 0; i < 7; i++) publish_one(&used.dead);
  check_settles_to(&used, used.dead.hand);
}

void an_intent_without_a_swap_keeps_the_hand() {
  PlainRing plain;
  publish_one(&plain.peer);
  Swap swap = die_before_swap(&plain);
  check_settles_to(&plain, swap.given);
}

void an_intent_with_a_swap_takes_the_received_chunk() {
  PlainRing plain;
  for (int i = 0; i < 5; i++) publish_one(&plain.peer);
  Swap swap = die_after_swap(&plain);
  CHECK(swap.given != swap.received);
  check_settles_to(&plain, swap.received);
}

void an_intent_that_lost_its_swap_keeps_the_hand() {
  PlainRing plain;
  Swap swap = die_before_swap(&plain);
  CHECK_EQUAL(publish_one(&plain.peer), swap.position);
  check_settles_to(&plain, swap.given);
}

void a_hand_already_stored_is_kept() {
  PlainRing plain;
  publish_one(&plain.peer);
  Swap swap = die_after_swap(&plain);
  plain.entry(kDead).hand = swap.received;  // step 7 got so far
  check_settles_to(&plain, swap.received);
}

void a_second_try_that_had_only_named_its_chunk_keeps_the_hand() {
  PlainRing plain;
  Swap swap = die_before_swap(&plain);
  CHECK_EQUAL(publish_one(&plain.peer), swap.position);                                // its swap failed
  plain.entry(kDead).intentChunk = chunk_in(*slot_of(plain.ring, swap.position + 1));  // step 5 again, first half
  check_settles_to(&plain, swap.given);
}

// ---- the slot is a lap further and cannot tell ---------------------------------------------------------------------

// Publishes by `writer` until the slot of `position` is at a later lap.
void lap(PlainRing* plain, Writer* writer, uint64_t position) {
  while (lap_in(*slot_of(plain->ring, position)) <= lap_of(plain->ring, position)) publish_one(writer);
}

void a_lapped_hand_already_stored_is_kept() {
  PlainRing plain;
  Swap swap = die_after_swap(&plain);
  plain.entry(kDead).hand = swap.received;
  lap(&plain, &plain.peer, swap.position);
  check_settles_to(&plain, swap.received);
}

void a_given_chunk_seen_in_a_slot_proves_the_swap() {
  PlainRing plain;
  Swap swap = die_after_swap(&plain);
  lap(&plain, &plain.peer, swap.position);
  CHECK_EQUAL(plain.peer.hand, swap.given);  // the lapping peer received it
  publish_one(&plain.peer);
  check_settles_to(&plain, swap.received);
  CHECK_EQUAL(plain.ring.header->burned, 0);
}

void a_given_chunk_seen_as_an_idle_nodes_hand_proves_the_swap() {
  PlainRing plain;
  Swap swap = die_after_swap(&plain);
  lap(&plain, &plain.peer, swap.position);
  CHECK_EQUAL(plain.entry(kPeer).hand, swap.given);
  check_settles_to(&plain, swap.received);
  CHECK_EQUAL(plain.ring.header->burned, 0);
}

void a_received_chunk_seen_in_a_slot_disproves_the_swap() {
  PlainRing plain;
  Swap swap = die_before_swap(&plain);
  publish_one(&plain.peer);  // wins the position, receives the chunk
  publish_one(&plain.peer);  // and puts it into the next slot
  lap(&plain, &plain.other, swap.position);
  check_settles_to(&plain, swap.given);
  CHECK_EQUAL(plain.ring.header->burned, 0);
}

void a_received_chunk_seen_as_an_idle_nodes_hand_disproves_the_swap() {
  PlainRing plain;
  Swap swap = die_before_swap(&plain);
  publish_one(&plain.peer);
  CHECK_EQUAL(plain.entry(kPeer).hand, swap.received);
  lap(&plain, &plain.other, swap.position);
  check_settles_to(&plain, swap.given);
  CHECK_EQUAL(plain.ring.header->burned, 0);
}

// The peer is between its swap and the store of its hand: which chunk it holds cannot be read. Its words at that
// instant:
Swap hide_the_peers_swap(PlainRing* plain) {
  Swap hidden;
  hidden.given = plain->peer.hand;
  hidden.position = publish_one(&plain->peer);
  hidden.received = plain->peer.hand;
  plain->entry(kPeer).hand = hidden.given;
  plain->entry(kPeer).intentChunk = hidden.received;
  plain->entry(kPeer).intentPosition = hidden.position + 1;
  return hidden;
}

void finish_the_peers_swap(PlainRing* plain, const Swap& hidden) {
  plain->entry(kPeer).hand = hidden.received;
  plain->entry(kPeer).intentPosition = 0;
}

void without_evidence_one_chunk_is_burned_and_a_spare_taken() {
  for (bool swapped : {false, true}) {
    PlainRing plain;
    Swap swap = swapped ? die_after_swap(&plain) : die_before_swap(&plain);
    Swap hidden;
    if (swapped) {
      while (head_of(plain.ring) < swap.position + kCapacity) publish_one(&plain.other);
      hidden = hide_the_peers_swap(&plain);  // the peer laps the slot and receives the given chunk, unseen
      CHECK_EQUAL(hidden.received, swap.given);
    } else {
      hidden = hide_the_peers_swap(&plain);  // the peer wins the position and receives the chunk, unseen
      CHECK_EQUAL(hidden.received, swap.received);
      lap(&plain, &plain.other, swap.position);
    }
    uint32_t hand = ~0u;
    CHECK(settle(plain.ring, kDead, &hand) == RingStatus::kOk);
    CHECK_EQUAL(plain.ring.header->burned, 1);
    CHECK_EQUAL(plain.ring.header->sparesTaken, 1);
    CHECK_EQUAL(hand, plain.ring.spares[0]);
    finish_the_peers_swap(&plain, hidden);
    std::vector<uint32_t> missing = missing_chunks(plain.ring);
    CHECK_EQUAL(missing.size(), 1);
    CHECK_EQUAL(missing[0], swapped ? swap.received : swap.given);  // the one that was ours, and not the living peer's
    check_settles_to(&plain, hand);
  }
}

// The peer is inside its swap during the first look, ends it, and publishes the chunk into a slot that was looked at.
void a_chunk_inside_a_living_nodes_swap_is_seen_by_a_later_look() {
  constexpr uint32_t kFarPeer = 300;  // its entry is on a page of its own
  RingSpec spec;
  spec.capacity = kCapacity;
  spec.payloadBytes = 8;
  spec.fleetSize = 512;
  std::unique_ptr<uint8_t, Free> base(static_cast<uint8_t*>(
      aligned_alloc(page_bytes(), (ring_bytes(spec) + page_bytes()) / page_bytes() * page_bytes())));
  format_ring(base.get(), spec, 0);
  Ring ring;
  Writer dead, peer, other;
  CHECK(attach_ring(base.get(), ring_bytes(spec), &ring) == AttachStatus::kOk);
  CHECK(become_writer(ring, kDead, &dead) == RingStatus::kOk);
  CHECK(become_writer(ring, kFarPeer, &peer) == RingStatus::kOk);
  CHECK(become_writer(ring, kOther, &other) == RingStatus::kOk);

  uint32_t given = peer.hand, received = chunk_in(*slot_of(ring, 0));
  ring.entries[kDead].intentChunk = received;
  ring.entries[kDead].intentPosition = 1;
  CHECK_EQUAL(publish_one(&peer), 0);  // wins the position
  CHECK_EQUAL(peer.hand, received);
  NodeEntry& entry = ring.entries[kFarPeer];
  entry.hand = given;
  entry.intentChunk = received;
  entry.intentPosition = 1;
  for (uint32_t i = 0; i < kCapacity; i++) publish_one(&other);

  uint8_t* page = reinterpret_cast<uint8_t*>(reinterpret_cast<uintptr_t>(&entry) / page_bytes() * page_bytes());
  uint32_t hand = ~0u;
  with_peer_at(
      page,
      [&] {
        entry.hand = received;
        entry.intentPosition = 0;
        publish_one(&peer);
      },
      [&] { CHECK(settle(ring, kDead, &hand) == RingStatus::kOk); });
  CHECK_EQUAL(hand, dead.hand);
  CHECK_EQUAL(ring.header->burned, 0);
}

void a_peers_hand_word_is_no_evidence_while_the_peer_is_in_its_swap() {
  PlainRing plain(1);
  Swap hidden = hide_the_peers_swap(&plain);  // the peer's hand word still names the chunk that it gave away
  Swap swap = die_after_swap(&plain);         // and that the dead node received
  CHECK_EQUAL(swap.received, hidden.given);
  publish_one(&plain.other);
  publish_one(&plain.other);  // the dead node's chunk is in the slot again: evidence that it was given
  uint32_t hand = ~0u;
  CHECK(settle(plain.ring, kDead, &hand) == RingStatus::kOk);
  CHECK_EQUAL(hand, swap.received);
  finish_the_peers_swap(&plain, hidden);
  check_settles_to(&plain, swap.received);
}

void a_settler_that_died_after_storing_the_hand_is_settled_alike() {
  PlainRing plain;
  Swap swap = die_after_swap(&plain);
  uint32_t hand;
  CHECK(settle(plain.ring, kDead, &hand) == RingStatus::kOk);
  plain.entry(kDead).intentPosition = swap.position + 1;  // its last store had not happened yet
  check_settles_to(&plain, swap.received);

  PlainRing lapped;
  swap = die_after_swap(&lapped);
  lap(&lapped, &lapped.peer, swap.position);
  CHECK(settle(lapped.ring, kDead, &hand) == RingStatus::kOk);
  lapped.entry(kDead).intentPosition = swap.position + 1;
  check_settles_to(&lapped, swap.received);
}

void no_evidence_and_no_spare_is_an_error_that_changes_nothing() {
  PlainRing plain;
  Swap swap = die_before_swap(&plain);
  hide_the_peers_swap(&plain);
  lap(&plain, &plain.other, swap.position);
  for (uint64_t taken : {uint64_t{plain.ring.spareCount}, uint64_t{plain.ring.spareCount} + 5}) {
    plain.ring.header->sparesTaken = taken;
    for (int turn = 0; turn < 3; turn++) {
      uint32_t hand = ~0u;
      CHECK(settle(plain.ring, kDead, &hand) == RingStatus::kNoSpare);
      CHECK_EQUAL(hand, ~0u);
      CHECK_EQUAL(plain.entry(kDead).hand, swap.given);
      CHECK_EQUAL(plain.entry(kDead).intentPosition, swap.position + 1);
      CHECK_EQUAL(plain.ring.header->burned, 0);
      CHECK_EQUAL(plain.ring.header->sparesTaken, plain.ring.spareCount);
    }
  }
}

void every_spare_is_taken_once_and_then_none_is_left() {
  PlainRing plain;
  std::vector<uint64_t> taken;
  uint64_t chunk;
  for (uint32_t i = 0; i < plain.ring.spareCount; i++) {
    CHECK(take_spare(plain.ring, &chunk));
    for (uint64_t before : taken) CHECK(before != chunk);
    taken.push_back(chunk);
  }
  for (int i = 0; i < 3; i++) CHECK(!take_spare(plain.ring, &chunk));
}

// Every instant of a real publish, against every number of frames that peers publish after the death.
void the_settled_hand_is_the_true_one_for_each_instant_of_death() {
  for (uint32_t capacity : {1u, 2u, 4u}) {
    for (uint32_t before = 0; before < 6; before++) {
      for (int instant = 0; instant < 6; instant++) {
        for (uint32_t after = 0; after < 3 * capacity + 3; after++) {
          PlainRing plain(capacity);
          for (uint32_t i = 0; i < before; i++) publish_one(i % 2 == 0 ? &plain.dead : &plain.peer);
          NodeEntry& entry = plain.entry(kDead);
          NodeEntry idle = entry;
          uint32_t given = plain.dead.hand, truth = given;
          uint64_t position = head_of(plain.ring);
          uint32_t received = chunk_in(*slot_of(plain.ring, position));
          if (instant >= 3) {
            publish_one(&plain.dead);
            truth = received;
          }
          entry.hand = instant >= 4 ? received : given;
          entry.intentChunk = instant >= 1 ? received : idle.intentChunk;
          entry.intentPosition = instant >= 2 && instant < 5 ? position + 1 : 0;
          for (uint32_t i = 0; i < after; i++) publish_one(i % 3 == 0 ? &plain.other : &plain.peer);
          uint32_t hand;
          CHECK(settle(plain.ring, kDead, &hand) == RingStatus::kOk);
          CHECK_EQUAL(hand, truth);  // all others are idle, so there always is evidence
          CHECK_EQUAL(plain.ring.header->burned, 0);
          missing_chunks(plain.ring);
        }
      }
    }
  }
}

// ---- entries that lie ----------------------------------------------------------------------------------------------

void an_entry_out_of_range_is_corrupt_and_left_as_it_is() {
  using Change = std::function<void(const Ring&, NodeEntry*)>;
  Change changes[] = {
      [](const Ring& ring, NodeEntry* entry) { entry->hand = ring.chunkCount; },
      [](const Ring&, NodeEntry* entry) { entry->hand = ~uint64_t{0}; },
      [](const Ring&, NodeEntry* entry) { entry->hand |= uint64_t{1} << 32; },
      [](const Ring& ring, NodeEntry* entry) { entry->intentChunk = ring.chunkCount, entry->intentPosition = 1; },
      [](const Ring&, NodeEntry* entry) { entry->intentChunk |= uint64_t{1} << 32, entry->intentPosition = 1; },
      [](const Ring&, NodeEntry* entry) { entry->intentPosition = ~uint64_t{0}; },
      [](const Ring&, NodeEntry* entry) { entry->intentPosition = kMaxPosition + 2; },
  };
  for (auto& change : changes) {
    PlainRing plain;
    publish_one(&plain.dead);
    change(plain.ring, &plain.entry(kDead));
    NodeEntry before = plain.entry(kDead);
    uint32_t hand = ~0u;
    CHECK(settle(plain.ring, kDead, &hand) == RingStatus::kCorrupt);
    CHECK_EQUAL(hand, ~0u);
    CHECK(memcmp(&before, &plain.entry(kDead), sizeof before) == 0);
  }
}

void a_spare_out_of_range_is_never_dealt() {
  PlainRing plain;
  plain.ring.spares[0] = plain.ring.chunkCount;
  uint64_t chunk;
  CHECK(!take_spare(plain.ring, &chunk));
}

// ---- audit ---------------------------------------------------------------------------------------------------------

RingStatus audit_of(const Ring& ring) {
  std::vector<uint64_t> marks(audit_mark_words(ring.chunkCount));
  return audit(ring, marks.data());
}

void audit_gives_burned_chunks_back() {
  PlainRing plain;
  for (int turn = 0; turn < 20; turn++) {  // more burns than there are spares
    Swap swap = die_before_swap(&plain);
    Swap hidden = hide_the_peers_swap(&plain);
    lap(&plain, &plain.other, swap.position);
    uint32_t hand;
    CHECK(settle(plain.ring, kDead, &hand) == RingStatus::kOk);
    CHECK_EQUAL(plain.ring.header->burned, 1);
    finish_the_peers_swap(&plain, hidden);
    CHECK(audit_of(plain.ring) == RingStatus::kOk);
    CHECK_EQUAL(plain.ring.header->burned, 0);
    CHECK_EQUAL(plain.ring.header->sparesTaken, 0);
    CHECK_EQUAL(missing_chunks(plain.ring).size(), 0);
    CHECK_EQUAL(plain.entry(kDead).hand, hand);  // its own, where it can be
    CHECK(become_writer(plain.ring, kDead, &plain.dead) == RingStatus::kOk);
  }
}

void audit_deals_distinct_hands_for_any_entries() {
  Random random{g_seed};
  for (int turn = 0; turn < 2000; turn++) {
    PlainRing plain;
    for (uint64_t i = random.below(12); i > 0; i--) publish_one(random.below(2) == 0 ? &plain.dead : &plain.peer);
    uint64_t head = head_of(plain.ring);
    for (uint32_t node = 0; node < kNodes; node++) {
      NodeEntry& entry = plain.entry(node);
      if (random.below(2) == 0) entry.hand = random.below(3) == 0 ? random.next() : random.below(plain.ring.chunkCount);
      entry.intentChunk = random.below(2) == 0 ? random.next() : random.below(plain.ring.chunkCount);
      entry.intentPosition = random.below(2) == 0 ? random.next() : random.below(head + 2);
    }
    for (uint32_t i = 0; i < plain.ring.spareCount; i++) plain.ring.spares[i] = random.below(20);
    plain.ring.header->sparesTaken = random.next();
    plain.ring.header->burned = random.next();
    CHECK(audit_of(plain.ring) == RingStatus::kOk);
    CHECK_EQUAL(missing_chunks(plain.ring).size(), 0);
    CHECK_EQUAL(head_of(plain.ring), head);
    for (uint32_t node = 0; node < kNodes; node++) {
      Writer writer;
      CHECK(become_writer(plain.ring, node, &writer) == RingStatus::kOk);
      publish_one(&writer);
    }
    CHECK_EQUAL(missing_chunks(plain.ring).size(), 0);
  }
}

void audit_of_a_healthy_ring_changes_nothing() {
  PlainRing plain;
  for (int i = 0; i < 9; i++) publish_one(i % 2 == 0 ? &plain.dead : &plain.other);
  uint64_t hands[kNodes];
  for (uint32_t node = 0; node < kNodes; node++) hands[node] = plain.entry(node).hand;
  CHECK(audit_of(plain.ring) == RingStatus::kOk);
  for (uint32_t node = 0; node < kNodes; node++) CHECK_EQUAL(plain.entry(node).hand, hands[node]);
  CHECK_EQUAL(missing_chunks(plain.ring).size(), 0);
}

void audit_refuses_slots_that_contradict_each_other() {
  for (uint64_t chunk : {uint64_t{2}, uint64_t{kCapacity + kNodes + 4}, kChunkMask}) {
    PlainRing plain;
    publish_one(&plain.dead);
    plain.ring.slots[3] = slot_word(0, chunk);  // slot 2 holds chunk 2
    std::vector<uint8_t> before(plain.base.get(), plain.base.get() + ring_bytes(plain.ring.spec));
    CHECK(audit_of(plain.ring) == RingStatus::kCorrupt);
    CHECK(memcmp(before.data(), plain.base.get(), before.size()) == 0);
  }
}

const Test kTests[] = {
    TEST(without_intent_the_hand_is_inherited),
    TEST(an_intent_without_a_swap_keeps_the_hand),
    TEST(an_intent_with_a_swap_takes_the_received_chunk),
    TEST(an_intent_that_lost_its_swap_keeps_the_hand),
    TEST(a_hand_already_stored_is_kept),
    TEST(a_second_try_that_had_only_named_its_chunk_keeps_the_hand),
    TEST(a_lapped_hand_already_stored_is_kept),
    TEST(a_given_chunk_seen_in_a_slot_proves_the_swap),
    TEST(a_given_chunk_seen_as_an_idle_nodes_hand_proves_the_swap),
    TEST(a_received_chunk_seen_in_a_slot_disproves_the_swap),
    TEST(a_received_chunk_seen_as_an_idle_nodes_hand_disproves_the_swap),
    TEST(without_evidence_one_chunk_is_burned_and_a_spare_taken),
    TEST(a_chunk_inside_a_living_nodes_swap_is_seen_by_a_later_look),
    TEST(a_peers_hand_word_is_no_evidence_while_the_peer_is_in_its_swap),
    TEST(a_settler_that_died_after_storing_the_hand_is_settled_alike),
    TEST(no_evidence_and_no_spare_is_an_error_that_changes_nothing),
    TEST(every_spare_is_taken_once_and_then_none_is_left),
    TEST(the_settled_hand_is_the_true_one_for_each_instant_of_death),
    TEST(an_entry_out_of_range_is_corrupt_and_left_as_it_is),
    TEST(a_spare_out_of_range_is_never_dealt),
    TEST(audit_gives_burned_chunks_back),
    TEST(audit_deals_distinct_hands_for_any_entries),
    TEST(audit_of_a_healthy_ring_changes_nothing),
    TEST(audit_refuses_slots_that_contradict_each_other),
};

}  // namespace

int main(int count, char** words) {
  g_seed = parse_options(count, words).seed;
  return run_tests("settle_test", kTests);
}
