// Limits: the state of many keys, a pair of words each, and each decision one swap of a pair. Any process may be killed
// or stopped at any instruction.
//
// Entry. A pair { tag:48 | state:2 | high:14 } { expiry:40 | low:24 }. The tag is a keyed hash of the key, and the key
//   itself is not stored. From its expiry on, in milliseconds of CLOCK_MONOTONIC, an entry says no more than an absent
//   one does. What high and low mean is the caller's matter: limiter.h. A pair of zeros is free.
// Place. Another hash of the key chooses a line of four entries. A key may be in the kWindow entries from there on.
// Change. Find the entry of the key, compute the next state in private, swap { old } -> { next }. The tag is part of
//   what is compared, so a late swap can only meet the key that it was made for. A refusal writes nothing.
// Enter. 1 No entry has the key: swap one that is free or over for { tag | tentative }, with a value that no other
//     process uses.
//   2 Look at the whole window again. Another entry is present with the key: free ours, and begin again. Another is
//     tentative: the one at the earlier place stays, the other is freed.
//   3 Swap { tentative } -> { present, first state }. Only now the change is made. A process that finds a tentative
//     entry of its key does 2 and 3 itself.
// Evict. An entry that is over may be swapped for one of any other key, without knowing which key it had.
// Death. Before the swap of a change, or step 3, nothing was counted. A tentative entry is left, for the next process
//   that wants its key; after kTentativeMs its place is free. After the swap the change is counted. There is no third
//   case, so there is nothing to settle.
// Stop. A process that goes on after any time finds that its swaps fail, if what they are about has changed. Its
//   decision is one of the time that it was called with.
//
// Invariants, cited by tests as L1..L3:
//   L1  A key is at most once in the table as present and not over: of two processes that enter it, the one that looks
//       later sees the entry of the other.
//   L2  A change that succeeded is in the entry until the entry is over or removed.
//   L3  Nothing is ever in progress: no state makes another process wait.
//
// native/model/limits.pml checks them.
#pragma once

#include "protocol/ring.h"
#include "protocol/siphash.h"
#include "protocol/wide.h"

