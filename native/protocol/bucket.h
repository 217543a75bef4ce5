// One bucket of a store's index: eight words, each of which names a record. Any process may be killed or stopped at any
// instruction.
//
// Word. { mark:16 | frequency:2 | generation:16 | place:30 }. The mark is a part of the key's hash, and never 0. The
//   place is that of a record, and the generation tells whether the record is still there: segment.h. Frequency counts
//   the hits, up to 3. 0: the place is free. A reservation names no record: its place is beyond all segments, and the
//   bits of generation and unit are a number of its own.
// Decide. The first word of a bucket with a mark decides for all keys of that mark. Later ones are hidden.
// Post. Swap the mark's first word for the new one. Without one: choose a place, hide nothing that it held (S4), swap
//   it, and look again. An earlier word of the mark is there now: that one decides; take ours back and begin again.
// Drop. Clear the later words of the mark from the last to the first, then the first, until none is found.
// Death. Each swap is a whole change. What a dead process leaves is at most a hidden word, which is cleared before it
//   could decide (S4), or a mark that has lost its hidden words.
//
// Invariants:
//   S4  A mark leaves a place only after all later places have lost it. So a word that was hidden never decides, but
//       for one that was posted at that time.
//   S7  To drop a word is always right: it is an eviction. A full bucket, an equal mark of another key: evictions.
//
// native/model/bucket.pml checks them. The header knows nothing of segments: the caller tells what a word is worth.
#pragma once

#include "protocol/storelayout.h"

