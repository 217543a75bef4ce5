// Arbitrary bytes in a ring object: no crash, no access past its end, no endless loop, and kOk only for what fits.
//
// The input is a little program: which ring, then edits of shared words between calls, as a broken or hostile peer
// would make them. The object lies on the heap in its exact size, so that AddressSanitizer sees the first byte after
// it; so do payloads. An endless loop is found by the -timeout of libFuzzer, or by the alarm of fuzz_test.
#include <memory>
#include <vector>

#include "check.h"
#include "protocol/cursor.h"
#include "protocol/index.h"
#include "protocol/settle.h"
#include "protocol/table.h"
#include "protocol/topic.h"

namespace {

using namespace orbit;

constexpr uint32_t kKind = 3;
constexpr uint32_t kMostSteps = 200;      // of one input
constexpr uint64_t kConstantBytes = 192;  // object header, geometry and type name: no call may write there
constexpr uint32_t kCapacities[] = {1, 2, 4, 8, 64};
constexpr uint32_t kPayloadSizes[] = {0, 1, 8, 39, 40, 41, 200, kCardBytes};
constexpr uint32_t kFleetSizes[] = {1, 2, 5, 65};

// The input, zeros after its end.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  bool empty() const { return size_ == 0; }
  uint64_t take(size_t bytes) {
    uint64_t value = 0;
    size_t given = bytes < size_ ? bytes : size_;
    if (given > 0) memcpy(&value, data_, given);
    data_ += given;
    size_ -= given;
    return value;
  }
  template <size_t kCount>
  uint32_t pick(const uint32_t (&choices)[kCount]) {
    return choices[take(1) % kCount];
  }

 private:
  const uint8_t* data_;
  size_t size_;
};

struct Fuzzed {
  uint8_t* base = nullptr;
  uint64_t bytes = 0;
  Ring ring;
  uint8_t* payload = nullptr;  // exactly payloadBytes
  std::unique_ptr<CacheIndex> index;
  explicit Fuzzed(const RingSpec& spec) : bytes(ring_bytes(spec)) {
    base = static_cast<uint8_t*>(aligned_alloc(kCacheLineBytes, bytes));
    payload = static_cast<uint8_t*>(malloc(spec.payloadBytes > 0 ? spec.payloadBytes : 1));
    CHECK(base != nullptr && payload != nullptr);
    memset(base, 0x5a, bytes);
    memset(payload, 0, spec.payloadBytes > 0 ? spec.payloadBytes : 1);
    format_ring(base, spec, 1);
    CHECK(attach_ring(base, bytes, &ring) == AttachStatus::kOk);
  }
  ~Fuzzed() {
    free(base);
    free(payload);
  }
  Fuzzed(const Fuzzed&) = delete;
  Fuzzed& operator=(const Fuzzed&) = delete;
};

// ---- edits ---------------------------------------------------------------------------------------------------------

// Words near a limit find more than random ones.
uint64_t take_word(Input* input, const Ring& ring) {
  uint64_t small = input->take(1);
  switch (small % 9) {
    case 0:
      return small >> 3;
    case 1:
      return ~uint64_t{0} - (small >> 3);
    case 2:
      return kMaxPosition - 8 + (small >> 3);
    case 3:
      return slot_word(kMaxLap - (small >> 6), input->take(1) % ring.chunkCount);
    case 4:
      return slot_word(small >> 4, input->take(1) % ring.chunkCount);
    case 5:
      return ring.chunkCount - 2 + (small >> 5);
    case 6:
      return uint64_t{ring.spec.payloadBytes} - 2 + (small >> 5);
    case 7:
      return load_relaxed(&ring.slots[input->take(1) & ring.mask]);
    default:
      return input->take(8);
  }
}

