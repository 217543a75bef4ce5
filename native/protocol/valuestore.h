// The store: a cache of values of any size, bound by bytes, for many writers and readers. Any process may be killed or
// stopped at any instruction.
//
// Segments. The memory is cut into segments of equal size. Each is in one slot, or in one hand: a node has four hands,
//   and no other node writes there. Records are appended to a hand, and are visible at once through the index. A full
//   hand is exchanged for a victim by one compare-and-swap on the victim's slot, as in a table: segment.h, hands.h.
// Index. One word per entry: bucket.h. A put, a delete and a move are one compare-and-swap each.
// Get. 1 Load the first word with the key's mark. 2 Load the state of its segment. Its generation is that of the word,
//   and the record was whole. 3 Copy. 4 Load the word again: the same. 5 Load the state again: the same generation.
//   At 5 the generation stood since 2, and at 4 the word was in the index. No word of an older cycle of generations
//   exists (S3), so this one was posted for this generation; its record was whole before 2, and stood still (S2). So
//   what was copied was the key's value at 4.
// Put. Append a record to the open hand, then post its word. What dies in between is a record without a word.
// Evict. First in, first out, with a second chance: what was asked for moves on to the open hand of the main class
//   (evict.h). A large value stays with all its parts, or none (parts.h). A put walks a few times as many bytes of the
//   victims as it wrote, so no put walks a whole segment.
// Invalidate. A reset or an invalidated tag raises a floor; entries that were born before it are gone (floors.h). A
//   reservation is a word that a put may replace only while it stands (storeput.h).
// Death. The next owner of a node settles its four entries (settle.h) and goes on with their segments. What was not
//   walked is walked again: what had moved no longer has its word.
//
// Invariants, cited by tests as S1..S7:
//   S1  A chunk is in one place: one slot, one hand, or spare.
//   S2  Only the owner of a hand writes its segment and the state of that. Below `filled` of one generation bytes stand
//       still, and `filled` grows by whole records.
//   S3  A generation only grows, and no index word has the low bits that the generation of its segment will have again.
//   S4  A mark leaves a place of its bucket only after all later places have lost it.
//   S5  A word is posted only by the owner of its hand, for the present generation.
//   S6  A record is gone if any floor of its key's prefixes or its tags is above its birth.
//   S7  Dropping an entry is always right. So all that chooses victims are hints.
//
// The shared bytes are input, as in ring.h. No system call, no allocation, no exception, no Node.
#pragma once

#include "protocol/bucket.h"
#include "protocol/record.h"
#include "protocol/settle.h"

