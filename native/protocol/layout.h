// The memory layout: every byte that processes share, and which of them writes it.
//
// Seven types of object live in shared memory. A fleet has one fleet object, which lists its members, and one object of
// another type per KIND. All numbers are little-endian words of the host; no pointer, bool or size_t is shared. A word
// that is accessed atomically is a whole, aligned word of 8 bytes. TypeScript has no copy of a number from this file:
// it reads the table of numbers that the addon builds from here.
//
// Ring object
//   OFFSET     SIZE                   FIELD                                      WRITTEN BY
//   0          64                     ObjectHeader                               creator, magic last; retired: remover
//   64         64                     geometry, KIND, fingerprint of the pod     creator
//   128        64                     type name, NUL-padded UTF-8                creator
//   192        64                     hint                                       publishers, now and then (plain store)
//                                     tokens (tables only)                       claimants, by fetch-and-add
//   256        64                     floor                                      reset
//   320        64                     sleeperGroups: one bit per 1024 nodes      waiters; never cleared
//   384        64                     sparesTaken, burned, refused               settlers, audit, refused publishers
//                                     missedWakes                                publishers
//   448        nodes / 8, align64     sleepers: one bit per node                 its node; its settler
//   ...        capacity * 8, align64  slot[]: { lap:44 | chunk:20 }              publishers, by compare-and-swap
//   ...        nodes * 64             NodeEntry[]                                its node; its settler; audit
//   ...        spares * 8, align64    spare[]: chunks in no slot and no hand     creator, audit
//   ...        chunks * stride        chunk[]: ChunkHeader, payload              the owner of the chunk
//   ...        schemaRoom             schema: the pod as text (schema.h)         creator; members that add fields
//   ...        nodes * 2 * stride     latest[node][2], if it has a pod: latest.h its node
//
// Table object
//   A table has the fields of a ring, but each of its slots moves on its own: slot[] is bucket[], and its words are
//   { stamp:44 | card:20 }. A chunk is a card, the whole content of one bucket: ChunkHeader { id, version: the newest
//   token that the bucket ever granted, length: bytes of all claims }, then the claims, packed. Each claim is
//   0          40                     ClaimHeader                                the process that swapped the card in
//   40         subjectBytes           subject                                    the same
//   ...        ownerBytes, align8     label of the owner                         the same
//   subject_hash of table.h chooses the bucket of a subject, with the subjectKey of the fleet object. It is part of
//   this layout.
//
// Counters object
//   A counters object has the fields of a table. A card has the names of one bucket, packed, and each is
//   0          8                      CounterHeader                              the process that swapped the card in
//   8          nameBytes, align8      name in UTF-8                              the same
//   Behind the schema there are
//   ...        capacity * 320         cell[]: { generation:23 | live:1 |         members, by compare-and-swap of both
//                                     expiry:40 } { value }, 20 to a bucket      words at once
//
// Limits object
//   0          64                     ObjectHeader                               creator, magic last; retired: remover
//   64         64                     KIND, number of entries, seed              creator
//   128        64                     full: decisions that found no entry        members, by fetch-and-add
//   192        entries * 16           entry[]: { tag:48 | state:2 | high:14 }    members, by compare-and-swap of both
//                                     { expiry:40 | low:24 }                     words at once
//   Tags are the keyed hash of limits.h, which is part of this layout.
//
// Inbox object
//   An inbox object has the fields of a ring, and deals its slots to boxes of equal size. The floor line has the number
//   of boxes, and of reply slots in each. A box has a ring of its own (inbox.h), then its reply slots (calls.h). Behind
//   the schema there are
//   ...        boxes * 256            BoxHeader[]                                see there
//   ...        boxes * replies * 8    progress[]: { stamp:62 | CallProgress:2 }  caller, server: compare-and-swap
//
// Store object
//   storelayout.h
//
// Fleet object
//   0          64                     ObjectHeader                               creator, magic last; retired: remover
//   64         64                     size, lifetime, subjectKey, bootId         creator
//   128        64                     kinds: a bit per existing KIND; usedNodes  creators of rings, removers; joiners
//   192        5184                   KindName[]: which KIND a name has          members, one at a time (names.h)
//   5376       nodes * 256            NodeRecord[]                               the node that holds the lease
//
// Lock bytes (open-file-description locks: they are beside the bytes of an object, not in them)
//   0          1                      creation of the object; on the fleet object joining and removing, too
//   4096+node  1                      held by the living member `node`, on the fleet object
//
// The lock bytes and the first 64 bytes of an object never change between layout versions. So a process of any version
// can tell the version of an object, retire it, and find out whether the fleet has living members.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace orbit {