uint64_t* take_place(Input* input, const Ring& ring, uint64_t bytes) {
  uint64_t region = input->take(1), index = input->take(2);
  NodeEntry* entry = &ring.entries[index % ring.spec.fleetSize];
  ChunkHeader* chunk = chunk_at(ring, static_cast<uint32_t>(index % ring.chunkCount));
  switch (region % 11) {
    case 0:
      return index % 2 == 0 ? &ring.header->hint : &ring.header->tokens;
    case 1:
      return &ring.header->floor;
    case 2:
      return &ring.header->sparesTaken + index % 3;
    case 3:
      return &ring.spares[index % ring.spareCount];
    case 4:
      return &entry->hand;
    case 5:
      return &entry->intentChunk;
    case 6:
      return &entry->intentPosition;
    case 7:
      return &chunk->id;
    case 8:
      return shape_of(chunk);
    case 9:
      return reinterpret_cast<uint64_t*>(ring.header) + (kConstantBytes + index * 8 % (bytes - kConstantBytes)) / 8;
    default:
      return &ring.slots[index & ring.mask];
  }
}

// ---- calls ---------------------------------------------------------------------------------------------------------

void read_one(const Fuzzed& fuzzed, uint64_t position) {
  Frame frame;
  if (read_frame(fuzzed.ring, position, &frame, fuzzed.payload) != RingStatus::kOk) return;
  CHECK(frame.length <= fuzzed.ring.spec.payloadBytes);
  CHECK(frame.node < fuzzed.ring.spec.fleetSize);
  CHECK_EQUAL(frame.position, position);
  CHECK(position >= floor_of(fuzzed.ring) && position <= kMaxPosition);
}

void read_many(const Fuzzed& fuzzed, Input* input) {
  const Ring& ring = fuzzed.ring;
  uint64_t head = head_of(ring), oldest = oldest_of(ring, head);
  CHECK(oldest <= head);
  for (uint64_t position = oldest; position < head; position++) read_one(fuzzed, position);
  for (uint64_t i = 0; i < 4; i++) read_one(fuzzed, head + i);
  read_one(fuzzed, take_word(input, ring));
  Frame frame;
  if (read_newest(ring, &frame, fuzzed.payload) == RingStatus::kOk) CHECK(frame.length <= ring.spec.payloadBytes);
  uint64_t position = position_of_counter(ring, take_word(input, ring));
  CHECK(position <= head || position == kMaxPosition + 1);
  read_one(fuzzed, position);
}

void poll_some(const Fuzzed& fuzzed, uint64_t position, bool isContinued) {
  auto room = [&](uint32_t bytes) {
    CHECK_EQUAL(bytes, fuzzed.ring.spec.payloadBytes);
    return fuzzed.payload;
  };
  auto account = [&](const Poll& poll) {
    CHECK(poll.count <= 100);
    CHECK(!isContinued || poll.lost == 0);
    CHECK_EQUAL(poll.to - poll.from, poll.lost + poll.count + poll.malformed + poll.skipped);
  };
  account(poll_frames(fuzzed.ring, position, 100, isContinued, room, [&](const Frame& frame) {
    CHECK(frame.length <= fuzzed.ring.spec.payloadBytes);
    return Verdict::kKeep;
  }));
  // Any bytes as events, any as a pattern.
  std::vector<uint8_t> bytes(fuzzed.payload, fuzzed.payload + fuzzed.ring.spec.payloadBytes / 2);
  TopicPattern pattern{bytes.data(), bytes.size()};
  account(poll_frames(fuzzed.ring, position, 100, isContinued, room,
                      [&](const Frame& frame) { return judge_event(pattern, fuzzed.payload, frame.length); }));
}

// What publish says it published is there, unless the floor was raised over it.
void publish_some(const Fuzzed& fuzzed, Input* input) {
  const Ring& ring = fuzzed.ring;
  Writer writer;
  if (become_writer(ring, static_cast<uint32_t>(input->take(2)) % ring.spec.fleetSize, &writer) != RingStatus::kOk) {
    return;
  }
  CHECK(writer.hand < ring.chunkCount);
  uint32_t length = static_cast<uint32_t>(input->take(1)) % (ring.spec.payloadBytes + 2);
  if (length <= ring.spec.payloadBytes) memset(fuzzed.payload, 0xa5, length);
  for (uint64_t left = input->take(1) % 16; left > 0; left--) {
    uint64_t position;
    RingStatus status = publish(&writer, fuzzed.payload, length, 1, left, &position);
    CHECK((status == RingStatus::kTooLarge) == (length > ring.spec.payloadBytes && !is_retired(ring)));
    if (status != RingStatus::kOk) return;
    CHECK(writer.hand < ring.chunkCount);
    Frame frame;
    RingStatus seen = read_frame(ring, position, &frame, fuzzed.payload);
    CHECK(seen == RingStatus::kOk || position < floor_of(ring));
    CHECK(seen != RingStatus::kOk || (frame.version == left && frame.length == length && frame.node == writer.node));
  }
}

