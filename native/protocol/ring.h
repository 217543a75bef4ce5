// The ring: many writers, many readers, the newest frame overwrites the oldest. Any process may be killed or stopped at
// any instruction.
//
// Writers. Each node owns one chunk, its hand, which no other node writes. A writer fills its hand and publishes it
//   with one compare-and-swap on a slot word { lap | chunk }. In exchange it receives the overwritten chunk: its next
//   hand. Position p belongs to slot p & (capacity - 1) and lap p / capacity + 1. It is filled once the lap in the slot
//   has reached that.
// Readers. Begin: load the slot word. Copy: copy the bytes of the chunk. Validate: load the slot word again. The same
//   word means that the copy is whole, another one that the frame was overwritten. A reader writes nothing, so its
//   mapping may be read-only.
// Wrap-around. The lap in a slot only grows. So an old slot word never returns, and a late compare-and-swap fails.
// Death. The next owner of a node settles what the dead one left in its entry: settle.h.
//
// Invariants, cited by tests as I1..I6:
//   I1  A chunk is in one place: one slot, one hand, or spare.
//   I2  Only the owner of a hand writes its bytes.
//   I3  Slots fill strictly in position order: below the head every position is one whole frame.
//   I4  Laps only grow: a slot word never returns.
//   I5  Nothing in the ring is ever in progress: no process, dead or stopped, can block or corrupt another.
//   I6  Ids never repeat (within 2^40 frames of one KIND), not even after a reset.
//
// The shared bytes are input: every index and length is checked in a private copy, and every search is bounded. No
// system call, no allocation, no exception, no Node.
#pragma once

#include "protocol/debug.h"
#include "protocol/layout.h"
#include "protocol/word.h"