namespace orbit {

// A name that RingStatus has, too, has the same number and means the same.
enum class StoreStatus : int32_t {
  kDone = 0,       // stored, found, deleted, reserved
  kNone = -1,      // the key has no value
  kRefused = -2,   // the condition of a put does not hold; nothing was stored
  kCorrupt = -3,   // the shared bytes contradict the invariants
  kTooLarge = -4,  // key, tags or value over their limits
  kRetired = -5,   // the object was removed
  kNoRoom = -7,    // no segment is to be had: too many members for so few segments
  kShort = -8,     // the target has too few bytes for the value
};

constexpr uint64_t kMaxStoreBytes = uint64_t{1} << 33;
constexpr uint32_t kMaxParts = 1024;

// One process's private view.
struct ValueStore {
  Ring ring;  // the slots; its nodes are the entries of hands, its chunks the segments and blanks
  StoreHeader* header = nullptr;
  NodeStats* stats = nullptr;
  Segment* segments = nullptr;
  uint64_t* floors = nullptr;
  uint64_t* index = nullptr;
  uint8_t* arena = nullptr;
  uint64_t bucketMask = 0;
  uint64_t floorMask = 0;
  SipState keyHash{HashKey()};  // how the hash of each key begins
  StoreSpec spec;
};

struct StoreKey {
  const uint8_t* bytes;
  uint32_t length;
  uint64_t hash;
  uint64_t id = 0;  // of the only entry that is looked for, which makes the bytes needless; 0: any
};

// Part of the memory layout. The seed is secret, so a stranger who chooses keys cannot fill one bucket.
enum HashedNoun : uint64_t { kHashedKey = 1, kHashedPrefix = 2, kHashedTag = 3 };

// ---- geometry ------------------------------------------------------------------------------------------------------

// The largest value: an eighth of all, in as many parts of half a segment as a head has room for.
inline uint32_t most_parts(uint32_t segmentBytes) {
  uint32_t parts = segmentBytes / 32;
  return parts < kMaxParts ? parts : kMaxParts;
}
inline uint64_t max_value_bytes(const StoreSpec& spec) {
  uint64_t eighth = uint64_t{spec.capacity} * spec.segmentBytes / 8;
  uint64_t ofParts = uint64_t{most_parts(spec.segmentBytes) - 2} * (spec.segmentBytes / 2 - 2 * kLeastRecordBytes);
  uint64_t most = eighth < ofParts ? eighth : ofParts;
  return most < UINT32_MAX ? most : UINT32_MAX;
}

constexpr uint64_t ceil_power_of_two(uint64_t number) {
  uint64_t power = 1;
  while (power < number) power *= 2;
  return power;
}

// Segments of this geometry that fill the budget.
inline uint32_t segment_bytes_for(const StoreSpec& spec, uint64_t bytes) {
  uint64_t before = store_offsets(spec).arena;
  uint64_t each = bytes > before ? (bytes - before) / spec.capacity / kCacheLineBytes * kCacheLineBytes : 0;
  return static_cast<uint32_t>(each < kMaxSegmentBytes ? each : kMaxSegmentBytes);
}

// The geometry that uses a budget of `bytes` best, if an entry with its key has `entryBytes`; capacity 0: the budget is
// too small. Eight segments a node, or 1024, as long as they are not too short; two index words an entry.
inline StoreSpec plan_store(uint64_t bytes, uint32_t entryBytes, uint32_t fleetSize) {
  StoreSpec spec;
  spec.fleetSize = fleetSize;
  if (bytes > kMaxStoreBytes) bytes = kMaxStoreBytes;
  uint64_t words = bytes / (entryBytes < kLeastRecordBytes ? kLeastRecordBytes : entryBytes) * 2;
  uint64_t buckets = ceil_power_of_two(words / kBucketWords), floors = ceil_power_of_two(bytes / 16384);
  while (buckets * kCacheLineBytes > bytes / 4 && buckets > 1) buckets /= 2;
  spec.bucketCount = static_cast<uint32_t>(buckets < kMaxBuckets ? buckets : kMaxBuckets);
  spec.floorBuckets = static_cast<uint32_t>(floors < kMaxFloorBuckets ? floors : kMaxFloorBuckets);
  uint64_t segments = ceil_power_of_two(uint64_t{fleetSize} * kHands * 2);
  if (segments < 1024) segments = 1024;
  while (segments < kMaxSegments && bytes / segments > kMaxSegmentBytes) segments *= 2;
  spec.capacity = static_cast<uint32_t>(segments < kMaxSegments ? segments : kMaxSegments);
  constexpr uint32_t kGoodBytes = 1u << 14;
  while (spec.capacity > kMinSegments && segment_bytes_for(spec, bytes) < kGoodBytes) spec.capacity /= 2;
  spec.segmentBytes = segment_bytes_for(spec, bytes);
  if (!valid_store(spec)) spec.capacity = 0;
  return spec;
}

// A budget from which on plan_store finds a geometry, however short the entries are.
inline uint64_t min_store_bytes(uint32_t fleetSize) {
  uint64_t bytes = kMinSegments * kMinSegmentBytes;
  while (plan_store(bytes, 1, fleetSize).capacity == 0) bytes += bytes / 16;
  return bytes;
}

inline void map_store(ValueStore* store, void* base, const StoreSpec& spec) {
  uint8_t* bytes = static_cast<uint8_t*>(base);
  StoreOffsets at = store_offsets(spec);
  store->spec = spec;
  store->header = reinterpret_cast<StoreHeader*>(bytes);
  store->stats = reinterpret_cast<NodeStats*>(bytes + at.stats);
  store->segments = reinterpret_cast<Segment*>(bytes + at.segments);
  store->floors = reinterpret_cast<uint64_t*>(bytes + at.floors);
  store->index = reinterpret_cast<uint64_t*>(bytes + at.index);
  store->arena = bytes + at.arena;
  store->bucketMask = spec.bucketCount - 1;
  store->floorMask = spec.floorBuckets - 1;
  store->keyHash = SipState(spec.seed);
  store->keyHash.absorb(kHashedKey, 1);

  Ring& ring = store->ring;
  ring.spec.objectType = kStoreObject;
  ring.spec.typeKind = spec.typeKind;
  ring.spec.capacity = spec.capacity;
  ring.spec.fleetSize = spec.fleetSize * kHands;
  ring.spec.fleetId = spec.fleetId;
  ring.header = &store->header->slots;
  ring.sleepers = reinterpret_cast<uint64_t*>(bytes + at.sleepers);
  ring.slots = reinterpret_cast<uint64_t*>(bytes + at.slots);
  ring.entries = reinterpret_cast<NodeEntry*>(bytes + at.entries);
  ring.spares = reinterpret_cast<uint64_t*>(bytes + at.spares);
  ring.mask = spec.capacity - 1;
  ring.lapShift = static_cast<uint32_t>(__builtin_ctz(spec.capacity));
  uint64_t lastOfLaps = ((kMaxLap - 1) << ring.lapShift) + ring.mask;
  ring.lastPosition = lastOfLaps < kMaxPosition ? lastOfLaps : kMaxPosition;
  ring.spareCount = spare_count(ring.spec.fleetSize);
  ring.chunkCount = static_cast<uint32_t>(chunk_count(spec.capacity, ring.spec.fleetSize));
}

// Writes a whole store, magic last, over zeroed bytes. The caller holds what format_ring asks for.
inline void format_store(void* base, const StoreSpec& spec, uint64_t createdAtMs) {
  ValueStore store;
  map_store(&store, base, spec);
  memset(base, 0, store_offsets(spec).arena);
  StoreHeader* header = store.header;
  RingHeader& slots = header->slots;
  format_object(&slots.object, kStoreObject, store_bytes(spec), spec.fleetId, createdAtMs);
  slots.typeKind = spec.typeKind;
  slots.capacity = spec.capacity;
  slots.fleetSize = spec.fleetSize;
  slots.spareCount = store.ring.spareCount;
  header->segmentBytes = spec.segmentBytes;
  header->bucketCount = spec.bucketCount;
  header->floorBuckets = spec.floorBuckets;
  header->seed[0] = spec.seed.first;
  header->seed[1] = spec.seed.second;
  uint32_t chunk = 0;
  for (uint32_t i = 0; i < spec.capacity; i++) store_relaxed(&store.ring.slots[i], chunk++);
  for (uint32_t entry = 0; entry < spec.fleetSize * kHands; entry++) {
    store_relaxed(&store.ring.entries[entry].hand, chunk++);
  }
  for (uint32_t i = 0; i < store.ring.spareCount; i++) store_relaxed(&store.ring.spares[i], chunk++);
  finish_object(&slots.object);
}

inline AttachStatus attach_store(void* base, uint64_t length, ValueStore* store) {
  AttachStatus status = attach_object(base, length, kStoreObject);
  if (status != AttachStatus::kOk) return status;
  const StoreHeader* header = static_cast<const StoreHeader*>(base);
  if (length < sizeof(StoreHeader)) return AttachStatus::kCorrupt;
  // A word over 32 bits becomes a number that valid_store refuses.
  auto number = [](const uint64_t* word) {
    uint64_t value = load_relaxed(word);
    return value < UINT32_MAX ? static_cast<uint32_t>(value) : UINT32_MAX;
  };
  StoreSpec spec;
  spec.typeKind = number(&header->slots.typeKind);
  spec.fleetSize = number(&header->slots.fleetSize);
  spec.capacity = number(&header->slots.capacity);
  spec.segmentBytes = number(&header->segmentBytes);
  spec.bucketCount = number(&header->bucketCount);
  spec.floorBuckets = number(&header->floorBuckets);
  spec.fleetId = load_relaxed(&header->slots.object.fleetId);
  spec.seed = {load_relaxed(&header->seed[0]), load_relaxed(&header->seed[1])};
  bool fits = valid_store(spec) && store_bytes(spec) == length &&
              load_relaxed(&header->slots.spareCount) == spare_count(spec.fleetSize * kHands);
  if (!fits) return AttachStatus::kCorrupt;
  map_store(store, base, spec);
  return AttachStatus::kOk;
}

inline bool is_retired(const ValueStore& store) { return is_retired(store.ring); }

// Whether members note their changes. One that began after the watcher had stored this sees it; no more is promised.
inline bool is_watched(const ValueStore& store) { return load_relaxed(&store.header->watched) != 0; }
inline void watch_store(const ValueStore& store) { store_relaxed(&store.header->watched, 1); }

// ---- hashes --------------------------------------------------------------------------------------------------------

inline uint64_t key_hash(const ValueStore& store, const void* bytes, uint32_t length) {
  return siphash(store.keyHash, bytes, length);
}
inline uint64_t prefix_hash(const ValueStore& store, const void* bytes, uint32_t length) {
  return siphash(store.spec.seed, kHashedPrefix, bytes, length);
}
inline uint64_t tag_hash(const ValueStore& store, const void* bytes, uint32_t length) {
  return siphash(store.spec.seed, kHashedTag, bytes, length);
}
inline StoreKey store_key(const ValueStore& store, const void* bytes, uint32_t length) {
  return {static_cast<const uint8_t*>(bytes), length, key_hash(store, bytes, length)};
}
inline uint64_t* bucket_at(const ValueStore& store, uint64_t hash) {
  return store.index + (hash & store.bucketMask) * kBucketWords;
}

// ---- segments of words ---------------------------------------------------------------------------------------------

inline uint64_t place_of(uint32_t segment, uint32_t unit) { return uint64_t{segment} << kUnitBits | unit; }
inline uint64_t* record_at(const ValueStore& store, uint32_t segment, uint32_t unit) {
  uint64_t at = uint64_t{segment} * store.spec.segmentBytes + uint64_t{unit} * kUnitBytes;
  return reinterpret_cast<uint64_t*>(store.arena + at);
}

}  // namespace orbit