constexpr uint64_t kMagic = 0x314a4e544942524f;  // "ORBITNJ1"; not the Rust crate's, though the names coincide
constexpr uint32_t kLayoutVersion = 2;

enum ObjectType : uint32_t {
  kFleetObject = 1,
  kRingObject = 2,
  kTableObject = 3,
  kLimitsObject = 4,
  kCountersObject = 5,
  kInboxObject = 6,
  kStoreObject = 7,
};

constexpr uint32_t kCacheLineBytes = 64;
constexpr uint32_t kChunkBits = 20;  // a slot word is { lap:44 | chunk:20 }
constexpr uint64_t kChunkMask = (uint64_t{1} << kChunkBits) - 1;
constexpr uint32_t kMaxChunks = 1u << kChunkBits;
constexpr uint64_t kMaxLap = (uint64_t{1} << (64 - kChunkBits)) - 1;
constexpr uint64_t kMaxPosition = (uint64_t{1} << 53) - 2;  // a position and its successor are exact JS numbers

constexpr uint32_t kCounterBits = 40;  // NetId64: [KIND 8][NODE 16][COUNTER 40]
constexpr uint64_t kCounterMask = (uint64_t{1} << kCounterBits) - 1;

constexpr uint32_t kMaxKind = 255;
constexpr uint32_t kFirstNamedKind = 128;  // the KINDs that fleets give to names; those below are the users' own
constexpr uint32_t kNamedKinds = 72;       // the others, from 200 on, belong to orbit's own layers (payload.h)
constexpr uint32_t kMaxFleetSize = 65536;
constexpr uint32_t kMaxCapacity = 1u << 19;
constexpr uint32_t kMaxPayloadBytes = 1u << 24;
constexpr uint32_t kTypeNameBytes = 64;
constexpr uint32_t kLabelBytes = 32;
constexpr uint32_t kStatusBytes = 64;
constexpr uint32_t kMaxSchemaBytes = 1u << 16;
constexpr uint32_t kSchemaSlack = 1024;  // room of a new ring for the text of fields that are added later
constexpr uint32_t kMaxSubjectBytes = 128;
constexpr uint32_t kMaxOwnerBytes = 64;
constexpr uint64_t kMaxToken = (uint64_t{1} << 53) - 1;  // an exact JS number
constexpr uint32_t kMaxLimitEntries = 1u << 26;
constexpr uint32_t kMaxBoxes = 4096;
constexpr uint32_t kMaxServices = 8;  // that the owner of a box announces
constexpr uint32_t kNodesPerSleeperGroup = kMaxFleetSize / 64;

constexpr int64_t kCreationLockByte = 0;
constexpr int64_t kNodeLockByte = 4096;

// The token counter of a new table begins at the microsecond of its creation. So the tokens of an earlier table, which
// was removed or lost in a reboot, are lower, and a fence that has kept one of them accepts the new ones. (As long as
// the earlier table granted fewer than a million claims a second on average.)
constexpr uint64_t first_token(uint64_t createdAtMs) {
  return createdAtMs <= kMaxToken / 1024 ? createdAtMs * 1000 : 0;
}

constexpr uint64_t align_line(uint64_t bytes) {
  return (bytes + kCacheLineBytes - 1) / kCacheLineBytes * kCacheLineBytes;
}