// I1 for any bytes; a refusal changes nothing.
void audit_all(const Fuzzed& fuzzed) {
  const Ring& ring = fuzzed.ring;
  std::vector<uint8_t> before(fuzzed.base, fuzzed.base + fuzzed.bytes);
  std::vector<uint64_t> marks(audit_mark_words(ring.chunkCount));
  if (audit(ring, marks.data()) != RingStatus::kOk) {
    CHECK(memcmp(before.data(), fuzzed.base, fuzzed.bytes) == 0);
    return;
  }
  std::vector<bool> seen(ring.chunkCount);
  auto once = [&](uint64_t chunk) {
    CHECK(chunk < ring.chunkCount && !seen[chunk]);
    seen[chunk] = true;
  };
  for (uint32_t i = 0; i <= ring.mask; i++) once(chunk_in(ring.slots[i]));
  for (uint32_t node = 0; node < ring.spec.fleetSize; node++) once(ring.entries[node].hand);
  for (uint32_t i = 0; i < ring.spareCount; i++) once(ring.spares[i]);
}

// ---- the same bytes as a table -------------------------------------------------------------------------------------

void check_claim(const Fuzzed& fuzzed, const Claim& claim) {
  CHECK(claim.node < fuzzed.ring.spec.fleetSize);
  CHECK(claim.subjectBytes <= kMaxSubjectBytes && claim.ownerBytes <= kMaxOwnerBytes);
  CHECK(claim.token >= 1);
}

// For any bytes, a claim that was granted can be found, renewed and released, once.
void claim_some(const Fuzzed& fuzzed, Input* input) {
  const Ring& ring = fuzzed.ring;
  Writer writer;
  if (become_writer(ring, static_cast<uint32_t>(input->take(2)) % ring.spec.fleetSize, &writer) != RingStatus::kOk) {
    return;
  }
  const uint8_t bytes[kMaxSubjectBytes + 2] = {};
  auto lives = [](uint32_t node, uint64_t) { return node % 2 == 0; };
  for (uint64_t left = input->take(1) % 16; left > 0; left--) {
    uint64_t length = input->take(1), nowMs = input->take(1);
    uint32_t subjectBytes = static_cast<uint32_t>(length % (length % 3 == 0 ? sizeof bytes : 4));
    Subject subject = {bytes, subjectBytes, static_cast<uint8_t>(left % 2)};
    Claim claim;
    uint64_t stamp;
    Request request = {subject, bytes, static_cast<uint32_t>(length % (kMaxOwnerBytes + 2)), left, nowMs, left, 100};
    TableStatus status = claim_subject(&writer, request, lives, &claim, &stamp);
    CHECK((status == TableStatus::kDone) <= (claim_bytes(subjectBytes, request.ownerBytes) <= ring.spec.payloadBytes));
    if (status == TableStatus::kYield) check_claim(fuzzed, claim);
    if (status != TableStatus::kDone) continue;
    check_claim(fuzzed, claim);
    uint64_t token = claim.token;
    CHECK(token <= kMaxToken && claim.node == writer.node && writer.hand < ring.chunkCount);
    CHECK(find_holder(ring, subject, nowMs, lives, &claim, &stamp) ==
          (writer.node % 2 == 0 ? TableStatus::kDone : TableStatus::kNone));
    if (length % 2 == 0) continue;
    status = renew_claim(&writer, subject, token, nowMs + 200, nowMs);
    CHECK(status == TableStatus::kDone || status == TableStatus::kExhausted || status == TableStatus::kCorrupt);
    if (status == TableStatus::kDone && release_claim(&writer, subject, token, nowMs) == TableStatus::kDone) {
      CHECK(release_claim(&writer, subject, token, nowMs) == TableStatus::kNone);
    }
  }
}