namespace orbit {

constexpr uint32_t kEntriesPerLine = 4;
constexpr uint32_t kWindow = 16;
constexpr uint64_t kTentativeMs = 1000;
constexpr uint32_t kHighBits = 14, kLowBits = 24, kExpiryBits = 40, kTagBits = 48;
constexpr uint32_t kMaxLow = (1u << kLowBits) - 1;
constexpr uint32_t kMaxHigh = (1u << kHighBits) - 1;
constexpr uint64_t kMaxExpiryMs = (uint64_t{1} << kExpiryBits) - 1;
// Swaps fail because those of other processes succeed. Only hostile bytes make so many fail.
constexpr uint32_t kEntryTries = 1 << 16;

enum EntryState : uint64_t { kFree = 0, kTentative = 1, kPresent = 2 };

enum class LimitStatus : int32_t {
  kAllowed = 1,  // or changed: the entry has the next state
  kRefused = 0,  // nothing was written
  kFull = -1,    // the window of the key has no room; nothing was written
  kCorrupt = -3,
};

// One process's private view.
struct Limits {
  LimitsHeader* header = nullptr;
  Pair* entries = nullptr;
  uint32_t mask = 0;  // entries - 1
  HashKey seed;
  uint32_t node = 0;     // of the process: with `entered` it makes its tentative entries unlike all others
  uint32_t entered = 0;  // tentative entries made so far
};

// What an entry says of its key; expiryMs 0: nothing.
struct EntryValue {
  uint64_t expiryMs = 0;
  uint32_t low = 0, high = 0;
};

struct EntryPlace {
  uint64_t tag;    // 1..2^48-1
  uint32_t first;  // index of the first entry of the window
};

// ---- geometry ------------------------------------------------------------------------------------------------------

inline bool valid_entries(uint64_t entries) {
  return entries >= kWindow && entries <= kMaxLimitEntries && (entries & (entries - 1)) == 0;
}

inline void map_limits(Limits* limits, void* base, uint32_t entries) {
  limits->header = static_cast<LimitsHeader*>(base);
  limits->entries = reinterpret_cast<Pair*>(limits->header + 1);
  limits->mask = entries - 1;
}

// Writes a whole object, magic last, over zeroed bytes. The caller holds what format_ring asks for.
inline void format_limits(void* base, uint32_t kind, uint32_t entries, const HashKey& seed, uint64_t fleetId,
                          uint64_t createdAtMs) {
  LimitsHeader* header = static_cast<LimitsHeader*>(base);
  memset(base, 0, limits_bytes(entries));
  format_object(&header->object, kLimitsObject, limits_bytes(entries), fleetId, createdAtMs);
  header->typeKind = kind;
  header->entries = entries;
  header->seed[0] = seed.first;
  header->seed[1] = seed.second;
  finish_object(&header->object);
}

inline AttachStatus attach_limits(void* base, uint64_t length, Limits* limits) {
  AttachStatus status = attach_object(base, length, kLimitsObject);
  if (status != AttachStatus::kOk) return status;
  const LimitsHeader* header = static_cast<const LimitsHeader*>(base);
  if (length < sizeof(LimitsHeader)) return AttachStatus::kCorrupt;
  uint64_t entries = load_relaxed(&header->entries);
  bool fits = valid_entries(entries) && limits_bytes(static_cast<uint32_t>(entries)) == length &&
              load_relaxed(&header->typeKind) <= kMaxKind;
  if (!fits) return AttachStatus::kCorrupt;
  map_limits(limits, base, static_cast<uint32_t>(entries));
  limits->seed = {load_relaxed(&header->seed[0]), load_relaxed(&header->seed[1])};
  return AttachStatus::kOk;
}

// The key for the keys of one limiter, so that limiters of different names or kinds never meet.
inline HashKey limiter_seed(const HashKey& seed, const void* name, uint32_t length) {
  HashPair hash = siphash_pair(seed, name, length);
  return {hash.first, hash.second};
}

// Tag and line come from different words of the hash, and share no bits.
inline EntryPlace place_of(const Limits& limits, const HashKey& seed, const void* key, uint32_t length) {
  HashPair hash = siphash_pair(seed, key, length);
  uint64_t tag = hash.first >> (64 - kTagBits);
  return {tag == 0 ? 1 : tag, static_cast<uint32_t>(hash.second * kEntriesPerLine) & limits.mask};
}

// ---- words ---------------------------------------------------------------------------------------------------------

inline uint64_t entry_key(uint64_t tag, uint64_t state, uint64_t high) {
  return tag << (64 - kTagBits) | state << kHighBits | high;
}
inline uint64_t entry_value(uint64_t expiryMs, uint64_t low) { return expiryMs << kLowBits | low; }
inline uint64_t tag_in(uint64_t key) { return key >> (64 - kTagBits); }
inline uint64_t state_in(uint64_t key) { return key >> kHighBits & 3; }
inline uint64_t expiry_in(uint64_t value) { return value >> kLowBits; }
inline bool is_over(const Pair& entry, uint64_t nowMs) { return entry.key == 0 || expiry_in(entry.value) <= nowMs; }
inline Pair* entry_at(const Limits& limits, const EntryPlace& place, uint32_t step) {
  return &limits.entries[(place.first + step) & limits.mask];
}
inline EntryValue value_in(const Pair& entry) {
  return {expiry_in(entry.value), static_cast<uint32_t>(entry.value & kMaxLow),
          static_cast<uint32_t>(entry.key & kMaxHigh)};
}
inline Pair present_entry(const EntryPlace& place, const EntryValue& value) {
  return {entry_key(place.tag, kPresent, value.high), entry_value(value.expiryMs, value.low)};
}
// Of a process that has this node alone, and makes less than 2^22 of them in a millisecond: no other is equal.
inline Pair tentative_entry(Limits* limits, const EntryPlace& place, uint64_t nowMs) {
  uint64_t nonce = uint64_t{limits->node} << 22 | (limits->entered++ & 0x3fffff);
  return {entry_key(place.tag, kTentative, nonce >> kLowBits), entry_value(nowMs + kTentativeMs, nonce & kMaxLow)};
}

constexpr Pair kFreeEntry = {0, 0};

// ---- search --------------------------------------------------------------------------------------------------------

// What a walk over the window of a key has found.
struct Found {
  uint32_t step = kWindow, room = kWindow;  // of the entry of the key, and of the first one that is over; kWindow: none
  Pair entry = kFreeEntry, vacant = kFreeEntry;