// Begins every object, and is the same in every layout version.
struct ObjectHeader {
  uint64_t magic;          // stored last, release: an object without it was never finished
  uint32_t layoutVersion;  // in one word with objectType; both are loaded and stored together
  uint32_t objectType;
  uint64_t objectBytes;
  uint64_t createdAtMs;  // Unix time
  uint64_t fleetId;      // random; differs between this fleet and a removed one of the same name
  uint64_t retired;      // 1: removed, no longer to be used
  uint64_t reserved[2];
};
static_assert(offsetof(ObjectHeader, layoutVersion) % 8 == 0, "version and type are one word");
static_assert(sizeof(ObjectHeader) == 64, "one line");

struct RingHeader {
  ObjectHeader object;

  uint64_t typeKind;
  uint64_t capacity;
  uint64_t payloadBytes;
  uint64_t strideBytes;
  uint64_t fleetSize;
  uint64_t spareCount;
  uint64_t fingerprint;  // of the pod with which the ring was made; 0: the type has none
  uint64_t schemaBytes;  // grows with the text of the pod (schema.h); 0: no pod, or its text is too long

  char typeName[kTypeNameBytes];

  uint64_t hint;
  uint64_t tokens;  // of a table: the last one drawn; of a ring: 0
  uint64_t reservedHint[6];

  uint64_t floor;    // of a ring
  uint64_t boxes;    // of an inbox object; chosen by its creator
  uint64_t replies;  // reply slots of each box; chosen by its creator
  uint64_t reservedFloor[5];

  uint64_t sleeperGroups;
  uint64_t reservedSleepers[7];

  uint64_t sparesTaken;
  uint64_t burned;
  uint64_t refused;
  uint64_t missedWakes;  // living sleepers that a publisher could not signal
  uint64_t reservedCounters[4];
};
static_assert(offsetof(RingHeader, typeKind) == 64, "geometry has its own line");
static_assert(offsetof(RingHeader, typeName) == 128, "type name has its own line");
static_assert(offsetof(RingHeader, hint) == 192, "hint has its own line");
static_assert(offsetof(RingHeader, floor) == 256, "floor has its own line");
static_assert(offsetof(RingHeader, sleeperGroups) == 320, "sleeperGroups has its own line");
static_assert(offsetof(RingHeader, sparesTaken) == 384, "counters have their own line");
static_assert(sizeof(RingHeader) == 448, "seven lines");

// One inbox of an inbox object. Its owner writes floor and services; several processes write owner and waiting.
struct BoxHeader {
  uint64_t full;  // sends that were refused because it was full
  uint64_t reservedFull[7];

  uint64_t floor;  // the owner is done with all positions below
  uint64_t busy;   // calls that the owner runs (calls.h)
  uint64_t reservedFloor[6];

  uint64_t owner;    // { incarnation:44 | node + 1:20 }; 0: none
  uint64_t waiting;  // 1: a process waits for room, or to become the owner
  uint64_t reservedOwner[6];

  uint64_t services[kMaxServices];  // hashes of the names that the owner serves; 0: none
};
static_assert(sizeof(BoxHeader) == 256, "four lines");

// What one node owns in one ring or table.
struct NodeEntry {
  uint64_t hand;            // the chunk that only this node may write
  uint64_t intentChunk;     // the chunk that it is about to receive
  uint64_t intentPosition;  // the position that it is about to fill, plus 1; 0: none. Stored after intentChunk.
  uint64_t arm;          // waiting generation, odd: waiting. Moved by its node and by processes that wake it (wake.h)
  uint64_t latestCount;  // values that its owners have noted; the last whole one is latest[latestCount % 2] (latest.h)
  uint64_t cacheHits, cacheMisses, reserved;  // the first two: lookups of its owners in a ring of the cache (index.h)
};
static_assert(sizeof(NodeEntry) == kCacheLineBytes, "one line per node");

struct ChunkHeader {
  uint64_t id;       // NetId64
  uint64_t version;  // the caller's
  uint32_t length;   // payload bytes; in one word with frameKind
  uint8_t frameKind;
  uint8_t reserved[3];
};
static_assert(offsetof(ChunkHeader, length) % 8 == 0, "length and frameKind are one word");
static_assert(sizeof(ChunkHeader) == 24, "three words, then the payload");

// The newest value of one node; its payload follows.
struct LatestHeader {
  uint64_t position;     // of the frame with this value
  uint64_t incarnation;  // of the node, when its owner published it
  uint64_t length;       // payload bytes
};
static_assert(sizeof(LatestHeader) == sizeof(ChunkHeader), "as long as a chunk");

