// Writing to a store: put, delete, reserve.
//
// Conditions. A put may depend on the key's word: that it is the one which was seen. Its swap expects exactly that
//   word, with any frequency. A word does not return: its generation passes only after 65,536 uses of its segment.
// Reservation. The key's word, if it names a record, even one that has expired: then the value stays readable. Else a
//   word that names none. A put, a delete, an eviction of the word break it. The entry is born when it was reserved, so
//   floors that were raised since are above it. So what was loaded before an invalidation is not stored after it.
// Death. Before the swap nothing has happened but records without words. A reservation of a dead process is taken over
//   by the next one, or makes room for any put.
#pragma once

#include "protocol/storeget.h"

namespace orbit {

struct StoreValue {
  const void* bytes = nullptr;
  uint64_t length = 0;
  const uint64_t* tags = nullptr;  // tag_hash of each
  uint32_t tagCount = 0;
  uint64_t expiresAtMs = 0;  // 0: never
  uint64_t staleAtMs = 0;    // 0: never
};

struct Reservation {
  uint64_t word = 0;  // 0: none
  uint64_t bornMs = 0;
};

enum class PutIf : uint32_t { kAlways, kAbsent, kId, kReserved };

struct PutCondition {
  PutIf kind = PutIf::kAlways;
  uint64_t id = 0;
  Reservation reservation;
};

// ---- classes ------------------------------------------------------------------------------------------------------

// Whether a reset, or an invalidation of one of the value's tags, is later than a birth: the entry would be gone at
// once.
inline bool is_overtaken(const ValueStore& store, const StoreKey& key, const StoreValue& value, uint64_t bornMs) {
  if (is_under_floor(store, bornMs)) return true;
  for (uint32_t i = 0; i < value.tagCount; i++) {
    if (floor_of(store, value.tags[i]) > bornMs) return true;
  }
  return is_under_prefix(store, key.bytes, key.length, bornMs);
}

// New entries are small. Main: the key's word names a main one, or one that was evicted lately, which is S3-FIFO's
// ghost.
inline SegmentClass class_for(const ValueStore& store, const StoreKey& key) {
  constexpr uint64_t kGhostGenerations = 2;
  uint64_t word = first_with(bucket_at(store, key.hash), mark_of(key.hash)).word;
  if (is_reservation(word)) return is_main_reservation(word) ? kMainSegment : kSmallSegment;
  uint32_t segment = segment_in(word);
  if (word == 0 || !is_segment(store, segment)) return kSmallSegment;
  uint64_t age = (generation_of(state_of(store, segment)) - generation_in(word)) & kGenerationMask;
  if (age > 0) return age <= kGhostGenerations ? kMainSegment : kSmallSegment;
  return class_in(load_relaxed(&store.segments[segment].meta)) == kMainSegment ? kMainSegment : kSmallSegment;
}

// ---- reserve -------------------------------------------------------------------------------------------------------

// `isLive`: the key has a value. kRefused: it was put again each time that this looked.
__attribute__((noinline, cold)) inline StoreStatus reserve(StoreWriter* writer, const StoreKey& key, uint64_t nowMs,
                                                           Reservation* reservation, bool* isLive) {
  const ValueStore& store = writer->store;
  // Before the look: a reset after it is later. Partner: the swap of draw_time.
  reservation->bornMs = birth_of(store, nowMs);
  uint64_t number = add_relaxed(&store.header->reservations, 1);
  for (uint32_t tries = 0; tries < kGetTries; tries++) {
    StoreEntry entry;
    Spot spot;
    *isLive = look_up(store, key, nowMs, {nullptr, 0, false}, &entry, &spot) == StoreStatus::kDone;
    reservation->word = entry.word;
    if (*isLive) return StoreStatus::kDone;
    bool isMain = class_for(store, key) == kMainSegment;
    reservation->word = hold_word(
        bucket_at(store, key.hash), reservation_word(mark_of(key.hash), isMain, number),
        [&](uint64_t word) { return worth_of(store, word); },
        [&](uint64_t word) { return is_reservation(word) || is_current(store, word); });
    if (reservation->word == 0) return StoreStatus::kCorrupt;
    if (is_reservation(reservation->word) || reservation->word == entry.word) return StoreStatus::kDone;
  }
  return StoreStatus::kRefused;
}

// Reserves the key for a put on the condition kReserved. What it has now stays readable.
inline StoreStatus reserve_key(StoreWriter* writer, const StoreKey& key, uint64_t nowMs, Reservation* reservation) {
  if (is_retired(writer->store)) return StoreStatus::kRetired;
  if (key.length > kMaxStoreKeyBytes) return StoreStatus::kTooLarge;
  bool isLive;
  return reserve(writer, key, nowMs, reservation, &isLive);
}

// ---- put -----------------------------------------------------------------------------------------------------------

// Finds the word that the condition allows to replace. kRefused: it does not hold.
__attribute__((noinline, cold)) inline StoreStatus find_allowed(StoreWriter* writer, const StoreKey& key,
                                                                uint64_t nowMs, const PutCondition& condition,
                                                                Reservation* allowed) {
  if (condition.kind == PutIf::kReserved) {
    *allowed = condition.reservation;
    return allowed->word != 0 && mark_in(allowed->word) == mark_of(key.hash) ? StoreStatus::kDone
                                                                             : StoreStatus::kRefused;
  }
  if (condition.kind == PutIf::kAbsent) {
    bool isLive;
    StoreStatus status = reserve(writer, key, nowMs, allowed, &isLive);
    return status == StoreStatus::kDone && isLive ? StoreStatus::kRefused : status;
  }
  StoreEntry entry;
  Spot spot;
  allowed->bornMs = birth_of(writer->store, nowMs);
  StoreStatus status = look_up(writer->store, key, nowMs, {nullptr, 0, false}, &entry, &spot);
  allowed->word = entry.word;
  bool holds = status == StoreStatus::kDone && entry.id == condition.id;
  return holds ? StoreStatus::kDone : StoreStatus::kRefused;
}

// What a put writes.
struct Draft {
  StoreWriter* writer;
  const StoreKey& key;
  const StoreValue& value;
  SegmentClass kind;
  uint64_t bornMs;
  uint64_t id;
};

inline Record record_of(const Draft& draft, RecordKind kind, uint32_t valueBytes) {
  bool isPart = kind == kPartRecord;
  Record record;
  record.shape = record_shape(kind, isPart ? 0 : draft.key.length, isPart ? 0 : draft.value.tagCount, valueBytes);
  record.hash = draft.key.hash;
  record.id = draft.id;
  record.bornMs = draft.bornMs;
  record.expiresAtMs = draft.value.expiresAtMs;
  record.staleAtMs = draft.value.staleAtMs;
  return record;
}

// Appends a record, for which there is room, and returns its index word.
inline uint64_t append_record(const Draft& draft, const Record& record, const void* value) {
  uint64_t* to = next_record(*draft.writer, draft.kind);
  copy_to_shared(to, static_cast<const RecordHeader*>(&record), sizeof(RecordHeader));
  if (record.key_bytes() > 0) copy_to_shared(to + kHeaderWords, draft.key.bytes, record.key_bytes());
  if (record.tag_count() > 0) copy_to_shared(to + record.tags_at(), draft.value.tags, record.tag_count() * 8);
  if (record.value_bytes() > 0) copy_to_shared(to + record.value_at(), value, record.value_bytes());
  return finish_record(draft.writer, draft.kind, record, record_bytes(record));
}

// Appends the parts of a large value, then their head. But for the last, each has at least half a segment, so that
// their number is bounded, regardless of what the walks in between move to the same hand.
__attribute__((noinline, cold)) inline uint64_t append_parts(const Draft& draft) {
  StoreWriter* writer = draft.writer;
  const ValueStore& store = writer->store;
  uint64_t table[kMaxParts + 1];
  const uint8_t* from = static_cast<const uint8_t*>(draft.value.bytes);
  uint64_t left = draft.value.length;
  uint32_t parts = 0;
  table[0] = left;
  writer->draft = draft.id;
  while (left > 0) {
    uint64_t half = store.spec.segmentBytes / 2 / kUnitBytes * kUnitBytes;
    make_room(writer, draft.kind, left < half ? record_bytes(0, 0, left) : half);
    uint64_t room = room_of(*writer, draft.kind) - kLeastRecordBytes;
    uint32_t length = static_cast<uint32_t>(left < room ? left : room);
    Record record = record_of(draft, kPartRecord, length);
    uint64_t word = append_record(draft, record, from);
    ORBIT_CHECK(parts < most_parts(store.spec.segmentBytes));
    table[++parts] = part_word(writer->states[writer->open[draft.kind]], place_in(word));
    if (is_long_part(store, record_bytes(record))) note_long_part(store, word);
    from += length;
    left -= length;
    drain(writer, uint64_t{kWalkPace} * (length + kLeastRecordBytes));
  }
  Record head = record_of(draft, kHeadRecord, (parts + 1) * 8);
  make_room(writer, draft.kind, record_bytes(head));
  return append_record(draft, head, table);
}

inline uint64_t append_value(const Draft& draft) {
  const ValueStore& store = draft.writer->store;
  uint64_t bytes = record_bytes(draft.key.length, draft.value.tagCount, draft.value.length);
  if (bytes > store.spec.segmentBytes / 2) return append_parts(draft);
  make_room(draft.writer, draft.kind, bytes);
  return append_record(draft, record_of(draft, kValueRecord, static_cast<uint32_t>(draft.value.length)),
                       draft.value.bytes);
}

// Posts the word of a record on no condition.
inline StoreStatus post_always(StoreWriter* writer, const StoreKey& key, uint64_t word) {
  const ValueStore& store = writer->store;
  uint64_t replaced = 0;
  bool isPosted = post_word(
      bucket_at(store, key.hash), word, [&](uint64_t other) { return worth_of(store, other); }, &replaced);
  if (!isPosted) return StoreStatus::kCorrupt;
  bool isConflict = mark_in(replaced) != mark_in(word) && worth_of(store, replaced) >= kWorthOfLive;
  if (replaced != 0 && isConflict) count_stat(&writer->stats->conflicts);
  note_gone(store, replaced);
  return StoreStatus::kDone;
}

// Posts the word of a record in place of the allowed one.
inline StoreStatus post_allowed(StoreWriter* writer, const StoreKey& key, uint64_t word, uint64_t allowed) {
  uint64_t* bucket = bucket_at(writer->store, key.hash);
  Spot spot = first_with(bucket, mark_of(key.hash));
  if (!is_same(spot.word, allowed) || spot.word == 0) return StoreStatus::kRefused;
  uint32_t frequency = frequency_in(spot.word);
  if (!replace_word(bucket, spot.way, allowed, with_frequency(word, frequency))) return StoreStatus::kRefused;
  note_gone(writer->store, spot.word);
  return StoreStatus::kDone;
}

// Stores the record that was written, if the condition holds. A word that only moved is looked for again.
inline StoreStatus post_if(StoreWriter* writer, const StoreKey& key, uint64_t nowMs, const PutCondition& condition,
                           uint64_t word, Reservation allowed) {
  if (condition.kind == PutIf::kAlways) return post_always(writer, key, word);
  for (uint32_t tries = 0; tries < kGetTries; tries++) {
    StoreStatus status = post_allowed(writer, key, word, allowed.word);
    if (status != StoreStatus::kRefused || condition.kind == PutIf::kReserved) return status;
    status = find_allowed(writer, key, nowMs, condition, &allowed);
    if (status != StoreStatus::kDone) return status;
  }
  return StoreStatus::kRefused;
}

inline StoreStatus refuse_put(StoreWriter* writer, StoreStatus status) {
  count_stat(&writer->stats->refused);
  return status;
}

// Unique as long as the node has one owner at a time, up to 2^37 puts of it. Never 0.
inline uint64_t draw_id(StoreWriter* writer) {
  count_stat(&writer->stats->ids);
  return (load_relaxed(&writer->stats->ids) & ((uint64_t{1} << 37) - 1)) << 16 | writer->node;
}

// Stores a value, if the condition holds: kRefused. `id`: that of the new entry.
inline StoreStatus put_value(StoreWriter* writer, const StoreKey& key, const StoreValue& value, uint64_t nowMs,
                             const PutCondition& condition, uint64_t* id) {
  const ValueStore& store = writer->store;
  if (is_retired(store)) return StoreStatus::kRetired;
  bool fits =
      key.length <= kMaxStoreKeyBytes && value.tagCount <= kMaxStoreTags && value.length <= max_value_bytes(store.spec);
  if (!fits) return refuse_put(writer, StoreStatus::kTooLarge);
  writer->nowMs = nowMs;
  Reservation allowed{0, birth_of(store, nowMs)};
  if (condition.kind != PutIf::kAlways) {
    StoreStatus status = find_allowed(writer, key, nowMs, condition, &allowed);
    if (status != StoreStatus::kDone) return status;
    if (is_overtaken(store, key, value, allowed.bornMs)) return StoreStatus::kRefused;
  }
  if (!has_hands(writer)) return refuse_put(writer, StoreStatus::kNoRoom);
  *id = draw_id(writer);
  uint64_t word = append_value({writer, key, value, class_for(store, key), allowed.bornMs, *id});
  StoreStatus status = post_if(writer, key, nowMs, condition, word, allowed);
  if (status == StoreStatus::kDone) {
    count_stat(&writer->stats->puts);
    count_stat(&writer->stats->putBytes, value.length);
  } else {
    note_gone(store, word);
  }
  if (writer->queue.count > 0) {
    drain(writer, uint64_t{kWalkPace} * (record_bytes(key.length, value.tagCount, value.length) + 64));
  }
  writer->draft = 0;
  return status;
}

// ---- delete --------------------------------------------------------------------------------------------------------

// kDone: the key had a value, which is gone. kNone: it had none, or another delete took it. Reservations of the key are
// broken in both cases.
inline StoreStatus delete_key(StoreWriter* writer, const StoreKey& key, uint64_t nowMs) {
  const ValueStore& store = writer->store;
  if (is_retired(store)) return StoreStatus::kRetired;
  StoreEntry entry;
  Spot spot;
  bool isLive = look_up(store, key, nowMs, {nullptr, 0, false}, &entry, &spot) == StoreStatus::kDone;
  uint64_t dropped;
  if (!drop_mark(bucket_at(store, key.hash), mark_of(key.hash), &dropped)) return StoreStatus::kCorrupt;
  note_gone(store, dropped);
  if (!isLive || dropped == 0) return StoreStatus::kNone;
  count_stat(&writer->stats->deletes);
  return StoreStatus::kDone;
}

}  // namespace orbit