  bool has_value(uint64_t nowMs) const {
    return step < kWindow && state_in(entry.key) == kPresent && !is_over(entry, nowMs);
  }
};

// The keys are hints until a swap has compared them, so their loads are relaxed.
inline Found find_entry(const Limits& limits, const EntryPlace& place, uint64_t nowMs) {
  Found found;
  for (uint32_t step = 0; step < kWindow; step++) {
    const Pair* pair = entry_at(limits, place, step);
    Pair seen = {load_relaxed(&pair->key), 0};
    if (tag_in(seen.key) == place.tag) {
      seen = load_pair(pair);
      if (tag_in(seen.key) == place.tag) {
        found.step = step;
        found.entry = seen;
        return found;
      }
    }
    if (found.room < kWindow) continue;
    seen.value = load_relaxed(&pair->value);
    if (!is_over(seen, nowMs)) continue;
    found.room = step;
    found.vacant = seen;
  }
  return found;
}

// ---- change --------------------------------------------------------------------------------------------------------

// Steps 2 and 3 for the tentative entry at `step`. False: begin again.
inline bool promote(const Limits& limits, const EntryPlace& place, uint32_t step, const Pair& tentative,
                    const Pair& first) {
  // Ordered, also for a process that has not placed the entry itself: it is there before any of the looks below.
  // Partner: the swap of enter.
  if (load_ordered(&entry_at(limits, place, step)->key) != tentative.key) return false;
  for (uint32_t other = 0; other < kWindow; other++) {
    if (other == step) continue;
    Pair* pair = entry_at(limits, place, other);
    // Ordered: of two processes that place an entry and then look, one sees the entry of the other. Partner: the swap
    // of enter.
    if (tag_in(load_ordered(&pair->key)) != place.tag) continue;
    Pair rival = load_pair(pair);
    if (tag_in(rival.key) != place.tag) continue;
    if (state_in(rival.key) == kPresent || other < step) {
      exchange_pair(entry_at(limits, place, step), tentative, kFreeEntry);
      return false;
    }
    if (!exchange_pair(pair, rival, kFreeEntry)) return false;
  }
  return exchange_pair(entry_at(limits, place, step), tentative, first);
}

inline void pause_after(uint32_t tries) {
  uint32_t pauses = tries < 2 ? 0 : tries < 8 ? 1u << tries : 256;
  for (uint32_t i = 0; i < pauses; i++) relax();
}

__attribute__((noinline, cold)) inline LimitStatus note_full(const Limits& limits) {
  add_relaxed(&limits.header->full, 1);
  return LimitStatus::kFull;
}

// Makes one change of the state of a key: `change(EntryValue*)` turns what the entry says into what it will say, or
// returns false, and nothing is written. It may be called several times. What it refused was the state of the key at
// one moment.
template <typename Change>
inline LimitStatus change_entry(Limits* limits, const EntryPlace& place, uint64_t nowMs, Change change) {
  for (uint32_t tries = 0; tries < kEntryTries; tries++) {
    pause_after(tries);
    Found found = find_entry(*limits, place, nowMs);
    EntryValue value;
    if (found.has_value(nowMs)) value = value_in(found.entry);
    if (!change(&value)) return LimitStatus::kRefused;
    Pair next = present_entry(place, value);
    if (found.step == kWindow) {
      if (found.room == kWindow) return note_full(*limits);
      found.step = found.room;
      found.entry = tentative_entry(limits, place, nowMs);
      if (!exchange_pair(entry_at(*limits, place, found.step), found.vacant, found.entry)) continue;
    }
    bool isDone = state_in(found.entry.key) == kPresent
                      ? exchange_pair(entry_at(*limits, place, found.step), found.entry, next)
                      : promote(*limits, place, found.step, found.entry, next);
    if (isDone) return LimitStatus::kAllowed;
  }
  return LimitStatus::kCorrupt;
}

// What the table says of a key; all zero: nothing.
inline EntryValue read_entry(const Limits& limits, const EntryPlace& place, uint64_t nowMs) {
  Found found = find_entry(limits, place, nowMs);
  return found.has_value(nowMs) ? value_in(found.entry) : EntryValue();
}

// Removes the key. False: the table said nothing of it.
inline bool remove_entry(const Limits& limits, const EntryPlace& place, uint64_t nowMs) {
  for (uint32_t tries = 0; tries < kEntryTries; tries++) {
    Found found = find_entry(limits, place, nowMs);
    if (!found.has_value(nowMs)) return false;
    if (exchange_pair(entry_at(limits, place, found.step), found.entry, kFreeEntry)) return true;
  }
  return false;
}

// How many entries are in use, as far as one walk over a living table can tell.
struct LimitsUsage {
  uint64_t present = 0, tentative = 0;
};
inline LimitsUsage count_entries(const Limits& limits, uint64_t nowMs) {
  LimitsUsage usage;
  for (uint64_t i = 0; i <= limits.mask; i++) {
    Pair entry = load_pair(&limits.entries[i]);
    if (is_over(entry, nowMs)) continue;
    if (state_in(entry.key) == kPresent) usage.present++;
    if (state_in(entry.key) == kTentative) usage.tentative++;
  }
  return usage;
}

}  // namespace orbit