// The expiry of a claim for the life of its holder. The clock never comes to it.
constexpr uint64_t kNeverMs = UINT64_MAX;
// The time to live of such a claim.
constexpr uint64_t kForLifeMs = UINT64_MAX;

// One claim on a card; subject and label of the owner follow.
struct ClaimHeader {
  uint64_t token;
  uint64_t expiresAtMs;  // CLOCK_MONOTONIC; expired from then on; kNeverMs: only with its holder
  uint64_t claimedAtMs;  // Unix time, only shown
  uint64_t incarnation;  // of the holder's node
  uint32_t node;
  uint8_t subjectKind;
  uint8_t subjectBytes;
  uint8_t ownerBytes;
  uint8_t reserved;
};
static_assert(sizeof(ClaimHeader) == 40, "five words, then subject and owner");
static_assert(kMaxSubjectBytes <= UINT8_MAX && kMaxOwnerBytes <= UINT8_MAX, "their lengths fit a byte");

constexpr uint32_t claim_bytes(uint32_t subjectBytes, uint32_t ownerBytes) {
  return (static_cast<uint32_t>(sizeof(ClaimHeader)) + subjectBytes + ownerBytes + 7) / 8 * 8;
}
constexpr uint32_t kMaxClaimBytes = claim_bytes(kMaxSubjectBytes, kMaxOwnerBytes);
constexpr uint32_t kCardBytes = 12 * kMaxClaimBytes;  // payloadBytes of a table; see Room in table.h

// A name on the card of a counters object; its bytes follow.
struct CounterHeader {
  uint32_t generation;  // the low bits of the stamp with which it was entered
  uint8_t cell;         // of its bucket
  uint8_t kind;         // CounterKind
  uint8_t nameBytes;    // 1 or more
  uint8_t reserved;
};
static_assert(sizeof(CounterHeader) == 8, "one word, then the name");

enum CounterKind : uint8_t {
  kInteger = 1,  // the value is an int64_t
  kFloat = 2,    // the value is a double
};

constexpr uint32_t kMaxNameBytes = 128;
// Names spread by a keyed hash. With 4 names a bucket on average, 2 of 10^9 buckets get a 21st (Poisson).
constexpr uint32_t kBucketCells = 20;
constexpr uint64_t kBucketCellBytes = kBucketCells * 16;
static_assert(kBucketCellBytes % kCacheLineBytes == 0, "the cells of a bucket begin on a line");

constexpr uint32_t name_bytes_on_card(uint32_t nameBytes) {
  return (static_cast<uint32_t>(sizeof(CounterHeader)) + nameBytes + 7) / 8 * 8;
}
static_assert(kBucketCells * name_bytes_on_card(kMaxNameBytes) <= kCardBytes, "a card has room for all names");

// The name to which a fleet has given one of the KINDs from kFirstNamedKind on. It stays as long as the fleet.
struct KindName {
  uint64_t bytes;  // stored last; 0: the KIND is free
  uint8_t name[kTypeNameBytes];
};
static_assert(sizeof(KindName) == 72, "whole words");

struct LimitsHeader {
  ObjectHeader object;

  uint64_t typeKind;
  uint64_t entries;  // a power of two
  uint64_t seed[2];  // random; a key for hashes of keys
  uint64_t reserved[4];

  uint64_t full;
  uint64_t reservedFull[7];
};
static_assert(offsetof(LimitsHeader, typeKind) == 64, "geometry has its own line");
static_assert(offsetof(LimitsHeader, full) == 128, "the counter has its own line");
static_assert(sizeof(LimitsHeader) == 192, "three lines");

constexpr uint64_t limits_bytes(uint32_t entries) { return sizeof(LimitsHeader) + uint64_t{entries} * 16; }

struct FleetHeader {
  ObjectHeader object;

  uint64_t size;
  uint64_t lifetime;    // 0: the fleet stays until it is removed; 1: it ends with its last member
  uint64_t subjectKey;  // random; the secret half of the key for hashes of subjects. The other half is the fleetId.
  uint64_t bootId;      // of the host, when the fleet was made; 0: unknown
  uint64_t reserved[4];

