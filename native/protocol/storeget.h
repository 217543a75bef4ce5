// Reading a store: get, head, scan. A reader needs no hand, and a read-only mapping suffices; a member also counts its
// hits, and raises the frequency in the word.
#pragma once

#include "protocol/evict.h"

namespace orbit {

// Each time it begins again, the entry was put, moved or evicted during the copy.
constexpr uint32_t kGetTries = 64;

// A private copy of what is known of an entry.
struct StoreEntry {
  uint64_t word = 0;  // of the index, without frequency; equal: unchanged. 0: the index has no word
  uint64_t id = 0;    // of the put; it is the same after a move
  uint64_t bornMs = 0, expiresAtMs = 0, staleAtMs = 0;
  uint64_t valueBytes = 0;
  uint32_t keyBytes = 0;
  uint32_t frequency = 0;
  bool isStale = false;
};

// Copies the parts of a large value. False: one of them was evicted, or the bytes are no parts.
__attribute__((noinline, cold)) inline bool copy_parts(const ValueStore& store, const uint64_t* table, uint32_t parts,
                                                       uint64_t total, uint8_t* to) {
  uint64_t copied = 0;
  for (uint32_t i = 0; i < parts; i++) {
    uint64_t part = load_acquire(table + 1 + i);
    uint32_t segment = segment_in(part), unit = unit_in(part);
    if (!is_segment(store, segment)) return false;
    uint64_t state = state_of(store, segment);
    uint32_t filled = filled_units(store, state);
    Record record;
    const uint64_t* from = record_at(store, segment, unit);
    if (!is_part_of(part, state, filled) || !read_record(from, uint64_t{filled - unit} * kUnitBytes, &record))
      return false;
    if (record.kind() != kPartRecord || record.value_bytes() > total - copied) return false;
    copy_from_shared(to + copied, from + record.value_at(), record.value_bytes());
    copied += record.value_bytes();
    if (generation_of(state_of(store, segment)) != generation_of(state)) return false;
  }
  return copied == total;
}

// What a look at one record found.
enum class Look { kOurs, kOther, kGone, kShort };

struct Target {
  void* bytes = nullptr;
  uint64_t capacity = 0;
  bool isWanted = true;  // false: only the entry is looked for
};

inline Look copy_value(const ValueStore& store, const uint64_t* from, const Record& record, const Target& target,
                       StoreEntry* entry) {
  const uint64_t* value = from + record.value_at();
  if (record.kind() == kValueRecord) {
    entry->valueBytes = record.value_bytes();
    if (!target.isWanted) return Look::kOurs;
    if (entry->valueBytes > target.capacity) return Look::kShort;
    copy_from_shared(target.bytes, value, record.value_bytes());
    return Look::kOurs;
  }
  uint32_t parts = parts_of(record);
  if (parts == 0) return Look::kGone;
  entry->valueBytes = load_acquire(value);
  if (entry->valueBytes > max_value_bytes(store.spec)) return Look::kGone;
  if (!target.isWanted) return Look::kOurs;
  if (entry->valueBytes > target.capacity) return Look::kShort;
  bool isWhole = copy_parts(store, value, parts, entry->valueBytes, static_cast<uint8_t*>(target.bytes));
  return isWhole ? Look::kOurs : Look::kGone;
}

template <typename Now>
inline void describe_record(const Record& record, const Now& now, StoreEntry* entry) {
  entry->id = record.id;
  entry->bornMs = record.bornMs;
  entry->expiresAtMs = record.expiresAtMs;
  entry->staleAtMs = record.staleAtMs;
  entry->keyBytes = record.key_bytes();
  entry->isStale = record.staleAtMs != 0 && record.staleAtMs <= time_of(now);
}

inline bool is_of_key(const uint64_t* from, const Record& record, const StoreKey& key) {
  if (key.id != 0) return record.id == key.id;
  return record.key_bytes() == key.length && has_key(from, key.bytes, key.length);
}

// Step 3 of a get: the record at `unit`, which was whole.
template <typename Now>
inline Look look_at_record(const ValueStore& store, const uint64_t* from, uint64_t room, const StoreKey& key,
                           const Now& now, const Target& target, StoreEntry* entry) {
  Record record;
  if (!read_record(from, room, &record) || record.kind() == kPartRecord) return Look::kOther;
  if (!is_of_key(from, record, key)) return Look::kOther;
  describe_record(record, now, entry);
  if (is_gone(store, from, record, key.bytes, now)) return Look::kGone;
  return copy_value(store, from, record, target, entry);
}

// Looks for the entry of a key. kDone, kNone, kShort; entry->word is the word that was found in each case.
template <typename Now>
inline StoreStatus look_up(const ValueStore& store, const StoreKey& key, const Now& now, const Target& target,
                           StoreEntry* entry, Spot* spot) {
  const uint64_t* bucket = bucket_at(store, key.hash);
  uint64_t mark = mark_of(key.hash);
  for (uint32_t tries = 0; tries < kGetTries; tries++) {
    *entry = StoreEntry();
    *spot = first_with(bucket, mark);  // 1
    uint64_t word = spot->word;
    if (word == 0) return StoreStatus::kNone;
    entry->word = without_frequency(word);
    uint32_t segment = segment_in(word);
    if (!is_segment(store, segment)) return StoreStatus::kNone;
    uint64_t state = state_of(store, segment);  // 2
    uint32_t filled = filled_units(store, state);
    if (!is_of(word, state, filled)) {
      if (load_acquire(&bucket[spot->way]) != word) continue;
      return StoreStatus::kNone;
    }
    uint64_t room = uint64_t{filled - unit_in(word)} * kUnitBytes;
    const uint64_t* from = record_at(store, segment, unit_in(word));
    Look look = look_at_record(store, from, room, key, now, target, entry);  // 3
    // 4 and 5. The acquire loads of the copy come before them. Partners: the swap of a post, the store of
    // begin_generation.
    uint64_t found = load_acquire(&bucket[spot->way]);
    if (!is_same(found, word) || generation_of(state_of(store, segment)) != generation_of(state)) continue;
    spot->word = found;
    entry->frequency = frequency_in(found);
    if (look == Look::kShort) return StoreStatus::kShort;
    return look == Look::kOurs ? StoreStatus::kDone : StoreStatus::kNone;
  }
  return StoreStatus::kNone;
}

// Of a member: counts the hit or miss. A word that is asked for often is no longer written.
inline void count_look(StoreWriter* writer, const StoreKey& key, StoreStatus status, const Spot& spot) {
  if (status == StoreStatus::kNone) return count_stat(&writer->stats->misses);
  count_stat(&writer->stats->hits);
  uint64_t* word = bucket_at(writer->store, key.hash) + spot.way;
  if (frequency_in(spot.word) < kMaxFrequency) exchange_if(word, spot.word, spot.word + kFrequencyOne);
}

// Copies the value of a key. kShort: it has entry->valueBytes, more than `capacity`. `writer`: null for an observer.
template <typename Now>
inline StoreStatus get_value(const ValueStore& store, StoreWriter* writer, const StoreKey& key, const Now& now,
                             void* target, uint64_t capacity, StoreEntry* entry) {
  Spot spot;
  StoreStatus status = look_up(store, key, now, {target, capacity, true}, entry, &spot);
  if (writer != nullptr && status != StoreStatus::kShort) count_look(writer, key, status, spot);
  return status;
}

// What is known of the entry of a key, without its value. It counts as a get. Parts of a large value may be gone.
template <typename Now>
inline StoreStatus head_value(const ValueStore& store, StoreWriter* writer, const StoreKey& key, const Now& now,
                              StoreEntry* entry) {
  Spot spot;
  StoreStatus status = look_up(store, key, now, {nullptr, 0, false}, entry, &spot);
  if (writer != nullptr) count_look(writer, key, status, spot);
  return status;
}

// Whether the entry with this id is still that of its key, of which only the hash is needed. It counts as a get if so.
template <typename Now>
inline bool is_unchanged(const ValueStore& store, StoreWriter* writer, uint64_t hash, uint64_t id, const Now& now,
                         StoreEntry* entry) {
  Spot spot;
  StoreKey key{nullptr, 0, hash, id};
  if (id == 0 || look_up(store, key, now, {nullptr, 0, false}, entry, &spot) != StoreStatus::kDone) return false;
  if (writer != nullptr) count_look(writer, key, StoreStatus::kDone, spot);
  return true;
}

// ---- all entries ---------------------------------------------------------------------------------------------------

// Copies the record that a word names. False: there is none.
__attribute__((noinline, cold)) inline bool read_word(const ValueStore& store, const uint64_t* place, uint64_t nowMs,
                                                      uint8_t* key, StoreEntry* entry) {
  uint64_t word = load_acquire(place);
  if (word == 0 || !is_current(store, word)) return false;
  uint32_t segment = segment_in(word);
  uint64_t state = state_of(store, segment);
  uint32_t filled = filled_units(store, state);
  if (!is_of(word, state, filled)) return false;
  const uint64_t* from = record_at(store, segment, unit_in(word));
  Record record;
  if (!read_record(from, uint64_t{filled - unit_in(word)} * kUnitBytes, &record)) return false;
  copy_from_shared(key, from + kHeaderWords, record.key_bytes());
  *entry = StoreEntry();
  entry->word = without_frequency(word);
  entry->frequency = frequency_in(word);
  describe_record(record, nowMs, entry);
  bool isThere = record.kind() != kPartRecord && !is_gone(store, from, record, key, nowMs) &&
                 copy_value(store, from, record, {nullptr, 0, false}, entry) == Look::kOurs;
  bool isSame = is_same(load_acquire(place), word);
  return isThere && isSame && generation_of(state_of(store, segment)) == generation_of(state);
}

// Calls `visit(key, entry)` for each entry of one bucket, 0 to spec.bucketCount - 1. An entry that moves, or is put, at
// that time may be missed.
template <typename Visit>
inline void scan_bucket(const ValueStore& store, uint32_t bucket, uint64_t nowMs, Visit visit) {
  const uint64_t* words = store.index + uint64_t{bucket} * kBucketWords;
  for (uint32_t way = 0; way < kBucketWords; way++) {
    uint8_t key[kMaxStoreKeyBytes];
    StoreEntry entry;
    if (!read_word(store, &words[way], nowMs, key, &entry)) continue;
    bool decides = first_with(words, mark_in(entry.word)).way == way;
    if (decides) visit(static_cast<const uint8_t*>(key), static_cast<const StoreEntry&>(entry));
  }
}

}  // namespace orbit
