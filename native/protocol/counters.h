// Counters: 64-bit values by name, each change one swap of a pair. Any process may be killed or stopped at any
// instruction.
//
// Names. A counters object is a table (table.h) with other cards: the card of a bucket lists the names that hash to it.
//   A name has one of the kBucketCells cells of its bucket, and a generation: the low bits of the stamp with which it
//   was entered. All names of a bucket change with one swap of its card, so a name is on it at most once.
// Cells. A cell is a pair { generation:23 | live:1 | expiry:40 } { value }. It is that of a name
//   with the generation of the name, live      the counter has this value, until it expires
//   with the generation of the name, not live  the counter was removed: no change of it succeeds any more
//   with another generation                    the name is new: the counter has no value yet
//   A cell that no name has is not live, or was never used.
// Change. Load the cell, load the word of the bucket: if it is still the one with which the name was found, the cell
//   was that of the name. Compute the next value in private, and swap the pair. The generation is part of what is
//   compared, so a late swap can only meet the name that it was made for. A refusal writes nothing.
// Enter. A transition of table.h, which drops the names that were removed or have expired (their cells are ended first:
//   swapped for "not live"), and gives the new name a cell that no other has. The first change of the value is then a
//   change like any other.
// Remove. Swap the cell for "not live". What that swap compared is the last value.
// Death. settle.h applies without change. Before its swap a change has done nothing, and after it everything. A process
//   that dies between an entry and its first change leaves a name without a value, for the next process that wants it;
//   when the bucket has no other room, its cell is ended like that of an expired one.
// Stop. A process that goes on after any time finds that its swaps fail, if what they are about has changed: unless the
//   same cell was given to exactly a multiple of 2^23 names in between.
//
// Invariants: I1, I2, I4 and I5 of ring.h, and
//   C1  A name is at most once on the card of its bucket, and no two names on it have the same cell.
//   C2  A change that succeeded is in the value until the counter is removed or expires.
//
// native/model/counters.pml checks them. The shared bytes are input, as in ring.h. No system call, no allocation, no
// exception, no Node.
#pragma once

#include "protocol/table.h"
#include "protocol/wide.h"

