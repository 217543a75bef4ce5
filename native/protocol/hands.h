// The hands of one node in a store, and what it does with them: append to the open ones, exchange the full ones.
//
// Four hands: one open for entries that are new, one open for entries that were asked for (class small and class main),
//   and two more, so that a walk of a victim and an overflow of main are possible at once.
// Rotate. Seal the full hand, choose a victim, exchange the hand for it (exchange_hand of ring.h), and go on with an
//   empty one. The victim waits in the queue until it was walked (evict.h); then its next generation begins, and the
//   hand is free.
// Blanks. A node that has never written holds chunks without memory. It exchanges each for a victim when it writes for
//   the first time; the slot is empty from then on.
// Victims. A segment that is unused, or has expired or is dead as a whole. Else the one with the smallest live share,
//   if that is at most 65 %. Else the oldest small one, as long as those have over 10 % of all, and the oldest main
//   one. Any answer would be right (S7).
#pragma once

#include "protocol/floors.h"

namespace orbit {

constexpr uint32_t kNoHand = kHands;
constexpr uint32_t kSmallPercent = 10, kCompactPercent = 65;
constexpr uint32_t kExchangeTries = 256;

// A set of hands, in the order in which they came.
struct HandQueue {
  uint8_t hands[kHands];
  uint32_t count = 0;
  void push(uint32_t hand) {
    ORBIT_CHECK(count < kHands);
    hands[count++] = static_cast<uint8_t>(hand);
  }
  uint32_t pop() {
    uint32_t first = hands[0];
    for (uint32_t i = 1; i < count; i++) hands[i - 1] = hands[i];
    count--;
    return first;
  }
};

// What one member keeps of a store.
struct StoreWriter {
  ValueStore store;
  NodeStats* stats = nullptr;  // its own lines
  uint32_t node = 0;
  uint64_t nowMs = 0;         // of the present call
  uint64_t draft = 0;         // id of the large value that is put in the present call; 0: none
  Writer hands[kHands];       // hand: the chunk; a segment or a blank
  uint64_t states[kHands];    // of the segments; the truth
  uint32_t open[3];           // by SegmentClass; kNoHand: none
  HandQueue free;             // empty segments
  HandQueue queue;            // victims that were not walked to their end
  HandQueue blanks;           // without memory
  bool isCompaction[kHands];  // the victim was chosen for its dead records: all that live are kept
  uint64_t walkedTo = 0;      // bytes of the first of the queue
  bool isWalking = false;
  uint32_t walks = 0;  // victims in a row that were walked at once
};

inline void count_stat(uint64_t* word, uint64_t amount = 1) { store_relaxed(word, load_relaxed(word) + amount); }

// ---- victims -------------------------------------------------------------------------------------------------------

struct Victim {
  uint32_t slot = UINT32_MAX;  // UINT32_MAX: none
  bool isCompaction = false;
};

// What a scan has found so far.
struct Candidates {
  uint64_t leastLive = ~uint64_t{0}, oldestSmall = ~uint64_t{0}, oldestMain = ~uint64_t{0};
  uint32_t sparsest = UINT32_MAX, small = UINT32_MAX, main = UINT32_MAX, smallCount = 0;
};

// True: the segment is free for the taking.
inline bool weigh(const StoreWriter& writer, const Segment& segment, uint32_t slot, Candidates* found) {
  uint64_t meta = load_relaxed(&segment.meta), until = load_relaxed(&segment.maxExpiryMs);
  SegmentClass kind = class_in(meta);
  uint64_t records = records_in(segment), live = live_records_in(segment);
  uint64_t counted = records - load_relaxed(&segment.spared);
  if (kind == kUnusedSegment || (until != 0 && until <= writer.nowMs) || (records != 0 && live == 0)) return true;
  uint64_t& oldest = kind == kSmallSegment ? found->oldestSmall : found->oldestMain;
  uint32_t& place = kind == kSmallSegment ? found->small : found->main;
  found->smallCount += kind == kSmallSegment;
  if (seal_in(meta) < oldest) {
    oldest = seal_in(meta);
    place = slot;
  }
  uint64_t percent = counted == 0 ? 0 : live * 100 / counted;
  if (percent < found->leastLive) {
    found->leastLive = percent;
    found->sparsest = slot;
  }
  return false;
}

// Each node begins elsewhere, so that two do not find the same one.
inline Victim choose_victim(const StoreWriter& writer) {
  const ValueStore& store = writer.store;
  uint32_t mask = store.ring.mask;
  uint64_t start = load_relaxed(&store.header->seals) * 7 + uint64_t{writer.node} * (mask / store.spec.fleetSize + 1);
  Candidates found;
  for (uint64_t i = 0; i <= mask; i++) {
    uint32_t slot = static_cast<uint32_t>(start + i) & mask;
    uint32_t chunk = chunk_in(load_acquire(&store.ring.slots[slot]));
    if (!is_segment(store, chunk)) continue;  // empty
    if (weigh(writer, store.segments[chunk], slot, &found)) return {slot, false};
  }
  if (found.leastLive <= kCompactPercent) return {found.sparsest, true};
  bool isSmallFull = uint64_t{found.smallCount} * 100 > (uint64_t{mask} + 1) * kSmallPercent;
  if (found.small != UINT32_MAX && (isSmallFull || found.main == UINT32_MAX)) return {found.small, false};
  return {found.main, false};
}

// ---- hands ---------------------------------------------------------------------------------------------------------

inline bool is_own(const StoreWriter& writer, uint32_t chunk) {
  for (const Writer& hand : writer.hands) {
    if (hand.hand == chunk) return true;
  }
  return false;
}

inline uint32_t segment_of(const StoreWriter& writer, uint32_t hand) { return writer.hands[hand].hand; }

inline void begin_segment(StoreWriter* writer, uint32_t hand, SegmentClass kind) {
  store_relaxed(&writer->store.segments[segment_of(*writer, hand)].meta, kind);
  writer->open[kind] = hand;
}

inline void free_hand(StoreWriter* writer, uint32_t hand) {
  begin_generation(writer->store, segment_of(*writer, hand), &writer->states[hand]);
  writer->free.push(hand);
}

// Puts the chunk of a hand, full or blank, into a victim's slot, and takes the victim. False: no victim is to be had.
inline bool exchange_for_victim(StoreWriter* writer, uint32_t hand) {
  const Ring& ring = writer->store.ring;
  for (uint32_t tries = 0; tries < kExchangeTries; tries++) {
    Victim victim = choose_victim(*writer);
    if (victim.slot == UINT32_MAX) return false;
    uint64_t word = load_acquire(&ring.slots[victim.slot]);
    uint32_t chunk = chunk_in(word);
    if (!is_segment(writer->store, chunk) || is_own(*writer, chunk)) continue;
    uint64_t stamp = lap_in(word) + 1, position = position_in(ring, stamp, victim.slot);
    if (!representable(ring, position)) return false;
    if (!exchange_hand(&writer->hands[hand], &ring.slots[victim.slot], word, stamp, position)) continue;
    writer->states[hand] = take_state(writer->store, chunk);
    writer->isCompaction[hand] = victim.isCompaction;
    return true;
  }
  return false;
}

inline void seal_segment(StoreWriter* writer, uint32_t hand, SegmentClass kind) {
  uint64_t seal = add_relaxed(&writer->store.header->seals, 1) + 1;
  store_relaxed(&writer->store.segments[segment_of(*writer, hand)].meta, seal << 2 | kind);
}

// The open hand of a class is full: puts it away, and opens a free one, of which there is one.
inline void open_next(StoreWriter* writer, SegmentClass kind) {
  uint32_t hand = writer->open[kind];
  seal_segment(writer, hand, kind);
  if (exchange_for_victim(writer, hand)) {
    writer->queue.push(hand);
  } else {
    free_hand(writer, hand);  // its own records are the victims
  }
  count_stat(&writer->stats->rotated);
  begin_segment(writer, writer->free.pop(), kind);
}

// ---- records -------------------------------------------------------------------------------------------------------

inline uint32_t open_segment(const StoreWriter& writer, SegmentClass kind) {
  return segment_of(writer, writer.open[kind]);
}
inline uint32_t filled_of(const StoreWriter& writer, SegmentClass kind) {
  return filled_units(writer.store, writer.states[writer.open[kind]]);
}
inline uint64_t room_of(const StoreWriter& writer, SegmentClass kind) {
  return uint64_t{units_of(writer.store) - filled_of(writer, kind)} * kUnitBytes;
}

// Where the next record of the class goes.
inline uint64_t* next_record(const StoreWriter& writer, SegmentClass kind) {
  return record_at(writer.store, open_segment(writer, kind), filled_of(writer, kind));
}

// The record that was written at next_record is whole. Returns its index word.
inline uint64_t finish_record(StoreWriter* writer, SegmentClass kind, const Record& record, uint64_t bytes) {
  ORBIT_CHECK(bytes <= room_of(*writer, kind) && bytes % kUnitBytes == 0);
  uint32_t segment = open_segment(*writer, kind);
  uint64_t* state = &writer->states[writer->open[kind]];
  uint64_t place = place_of(segment, filled_of(*writer, kind));
  *state += bytes / kUnitBytes;
  note_written(writer->store, segment, record.expiresAtMs);
  if (record.kind() == kHeadRecord) store_relaxed(&writer->store.segments[segment].hasHead, 1);
  store_state(writer->store, segment, *state);
  return index_word(mark_of(record.hash), 0, generation_of(*state), place);
}

}  // namespace orbit