  uint64_t kinds[4];
  uint64_t usedNodes;  // no node from here on was ever held. Members take the lowest free one, so it stays small
  uint64_t reservedKinds[3];

  KindName names[kNamedKinds];
};
static_assert(offsetof(FleetHeader, size) == 64, "what the creator chose has its own line");
static_assert(offsetof(FleetHeader, kinds) == 128, "kinds has its own line");
static_assert(offsetof(FleetHeader, names) == 192, "names begin on a line");
static_assert(sizeof(FleetHeader) == 5376, "84 lines");

// One heartbeat of a node.
struct Beat {
  uint64_t unixMs;       // for people
  uint64_t monotonicMs;  // CLOCK_MONOTONIC: the age of the beat is computed from it
  uint64_t loopDelayUs;  // how late its timer fired
  uint8_t status[kStatusBytes];
};
static_assert(sizeof(Beat) == 88, "whole words");

enum Joined : uint64_t {
  kNotJoined = 0,  // free, or being joined
  kIsJoined = 1,   // from the end of join to close; remains after a death
  kSettling = 2,   // its member died, and the next one settles what it left
};

struct NodeRecord {
  uint64_t incarnation;  // how many members have held this node; 0: none yet
  uint64_t joined;       // Joined
  uint64_t pid;
  uint64_t startedAtMs;  // Unix time at which the process (or worker thread) began
  uint64_t joinedAtMs;   // Unix time
  uint8_t label[kLabelBytes];

  uint64_t beatCount;  // beats that this member has made; the last whole one is beats[beatCount % 2] (beat.h)
  Beat beats[2];
};
static_assert(offsetof(NodeRecord, joined) < 64 && offsetof(NodeRecord, beatCount) >= 64,
              "a beat does not write the line by which other processes tell whether the node lives");
static_assert(sizeof(NodeRecord) == 256, "four lines per node");

// Offsets inside a ring or table object, each derived from the one before.
struct RingOffsets {
  uint64_t sleepers, slots, entries, spares, chunks, schema, end;
};

constexpr uint32_t spare_count(uint32_t fleetSize) { return fleetSize / 4 > 4 ? fleetSize / 4 : 4; }
constexpr uint64_t chunk_count(uint32_t capacity, uint32_t fleetSize) {
  return uint64_t{capacity} + fleetSize + spare_count(fleetSize);
}
constexpr uint64_t stride_bytes(uint32_t payloadBytes) { return align_line(sizeof(ChunkHeader) + payloadBytes); }

// The room for the text of the pod in a new ring; `schemaBytes` is its length then.
constexpr uint32_t schema_room(uint32_t schemaBytes) {
  return schemaBytes == 0 ? 0 : static_cast<uint32_t>(align_line(uint64_t{schemaBytes} + kSchemaSlack));
}
constexpr uint32_t kMaxSchemaRoom = schema_room(kMaxSchemaBytes);

constexpr RingOffsets ring_offsets(uint32_t capacity, uint32_t payloadBytes, uint32_t fleetSize,
                                   uint32_t schemaRoom = 0) {
  RingOffsets at{};
  at.sleepers = sizeof(RingHeader);
  at.slots = at.sleepers + align_line((uint64_t{fleetSize} + 63) / 64 * 8);
  at.entries = at.slots + align_line(uint64_t{capacity} * 8);
  at.spares = at.entries + uint64_t{fleetSize} * sizeof(NodeEntry);
  at.chunks = at.spares + align_line(uint64_t{spare_count(fleetSize)} * 8);
  at.schema = at.chunks + chunk_count(capacity, fleetSize) * stride_bytes(payloadBytes);
  at.end = at.schema + schemaRoom;
  return at;
}

constexpr uint64_t fleet_bytes(uint32_t size) { return sizeof(FleetHeader) + uint64_t{size} * sizeof(NodeRecord); }

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "shared numbers are little-endian");
static_assert(__atomic_always_lock_free(sizeof(uint64_t), nullptr), "shared words must be lock-free");

}  // namespace orbit
