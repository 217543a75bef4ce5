// ring.h on plain memory, one thread: geometry, publish, read, head, and what a racing or lying peer can do to them.
//
// A race is arranged, never awaited: peer.h lets the peer publish in the middle of the call under test.
#include "protocol/ring.h"

#include <sys/mman.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "check.h"
#include "peer.h"
#include "protocol/settle.h"

using namespace orbit;

namespace {

uint64_t g_seed = 1;

RingSpec spec_of(uint32_t capacity, uint32_t payloadBytes = 64, uint32_t fleetSize = 4) {
  RingSpec spec;
  spec.typeKind = 12;
  spec.capacity = capacity;
  spec.payloadBytes = payloadBytes;
  spec.fleetSize = fleetSize;
  spec.fingerprint = 0x1122334455667788;
  spec.fleetId = 77;
  memcpy(spec.typeName, "Load", 4);
  return spec;
}

// A formatted ring in private memory, with guard bytes behind it.
struct PlainRing {
  static constexpr uint64_t kGuardBytes = 256;
  uint64_t bytes;
  std::unique_ptr<uint8_t, Free> base;
  Ring ring;

  explicit PlainRing(const RingSpec& spec) : bytes(ring_bytes(spec)) {
    base.reset(static_cast<uint8_t*>(aligned_alloc(64, align_line(bytes + kGuardBytes))));
    memset(base.get(), 0, bytes);
    memset(base.get() + bytes, 0xa5, kGuardBytes);
    format_ring(base.get(), spec, 1700000000000);
    CHECK(attach_ring(base.get(), bytes, &ring) == AttachStatus::kOk);
  }
  ~PlainRing() {
    for (uint64_t i = 0; i < kGuardBytes; i++) CHECK_EQUAL(base.get()[bytes + i], 0xa5);
  }
  Writer writer(uint32_t node) const {
    Writer writer;
    CHECK(become_writer(ring, node, &writer) == RingStatus::kOk);
    return writer;
  }
};

// Makes the ring look as if `head` frames had been published: each slot holds its newest position below the head.
void preset_head(const Ring& ring, uint64_t head) {
  uint64_t capacity = uint64_t{ring.mask} + 1;
  for (uint64_t slot = 0; slot < capacity; slot++) {
    uint64_t chunk = chunk_in(ring.slots[slot]);
    uint64_t laps = head / capacity + (head % capacity > slot ? 1 : 0);
    ring.slots[slot] = slot_word(laps, chunk);
    if (laps > 0) {
      ChunkHeader* header = chunk_at(ring, static_cast<uint32_t>(chunk));
      header->id = make_id(ring.spec.typeKind, 0, position_in(ring, laps, slot));
      header->length = 0;
    }
  }
  ring.header->hint = head;
}

uint64_t publish_number(Writer* writer, uint64_t number) {
  uint64_t position = ~uint64_t{0};
  CHECK(publish(writer, &number, sizeof number, 7, number * 3, &position) == RingStatus::kOk);
  return position;
}

void check_number(const Ring& ring, uint64_t position, uint32_t node, uint64_t number) {
  Frame frame{};
  std::vector<uint8_t> payload(ring.spec.payloadBytes + 1);
  CHECK(read_frame(ring, position, &frame, payload.data()) == RingStatus::kOk);
  uint64_t value;
  memcpy(&value, payload.data(), sizeof value);
  CHECK_EQUAL(value, number);
  CHECK_EQUAL(frame.position, position);
  CHECK_EQUAL(frame.version, number * 3);
  CHECK_EQUAL(frame.frameKind, 7);
  CHECK_EQUAL(frame.length, sizeof number);
  CHECK_EQUAL(frame.node, node);
}

RingStatus status_at(const Ring& ring, uint64_t position) {
  Frame frame;
  std::vector<uint8_t> payload(ring.spec.payloadBytes + 1);
  return read_frame(ring, position, &frame, payload.data());
}

// I1: every chunk is in exactly one slot, hand or spare, but for the burned ones.
void check_permutation(const Ring& ring) {
  std::vector<uint32_t> places(ring.chunkCount);
  auto count = [&](uint64_t chunk) {
    CHECK(chunk < ring.chunkCount);
    places[chunk]++;
  };
  for (uint32_t i = 0; i <= ring.mask; i++) count(chunk_in(ring.slots[i]));
  for (uint32_t node = 0; node < ring.spec.fleetSize; node++) count(ring.entries[node].hand);
  for (uint64_t i = ring.header->sparesTaken; i < ring.spareCount; i++) count(ring.spares[i]);
  uint64_t missing = 0;
  for (uint32_t times : places) {
    CHECK(times <= 1);
    missing += 1 - times;
  }
  CHECK_EQUAL(missing, ring.header->burned);
}

// ---- a peer that acts in the middle of a call ----------------------------------------------------------------------

// A ring whose entries fill one page of their own, so that a publisher can be stopped between loading the slot and
// swapping it (step 5); and one page of private memory, so that a reader can be stopped inside its copy.
struct PagedRing {
  uint8_t* mapping;
  uint64_t mappingBytes;
  uint8_t* entriesPage;
  uint8_t* privatePage;
  Ring ring;