void look_around(const Fuzzed& fuzzed, uint64_t nowMs) {
  uint64_t most = (uint64_t{fuzzed.ring.mask} + 1) * (kCardBytes / sizeof(ClaimHeader)), seen = 0;
  auto lives = [](uint32_t node, uint64_t) { return node % 2 == 0; };
  TableStatus status = for_each_claim(fuzzed.ring, nowMs, lives, [&](const Claim& claim) {
    check_claim(fuzzed, claim);
    seen++;
  });
  CHECK(seen <= most && (status == TableStatus::kDone || status == TableStatus::kCorrupt));
}

// One byte of a card's first claims: most random words are no claim at all.
void edit_claim(const Fuzzed& fuzzed, Input* input) {
  const Ring& ring = fuzzed.ring;
  uint32_t card = chunk_in(ring.slots[input->take(1) & ring.mask]) % ring.chunkCount;
  uint64_t bytes = ring.stride - sizeof(ChunkHeader);
  uint8_t* first = reinterpret_cast<uint8_t*>(payload_at(chunk_at(ring, card)));
  first[input->take(1) % (bytes < 128 ? bytes : 128)] = static_cast<uint8_t>(input->take(1));
}

// ---- and as a cache
// --------------------------------------------------------------------------------------------------

// A frame of the cache, which the input may have bent.
void put_some(const Fuzzed& fuzzed, Input* input) {
  Writer writer;
  if (become_writer(fuzzed.ring, static_cast<uint32_t>(input->take(1)) % fuzzed.ring.spec.fleetSize, &writer) !=
      RingStatus::kOk) {
    return;
  }
  uint64_t shape = input->take(1);
  CacheHeader header{static_cast<uint8_t>(shape % 4), static_cast<uint8_t>(shape / 4 % 3),
                     static_cast<uint16_t>(shape / 12 % 4), static_cast<uint32_t>(shape / 48)};
  uint32_t length = 8 + (header.namespaceBytes + header.keyBytes > 0 ? 8 : 0) + header.valueBytes;
  if (input->take(1) % 8 == 0) header.valueBytes = static_cast<uint32_t>(input->take(4));
  if (length > fuzzed.ring.spec.payloadBytes) return;
  memset(fuzzed.payload, 'k', length);
  memcpy(fuzzed.payload, &header, sizeof header);
  uint64_t position;
  publish(&writer, fuzzed.payload, length, header.op, input->take(1) % 4, &position);
}

// One index lives through all edits; another is new. A value may fill what the key leaves of a frame, and no more.
void look_up_some(const Fuzzed& fuzzed, Input* input) {
  uint64_t seed = input->take(1);
  CacheIndex fresh(fuzzed.ring, seed);
  for (uint32_t keyBytes = 0; keyBytes <= 5; keyBytes++) {
    CacheKey key{reinterpret_cast<const uint8_t*>("kkkkk"), keyBytes / 3, keyBytes - keyBytes / 3};
    uint64_t before = sizeof(CacheHeader) + padded(key.length()), payloadBytes = fuzzed.ring.spec.payloadBytes;
    uint64_t room = before < payloadBytes ? payloadBytes - before : 0;
    std::unique_ptr<uint8_t[]> value(new uint8_t[room]);
    for (CacheIndex* index : {fuzzed.index.get(), &fresh}) {
      CacheAnswer answer;
      CacheStatus status = index->find(
          key, keyBytes == 2 ? seed : kNoPosition, [] { return 2; }, value.get(), &answer);
      CHECK(status != CacheStatus::kHit || answer.valueBytes <= room);
      CHECK(!answer.isDecided || answer.position <= kMaxPosition);
    }
  }
}