namespace orbit {

enum class RingStatus : int32_t {
  kOk = 0,
  kNotYet = -1,       // this position is not published yet
  kOverwritten = -2,  // it was, and is gone
  kCorrupt = -3,      // the shared bytes contradict the invariants
  kTooLarge = -4,     // payload over the ring's payloadBytes; nothing was reserved
  kRetired = -5,      // the object was removed
  kExhausted = -6,    // position or lap would not fit its bits any more
  kNoSpare = -7,      // the hand of a dead node cannot be determined, and every spare chunk is burned
};

enum class AttachStatus : int32_t { kOk, kUnfinished, kForeign, kOtherVersion, kCorrupt };

// What a creator asks for, and what an attacher finds.
struct RingSpec {
  ObjectType objectType = kRingObject;  // or kTableObject, kInboxObject, kCountersObject
  uint32_t typeKind = 0;
  uint32_t capacity = 0;
  uint32_t payloadBytes = 0;
  uint32_t fleetSize = 0;
  uint64_t fingerprint = 0;
  uint64_t fleetId = 0;
  char typeName[kTypeNameBytes] = {};
  uint32_t schemaRoom = 0;       // bytes of the object for the text of the pod, whole lines
  uint32_t schemaBytes = 0;      // of that text, without its closing brace; for an attacher at the time of the attach
  const char* schema = nullptr;  // what a creator writes; an attacher reads the object (schema.h)
  uint32_t boxes = 0;            // of an inbox object; its capacity is that of all boxes together
  uint32_t replies = 0;          // of an inbox object: half the slots of each box, or none
};

// One process's private view. Geometry is copied here at attach and never read from shared memory again.
struct Ring {
  RingHeader* header = nullptr;
  uint64_t* sleepers = nullptr;
  uint64_t* slots = nullptr;
  NodeEntry* entries = nullptr;
  uint64_t* spares = nullptr;
  uint8_t* chunks = nullptr;
  uint64_t* schema = nullptr;
  BoxHeader* boxes = nullptr;    // of an inbox object
  uint64_t* progress = nullptr;  // of an inbox object
  uint64_t* cells = nullptr;     // of a counters object: pairs of words
  uint8_t* latest = nullptr;     // of a ring with a pod: two values of each node
  uint64_t stride = 0;
  uint64_t lastPosition = 0;  // what fits a JS number and a slot's lap
  uint32_t mask = 0;          // capacity - 1
  uint32_t lapShift = 0;      // log2(capacity)
  uint32_t chunkCount = 0;
  uint32_t spareCount = 0;
  uint64_t subjectKey = 0;  // of the fleet; a table hashes its subjects with it
  RingSpec spec;
};

// Where a chunk that has no memory yet gets it.
struct ChunkMemory {
  bool (*allocate)(void* context, uint32_t chunk) = nullptr;  // null: all chunks have memory
  void* context = nullptr;
  // False: there is none left.
  bool gives(uint32_t chunk) const { return allocate == nullptr || allocate(context, chunk); }
};

struct Writer {
  Ring ring;
  ChunkMemory memory;  // of a table
  uint32_t node = 0;
  uint32_t hand = 0;     // the truth; entries[node].hand is a copy for the process that settles the node
  uint64_t next = 0;     // one past this writer's newest position; 0: it has none yet
  uint64_t idBase = 0;   // KIND and node of its ids
  uint32_t backoff = 0;  // pauses after the next lost swap
};

struct Frame {
  uint64_t position;
  uint64_t version;
  uint32_t node;
  uint32_t length;
  uint8_t frameKind;
};

// ---- geometry ------------------------------------------------------------------------------------------------------

inline bool valid_boxes(const RingSpec& spec) {
  if (spec.objectType != kInboxObject) return spec.boxes == 0 && spec.replies == 0;
  return spec.boxes >= 1 && spec.boxes <= kMaxBoxes && (spec.boxes & (spec.boxes - 1)) == 0 &&
         spec.boxes <= spec.capacity && (spec.replies == 0 || uint64_t{spec.replies} * 2 * spec.boxes == spec.capacity);
}

inline bool valid_spec(const RingSpec& spec) {
  return valid_boxes(spec) && spec.typeKind <= kMaxKind && spec.capacity >= 1 && spec.capacity <= kMaxCapacity &&
         (spec.capacity & (spec.capacity - 1)) == 0 && spec.payloadBytes <= kMaxPayloadBytes && spec.fleetSize >= 1 &&
         spec.fleetSize <= kMaxFleetSize && chunk_count(spec.capacity, spec.fleetSize) <= kMaxChunks &&
         spec.schemaBytes <= spec.schemaRoom && spec.schemaRoom <= kMaxSchemaRoom &&
         spec.schemaRoom % kCacheLineBytes == 0;
}

inline bool has_latest(const RingSpec& spec) { return spec.objectType == kRingObject && spec.fingerprint != 0; }

// What a ring with a pod, an inbox object or a counters object has behind its schema.
inline uint64_t bytes_behind(const RingSpec& spec) {
  if (has_latest(spec)) return uint64_t{spec.fleetSize} * 2 * stride_bytes(spec.payloadBytes);
  if (spec.objectType == kCountersObject) return uint64_t{spec.capacity} * kBucketCellBytes;
  return uint64_t{spec.boxes} * sizeof(BoxHeader) + align_line(uint64_t{spec.boxes} * spec.replies * 8);
}

inline uint64_t ring_bytes(const RingSpec& spec) {
  return ring_offsets(spec.capacity, spec.payloadBytes, spec.fleetSize, spec.schemaRoom).end + bytes_behind(spec);
}

inline void map_ring(Ring* ring, void* base, const RingSpec& spec) {
  uint8_t* bytes = static_cast<uint8_t*>(base);
  RingOffsets at = ring_offsets(spec.capacity, spec.payloadBytes, spec.fleetSize, spec.schemaRoom);
  ring->header = reinterpret_cast<RingHeader*>(bytes);
  ring->sleepers = reinterpret_cast<uint64_t*>(bytes + at.sleepers);
  ring->slots = reinterpret_cast<uint64_t*>(bytes + at.slots);
  ring->entries = reinterpret_cast<NodeEntry*>(bytes + at.entries);
  ring->spares = reinterpret_cast<uint64_t*>(bytes + at.spares);
  ring->chunks = bytes + at.chunks;
  ring->schema = reinterpret_cast<uint64_t*>(bytes + at.schema);
  ring->boxes = reinterpret_cast<BoxHeader*>(bytes + at.end);
  ring->progress = reinterpret_cast<uint64_t*>(ring->boxes + spec.boxes);
  ring->cells = reinterpret_cast<uint64_t*>(bytes + at.end);
  ring->latest = has_latest(spec) ? bytes + at.end : nullptr;
  ring->stride = stride_bytes(spec.payloadBytes);
  ring->mask = spec.capacity - 1;
  ring->lapShift = static_cast<uint32_t>(__builtin_ctz(spec.capacity));
  uint64_t lastOfLaps = ((kMaxLap - 1) << ring->lapShift) + ring->mask;
  ring->lastPosition = lastOfLaps < kMaxPosition ? lastOfLaps : kMaxPosition;
  ring->chunkCount = static_cast<uint32_t>(chunk_count(spec.capacity, spec.fleetSize));
  ring->spareCount = spare_count(spec.fleetSize);
  ring->spec = spec;
}

// Layout version and type are one word: both are loaded and stored at once.
inline uint64_t* version_and_type(ObjectHeader* header) { return reinterpret_cast<uint64_t*>(&header->layoutVersion); }
inline uint32_t version_of(const ObjectHeader* header) {
  return static_cast<uint32_t>(load_relaxed(version_and_type(const_cast<ObjectHeader*>(header))));
}
inline uint32_t type_of(const ObjectHeader* header) {
  return static_cast<uint32_t>(load_relaxed(version_and_type(const_cast<ObjectHeader*>(header))) >> 32);
}

// Everything of an object's header but the magic.
inline void format_object(ObjectHeader* header, ObjectType type, uint64_t bytes, uint64_t fleetId,
                          uint64_t createdAtMs) {
  store_relaxed(version_and_type(header), uint64_t{kLayoutVersion} | uint64_t{type} << 32);
  header->objectBytes = bytes;
  header->createdAtMs = createdAtMs;
  header->fleetId = fleetId;
}

// Release: all that was formatted. Partner: the load of the magic in check_object.
inline void finish_object(ObjectHeader* header) { store_release(&header->magic, kMagic); }

// Writes a whole object with slots, but for its magic. The caller holds the creation lock and
// `ring_bytes(spec)` writable bytes. No process reads an object that was never finished, so plain stores suffice until
// then.
inline void format_slots(void* base, const RingSpec& spec, uint64_t createdAtMs) {
  Ring ring;
  map_ring(&ring, base, spec);
  RingHeader* header = ring.header;
  RingOffsets at = ring_offsets(spec.capacity, spec.payloadBytes, spec.fleetSize, spec.schemaRoom);
  memset(base, 0, at.chunks);
  memset(static_cast<uint8_t*>(base) + at.end, 0, bytes_behind(spec));
  if (spec.schema != nullptr) memcpy(static_cast<uint8_t*>(base) + at.schema, spec.schema, spec.schemaBytes);
  format_object(&header->object, spec.objectType, ring_bytes(spec), spec.fleetId, createdAtMs);
  header->typeKind = spec.typeKind;
  header->capacity = spec.capacity;
  header->payloadBytes = spec.payloadBytes;
  header->strideBytes = ring.stride;
  header->fleetSize = spec.fleetSize;
  header->spareCount = ring.spareCount;
  header->fingerprint = spec.fingerprint;
  header->schemaBytes = spec.schemaBytes;
  header->boxes = spec.boxes;
  header->replies = spec.replies;
  memcpy(header->typeName, spec.typeName, kTypeNameBytes);
  for (uint32_t i = 0; i < spec.capacity; i++) store_relaxed(&ring.slots[i], i);
  for (uint32_t node = 0; node < spec.fleetSize; node++) store_relaxed(&ring.entries[node].hand, spec.capacity + node);
  for (uint32_t i = 0; i < ring.spareCount; i++) store_relaxed(&ring.spares[i], spec.capacity + spec.fleetSize + i);
}

// Writes a whole ring, magic last.
inline void format_ring(void* base, RingSpec spec, uint64_t createdAtMs) {
  spec.objectType = kRingObject;
  format_slots(base, spec, createdAtMs);
  finish_object(static_cast<ObjectHeader*>(base));
}

// What every attacher checks first, for objects of any type.
inline AttachStatus check_object(const void* base, uint64_t length) {
  const ObjectHeader* header = static_cast<const ObjectHeader*>(base);
  if (length < sizeof(ObjectHeader)) return AttachStatus::kCorrupt;
  uint64_t magic = load_acquire(&header->magic);  // partner: finish_object
  if (magic == 0) return AttachStatus::kUnfinished;
  if (magic != kMagic) return AttachStatus::kForeign;
  if (version_of(header) != kLayoutVersion) return AttachStatus::kOtherVersion;
  return load_relaxed(&header->objectBytes) == length ? AttachStatus::kOk : AttachStatus::kCorrupt;
}

inline AttachStatus attach_object(const void* base, uint64_t length, ObjectType type) {
  AttachStatus status = check_object(base, length);
  if (status != AttachStatus::kOk) return status;
  return type_of(static_cast<const ObjectHeader*>(base)) == type ? AttachStatus::kOk : AttachStatus::kCorrupt;
}

// What an object has for its schema; a number that valid_spec refuses if its bytes do not suffice for the rest.
inline uint32_t room_behind(const RingSpec& spec, uint64_t length) {
  uint64_t chunks = ring_offsets(spec.capacity, spec.payloadBytes, spec.fleetSize).schema + bytes_behind(spec);
  return length >= chunks && length - chunks < UINT32_MAX ? static_cast<uint32_t>(length - chunks) : UINT32_MAX;
}

// Attaches to any object with slots; `ring->spec.objectType` says which it is.
inline AttachStatus attach_slots(void* base, uint64_t length, Ring* ring) {
  AttachStatus status = check_object(base, length);
  if (status != AttachStatus::kOk) return status;
  const RingHeader* header = static_cast<const RingHeader*>(base);
  uint32_t type = type_of(&header->object);
  bool hasSlots = type == kRingObject || type == kTableObject || type == kInboxObject || type == kCountersObject;
  if (!hasSlots || length < sizeof(RingHeader)) return AttachStatus::kCorrupt;
  // A word over 32 bits becomes a number that valid_spec refuses.
  auto number = [](const uint64_t* word) {
    uint64_t value = load_relaxed(word);
    return value < UINT32_MAX ? static_cast<uint32_t>(value) : UINT32_MAX;
  };
  RingSpec spec;
  spec.objectType = static_cast<ObjectType>(type);
  spec.typeKind = number(&header->typeKind);
  spec.capacity = number(&header->capacity);
  spec.payloadBytes = number(&header->payloadBytes);
  spec.fleetSize = number(&header->fleetSize);
  spec.fingerprint = load_relaxed(&header->fingerprint);
  spec.schemaBytes = number(&header->schemaBytes);
  if (spec.schemaBytes != 0) spec.schemaRoom = room_behind(spec, length);
  if (type == kInboxObject) {
    spec.boxes = number(&header->boxes);
    spec.replies = number(&header->replies);
  }
  spec.fleetId = load_relaxed(&header->object.fleetId);
  memcpy(spec.typeName, header->typeName, kTypeNameBytes);
  if (!valid_spec(spec) || ring_bytes(spec) != length ||
      load_relaxed(&header->strideBytes) != stride_bytes(spec.payloadBytes) ||
      load_relaxed(&header->spareCount) != spare_count(spec.fleetSize)) {
    return AttachStatus::kCorrupt;
  }
  map_ring(ring, base, spec);
  return AttachStatus::kOk;
}

// kCorrupt for an object of another type, too.
inline AttachStatus attach_ring(void* base, uint64_t length, Ring* ring) {
  AttachStatus status = attach_slots(base, length, ring);
  bool isOther = status == AttachStatus::kOk && ring->spec.objectType != kRingObject;
  return isOther ? AttachStatus::kCorrupt : status;
}

// ---- words ---------------------------------------------------------------------------------------------------------

inline uint64_t slot_word(uint64_t lap, uint64_t chunk) { return lap << kChunkBits | chunk; }
inline uint64_t lap_in(uint64_t word) { return word >> kChunkBits; }
inline uint32_t chunk_in(uint64_t word) { return static_cast<uint32_t>(word & kChunkMask); }
inline uint64_t lap_of(const Ring& ring, uint64_t position) { return (position >> ring.lapShift) + 1; }
inline uint64_t* slot_of(const Ring& ring, uint64_t position) { return &ring.slots[position & ring.mask]; }
inline uint64_t position_in(const Ring& ring, uint64_t lap, uint64_t slot) {
  return ((lap - 1) << ring.lapShift) + slot;
}
inline bool filled(const Ring& ring, uint64_t position) {
  return lap_in(load_acquire(slot_of(ring, position))) >= lap_of(ring, position);
}
inline bool representable(const Ring& ring, uint64_t position) { return position <= ring.lastPosition; }
inline ChunkHeader* chunk_at(const Ring& ring, uint32_t chunk) {
  return reinterpret_cast<ChunkHeader*>(ring.chunks + uint64_t{chunk} * ring.stride);
}
inline uint64_t* payload_at(ChunkHeader* chunk) { return reinterpret_cast<uint64_t*>(chunk + 1); }
inline uint64_t* shape_of(ChunkHeader* chunk) { return reinterpret_cast<uint64_t*>(&chunk->length); }
inline uint64_t make_id(uint32_t kind, uint32_t node, uint64_t position) {
  return uint64_t{kind} << 56 | uint64_t{node} << kCounterBits | (position & kCounterMask);
}
inline bool is_retired(const Ring& ring) { return load_relaxed(&ring.header->object.retired) != 0; }

// ---- head ----------------------------------------------------------------------------------------------------------

// Finds the head from the slots alone: slot 0 has the lap, and within a lap the filled slots come first (I3). Rarely
// called, so it stays out of the hot code of its callers. Partner of its loads: the swap of exchange_hand.
__attribute__((noinline)) inline uint64_t search_head(const Ring& ring) {
  uint64_t lap = lap_in(load_acquire(&ring.slots[0]));
  if (lap == 0) return 0;
  uint32_t filledSlots = 1, unfilled = ring.mask + 1;  // slots below filledSlots are filled, `unfilled` is not
  while (filledSlots < unfilled) {
    uint32_t middle = filledSlots + (unfilled - filledSlots) / 2;
    if (lap_in(load_acquire(&ring.slots[middle])) >= lap) {
      filledSlots = middle + 1;
    } else {
      unfilled = middle;
    }
  }
  return position_in(ring, lap, filledSlots);
}

// One past the newest frame. It was exact at some instant during the call. The hint only saves the search, so its load
// is relaxed; the slots show when it is wrong.
inline uint64_t head_of(const Ring& ring) {
  uint64_t head = load_relaxed(&ring.header->hint);
  if (!representable(ring, head) || (head > 0 && !filled(ring, head - 1))) return search_head(ring);
  for (uint32_t steps = 0; steps <= ring.mask; steps++) {
    uint64_t lap = lap_in(load_acquire(slot_of(ring, head)));
    if (lap < lap_of(ring, head)) return head;
    head = position_in(ring, lap, head & ring.mask) + 1;
  }
  return search_head(ring);
}

inline uint64_t floor_of(const Ring& ring) { return load_acquire(&ring.header->floor); }  // partner: reset_ring's swap

// The oldest position that a reader may still hope for, given the head.
inline uint64_t oldest_of(const Ring& ring, uint64_t head) {
  uint64_t retained = head > ring.mask ? head - ring.mask - 1 : 0;
  uint64_t floor = floor_of(ring);
  if (floor > head) floor = head;
  return retained > floor ? retained : floor;
}

// Makes all positions below the head read as overwritten from now on. Nothing is zeroed; positions and ids go on (I6).
inline uint64_t reset_ring(const Ring& ring) {
  for (;;) {
    // Acquire; partner: the swap below, of another reset. A reset that sees this floor must also see every slot that
    // the other one saw when it found the head. Otherwise it finds an older head, takes the floor for foreign bytes and
    // moves it back. x86 never reorders two loads, so no test there can show that; the simulated memory (sim) does.
    uint64_t floor = floor_of(ring);
    uint64_t head = head_of(ring);
    // Another reset may have looked at the head later than this one; a floor above the head comes from no reset.
    if (floor >= head && floor <= head_of(ring)) return floor;
    if (exchange_if(&ring.header->floor, floor, head)) return head;
  }
}

// ---- swap ----------------------------------------------------------------------------------------------------------

// Pauses after a lost swap, four times as many after each one in a row: at most 25 to 50 microseconds, and only while
// other writers publish without a break. It does not wait for them: whether they go on, stop or die changes nothing
// (I5). Without pauses the cache lines move at each frame, and two writers together publish a fifth of what one alone
// does.
constexpr uint32_t kMaxBackoff = 1024;

// Another writer has the cache lines now. Leave them there for a while: to move them costs as much as many publishes.
inline void back_off(Writer* writer) {
  writer->backoff = writer->backoff < kMaxBackoff / 4 ? writer->backoff * 4 + 1 : kMaxBackoff;
  for (uint32_t i = 0; i < writer->backoff; i++) relax();
}

// Swaps the writer's filled hand into `slot`, whose word was `word`, and receives the chunk that was there as the next
// hand. `position` is what the hand then holds, with the lap `lap`. False: another process moved the slot first, and
// the hand is still ours. Every write to a slot goes through here; the steps are numbered in publish and replace_card.
__attribute__((always_inline)) inline bool exchange_hand(Writer* writer, uint64_t* slot, uint64_t word, uint64_t lap,
                                                         uint64_t position) {
  NodeEntry* entry = &writer->ring.entries[writer->node];
  uint32_t received = chunk_in(word);
  ORBIT_CHECK(writer->hand < writer->ring.chunkCount && received < writer->ring.chunkCount);
  ORBIT_CHECK(received != writer->hand && lap == lap_in(word) + 1);
  ORBIT_CHECK(slot == slot_of(writer->ring, position) && lap == lap_of(writer->ring, position));

  // Write down what is about to happen, for the process that settles this node after a death. Release: the received
  // chunk is stored before the position. Partner: the loads of settle and seen_elsewhere.
  store_relaxed(&entry->intentChunk, received);
  store_release(&entry->intentPosition, position + 1);

  // The linearization point, and the only read-modify-write. Release: all bytes of the hand. Acquire: the received
  // chunk is ours from here. Partners: the slot loads of readers and of other writers.
  if (!exchange_if(slot, word, slot_word(lap, writer->hand))) {
    // No intent stays behind: it would hide this hand from settlers.
    store_release(&entry->intentPosition, 0);
    back_off(writer);
    return false;
  }

  // The order matters to settle: the hand is stored first, the intent is cleared second.
  writer->hand = received;
  store_release(&entry->hand, received);
  store_release(&entry->intentPosition, 0);
  if (writer->backoff != 0) writer->backoff /= 2;
  return true;
}

// ---- publish -------------------------------------------------------------------------------------------------------

// A healthy ring needs at most one search per publish (a stale or corrupt hint); contradictory slots need endless ones.
constexpr uint32_t kMaxSearches = 64;

constexpr uint64_t kHintEvery = 8;

__attribute__((noinline, cold)) inline void count_refused(const Writer& writer) {
  add_relaxed(&writer.ring.header->refused, 1);
}
inline RingStatus refuse(const Writer& writer, RingStatus status) {
  count_refused(writer);
  return status;
}

__attribute__((always_inline)) inline RingStatus publish(Writer* writer, const void* payload, uint32_t length,
                                                         uint8_t frameKind, uint64_t version, uint64_t* position) {
  const Ring& ring = writer->ring;
  if (is_retired(ring)) return RingStatus::kRetired;
  if (length > ring.spec.payloadBytes) return refuse(*writer, RingStatus::kTooLarge);

  // 1. Fill the hand (I2). Release: a reader that still copies this chunk for an older position, and sees a byte of
  // ours, also sees that the slot of that position has moved on. Partners: the copy and the validating load of
  // read_frame.
  uint32_t hand = writer->hand;
  ORBIT_CHECK(hand < ring.chunkCount);
  ChunkHeader* chunk = chunk_at(ring, hand);
  store_release(&chunk->version, version);
  store_release(shape_of(chunk), length | uint64_t{frameKind} << 32);
  copy_to_shared(payload_at(chunk), payload, length);

  // 2. Begin after our own newest frame. The hint costs a cache line, and helps only if others have published since.
  uint64_t head = writer->next;
  bool follows = true;  // is the position before the head known to be filled?
  bool hinted = false;

  uint64_t word;
  uint64_t passed = 0;
  uint32_t searches = 0;
  for (;;) {
    bool lost = !representable(ring, head);
    if (lost && searches > 0) return refuse(*writer, RingStatus::kExhausted);
    if (!lost) {
      // 3. Pass filled positions; where a slot is laps ahead, jump. Partner: the swap of exchange_hand.
      word = load_acquire(slot_of(ring, head));
      uint64_t lap = lap_in(word), wanted = lap_of(ring, head);
      if (lap >= wanted && passed <= 4 * uint64_t{ring.mask} + 64) {
        uint64_t hint = hinted ? 0 : load_relaxed(&ring.header->hint);
        hinted = true;
        head = position_in(ring, lap, head & ring.mask) + 1;
        follows = true;
        if (hint > head) {
          head = hint;
          follows = false;
        }
        passed++;
        continue;
      }
      // 4. Leave no gap (I3): the position before must be filled. Partner: the swap of exchange_hand.
      lost = lap + 1 != wanted || !(follows || filled(ring, head - 1));
    }
    if (lost) {
      if (++searches > kMaxSearches) return refuse(*writer, RingStatus::kCorrupt);
      head = search_head(ring);
      follows = true;
      passed = 0;
      continue;
    }
    uint32_t received = chunk_in(word);
    if (received >= ring.chunkCount || received == hand) return refuse(*writer, RingStatus::kCorrupt);

    // 5. Name the frame.
    store_release(&chunk->id, writer->idBase | (head & kCounterMask));

    // 6. Publish it.
    if (exchange_hand(writer, slot_of(ring, head), word, lap_of(ring, head), head)) {
      writer->next = head + 1;
      // Any old value is allowed, so one store in a few suffices, and the line stays with the readers.
      if ((head + 1) % kHintEvery == 0) store_relaxed(&ring.header->hint, head + 1);
      *position = head;
      return RingStatus::kOk;
    }
    hinted = searches > 0;  // a hint that was wrong is not used again
    passed = 0;
  }
}

// ---- read ----------------------------------------------------------------------------------------------------------

// Copies the frame at `position`; `payload` has room for the ring's payloadBytes. What it leaves is valid with kOk
// only.
inline RingStatus read_frame(const Ring& ring, uint64_t position, Frame* frame, void* payload) {
  if (!representable(ring, position)) return RingStatus::kNotYet;

  // Begin. Acquire: the bytes of the frame. Partner: the swap of exchange_hand.
  const uint64_t* slot = slot_of(ring, position);
  uint64_t word = load_acquire(slot);
  uint64_t lap = lap_in(word), wanted = lap_of(ring, position);
  if (lap < wanted) return RingStatus::kNotYet;
  if (lap > wanted || position < floor_of(ring)) return RingStatus::kOverwritten;
  if (chunk_in(word) >= ring.chunkCount) return RingStatus::kCorrupt;

  // Copy. A later owner of the chunk may be writing these words. Partner: its stores, each release.
  ChunkHeader* chunk = chunk_at(ring, chunk_in(word));
  uint64_t id = load_acquire(&chunk->id);
  frame->version = load_acquire(&chunk->version);
  uint64_t shape = load_acquire(shape_of(chunk));
  frame->length = static_cast<uint32_t>(shape);
  frame->frameKind = static_cast<uint8_t>(shape >> 32);
  bool fits = frame->length <= ring.spec.payloadBytes;
  if (fits) copy_from_shared(payload, payload_at(chunk), frame->length);

  // Validate. The acquire loads above come before this one. Partner: the swap that gave the chunk away.
  if (load_acquire(slot) != word) return RingStatus::kOverwritten;
  frame->position = position;
  frame->node = static_cast<uint32_t>(id >> kCounterBits) & 0xffff;
  if (!fits || id != make_id(ring.spec.typeKind, frame->node, position) || frame->node >= ring.spec.fleetSize) {
    return RingStatus::kCorrupt;
  }
  return RingStatus::kOk;
}

// Copies the newest frame, never one a lap old; kNotYet when there is none. It tries again only when the frame was
// overwritten during the copy: then others have published a whole lap in that time.
inline RingStatus read_newest(const Ring& ring, Frame* frame, void* payload) {
  for (;;) {
    uint64_t head = head_of(ring);
    if (head == oldest_of(ring, head)) return RingStatus::kNotYet;
    RingStatus status = read_frame(ring, head - 1, frame, payload);
    if (status != RingStatus::kOverwritten) return status;
    // Overwritten during the copy: a frame was published, so there is a newer head, or the ring was reset.
    if (head_of(ring) == head) return floor_of(ring) >= head ? RingStatus::kNotYet : RingStatus::kCorrupt;
  }
}

// The position of the newest frame whose id has this COUNTER, retained or not; kMaxPosition + 1: there never was one.
inline uint64_t position_of_counter(const Ring& ring, uint64_t counter) {
  uint64_t head = head_of(ring);
  if (head == 0) return kMaxPosition + 1;
  uint64_t newest = head - 1;
  uint64_t behind = (newest - counter) & kCounterMask;
  return behind <= newest ? newest - behind : kMaxPosition + 1;
}

}  // namespace orbit
