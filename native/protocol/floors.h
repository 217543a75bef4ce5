// Invalidation in a store: floors for all keys, for prefixes of keys and for tags. Any process may be killed or stopped
// at any instruction.
//
// Birth. An entry is born at the later of its put's (or its reservation's) time and the clock. Entries that were born
//   before a floor are gone (S6).
// Reset. Draw a time from the clock that is later than all births before: after the clock, and after now. Then raise a
//   floor to it. Before the raise nothing has happened.
// Bucket. 7 words { hash:24 | time:40 } and an overflow time. A floor is the greater of its word and the overflow. If
//   there is no place for a floor, the lowest one makes room: raise the overflow to it, then swap its word. So floors
//   of other hashes may rise too, which evicts entries (S7), and none ever falls.
// Time. CLOCK_MONOTONIC in milliseconds. The time of a put may be old, never ahead. That of a reset must be fresh: an
//   entry that was born a moment ago would survive an old one.
// Prefixes. One bit for each length that was ever reset, so that a get looks for the floors of few prefixes.
#pragma once

#include "protocol/segment.h"

namespace orbit {

// The time of a call: a number, or a function that returns it. Only entries that expire need it.
inline uint64_t time_of(uint64_t now) { return now; }
template <typename Clock>
inline uint64_t time_of(const Clock& now) {
  return now();
}

constexpr uint32_t kFloorTimeBits = 40;
constexpr uint64_t kFloorTimeMask = (uint64_t{1} << kFloorTimeBits) - 1;
constexpr uint32_t kFloorsOfBucket = kBucketWords - 1;  // the last word is the overflow
constexpr uint32_t kMaxPrefixBytes = 255;

inline uint64_t* floors_at(const ValueStore& store, uint64_t hash) {
  return store.floors + (hash & store.floorMask) * kBucketWords;
}
inline uint64_t floor_hash(uint64_t hash) {
  uint64_t part = hash >> kFloorTimeBits;
  return (part == 0 ? 1 : part) << kFloorTimeBits;
}
inline bool has_hash(uint64_t word, uint64_t hash) { return (word & ~kFloorTimeMask) == hash; }

// The time before which entries of a prefix or tag are gone; 0: there is none.
inline uint64_t floor_of(const ValueStore& store, uint64_t hash) {
  const uint64_t* words = floors_at(store, hash);
  uint64_t own = floor_hash(hash), floor = 0;
  for (uint32_t i = 0; i < kFloorsOfBucket; i++) {
    uint64_t word = load_acquire(&words[i]);
    if (has_hash(word, own) && (word & kFloorTimeMask) > floor) floor = word & kFloorTimeMask;
  }
  // Last. A word that made room was seen to have gone: then the overflow has its time. Partner: the swap of
  // raise_floor.
  uint64_t overflow = load_acquire(&words[kFloorsOfBucket]) & kFloorTimeMask;
  return floor > overflow ? floor : overflow;
}

inline void raise_time(uint64_t* word, uint64_t timeMs) {
  for (uint32_t tries = 0; tries < kBucketTries; tries++) {
    uint64_t found = load_acquire(word);
    if (found >= timeMs || exchange_if(word, found, timeMs)) return;
  }
}

inline void raise_floor(const ValueStore& store, uint64_t hash, uint64_t timeMs) {
  uint64_t* words = floors_at(store, hash);
  uint64_t own = floor_hash(hash);
  for (uint32_t tries = 0; tries < kBucketTries; tries++) {
    uint32_t lowest = 0;
    uint64_t least = ~uint64_t{0}, expected = 0;
    bool isOwn = false;
    for (uint32_t i = 0; i < kFloorsOfBucket && !isOwn; i++) {
      uint64_t word = load_acquire(&words[i]);
      isOwn = has_hash(word, own);
      if (!isOwn && (word & kFloorTimeMask) >= least) continue;
      least = word & kFloorTimeMask;
      expected = word;
      lowest = i;
    }
    if (isOwn && least >= timeMs) return;
    if (!isOwn && expected != 0) raise_time(&words[kFloorsOfBucket], least);
    if (exchange_if(&words[lowest], expected, own | timeMs)) return;
  }
  raise_time(&words[kFloorsOfBucket], timeMs);
}

// The birth of an entry that is put now. Partner: the swap of draw_time.
inline uint64_t birth_of(const ValueStore& store, uint64_t nowMs) {
  uint64_t clock = load_acquire(&store.header->clock);
  return (clock > nowMs ? clock : nowMs) & kFloorTimeMask;
}

// A time after the births of all entries so far, and of all earlier resets.
inline uint64_t draw_time(const ValueStore& store, uint64_t nowMs) {
  uint64_t* clock = &store.header->clock;
  for (;;) {
    uint64_t last = load_acquire(clock);
    uint64_t next = (last > nowMs ? last : nowMs) + 1;
    if (next > kFloorTimeMask) return kFloorTimeMask;  // foreign bytes
    if (exchange_if(clock, last, next)) return next;
  }
}

// All entries with the tag are gone when it returns. `nowMs` is fresh.
inline void invalidate_tag(const ValueStore& store, uint64_t tag, uint64_t nowMs) {
  raise_floor(store, tag, draw_time(store, nowMs));
}
inline uint64_t tag_floor(const ValueStore& store, uint64_t tag) { return floor_of(store, tag); }

// All entries with a key that begins with the prefix are gone; with none, all. `nowMs` is fresh.
inline StoreStatus reset_prefix(const ValueStore& store, const void* prefix, uint32_t length, uint64_t nowMs) {
  if (length > kMaxPrefixBytes) return StoreStatus::kTooLarge;
  uint64_t timeMs = draw_time(store, nowMs);
  if (length == 0) {
    raise_time(&store.header->floor, timeMs);
    return StoreStatus::kDone;
  }
  // The bit first: a get that sees the floor as it was may miss the bit, and none that begins later misses either.
  uint64_t* lengths = &store.header->prefixLengths[length / 64];
  uint64_t bit = uint64_t{1} << length % 64;
  if ((load_acquire(lengths) & bit) == 0) set_bits_ordered(lengths, bit);
  raise_floor(store, prefix_hash(store, prefix, length), timeMs);
  return StoreStatus::kDone;
}

// Whether a reset of all keys is later than a birth.
inline bool is_under_floor(const ValueStore& store, uint64_t bornMs) {
  return load_acquire(&store.header->floor) > bornMs;
}

__attribute__((noinline, cold)) inline void copy_key(uint8_t* to, const uint64_t* from, uint32_t length) {
  copy_from_shared(to, from + kHeaderWords, length);
}

// Whether a reset of one of its prefixes is later than the birth of a key. Without its bytes, it is that of the record.
inline bool is_under_prefix(const ValueStore& store, const uint8_t* key, uint32_t length, uint64_t bornMs,
                            const uint64_t* from = nullptr) {
  uint8_t copy[kMaxStoreKeyBytes];
  for (uint32_t group = 0; group < 4; group++) {
    for (uint64_t bits = load_acquire(&store.header->prefixLengths[group]); bits != 0; bits &= bits - 1) {
      uint32_t prefix = group * 64 + static_cast<uint32_t>(__builtin_ctzll(bits));
      if (prefix > length) return false;
      if (key == nullptr) {
        copy_key(copy, from, length);
        key = copy;
      }
      if (floor_of(store, prefix_hash(store, key, prefix)) > bornMs) return true;
    }
  }
  return false;
}

// Whether one of the record's tags was invalidated after its birth.
inline bool is_under_tag(const ValueStore& store, const uint64_t* from, const Record& record) {
  for (uint32_t i = 0; i < record.tag_count(); i++) {
    uint64_t tag = load_acquire(from + record.tags_at() + i);
    if (floor_of(store, tag) > record.bornMs) return true;
  }
  return false;
}

// Whether a record is gone: expired, or under a floor. Its key has been copied or compared; null: it is copied if it
// is needed.
template <typename Now>
inline bool is_gone(const ValueStore& store, const uint64_t* from, const Record& record, const uint8_t* key,
                    const Now& now) {
  if (record.expiresAtMs != 0 && record.expiresAtMs <= time_of(now)) return true;
  if (is_under_floor(store, record.bornMs)) return true;
  return is_under_prefix(store, key, record.key_bytes(), record.bornMs, from) || is_under_tag(store, from, record);
}

}  // namespace orbit