namespace orbit {

constexpr uint32_t kUnitBits = 16, kSegmentBits = 14;
constexpr uint32_t kPlaceBits = kUnitBits + kSegmentBits;
constexpr uint32_t kGenerationAt = kPlaceBits, kFrequencyAt = 46, kMarkAt = 48;
// Tests make both narrow, so that they repeat soon.
#ifndef ORBIT_GENERATION_BITS
#define ORBIT_GENERATION_BITS 16
#endif
#ifndef ORBIT_MARK_BITS
#define ORBIT_MARK_BITS 16
#endif
constexpr uint64_t kPlaceMask = (uint64_t{1} << kPlaceBits) - 1;
constexpr uint64_t kGenerationMask = (uint64_t{1} << ORBIT_GENERATION_BITS) - 1;
constexpr uint64_t kMarkMask = (uint64_t{1} << ORBIT_MARK_BITS) - 1;
constexpr uint64_t kFrequencyOne = uint64_t{1} << kFrequencyAt;
constexpr uint64_t kFrequencyMask = 3 * kFrequencyOne;
constexpr uint32_t kMaxFrequency = 3;
constexpr uint32_t kReservedSegment = (1u << kSegmentBits) - 1;
// Swaps fail because those of other processes succeed. Only hostile bytes make so many fail.
constexpr uint32_t kBucketTries = 1 << 12;

// What a word is worth: the one that is worth least makes room for another mark.
enum WordWorth : uint32_t { kWorthNothing = 0, kWorthOfGone = 1, kWorthOfLive = 2 };  // kWorthOfLive + frequency

struct Spot {
  uint32_t way = kBucketWords;  // kBucketWords: no word has the mark
  uint64_t word = 0;
};

inline uint64_t mark_of(uint64_t hash) {
  uint64_t mark = hash >> kMarkAt & kMarkMask;
  return mark == 0 ? 1 : mark;
}
inline uint64_t mark_in(uint64_t word) { return word >> kMarkAt; }
inline uint32_t frequency_in(uint64_t word) { return static_cast<uint32_t>(word >> kFrequencyAt) & kMaxFrequency; }
inline uint64_t generation_in(uint64_t word) { return word >> kGenerationAt & 0xffff; }
inline uint64_t place_in(uint64_t word) { return word & kPlaceMask; }
inline uint32_t segment_in(uint64_t word) { return static_cast<uint32_t>(place_in(word) >> kUnitBits); }
inline uint32_t unit_in(uint64_t word) { return static_cast<uint32_t>(word & ((1u << kUnitBits) - 1)); }
inline uint64_t index_word(uint64_t mark, uint64_t frequency, uint64_t generation, uint64_t place) {
  return mark << kMarkAt | frequency << kFrequencyAt | (generation & kGenerationMask) << kGenerationAt | place;
}
inline uint64_t with_frequency(uint64_t word, uint64_t frequency) {
  return (word & ~kFrequencyMask) | frequency << kFrequencyAt;
}
inline uint64_t without_frequency(uint64_t word) { return word & ~kFrequencyMask; }
inline bool is_same(uint64_t one, uint64_t other) { return without_frequency(one ^ other) == 0; }
inline bool is_reservation(uint64_t word) { return word != 0 && segment_in(word) == kReservedSegment; }
// `isMain`: the entry is for the main class (hands.h). The number repeats after 2^31 reservations.
inline uint64_t reservation_word(uint64_t mark, bool isMain, uint64_t number) {
  uint64_t generation = uint64_t{isMain} << 15 | (number >> kUnitBits & 0x7fff);
  return mark << kMarkAt | generation << kGenerationAt | uint64_t{kReservedSegment} << kUnitBits | (number & 0xffff);
}
inline bool is_main_reservation(uint64_t word) { return (generation_in(word) >> 15) != 0; }

// The word that decides for the mark. Partner of its loads: the swaps of posts and drops.
inline Spot first_with(const uint64_t* bucket, uint64_t mark) {
  for (uint32_t way = 0; way < kBucketWords; way++) {
    uint64_t word = load_acquire(&bucket[way]);
    if (mark_in(word) == mark) return {way, word};
  }
  return {};
}

// S4: from the last place to the one behind `way`.
inline void clear_later(uint64_t* bucket, uint32_t way, uint64_t mark) {
  for (uint32_t later = kBucketWords - 1; later > way; later--) {
    for (uint32_t tries = 0; tries < kBucketTries; tries++) {
      uint64_t word = load_acquire(&bucket[later]);
      if (mark_in(word) != mark || exchange_if(&bucket[later], word, 0)) break;
    }
  }
}

// Swaps `expected`, with any frequency, for `word`. False: another word is there now.
inline bool replace_word(uint64_t* bucket, uint32_t way, uint64_t expected, uint64_t word) {
  for (uint32_t tries = 0; tries < kBucketTries; tries++) {
    uint64_t found = load_acquire(&bucket[way]);
    if (!is_same(found, expected)) return false;
    if (exchange_if(&bucket[way], found, word)) return true;
  }
  return false;
}

// The place with the word that is worth least.
template <typename Worth>
inline Spot cheapest_of(const uint64_t* bucket, Worth worth) {
  Spot best;
  uint32_t least = UINT32_MAX;
  for (uint32_t way = 0; way < kBucketWords && least > kWorthNothing; way++) {
    uint64_t word = load_acquire(&bucket[way]);
    uint32_t worthOfWord = word == 0 ? kWorthNothing : worth(word);
    if (worthOfWord >= least) continue;
    least = worthOfWord;
    best = {way, word};
  }
  return best;
}

// Puts `word` where no word of its mark is. False: that place changed first.
template <typename Worth>
inline bool enter_word(uint64_t* bucket, uint64_t word, Worth worth, Spot* spot) {
  *spot = cheapest_of(bucket, worth);
  if (spot->word != 0) clear_later(bucket, spot->way, mark_in(spot->word));
  return exchange_if(&bucket[spot->way], spot->word, word);
}

// Makes `word` the one that decides for its mark. True: it did, and `replaced` is the word that was there. False: swaps
// failed without end, and another word of the mark may still be there.
template <typename Worth>
inline bool post_word(uint64_t* bucket, uint64_t word, Worth worth, uint64_t* replaced) {
  uint64_t mark = mark_in(word);
  for (uint32_t tries = 0; tries < kBucketTries; tries++) {
    Spot spot = first_with(bucket, mark);
    if (spot.word != 0) {
      bool isLive = worth(spot.word) >= kWorthOfLive && !is_reservation(spot.word);
      uint64_t frequency = isLive ? frequency_in(spot.word) + 1u : frequency_in(word);
      if (frequency > kMaxFrequency) frequency = kMaxFrequency;
      *replaced = spot.word;
      if (exchange_if(&bucket[spot.way], spot.word, with_frequency(word, frequency))) return true;
      continue;
    }
    if (!enter_word(bucket, word, worth, &spot)) continue;
    *replaced = spot.word;
    if (first_with(bucket, mark).way >= spot.way) return true;
    replace_word(bucket, spot.way, word, 0);  // it is hidden: another post of the mark came first
  }
  return false;
}

// Whether the mark is there. Sequentially consistent with the swap of hold_word: a process that changes the source of a
// value and then finds no reservation of it has changed the source before the reserving process loads it.
inline Spot first_ordered(const uint64_t* bucket, uint64_t mark) {
  for (uint32_t way = 0; way < kBucketWords; way++) {
    uint64_t word = load_ordered(&bucket[way]);
    if (mark_in(word) == mark) return {way, word};
  }
  return {};
}

// Takes all words of the mark out of the bucket. `dropped`: the first that decided and that this call took out; 0:
// none. False: they came back without end.
inline bool drop_mark(uint64_t* bucket, uint64_t mark, uint64_t* dropped) {
  *dropped = 0;
  for (uint32_t tries = 0; tries < kBucketTries; tries++) {
    Spot spot = first_ordered(bucket, mark);
    if (spot.word == 0) return true;
    clear_later(bucket, spot.way, mark);
    if (exchange_if(&bucket[spot.way], spot.word, 0) && *dropped == 0) *dropped = spot.word;
  }
  return false;
}

// Makes sure that the mark has one word. Returns it: the one that is there and that `keeps(word)`, or `reservation`,
// which has the mark. 0: swaps failed without end.
template <typename Worth, typename Keeps>
__attribute__((noinline, cold)) inline uint64_t hold_word(uint64_t* bucket, uint64_t reservation, Worth worth,
                                                          Keeps keeps) {
  uint64_t mark = mark_in(reservation);
  for (uint32_t tries = 0; tries < kBucketTries; tries++) {
    Spot spot = first_with(bucket, mark);
    if (spot.word != 0 && keeps(spot.word)) return without_frequency(spot.word);
    if (spot.word != 0) {
      if (exchange_if(&bucket[spot.way], spot.word, reservation)) return reservation;
      continue;
    }
    if (!enter_word(bucket, reservation, worth, &spot)) continue;
    // Two that enter the mark at once both see the other, or one of them does: no two words of the mark are held.
    uint32_t found = 0;
    for (uint32_t way = 0; way < kBucketWords; way++) found += mark_in(load_acquire(&bucket[way])) == mark;
    if (found <= 1) return reservation;  // none: it was dropped at once
    replace_word(bucket, spot.way, reservation, 0);
  }
  return 0;
}

}  // namespace orbit