  explicit PagedRing(uint32_t capacity) {
    uint32_t nodes = static_cast<uint32_t>(page_bytes() / sizeof(NodeEntry));
    RingSpec spec = spec_of(capacity, 64, nodes);
    spec.fingerprint = 0;  // nothing behind the chunks
    RingOffsets at = ring_offsets(spec.capacity, spec.payloadBytes, spec.fleetSize);
    uint64_t lead = (at.entries + page_bytes() - 1) / page_bytes() * page_bytes();
    mappingBytes = (lead + at.end + 3 * page_bytes()) / page_bytes() * page_bytes();
    void* pages = mmap(nullptr, mappingBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED);
    mapping = static_cast<uint8_t*>(pages);
    entriesPage = mapping + lead;
    privatePage = mapping + mappingBytes - page_bytes();
    format_ring(entriesPage - at.entries, spec, 0);
    CHECK(attach_ring(entriesPage - at.entries, at.end, &ring) == AttachStatus::kOk);
    CHECK(reinterpret_cast<uint8_t*>(ring.entries) == entriesPage);
  }
  ~PagedRing() { munmap(mapping, mappingBytes); }
  Writer writer(uint32_t node) const {
    Writer writer;
    CHECK(become_writer(ring, node, &writer) == RingStatus::kOk);
    return writer;
  }
};

// ---- geometry ------------------------------------------------------------------------------------------------------

void every_shared_byte_stays_where_version_2_put_it() {
  RingOffsets small = ring_offsets(4, 64, 2), usual = ring_offsets(1024, 256, 16), wide = ring_offsets(1, 0, 65536);
  struct {
    const char* name;
    uint64_t actual, expected;
  } table[] = {
      {"magic", kMagic, 0x314a4e544942524f},
      {"version", kLayoutVersion, 2},
      {"kFleetObject", kFleetObject, 1},
      {"kRingObject", kRingObject, 2},
      {"kTableObject", kTableObject, 3},
      {"ObjectHeader.magic", offsetof(ObjectHeader, magic), 0},
      {"ObjectHeader.layoutVersion", offsetof(ObjectHeader, layoutVersion), 8},
      {"ObjectHeader.objectType", offsetof(ObjectHeader, objectType), 12},
      {"ObjectHeader.objectBytes", offsetof(ObjectHeader, objectBytes), 16},
      {"ObjectHeader.createdAtMs", offsetof(ObjectHeader, createdAtMs), 24},
      {"ObjectHeader.fleetId", offsetof(ObjectHeader, fleetId), 32},
      {"ObjectHeader.retired", offsetof(ObjectHeader, retired), 40},
      {"RingHeader.typeKind", offsetof(RingHeader, typeKind), 64},
      {"RingHeader.capacity", offsetof(RingHeader, capacity), 72},
      {"RingHeader.payloadBytes", offsetof(RingHeader, payloadBytes), 80},
      {"RingHeader.strideBytes", offsetof(RingHeader, strideBytes), 88},
      {"RingHeader.fleetSize", offsetof(RingHeader, fleetSize), 96},
      {"RingHeader.spareCount", offsetof(RingHeader, spareCount), 104},
      {"RingHeader.fingerprint", offsetof(RingHeader, fingerprint), 112},
      {"RingHeader.schemaBytes", offsetof(RingHeader, schemaBytes), 120},
      {"RingHeader.typeName", offsetof(RingHeader, typeName), 128},
      {"RingHeader.hint", offsetof(RingHeader, hint), 192},
      {"RingHeader.tokens", offsetof(RingHeader, tokens), 200},
      {"RingHeader.floor", offsetof(RingHeader, floor), 256},
      {"RingHeader.sleeperGroups", offsetof(RingHeader, sleeperGroups), 320},
      {"RingHeader.sparesTaken", offsetof(RingHeader, sparesTaken), 384},
      {"RingHeader.burned", offsetof(RingHeader, burned), 392},
      {"RingHeader.refused", offsetof(RingHeader, refused), 400},
      {"RingHeader.missedWakes", offsetof(RingHeader, missedWakes), 408},
      {"RingHeader", sizeof(RingHeader), 448},
      {"NodeEntry.hand", offsetof(NodeEntry, hand), 0},
      {"NodeEntry.intentChunk", offsetof(NodeEntry, intentChunk), 8},
      {"NodeEntry.intentPosition", offsetof(NodeEntry, intentPosition), 16},
      {"NodeEntry.latestCount", offsetof(NodeEntry, latestCount), 32},
      {"NodeEntry.arm", offsetof(NodeEntry, arm), 24},
      {"NodeEntry.cacheHits", offsetof(NodeEntry, cacheHits), 40},
      {"NodeEntry.cacheMisses", offsetof(NodeEntry, cacheMisses), 48},
      {"NodeEntry", sizeof(NodeEntry), 64},
      {"LatestHeader.position", offsetof(LatestHeader, position), 0},
      {"LatestHeader.incarnation", offsetof(LatestHeader, incarnation), 8},
      {"LatestHeader.length", offsetof(LatestHeader, length), 16},
      {"ChunkHeader.id", offsetof(ChunkHeader, id), 0},
      {"ChunkHeader.version", offsetof(ChunkHeader, version), 8},
      {"ChunkHeader.length", offsetof(ChunkHeader, length), 16},
      {"ChunkHeader.frameKind", offsetof(ChunkHeader, frameKind), 20},
      {"ChunkHeader", sizeof(ChunkHeader), 24},
      {"ClaimHeader.token", offsetof(ClaimHeader, token), 0},
      {"ClaimHeader.expiresAtMs", offsetof(ClaimHeader, expiresAtMs), 8},
      {"ClaimHeader.claimedAtMs", offsetof(ClaimHeader, claimedAtMs), 16},
      {"ClaimHeader.incarnation", offsetof(ClaimHeader, incarnation), 24},
      {"ClaimHeader.node", offsetof(ClaimHeader, node), 32},
      {"ClaimHeader.subjectKind", offsetof(ClaimHeader, subjectKind), 36},
      {"ClaimHeader.subjectBytes", offsetof(ClaimHeader, subjectBytes), 37},
      {"ClaimHeader.ownerBytes", offsetof(ClaimHeader, ownerBytes), 38},
      {"ClaimHeader", sizeof(ClaimHeader), 40},
      {"claim_bytes(0, 0)", claim_bytes(0, 0), 40},
      {"claim_bytes(1, 8)", claim_bytes(1, 8), 56},
      {"kMaxClaimBytes", kMaxClaimBytes, 232},
      {"kCardBytes", kCardBytes, 2784},
      {"FleetHeader.size", offsetof(FleetHeader, size), 64},
      {"FleetHeader.lifetime", offsetof(FleetHeader, lifetime), 72},
      {"FleetHeader.subjectKey", offsetof(FleetHeader, subjectKey), 80},
      {"FleetHeader.kinds", offsetof(FleetHeader, kinds), 128},
      {"FleetHeader", sizeof(FleetHeader), 5376},
      {"NodeRecord.incarnation", offsetof(NodeRecord, incarnation), 0},
      {"NodeRecord.joined", offsetof(NodeRecord, joined), 8},
      {"NodeRecord.pid", offsetof(NodeRecord, pid), 16},
      {"NodeRecord.startedAtMs", offsetof(NodeRecord, startedAtMs), 24},
      {"NodeRecord.joinedAtMs", offsetof(NodeRecord, joinedAtMs), 32},
      {"NodeRecord.label", offsetof(NodeRecord, label), 40},
      {"NodeRecord.beatCount", offsetof(NodeRecord, beatCount), 72},
      {"NodeRecord.beats", offsetof(NodeRecord, beats), 80},
      {"NodeRecord", sizeof(NodeRecord), 256},
      {"Beat.unixMs", offsetof(Beat, unixMs), 0},
      {"Beat.monotonicMs", offsetof(Beat, monotonicMs), 8},
      {"Beat.loopDelayUs", offsetof(Beat, loopDelayUs), 16},
      {"Beat.status", offsetof(Beat, status), 24},
      {"Beat", sizeof(Beat), 88},
      {"small.sleepers", small.sleepers, 448},
      {"small.slots", small.slots, 512},
      {"small.entries", small.entries, 576},
      {"small.spares", small.spares, 704},
      {"small.chunks", small.chunks, 768},
      {"small.end", small.end, 2048},
      {"usual.slots", usual.slots, 512},
      {"usual.entries", usual.entries, 8704},
      {"usual.spares", usual.spares, 9728},
      {"usual.chunks", usual.chunks, 9792},
      {"usual.end", usual.end, 343872},
      {"wide.slots", wide.slots, 8640},
      {"wide.entries", wide.entries, 8704},
      {"wide.spares", wide.spares, 4203008},
      {"wide.chunks", wide.chunks, 4334080},
      {"wide.end", wide.end, 9577024},
      {"fleet_bytes(16)", fleet_bytes(16), 9472},
  };
  for (auto& row : table) {
    if (row.actual != row.expected) fprintf(stderr, "%s moved\n", row.name);
    CHECK_EQUAL(row.actual, row.expected);
  }
}

void a_spec_outside_the_limits_is_refused() {
  struct {
    uint32_t typeKind, capacity, payloadBytes, fleetSize;
    bool valid;
  } table[] = {
      {0, 1, 0, 1, true},
      {255, 1024, 256, 16, true},
      {256, 1024, 256, 16, false},
      {1, 0, 256, 16, false},
      {1, 3, 256, 16, false},
      {1, 1000, 256, 16, false},
      {1, kMaxCapacity, 256, 16, true},
      {1, kMaxCapacity * 2, 256, 16, false},
      {1, 1u << 31, 256, 16, false},
      {1, 1024, kMaxPayloadBytes, 16, true},
      {1, 1024, kMaxPayloadBytes + 1, 16, false},
      {1, 1024, ~0u, 16, false},
      {1, 1024, 256, 0, false},
      {1, 1024, 256, kMaxFleetSize, true},
      {1, kMaxCapacity, 0, kMaxFleetSize, true},
      {1, 1024, 256, kMaxFleetSize + 1, false},
      {1, 1024, 256, ~0u, false},
  };
  for (auto& row : table) {
    CHECK_EQUAL(valid_spec(spec_of(row.capacity, row.payloadBytes, row.fleetSize)) && row.typeKind <= 255, row.valid);
    RingSpec spec = spec_of(row.capacity, row.payloadBytes, row.fleetSize);
    spec.typeKind = row.typeKind;
    CHECK_EQUAL(valid_spec(spec), row.valid);
  }
}

void attach_finds_the_spec_of_the_creator() {
  PlainRing plain(spec_of(8, 100, 3));
  CHECK_EQUAL(plain.ring.spec.typeKind, 12);
  CHECK_EQUAL(plain.ring.spec.capacity, 8);
  CHECK_EQUAL(plain.ring.spec.payloadBytes, 100);
  CHECK_EQUAL(plain.ring.spec.fleetSize, 3);
  CHECK_EQUAL(plain.ring.spec.fingerprint, 0x1122334455667788);
  CHECK_EQUAL(plain.ring.spec.fleetId, 77);
  CHECK(strcmp(plain.ring.spec.typeName, "Load") == 0);
  CHECK_EQUAL(plain.ring.stride, 128);
  CHECK_EQUAL(plain.ring.chunkCount, 8 + 3 + 4);
  check_permutation(plain.ring);
}

void the_schema_is_behind_the_chunks() {
  const char text[] = "{\"busy\":u32";
  RingSpec spec = spec_of(8, 100, 3);
  spec.schemaBytes = sizeof text - 1;
  spec.schemaRoom = schema_room(spec.schemaBytes);
  spec.schema = text;
  PlainRing plain(spec);
  CHECK_EQUAL(spec.schemaRoom, 1088);
  CHECK_EQUAL(ring_bytes(spec), ring_bytes(spec_of(8, 100, 3)) + 1088);
  CHECK_EQUAL(plain.ring.spec.schemaBytes, sizeof text - 1);
  CHECK_EQUAL(plain.ring.spec.schemaRoom, 1088);
  CHECK(memcmp(plain.ring.schema, text, sizeof text - 1) == 0);
  CHECK(reinterpret_cast<const uint8_t*>(plain.ring.schema) ==
        plain.ring.chunks + uint64_t{plain.ring.chunkCount} * plain.ring.stride);
  // An attacher stays within the object, regardless of the length that its header claims.
  for (uint32_t claimed : {0u, 64u, 1088u, 1089u, kMaxSchemaRoom, kMaxSchemaRoom + 1, ~0u}) {
    plain.ring.header->schemaBytes = claimed;
    Ring again;
    bool fits = claimed > 0 && claimed <= 1088;
    AttachStatus status = attach_ring(plain.ring.header, ring_bytes(spec), &again);
    CHECK(status == (fits ? AttachStatus::kOk : AttachStatus::kCorrupt));
  }
}

void attach_names_what_is_wrong_with_the_bytes() {
  using Change = std::function<void(RingHeader*)>;
  struct {
    const char* name;
    Change change;
    AttachStatus status;
  } table[] = {
      {"nothing", [](RingHeader*) {}, AttachStatus::kOk},
      {"no magic yet", [](RingHeader* h) { h->object.magic = 0; }, AttachStatus::kUnfinished},
      {"the Rust crate's magic", [](RingHeader* h) { h->object.magic = 0x3154494252; }, AttachStatus::kForeign},
      {"version 0", [](RingHeader* h) { h->object.layoutVersion = 0; }, AttachStatus::kOtherVersion},
      {"version 1", [](RingHeader* h) { h->object.layoutVersion = 1; }, AttachStatus::kOtherVersion},
      {"version 3", [](RingHeader* h) { h->object.layoutVersion = 3; }, AttachStatus::kOtherVersion},
      {"a fleet object", [](RingHeader* h) { h->object.objectType = kFleetObject; }, AttachStatus::kCorrupt},
      {"a table", [](RingHeader* h) { h->object.objectType = kTableObject; }, AttachStatus::kCorrupt},
      {"no type", [](RingHeader* h) { h->object.objectType = 0; }, AttachStatus::kCorrupt},
      {"another size", [](RingHeader* h) { h->object.objectBytes += 64; }, AttachStatus::kCorrupt},
      {"kind 256", [](RingHeader* h) { h->typeKind = 256; }, AttachStatus::kCorrupt},
      {"capacity 0", [](RingHeader* h) { h->capacity = 0; }, AttachStatus::kCorrupt},
      {"capacity 6", [](RingHeader* h) { h->capacity = 6; }, AttachStatus::kCorrupt},
      {"capacity 4", [](RingHeader* h) { h->capacity = 4; }, AttachStatus::kCorrupt},
      {"capacity 2^31", [](RingHeader* h) { h->capacity = 1u << 31; }, AttachStatus::kCorrupt},
      {"payload 2^32-1", [](RingHeader* h) { h->payloadBytes = ~0u; }, AttachStatus::kCorrupt},
      {"a larger payload", [](RingHeader* h) { h->payloadBytes += 64; }, AttachStatus::kCorrupt},
      {"another stride", [](RingHeader* h) { h->strideBytes += 64; }, AttachStatus::kCorrupt},
      {"no nodes", [](RingHeader* h) { h->fleetSize = 0; }, AttachStatus::kCorrupt},
      {"too many nodes", [](RingHeader* h) { h->fleetSize = kMaxFleetSize + 1; }, AttachStatus::kCorrupt},
      {"one node more", [](RingHeader* h) { h->fleetSize++; }, AttachStatus::kCorrupt},
      {"a kind over 32 bits", [](RingHeader* h) { h->typeKind |= uint64_t{1} << 32; }, AttachStatus::kCorrupt},
      {"a capacity over 32 bits", [](RingHeader* h) { h->capacity |= uint64_t{1} << 32; }, AttachStatus::kCorrupt},
      {"a payload over 32 bits", [](RingHeader* h) { h->payloadBytes |= uint64_t{1} << 32; }, AttachStatus::kCorrupt},
      {"a fleet over 32 bits", [](RingHeader* h) { h->fleetSize |= uint64_t{1} << 32; }, AttachStatus::kCorrupt},
      {"a schema over 32 bits", [](RingHeader* h) { h->schemaBytes |= uint64_t{1} << 32; }, AttachStatus::kCorrupt},
      {"other spares", [](RingHeader* h) { h->spareCount++; }, AttachStatus::kCorrupt},
  };
  for (auto& row : table) {
    PlainRing plain(spec_of(8));
    row.change(plain.ring.header);
    Ring ring;
    AttachStatus status = attach_ring(plain.base.get(), plain.bytes, &ring);
    if (status != row.status) fprintf(stderr, "with %s:\n", row.name);
    CHECK_EQUAL(status, row.status);
  }
}

void attach_to_empty_or_short_bytes_reads_nothing_behind_them() {
  Ring ring;
  CHECK(attach_ring(nullptr, 0, &ring) == AttachStatus::kCorrupt);
  PlainRing plain(spec_of(8));
  for (uint64_t length = 0; length < sizeof(RingHeader); length++) {
    // The address sanitizer watches the end of this copy.
    std::unique_ptr<uint8_t, Free> copy(static_cast<uint8_t*>(aligned_alloc(64, align_line(length + 1))));
    memcpy(copy.get(), plain.base.get(), length);
    CHECK(attach_ring(copy.get(), length, &ring) == AttachStatus::kCorrupt);
    if (length < sizeof(ObjectHeader)) continue;
    reinterpret_cast<ObjectHeader*>(copy.get())->objectBytes = length;
    CHECK(attach_ring(copy.get(), length, &ring) == AttachStatus::kCorrupt);
  }
  std::unique_ptr<uint8_t, Free> zeros(static_cast<uint8_t*>(aligned_alloc(64, 4096)));
  memset(zeros.get(), 0, 4096);
  CHECK(attach_ring(zeros.get(), 4096, &ring) == AttachStatus::kUnfinished);
}

// ---- publish and read ----------------------------------------------------------------------------------------------

void an_empty_ring_has_head_0_and_no_newest() {
  PlainRing plain(spec_of(4));
  Frame frame;
  uint8_t payload[64];
  CHECK_EQUAL(head_of(plain.ring), 0);
  CHECK(status_at(plain.ring, 0) == RingStatus::kNotYet);
  CHECK(read_newest(plain.ring, &frame, payload) == RingStatus::kNotYet);
  CHECK_EQUAL(position_of_counter(plain.ring, 0), kMaxPosition + 1);
}

void what_is_published_is_read_back_whole() {
  PlainRing plain(spec_of(4));
  Writer first = plain.writer(0), second = plain.writer(3);
  CHECK_EQUAL(publish_number(&first, 100), 0);
  CHECK_EQUAL(publish_number(&second, 101), 1);
  check_number(plain.ring, 0, 0, 100);
  check_number(plain.ring, 1, 3, 101);
  CHECK_EQUAL(head_of(plain.ring), 2);
  CHECK(status_at(plain.ring, 2) == RingStatus::kNotYet);
  check_permutation(plain.ring);
}

void a_copy_into_shared_words_is_whole_at_every_length_and_writes_nothing_behind_it() {
  constexpr size_t kMost = 3000;
  std::vector<uint8_t> source(kMost + 8), back(kMost + 8);
  for (size_t i = 0; i < source.size(); i++) source[i] = static_cast<uint8_t>(i * 31 + 7);
  std::vector<uint64_t> shared(kMost / 8 + 3);
  for (size_t length = 0; length <= kMost; length++) {
    for (size_t begin = 0; begin < 8; begin += 3) {  // the source may be unaligned
      std::fill(shared.begin(), shared.end(), ~uint64_t{0});
      copy_to_shared(shared.data() + 1, source.data() + begin, length);
      copy_from_shared(back.data(), shared.data() + 1, length);
      CHECK(memcmp(back.data(), source.data() + begin, length) == 0);
      CHECK(shared[0] == ~uint64_t{0} && shared[1 + (length + 7) / 8] == ~uint64_t{0});
    }
  }
}

void every_length_up_to_the_limit_survives() {
  for (uint32_t limit : {0u, 1u, 7u, 8u, 9u, 64u, 255u}) {
    PlainRing plain(spec_of(2, limit));
    Writer writer = plain.writer(1);
    Random random{g_seed};
    for (uint32_t length = 0; length <= limit; length++) {
      std::vector<uint8_t> sent(length), got(limit + 8, 0x5a);
      for (uint8_t& byte : sent) byte = static_cast<uint8_t>(random.next());
      uint64_t position;
      Frame frame;
      CHECK(publish(&writer, sent.data(), length, 255, ~uint64_t{0}, &position) == RingStatus::kOk);
      CHECK(read_newest(plain.ring, &frame, got.data()) == RingStatus::kOk);
      CHECK_EQUAL(frame.position, position);
      CHECK_EQUAL(frame.length, length);
      CHECK_EQUAL(frame.frameKind, 255);
      CHECK(frame.version == ~uint64_t{0});
      CHECK(length == 0 || memcmp(got.data(), sent.data(), length) == 0);
      for (size_t i = length; i < got.size(); i++) CHECK_EQUAL(got[i], 0x5a);  // nothing behind the frame's end
    }
  }
}

void capacity_4_and_6_writes_leave_2_to_5() {
  PlainRing plain(spec_of(4));
  Writer writer = plain.writer(2);
  for (uint64_t i = 0; i < 6; i++) CHECK_EQUAL(publish_number(&writer, i), i);
  for (uint64_t i = 0; i < 2; i++) CHECK(status_at(plain.ring, i) == RingStatus::kOverwritten);
  for (uint64_t i = 2; i < 6; i++) check_number(plain.ring, i, 2, i);
  CHECK(status_at(plain.ring, 6) == RingStatus::kNotYet);
  CHECK_EQUAL(oldest_of(plain.ring, head_of(plain.ring)), 2);
  check_permutation(plain.ring);
}

void capacities_1_and_2_hold_the_newest_frames() {
  for (uint32_t capacity : {1u, 2u}) {
    PlainRing plain(spec_of(capacity));
    Writer writers[] = {plain.writer(0), plain.writer(1), plain.writer(2)};
    for (uint64_t i = 0; i < 50; i++) {
      CHECK_EQUAL(publish_number(&writers[i % 3], i), i);
      CHECK_EQUAL(head_of(plain.ring), i + 1);
      for (uint64_t back = 0; back < capacity && back <= i; back++) {
        check_number(plain.ring, i - back, static_cast<uint32_t>((i - back) % 3), i - back);
      }
      if (i >= capacity) CHECK(status_at(plain.ring, i - capacity) == RingStatus::kOverwritten);
      check_permutation(plain.ring);
    }
  }
}

void newest_is_never_a_lap_old() {
  for (uint32_t capacity : {1u, 2u, 4u, 16u}) {
    PlainRing plain(spec_of(capacity));
    Writer writers[] = {plain.writer(0), plain.writer(1)};
    for (uint64_t i = 0; i < 5 * capacity; i++) {
      publish_number(&writers[i % 2], i);
      for (uint64_t hint : {uint64_t{0}, i, i + 1, i + 1 - i % capacity}) {
        plain.ring.header->hint = hint;
        Frame frame;
        uint64_t value[8];
        CHECK(read_newest(plain.ring, &frame, value) == RingStatus::kOk);
        CHECK_EQUAL(frame.position, i);
        CHECK_EQUAL(value[0], i);
      }
    }
  }
}

void a_payload_over_the_limit_is_refused_before_anything_is_reserved() {
  PlainRing plain(spec_of(4, 16));
  Writer writer = plain.writer(0);
  publish_number(&writer, 1);
  std::vector<uint8_t> before(plain.base.get(), plain.base.get() + plain.bytes);
  uint8_t payload[32] = {};
  uint64_t position = 99;
  CHECK(publish(&writer, payload, 17, 0, 0, &position) == RingStatus::kTooLarge);
  volatile uint32_t huge = ~0u;  // so that the compiler does not warn of what publish refuses
  CHECK(publish(&writer, payload, huge, 0, 0, &position) == RingStatus::kTooLarge);
  CHECK_EQUAL(position, 99);
  CHECK_EQUAL(plain.ring.header->refused, 2);
  plain.ring.header->refused = 0;
  CHECK(memcmp(before.data(), plain.base.get(), plain.bytes) == 0);  // no other byte moved
  CHECK(publish(&writer, payload, 16, 0, 0, &position) == RingStatus::kOk);
  CHECK_EQUAL(position, 1);
}

void a_zero_payload_ring_accepts_only_empty_frames() {
  PlainRing plain(spec_of(4, 0));
  Writer writer = plain.writer(0);
  uint64_t position;
  CHECK(publish(&writer, "x", 1, 0, 0, &position) == RingStatus::kTooLarge);
  CHECK(publish(&writer, nullptr, 0, 5, 6, &position) == RingStatus::kOk);
  Frame frame;
  CHECK(read_frame(plain.ring, position, &frame, nullptr) == RingStatus::kOk);
  CHECK_EQUAL(frame.length, 0);
  CHECK_EQUAL(frame.frameKind, 5);
  CHECK_EQUAL(frame.version, 6);
}

void after_a_reset_older_frames_are_overwritten_and_ids_go_on() {
  PlainRing plain(spec_of(4));
  CHECK_EQUAL(reset_ring(plain.ring), 0);
  Writer writer = plain.writer(0);
  for (uint64_t i = 0; i < 3; i++) publish_number(&writer, i);
  CHECK_EQUAL(reset_ring(plain.ring), 3);
  CHECK_EQUAL(reset_ring(plain.ring), 3);
  Frame frame;
  uint8_t payload[64];
  for (uint64_t i = 0; i < 3; i++) CHECK(status_at(plain.ring, i) == RingStatus::kOverwritten);
  CHECK(read_newest(plain.ring, &frame, payload) == RingStatus::kNotYet);
  CHECK_EQUAL(head_of(plain.ring), 3);
  CHECK_EQUAL(oldest_of(plain.ring, 3), 3);
  CHECK_EQUAL(publish_number(&writer, 3), 3);  // I6
  check_number(plain.ring, 3, 0, 3);
  CHECK_EQUAL(oldest_of(plain.ring, 4), 3);
  CHECK_EQUAL(position_of_counter(plain.ring, 1), 1);
}

void a_floor_that_cannot_be_is_corrected_by_the_next_reset() {
  PlainRing plain(spec_of(4));
  Writer writer = plain.writer(0);
  publish_number(&writer, 0);
  plain.ring.header->floor = ~uint64_t{0};
  CHECK_EQUAL(oldest_of(plain.ring, 1), 1);
  CHECK_EQUAL(reset_ring(plain.ring), 1);
  CHECK_EQUAL(publish_number(&writer, 1), 1);
  check_number(plain.ring, 1, 0, 1);
}

void a_retired_ring_refuses_to_publish_and_still_reads() {
  PlainRing plain(spec_of(4));
  Writer writer = plain.writer(0);
  publish_number(&writer, 9);
  plain.ring.header->object.retired = 1;
  uint64_t position = 99;
  CHECK(publish(&writer, nullptr, 0, 0, 0, &position) == RingStatus::kRetired);
  CHECK_EQUAL(position, 99);
  check_number(plain.ring, 0, 0, 9);
}

// ---- hints ---------------------------------------------------------------------------------------------------------

void no_hint_moves_the_head_or_leaves_a_gap() {
  Random random{g_seed};
  for (uint32_t capacity : {1u, 2u, 4u, 8u, 64u}) {
    for (uint64_t start : {uint64_t{0}, uint64_t{1}, uint64_t{capacity} - 1, uint64_t{capacity}, 3 * capacity + 1ul,
                           (uint64_t{1} << 40) - 2, (uint64_t{1} << 40) + 5}) {
      PlainRing plain(spec_of(capacity));
      preset_head(plain.ring, start);
      uint64_t head = start;
      for (int turn = 0; turn < 40; turn++) {
        uint64_t hints[] = {0,
                            1,
                            head - 1,
                            head,
                            head + 1,
                            head + 2,
                            head + capacity - 1,
                            head + capacity,
                            head + capacity + 1,
                            head + 1000 * capacity,
                            head - capacity,
                            head - capacity - 1,
                            kMaxPosition,
                            kMaxPosition + 1,
                            ~uint64_t{0},
                            random.next(),
                            random.below(head + 4 * capacity),
                            random.next() >> random.below(64)};
        for (uint64_t hint : hints) {
          plain.ring.header->hint = hint;
          CHECK_EQUAL(head_of(plain.ring), head);
          Writer writer = plain.writer(static_cast<uint32_t>(turn) % 4);  // one that knows nothing but the hint
          CHECK_EQUAL(publish_number(&writer, head), head);               // I3
          check_number(plain.ring, head, writer.node, head);
          head++;
        }
      }
      CHECK_EQUAL(plain.ring.header->refused, 0);
      check_permutation(plain.ring);
    }
  }
}

void a_writer_that_slept_for_laps_finds_the_head() {
  PlainRing plain(spec_of(4));
  Writer sleeper = plain.writer(0), busy = plain.writer(1);
  publish_number(&sleeper, 0);
  for (uint64_t i = 1; i < 100; i++) publish_number(&busy, i);
  for (uint64_t hint : {uint64_t{0}, uint64_t{1}, uint64_t{2}, uint64_t{50}, uint64_t{97}}) {
    plain.ring.header->hint = hint;
    uint64_t head = head_of(plain.ring);
    CHECK_EQUAL(publish_number(&sleeper, head), head);
    sleeper.next = 1;
  }
  check_permutation(plain.ring);
}

// ---- races ---------------------------------------------------------------------------------------------------------

void a_frame_overwritten_inside_the_copy_is_not_believed() {
  PagedRing paged(1);
  Writer writer = paged.writer(0), peer = paged.writer(1);
  publish_number(&writer, 1);
  Frame frame;
  RingStatus status = RingStatus::kOk;
  with_peer_at(
      paged.privatePage,
      [&] {
        publish_number(&peer, 2);  // takes the chunk that the reader is copying
        publish_number(&peer, 3);  // and writes other bytes into it
      },
      [&] { status = read_frame(paged.ring, 0, &frame, paged.privatePage); });
  CHECK(status == RingStatus::kOverwritten);
}

void newest_goes_on_to_the_frame_that_overtook_it() {
  PagedRing paged(1);
  Writer writer = paged.writer(0), peer = paged.writer(1);
  publish_number(&writer, 1);
  Frame frame;
  RingStatus status = RingStatus::kNotYet;
  with_peer_at(
      paged.privatePage, [&] { publish_number(&peer, 2); },
      [&] { status = read_newest(paged.ring, &frame, paged.privatePage); });
  CHECK(status == RingStatus::kOk);
  CHECK_EQUAL(frame.position, 1);
  CHECK_EQUAL(frame.node, 1);
}

void newest_ends_when_a_reset_overtakes_it() {
  PagedRing paged(1);
  Writer writer = paged.writer(0), peer = paged.writer(1);
  publish_number(&writer, 1);
  Frame frame;
  RingStatus status = RingStatus::kOk;
  with_peer_at(
      paged.privatePage,
      [&] {
        publish_number(&peer, 2);
        reset_ring(paged.ring);
      },
      [&] { status = read_newest(paged.ring, &frame, paged.privatePage); });
  CHECK(status == RingStatus::kNotYet);
}

void a_writer_overtaken_before_its_swap_takes_the_next_position() {
  for (uint32_t capacity : {1u, 2u, 4u}) {
    for (uint64_t overtaken = 1; overtaken < 4 * capacity; overtaken++) {
      PagedRing paged(capacity);
      Writer writer = paged.writer(0), peer = paged.writer(1);
      publish_number(&writer, 100);
      uint64_t position = 0;
      with_peer_at(
          paged.entriesPage,
          [&] {
            for (uint64_t i = 1; i <= overtaken; i++) CHECK_EQUAL(publish_number(&peer, i), i);
          },
          [&] { position = publish_number(&writer, 200); });
      CHECK_EQUAL(position, overtaken + 1);
      check_number(paged.ring, position, 0, 200);
      check_permutation(paged.ring);
      if (overtaken >= 1 && capacity > 1) check_number(paged.ring, overtaken, 1, overtaken);
    }
  }
}

// I4: two peers pass one chunk to and fro, until the slot holds the very chunk that the stopped writer saw there.
void a_chunk_that_came_back_to_its_slot_does_not_deceive_a_late_swap() {
  PagedRing paged(1);
  Writer writer = paged.writer(0), peer = paged.writer(1);
  publish_number(&writer, 0);
  uint32_t seen = chunk_in(paged.ring.slots[0]);
  uint64_t position = 0;
  with_peer_at(
      paged.entriesPage,
      [&] {
        publish_number(&peer, 1);
        publish_number(&peer, 2);
        CHECK_EQUAL(chunk_in(paged.ring.slots[0]), seen);
      },
      [&] { position = publish_number(&writer, 3); });
  CHECK_EQUAL(position, 3);
  check_number(paged.ring, 3, 0, 3);
  check_permutation(paged.ring);
}

void a_writer_stopped_while_filling_blocks_no_other() {
  PagedRing paged(4);
  Writer writer = paged.writer(0), peer = paged.writer(1);
  uint64_t position = 0;
  memset(paged.privatePage, 7, 64);
  with_peer_at(
      paged.privatePage,
      [&] {
        for (uint64_t i = 0; i < 10; i++) CHECK_EQUAL(publish_number(&peer, i), i);  // I5
        for (uint64_t i = 6; i < 10; i++) check_number(paged.ring, i, 1, i);
      },
      [&] { CHECK(publish(&writer, paged.privatePage, 64, 0, 0, &position) == RingStatus::kOk); });
  CHECK_EQUAL(position, 10);
  check_permutation(paged.ring);
}

// ---- the ends of the number line -----------------------------------------------------------------------------------

void positions_cross_2_to_the_40() {
  uint64_t edge = uint64_t{1} << kCounterBits;
  PlainRing plain(spec_of(8));
  preset_head(plain.ring, edge - 2);
  CHECK_EQUAL(head_of(plain.ring), edge - 2);
  Writer writer = plain.writer(0);
  for (uint64_t i = edge - 2; i < edge + 2; i++) CHECK_EQUAL(publish_number(&writer, i), i);
  for (uint64_t i = edge - 2; i < edge + 2; i++) {
    check_number(plain.ring, i, 0, i);
    CHECK_EQUAL(position_of_counter(plain.ring, i & kCounterMask), i);
  }
  CHECK_EQUAL(chunk_at(plain.ring, chunk_in(*slot_of(plain.ring, edge)))->id, make_id(12, 0, 0));
  CHECK_EQUAL(position_of_counter(plain.ring, 2), 2);  // held it once; 2^40 + 2 does not exist yet
  CHECK(status_at(plain.ring, 2) == RingStatus::kOverwritten);
}

void a_counter_never_published_has_no_position() {
  PlainRing plain(spec_of(4));
  Writer writer = plain.writer(0);
  for (uint64_t i = 0; i < 3; i++) publish_number(&writer, i);
  for (uint64_t i = 0; i < 3; i++) CHECK_EQUAL(position_of_counter(plain.ring, i), i);
  CHECK_EQUAL(position_of_counter(plain.ring, 3), kMaxPosition + 1);
  CHECK_EQUAL(position_of_counter(plain.ring, kCounterMask), kMaxPosition + 1);
}

void the_last_position_is_used_and_then_the_ring_is_exhausted() {
  struct {
    uint32_t capacity;
    uint64_t last;
  } table[] = {{1, kMaxLap - 1}, {2, 2 * kMaxLap - 1}, {256, 256 * kMaxLap - 1}, {1024, kMaxPosition}};
  for (auto& row : table) {
    PlainRing plain(spec_of(row.capacity));
    preset_head(plain.ring, row.last);
    Writer writer = plain.writer(0), other = plain.writer(1);
    CHECK_EQUAL(publish_number(&writer, 5), row.last);
    check_number(plain.ring, row.last, 0, 5);
    uint64_t position = 99;
    for (int turn = 0; turn < 3; turn++) {
      CHECK(publish(&writer, nullptr, 0, 0, 0, &position) == RingStatus::kExhausted);
      CHECK(publish(&other, nullptr, 0, 0, 0, &position) == RingStatus::kExhausted);
      plain.ring.header->hint = turn == 0 ? 0 : ~uint64_t{0};
    }
    CHECK_EQUAL(position, 99);
    CHECK_EQUAL(plain.ring.header->refused, 6);
    check_number(plain.ring, row.last, 0, 5);
    CHECK(status_at(plain.ring, row.last + 1) == RingStatus::kNotYet);
    CHECK(status_at(plain.ring, ~uint64_t{0}) == RingStatus::kNotYet);
    check_permutation(plain.ring);
  }
}

// ---- shared bytes that lie -----------------------------------------------------------------------------------------

void a_slot_that_names_no_chunk_is_corrupt_for_readers_and_writers() {
  for (uint32_t chunk : {4u + 4 + 4, 1000u, static_cast<uint32_t>(kChunkMask)}) {
    PlainRing plain(spec_of(4));
    Writer writer = plain.writer(0);
    publish_number(&writer, 0);
    plain.ring.slots[0] = slot_word(1, chunk);
    plain.ring.slots[1] = slot_word(0, chunk);
    CHECK(status_at(plain.ring, 0) == RingStatus::kCorrupt);
    uint64_t position = 99;
    CHECK(publish(&writer, nullptr, 0, 0, 0, &position) == RingStatus::kCorrupt);
    CHECK_EQUAL(position, 99);
    CHECK_EQUAL(plain.ring.header->refused, 1);
  }
}

void a_slot_that_holds_the_writers_own_hand_is_corrupt() {
  PlainRing plain(spec_of(4));
  Writer writer = plain.writer(0);
  plain.ring.slots[0] = slot_word(0, writer.hand);
  uint64_t position;
  CHECK(publish(&writer, nullptr, 0, 0, 0, &position) == RingStatus::kCorrupt);
}

void a_frame_that_contradicts_its_slot_is_corrupt() {
  using Change = std::function<void(ChunkHeader*)>;
  Change changes[] = {
      [](ChunkHeader* chunk) { chunk->length = 65; },
      [](ChunkHeader* chunk) { chunk->length = ~0u; },
      [](ChunkHeader* chunk) { chunk->id = make_id(12, 0, 5); },  // another position
      [](ChunkHeader* chunk) { chunk->id = make_id(13, 0, 1); },  // another KIND
      [](ChunkHeader* chunk) { chunk->id = make_id(12, 4, 1); },  // a node outside the fleet
      [](ChunkHeader* chunk) { chunk->id = 0; },
  };
  for (auto& change : changes) {
    PlainRing plain(spec_of(4));
    Writer writer = plain.writer(0);
    publish_number(&writer, 0);
    publish_number(&writer, 1);
    change(chunk_at(plain.ring, chunk_in(*slot_of(plain.ring, 1))));
    CHECK(status_at(plain.ring, 1) == RingStatus::kCorrupt);
    Frame frame;
    uint8_t payload[64];
    CHECK(read_newest(plain.ring, &frame, payload) == RingStatus::kCorrupt);
    check_number(plain.ring, 0, 0, 0);
    CHECK_EQUAL(publish_number(&writer, 2), 2);  // it does not spread
  }
}

void random_slots_end_every_call_with_some_status() {
  Random random{g_seed};
  for (int turn = 0; turn < 20000; turn++) {
    PlainRing plain(spec_of(1u << random.below(5)));
    Writer writer = plain.writer(0);
    for (uint32_t i = 0; i <= plain.ring.mask; i++) {
      if (random.below(2) == 0) {
        plain.ring.slots[i] = random.next();
      } else {
        plain.ring.slots[i] = slot_word(random.below(4), random.below(plain.ring.chunkCount));
      }
    }
    plain.ring.header->hint = random.below(2) == 0 ? random.next() : random.below(64);
    plain.ring.header->floor = random.below(2) == 0 ? random.next() : random.below(64);
    uint64_t position;
    Frame frame;
    uint8_t payload[64] = {};
    for (int call = 0; call < 4; call++) {
      publish(&writer, payload, 64, 0, 0, &position);
      head_of(plain.ring);
      read_newest(plain.ring, &frame, payload);
      read_frame(plain.ring, random.below(64), &frame, payload);
      position_of_counter(plain.ring, random.next());
      reset_ring(plain.ring);
    }
  }
}

const Test kTests[] = {
    TEST(every_shared_byte_stays_where_version_2_put_it),
    TEST(a_spec_outside_the_limits_is_refused),
    TEST(attach_finds_the_spec_of_the_creator),
    TEST(the_schema_is_behind_the_chunks),
    TEST(attach_names_what_is_wrong_with_the_bytes),
    TEST(attach_to_empty_or_short_bytes_reads_nothing_behind_them),
    TEST(an_empty_ring_has_head_0_and_no_newest),
    TEST(what_is_published_is_read_back_whole),
    TEST(every_length_up_to_the_limit_survives),
    TEST(a_copy_into_shared_words_is_whole_at_every_length_and_writes_nothing_behind_it),
    TEST(capacity_4_and_6_writes_leave_2_to_5),
    TEST(capacities_1_and_2_hold_the_newest_frames),
    TEST(newest_is_never_a_lap_old),
    TEST(a_payload_over_the_limit_is_refused_before_anything_is_reserved),
    TEST(a_zero_payload_ring_accepts_only_empty_frames),
    TEST(after_a_reset_older_frames_are_overwritten_and_ids_go_on),
    TEST(a_floor_that_cannot_be_is_corrected_by_the_next_reset),
    TEST(a_retired_ring_refuses_to_publish_and_still_reads),
    TEST(no_hint_moves_the_head_or_leaves_a_gap),
    TEST(a_writer_that_slept_for_laps_finds_the_head),
    TEST(a_frame_overwritten_inside_the_copy_is_not_believed),
    TEST(newest_goes_on_to_the_frame_that_overtook_it),
    TEST(newest_ends_when_a_reset_overtakes_it),
    TEST(a_writer_overtaken_before_its_swap_takes_the_next_position),
    TEST(a_chunk_that_came_back_to_its_slot_does_not_deceive_a_late_swap),
    TEST(a_writer_stopped_while_filling_blocks_no_other),
    TEST(positions_cross_2_to_the_40),
    TEST(a_counter_never_published_has_no_position),
    TEST(the_last_position_is_used_and_then_the_ring_is_exhausted),
    TEST(a_slot_that_names_no_chunk_is_corrupt_for_readers_and_writers),
    TEST(a_slot_that_holds_the_writers_own_hand_is_corrupt),
    TEST(a_frame_that_contradicts_its_slot_is_corrupt),
    TEST(random_slots_end_every_call_with_some_status),
};

}  // namespace

int main(int count, char** words) {
  g_seed = parse_options(count, words).seed;
  return run_tests("ring_test", kTests);
}