namespace orbit {

// A name that RingStatus or TableStatus has, too, has the same number and means the same.
enum class CounterStatus : int32_t {
  kDone = 0,
  kNone = -1,       // there is no counter of this name
  kRefused = -2,    // the change was refused; nothing was written
  kCorrupt = -3,    // the shared bytes contradict the invariants
  kTooLarge = -4,   // the name is longer than the object allows, or empty
  kRetired = -5,    // the object was removed
  kExhausted = -6,  // the stamp would not fit its bits any more
  kFull = -7,       // the bucket of the name has no room
  kOther = -8,      // the name has another kind
  kStale = -9,      // the name must be looked up again
};

struct CounterName {
  const void* bytes;
  uint32_t length;
  CounterKind kind;
};

// Where a name was found.
struct CounterSpot {
  uint64_t word = 0;        // of the bucket
  uint32_t cell = 0;        // of all cells; below `cell_count`
  uint32_t generation = 0;  // of the name
};

constexpr uint32_t kCellGenerationBits = 23, kCellExpiryBits = 40;
constexpr uint32_t kCellGenerationMask = (1u << kCellGenerationBits) - 1;
constexpr uint64_t kLiveBit = uint64_t{1} << kCellExpiryBits;
constexpr uint64_t kMaxCellExpiryMs = kLiveBit - 1;
// Swaps fail because those of other processes succeed. Only hostile bytes make so many fail.
constexpr uint32_t kCounterTries = 1 << 16;

// ---- geometry ------------------------------------------------------------------------------------------------------

constexpr uint32_t counters_payload(uint32_t nameBytes) { return kBucketCells * name_bytes_on_card(nameBytes); }

// Writes a whole counters object, magic last. The caller holds what format_ring asks for.
inline void format_counters(void* base, RingSpec spec, uint64_t createdAtMs) {
  spec.objectType = kCountersObject;
  format_slots(base, spec, createdAtMs);
  finish_object(static_cast<ObjectHeader*>(base));
}

// kCorrupt for an object of another type, too.
inline AttachStatus attach_counters(void* base, uint64_t length, Ring* ring) {
  AttachStatus status = attach_slots(base, length, ring);
  bool isOther = status == AttachStatus::kOk && ring->spec.objectType != kCountersObject;
  return isOther ? AttachStatus::kCorrupt : status;
}

inline uint64_t cell_count(const Ring& ring) { return (uint64_t{ring.mask} + 1) * kBucketCells; }
inline Pair* cell_at(const Ring& ring, uint64_t cell) { return reinterpret_cast<Pair*>(ring.cells) + cell; }
inline uint32_t longest_name(const Ring& ring) {
  uint32_t room = card_room(ring) / kBucketCells;
  return room < sizeof(CounterHeader) ? 0 : room - static_cast<uint32_t>(sizeof(CounterHeader));
}

// ---- words ---------------------------------------------------------------------------------------------------------

inline uint32_t cell_generation(uint64_t stamp) { return static_cast<uint32_t>(stamp) & kCellGenerationMask; }
inline uint64_t cell_key(uint32_t generation, uint64_t expiryMs) {
  return uint64_t{generation} << (kCellExpiryBits + 1) | kLiveBit | expiryMs;
}
inline Pair ended_cell(uint32_t generation) { return {uint64_t{generation} << (kCellExpiryBits + 1), 0}; }
inline uint32_t generation_of_key(uint64_t key) { return static_cast<uint32_t>(key >> (kCellExpiryBits + 1)); }
inline bool is_live(uint64_t key) { return (key & kLiveBit) != 0; }
inline uint64_t cell_expiry(uint64_t key) { return key & kMaxCellExpiryMs; }  // 0: never
// `now` is called only if the cell can expire: the clock costs as much as all the rest.
template <typename Now>
inline bool has_ended(uint64_t key, Now now) {
  return !is_live(key) || (cell_expiry(key) != 0 && cell_expiry(key) <= now());
}

// ---- names ---------------------------------------------------------------------------------------------------------

// The name that begins at `at`, and its size; 0: the bytes are no name.
inline uint32_t name_at(const Card& card, uint32_t at, CounterHeader* header) {
  uint32_t left = card.length - at;
  if (left < sizeof *header) return 0;
  memcpy(header, card.bytes + at, sizeof *header);
  bool isWhole = header->cell < kBucketCells && header->generation <= kCellGenerationMask && header->nameBytes > 0 &&
                 header->nameBytes <= kMaxNameBytes && (header->kind == kInteger || header->kind == kFloat);
  uint32_t size = name_bytes_on_card(header->nameBytes);
  return isWhole && size <= left ? size : 0;
}

// Keeps the names for which `keep(header, bytes)` is true, in their order. False: the card is no list of names.
template <typename Keep>
__attribute__((always_inline)) inline bool filter_names(Card* card, Keep keep) {
  uint32_t kept = 0, size;
  for (uint32_t at = 0; at < card->length; at += size) {
    CounterHeader header;
    size = name_at(*card, at, &header);
    if (size == 0) return false;
    if (!keep(header, card->bytes + at + sizeof header)) continue;
    if (kept != at) memmove(card->bytes + kept, card->bytes + at, size);
    kept += size;
  }
  card->length = kept;
  return true;
}

inline bool is_name(const CounterHeader& header, const uint8_t* bytes, const CounterName& name) {
  return header.nameBytes == name.length && memcmp(bytes, name.bytes, name.length) == 0;
}
inline uint32_t bucket_of(const Ring& ring, const CounterName& name) {
  return bucket_of(ring, Subject{name.bytes, name.length, 0});
}

// kDone, kNone, kOther or kCorrupt. What it finds may have been removed.
inline CounterStatus find_name(const Ring& ring, const CounterName& name, CounterSpot* spot) {
  uint32_t bucket = bucket_of(ring, name);
  Card card;
  if (!read_card(ring, bucket, &card)) return CounterStatus::kCorrupt;
  CounterStatus status = CounterStatus::kNone;
  bool isList = filter_names(&card, [&](const CounterHeader& header, const uint8_t* bytes) {
    if (status != CounterStatus::kNone || !is_name(header, bytes, name)) return true;
    *spot = {card.word, bucket * kBucketCells + header.cell, header.generation};
    status = header.kind == name.kind ? CounterStatus::kDone : CounterStatus::kOther;
    return true;
  });
  return isList ? status : CounterStatus::kCorrupt;
}

// Was this the word of the bucket when the cell was loaded? Acquire loads of the cell come before. Partner: the swap of
// exchange_hand, which comes before all changes of a cell that a later card has given away.
inline bool has_word(const Ring& ring, uint64_t cell, uint64_t word) {
  return load_acquire(&ring.slots[cell / kBucketCells]) == word;
}

// ---- enter ---------------------------------------------------------------------------------------------------------

// Whether the cell of a name on the card can be given to another one: its counter was removed, or is ended here.
// `endsNew`: also if it has no value yet.
template <typename Now>
inline bool end_counter(const Ring& ring, const Card& card, uint32_t bucket, const CounterHeader& header, bool endsNew,
                        Now now) {
  uint64_t index = uint64_t{bucket} * kBucketCells + header.cell;
  Pair* cell = cell_at(ring, index);
  Pair seen = load_pair(cell);
  bool isOwn = generation_of_key(seen.key) == header.generation;
  if (isOwn && !is_live(seen.key)) return true;
  bool mayEnd = isOwn ? has_ended(seen.key, now) : endsNew && has_word(ring, index, card.word);
  return mayEnd && exchange_pair(cell, seen, ended_cell(header.generation));
}

// Drops the names whose counters have ended, and returns the cells that the others have, as bits. -1: the card is no
// list of names. `*isThere`: it has this name, and keeps it.
template <typename Now>
inline int64_t drop_ended(const Ring& ring, Card* card, uint32_t bucket, const CounterName& name, bool endsNew,
                          bool* isThere, Now now) {
  int64_t cells = 0;
  *isThere = false;
  bool isList = filter_names(card, [&](const CounterHeader& header, const uint8_t* bytes) {
    bool isSame = is_name(header, bytes, name);
    if (end_counter(ring, *card, bucket, header, endsNew && !isSame, now)) return false;
    cells |= int64_t{1} << header.cell;
    *isThere |= isSame;
    return true;
  });
  return isList ? cells : -1;
}

inline void append_name(Card* card, const CounterName& name, uint32_t cell) {
  CounterHeader header = {};
  header.generation = cell_generation(lap_in(card->word) + 1);
  header.cell = static_cast<uint8_t>(cell);
  header.kind = name.kind;
  header.nameBytes = static_cast<uint8_t>(name.length);
  uint32_t size = name_bytes_on_card(name.length);
  uint8_t* bytes = card->bytes + card->length;
  memset(bytes + size - 8, 0, 8);  // the padding
  memcpy(bytes, &header, sizeof header);
  memcpy(bytes + sizeof header, name.bytes, name.length);
  card->length += size;
}

// Puts a name on the card of its bucket. kYield: it is there.
template <typename Now>
inline TableStatus enter_name(Writer* writer, const CounterName& name, Now now) {
  const Ring& ring = writer->ring;
  uint32_t bucket = bucket_of(ring, name), size = name_bytes_on_card(name.length), room = card_room(ring);
  return change_bucket(writer, bucket, [&](Card* card) {
    constexpr int64_t kAllCells = (int64_t{1} << kBucketCells) - 1;
    bool isThere;
    int64_t cells = drop_ended(ring, card, bucket, name, false, &isThere, now);
    auto isFull = [&] { return cells == kAllCells || card->length + size > room; };
    if (cells >= 0 && !isThere && isFull()) cells = drop_ended(ring, card, bucket, name, true, &isThere, now);
    if (cells < 0) return TableStatus::kCorrupt;
    if (isThere) return TableStatus::kYield;
    if (isFull()) return TableStatus::kFull;
    append_name(card, name, static_cast<uint32_t>(__builtin_ctzll(~static_cast<uint64_t>(cells))));
    return TableStatus::kDone;
  });
}

// ---- change --------------------------------------------------------------------------------------------------------

// Makes one change of the counter at `spot`: `change(uint64_t* value, bool isNew)` turns the value into the next one,
// 0 if the counter has none, or returns false, and nothing is written. It may be called several times. What it refused
// was the value at one moment. A counter without a value gets one that lives for `ttlMs`, 0: for ever.
// kDone, kRefused, kNone: it was removed, kStale or kCorrupt.
template <typename Now, typename Change>
inline CounterStatus change_cell(Writer* writer, const CounterSpot& spot, uint64_t ttlMs, Now now, Change change) {
  const Ring& ring = writer->ring;
  Pair* cell = cell_at(ring, spot.cell);
  for (uint32_t tries = 0; tries < kCounterTries; tries++) {
    Pair seen = load_pair(cell);
    if (!has_word(ring, spot.cell, spot.word)) return CounterStatus::kStale;
    bool isOwn = generation_of_key(seen.key) == spot.generation;
    if (isOwn && !is_live(seen.key)) return CounterStatus::kNone;
    bool isNew = !isOwn || has_ended(seen.key, now);
    Pair next = {seen.key, isNew ? 0 : seen.value};
    if (!change(&next.value, isNew)) return CounterStatus::kRefused;
    if (isNew) next.key = cell_key(spot.generation, ttlMs == 0 ? 0 : now() + ttlMs);
    if (exchange_pair(cell, seen, next)) {
      if (writer->backoff != 0) writer->backoff /= 2;
      return CounterStatus::kDone;
    }
    back_off(writer);
  }
  return CounterStatus::kCorrupt;
}

// Makes one change of the counter of this name, which is entered if it is missing. `spot` says where it was found, if
// it was. kDone, kRefused, kOther, kTooLarge, kFull, kRetired, kExhausted or kCorrupt.
template <typename Now, typename Change>
inline CounterStatus change_counter(Writer* writer, const CounterName& name, uint64_t ttlMs, Now now, Change change,
                                    CounterSpot* spot) {
  if (name.length == 0 || name.length > kMaxNameBytes || name.length > longest_name(writer->ring)) {
    return CounterStatus::kTooLarge;
  }
  for (uint32_t tries = 0; tries < kCounterTries; tries++) {
    CounterStatus status = find_name(writer->ring, name, spot);
    if (status == CounterStatus::kDone) status = change_cell(writer, *spot, ttlMs, now, change);
    if (status == CounterStatus::kStale) continue;
    if (status != CounterStatus::kNone) return status;
    TableStatus entered = enter_name(writer, name, now);
    if (entered != TableStatus::kDone && entered != TableStatus::kYield) return static_cast<CounterStatus>(entered);
  }
  return CounterStatus::kCorrupt;
}

// ---- looking and removing ------------------------------------------------------------------------------------------

struct CounterValue {
  uint64_t value = 0;
  uint64_t expiryMs = 0;  // 0: never
};

// The value of the counter at `spot`, as it was at one moment. kDone, kNone or kStale. Writes nothing.
template <typename Now>
inline CounterStatus read_cell(const Ring& ring, const CounterSpot& spot, Now now, Pair* seen) {
  *seen = load_pair(cell_at(ring, spot.cell));
  if (!has_word(ring, spot.cell, spot.word)) return CounterStatus::kStale;
  bool has = generation_of_key(seen->key) == spot.generation && !has_ended(seen->key, now);
  return has ? CounterStatus::kDone : CounterStatus::kNone;
}

// The value of a counter. kDone, kNone, kOther or kCorrupt. Writes nothing.
template <typename Now>
inline CounterStatus read_counter(const Ring& ring, const CounterName& name, Now now, CounterValue* value,
                                  CounterSpot* spot) {
  for (uint32_t tries = 0; tries < kCounterTries; tries++) {
    Pair seen;
    CounterStatus status = find_name(ring, name, spot);
    if (status == CounterStatus::kDone) status = read_cell(ring, *spot, now, &seen);
    if (status == CounterStatus::kDone) *value = {seen.value, cell_expiry(seen.key)};
    if (status != CounterStatus::kStale) return status;
  }
  return CounterStatus::kCorrupt;
}

// Removes a counter. kDone: `last` is its last value. kNone, kOther or kCorrupt otherwise.
template <typename Now>
inline CounterStatus remove_counter(Writer* writer, const CounterName& name, Now now, uint64_t* last) {
  const Ring& ring = writer->ring;
  for (uint32_t tries = 0; tries < kCounterTries; tries++) {
    CounterSpot spot;
    Pair seen;
    CounterStatus status = find_name(ring, name, &spot);
    if (status == CounterStatus::kDone) status = read_cell(ring, spot, now, &seen);
    if (status == CounterStatus::kStale) continue;
    if (status != CounterStatus::kDone) return status;
    *last = seen.value;
    if (exchange_pair(cell_at(ring, spot.cell), seen, ended_cell(spot.generation))) return status;
    back_off(writer);
  }
  return CounterStatus::kCorrupt;
}

// Calls `visit(header, name, value)` for each counter of one bucket that has a value, each as it was at one moment.
// False: the bucket could not be read, and some of its counters may have been visited.
template <typename Now, typename Visit>
inline bool visit_counters(const Ring& ring, uint32_t bucket, Now now, Visit visit) {
  Card card;
  return read_card(ring, bucket, &card) && filter_names(&card, [&](const CounterHeader& header, const uint8_t* bytes) {
           Pair seen = load_pair(cell_at(ring, uint64_t{bucket} * kBucketCells + header.cell));
           bool has = generation_of_key(seen.key) == header.generation && !has_ended(seen.key, now);
           if (has) visit(header, bytes, CounterValue{seen.value, cell_expiry(seen.key)});
           return true;
         });
}

}  // namespace orbit