void call_one(const Fuzzed& fuzzed, uint64_t which, Input* input) {
  switch (which % 11) {
    case 6:
      return claim_some(fuzzed, input);
    case 7:
      return look_around(fuzzed, input->take(1));
    case 8:
      return edit_claim(fuzzed, input);
    case 9:
      return put_some(fuzzed, input);
    case 10:
      return look_up_some(fuzzed, input);
    case 0:
      return read_many(fuzzed, input);
    case 1:
      return publish_some(fuzzed, input);
    case 2:
      return poll_some(fuzzed, take_word(input, fuzzed.ring), input->take(1) % 2 != 0);
    case 3:
      return audit_all(fuzzed);
    case 4:
      reset_ring(fuzzed.ring);
      return;
    default:
      uint32_t hand;
      if (settle(fuzzed.ring, static_cast<uint32_t>(input->take(2)) % fuzzed.ring.spec.fleetSize, &hand) ==
          RingStatus::kOk) {
        CHECK(hand < fuzzed.ring.chunkCount);
      }
  }
}

// Edits of everything that attach reads; only an object whose geometry fits its length may pass.
void attach_edited(Fuzzed* fuzzed, Input* input) {
  for (uint64_t edits = 1 + input->take(1) % 4; edits > 0; edits--) {
    uint64_t at = input->take(1) % kConstantBytes;
    uint64_t word = take_word(input, fuzzed->ring);
    memcpy(fuzzed->base + at, &word, 1 + input->take(1) % 8);
  }
  uint64_t length = input->take(1) % 4 == 0 ? input->take(2) % (fuzzed->bytes + 1) : fuzzed->bytes;
  uint8_t* exact = static_cast<uint8_t*>(malloc(length));
  CHECK(exact != nullptr);
  memcpy(exact, fuzzed->base, length);
  Ring ring;
  if (attach_slots(exact, length, &ring) == AttachStatus::kOk) {
    CHECK_EQUAL(length, fuzzed->bytes);
    CHECK_EQUAL(ring_bytes(ring.spec), length);
    CHECK(attach_slots(fuzzed->base, length, &fuzzed->ring) == AttachStatus::kOk);
    free(fuzzed->payload);
    fuzzed->payload = static_cast<uint8_t*>(calloc(1, ring.spec.payloadBytes + 1));
  }
  free(exact);
}

// The ring as it is at first: empty, in its first laps, or far on its way.
void warm_up(const Fuzzed& fuzzed, Input* input) {
  uint64_t lap = input->take(1) % 4 == 0 ? kMaxLap - input->take(1) : 0;
  const Ring& ring = fuzzed.ring;
  for (uint32_t i = 0; lap != 0 && i <= ring.mask; i++) ring.slots[i] = slot_word(lap, i);
  for (uint64_t frames = input->take(1) % 24; frames > 0; frames--) {
    Writer writer;
    uint64_t position;
    if (become_writer(ring, static_cast<uint32_t>(frames) % ring.spec.fleetSize, &writer) != RingStatus::kOk) return;
    publish(&writer, fuzzed.payload, ring.spec.payloadBytes, 0, frames, &position);
  }
}

void run_program(const uint8_t* data, size_t size) {
  Input input(data, size);
  RingSpec spec;
  spec.typeKind = kKind;
  spec.capacity = input.pick(kCapacities);
  spec.payloadBytes = input.pick(kPayloadSizes);
  spec.fleetSize = input.pick(kFleetSizes);
  Fuzzed fuzzed(spec);
  warm_up(fuzzed, &input);
  if (input.take(1) % 4 == 0) attach_edited(&fuzzed, &input);
  fuzzed.index = std::make_unique<CacheIndex>(fuzzed.ring, 1);

  uint8_t constant[kConstantBytes];
  memcpy(constant, fuzzed.base, kConstantBytes);
  for (uint32_t steps = 0; steps < kMostSteps && !input.empty(); steps++) {
    uint64_t what = input.take(1);
    if (what % 4 != 0) {
      uint64_t* place = take_place(&input, fuzzed.ring, fuzzed.bytes);
      store_relaxed(place, take_word(&input, fuzzed.ring));
    } else {
      call_one(fuzzed, what / 4, &input);
    }
  }
  for (uint64_t which = 0; which < 11; which++) call_one(fuzzed, which, &input);
  CHECK(memcmp(constant, fuzzed.base, kConstantBytes) == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  run_program(data, size);
  return 0;
}
