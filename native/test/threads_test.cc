// Threads over one ring: four writers, three kinds of reader, tiny capacities; every frame proves itself.
//
// The test runs in epochs, each a fresh ring. A writer's frame is drawn from (seed, node, its own count), so a reader
// can tell a whole frame from a torn or mixed one. At an epoch's end the writers' notes are laid side by side: the
// published positions are exactly 0..head-1 once each (I3, I6), what the readers saw stood where its writer put it,
// seen plus lost is the head, and the chunks are a permutation (I1).
// Each thread has its own Ring or Writer, as each process has. Under ThreadSanitizer build with -fno-builtin-memcpy.
#include <algorithm>
#include <memory>
#include <thread>
#include <vector>

#include "check.h"
#include "protocol/settle.h"

using namespace orbit;

namespace {

constexpr uint32_t kWriters = 4;
constexpr uint32_t kBurst = 50;         // divides the frames of an epoch
constexpr uint32_t kPayloadBytes = 61;  // not a multiple of 8
#ifdef __SANITIZE_THREAD__
constexpr uint32_t kFramesPerEpoch = 1500;
constexpr uint32_t kCapacities[] = {4, 8};
#else
constexpr uint32_t kFramesPerEpoch = 20000;
constexpr uint32_t kCapacities[] = {4, 8, 1024, 1, 2};
#endif

struct Sighting {
  uint64_t position;
  uint32_t node;
  uint64_t count;
};

struct Epoch {
  uint64_t seed = 0;
  uint64_t start = 0;  // the head before the first frame
  void* base = nullptr;
  uint64_t bytes = 0;
  uint64_t writersDone = 0;
  std::vector<uint64_t> published[kWriters];  // by the writer's count
  Writer writers[kWriters];                   // as they were at the end

  Ring attach() const {
    Ring ring;
    CHECK(attach_ring(base, bytes, &ring) == AttachStatus::kOk);
    return ring;
  }
  bool over() const { return load_acquire(&writersDone) == kWriters; }
};

// Any byte of a frame follows from these.
Random frame_source(const Epoch& epoch, uint32_t node, uint64_t count) {
  return Random{epoch.seed ^ (uint64_t{node} + 1) << 56 ^ count * 0x9e3779b97f4a7c15};
}

uint32_t make_frame(const Epoch& epoch, uint32_t node, uint64_t count, uint8_t* payload, uint8_t* frameKind) {
  Random source = frame_source(epoch, node, count);
  uint32_t length = static_cast<uint32_t>(source.below(kPayloadBytes + 1));
  *frameKind = static_cast<uint8_t>(source.next());
  for (uint32_t at = 0; at < length; at += 8) {
    uint64_t word = source.next();
    memcpy(payload + at, &word, std::min(8u, length - at));
  }
  return length;
}

void check_frame(const Epoch& epoch, const Frame& frame, const uint8_t* payload) {
  CHECK(frame.node < kWriters);
  uint8_t expected[kPayloadBytes + 8], frameKind;
  uint32_t length = make_frame(epoch, frame.node, frame.version, expected, &frameKind);
  CHECK_EQUAL(frame.length, length);
  CHECK_EQUAL(frame.frameKind, frameKind);
  CHECK(memcmp(payload, expected, length) == 0);
}

void write_frames(Epoch* epoch, uint32_t node) {
  Writer writer;
  CHECK(become_writer(epoch->attach(), node, &writer) == RingStatus::kOk);
  std::vector<uint64_t>& published = epoch->published[node];
  published.reserve(kFramesPerEpoch);
  Random pauses{epoch->seed + node};
  struct {
    uint8_t payload[kPayloadBytes + 8], frameKind;
    uint32_t length;
  } burst[kBurst];
  for (uint64_t count = 0; count < kFramesPerEpoch;) {
    // Frames are made beforehand and published back to back: the more of the time is spent in publish, the more races.
    for (uint32_t i = 0; i < kBurst; i++) {
      burst[i].length = make_frame(*epoch, node, count + i, burst[i].payload, &burst[i].frameKind);
    }
    for (uint32_t i = 0; i < kBurst; i++, count++) {
      uint64_t position;
      CHECK(publish(&writer, burst[i].payload, burst[i].length, burst[i].frameKind, count, &position) ==
            RingStatus::kOk);
      CHECK(published.empty() || position > published.back());
      published.push_back(position);
    }
    if (pauses.below(32) == 0) std::this_thread::yield();  // let others lap
  }
  epoch->writers[node] = writer;
  __atomic_fetch_add(&epoch->writersDone, 1, __ATOMIC_RELEASE);
}

// A cursor: every position once, in order, or counted as lost.
void read_in_order(Epoch* epoch, std::vector<Sighting>* sightings) {
  Ring ring = epoch->attach();
  uint64_t next = epoch->start, lost = 0;
  uint64_t newestCount[kWriters] = {};
  for (;;) {
    bool over = epoch->over();
    Frame frame;
    uint8_t payload[kPayloadBytes];
    RingStatus status = read_frame(ring, next, &frame, payload);
    if (status == RingStatus::kOk) {
      CHECK_EQUAL(frame.position, next);
      check_frame(*epoch, frame, payload);
      CHECK(frame.version + 1 > newestCount[frame.node]);  // a writer's frames come in its order
      newestCount[frame.node] = frame.version + 1;
      sightings->push_back({next, frame.node, frame.version});
      next++;
    } else if (status == RingStatus::kOverwritten) {
      uint64_t oldest = std::max(next + 1, oldest_of(ring, head_of(ring)));
      lost += oldest - next;
      next = oldest;
    } else {
      CHECK(status == RingStatus::kNotYet);
      if (over) break;
      std::this_thread::yield();
    }
  }
  CHECK_EQUAL(next, head_of(ring));
  CHECK_EQUAL(sightings->size() + lost, next - epoch->start);
}

void read_the_newest(Epoch* epoch, std::vector<Sighting>* sightings) {
  Ring ring = epoch->attach();
  uint64_t last = epoch->start;
  while (!epoch->over()) {
    uint64_t head = head_of(ring);
    CHECK(head >= last);
    Frame frame;
    uint8_t payload[kPayloadBytes];
    RingStatus status = read_newest(ring, &frame, payload);
    if (status == RingStatus::kNotYet) {
      CHECK_EQUAL(head, 0);
      continue;
    }
    CHECK(status == RingStatus::kOk);
    CHECK(frame.position + 1 >= head);  // never one lap old, never older than what was seen before
    last = frame.position + 1;
    if (frame.position < epoch->start) continue;
    check_frame(*epoch, frame, payload);
    if (sightings->size() < kFramesPerEpoch) sightings->push_back({frame.position, frame.node, frame.version});
  }
}

void read_anywhere(Epoch* epoch, std::vector<Sighting>* sightings) {
  Ring ring = epoch->attach();
  Random random{epoch->seed + 99};
  uint64_t capacity = uint64_t{ring.mask} + 1;
  while (!epoch->over()) {
    uint64_t before = head_of(ring);
    uint64_t retained = std::min(before - epoch->start, 2 * capacity);
    uint64_t position = before - retained + random.below(retained + 3);
    Frame frame;
    uint8_t payload[kPayloadBytes];
    RingStatus status = read_frame(ring, position, &frame, payload);
    if (status == RingStatus::kNotYet) {
      CHECK(position >= before);
    } else if (status == RingStatus::kOverwritten) {
      CHECK(position + capacity < head_of(ring));
    } else {
      CHECK(status == RingStatus::kOk);
      CHECK_EQUAL(frame.position, position);
      check_frame(*epoch, frame, payload);
      if (sightings->size() < kFramesPerEpoch) sightings->push_back({position, frame.node, frame.version});
    }
  }
}

void check_permutation(const Epoch& epoch) {
  Ring ring = epoch.attach();
  std::vector<uint32_t> places(ring.chunkCount);
  auto count = [&](uint64_t chunk) {
    CHECK(chunk < ring.chunkCount);
    places[chunk]++;
  };
  for (uint32_t i = 0; i <= ring.mask; i++) count(chunk_in(ring.slots[i]));
  for (uint32_t node = 0; node < kWriters; node++) {
    CHECK_EQUAL(ring.entries[node].hand, epoch.writers[node].hand);
    count(ring.entries[node].hand);
  }
  for (uint32_t i = 0; i < ring.spareCount; i++) count(ring.spares[i]);
  for (uint32_t times : places) CHECK_EQUAL(times, 1);
}

void check_notes(const Epoch& epoch, const std::vector<Sighting>& sightings) {
  std::vector<uint8_t> taken(uint64_t{kWriters} * kFramesPerEpoch);
  for (const std::vector<uint64_t>& published : epoch.published) {
    for (uint64_t position : published) {
      CHECK(position >= epoch.start && position - epoch.start < taken.size());
      CHECK_EQUAL(++taken[position - epoch.start], 1);
    }
  }
  for (uint8_t times : taken) CHECK_EQUAL(times, 1);
  CHECK_EQUAL(head_of(epoch.attach()), epoch.start + taken.size());
  for (const Sighting& sighting : sightings) {
    CHECK_EQUAL(epoch.published[sighting.node][sighting.count], sighting.position);
  }
}

// As if `head` frames had been published: each slot at the lap of its newest position.
void preset_head(const Ring& ring, uint64_t head) {
  uint64_t capacity = uint64_t{ring.mask} + 1;
  for (uint64_t slot = 0; slot < capacity; slot++) {
    ring.slots[slot] = slot_word(head / capacity + (head % capacity > slot ? 1 : 0), chunk_in(ring.slots[slot]));
  }
  for (uint64_t position = head - capacity; position < head; position++) {
    chunk_at(ring, chunk_in(*slot_of(ring, position)))->id = make_id(ring.spec.typeKind, 0, position);
  }
  ring.header->hint = head;
}

uint64_t run_epoch(uint64_t seed, uint32_t capacity, bool crossing) {
  RingSpec spec;
  spec.typeKind = 12;
  spec.capacity = capacity;
  spec.payloadBytes = kPayloadBytes;
  spec.fleetSize = kWriters;
  Epoch epoch;
  epoch.seed = seed;
  epoch.bytes = ring_bytes(spec);
  epoch.base = aligned_alloc(64, epoch.bytes);
  memset(epoch.base, 0, epoch.bytes);
  format_ring(epoch.base, spec, 0);
  if (crossing) {
    epoch.start = (uint64_t{1} << kCounterBits) - kFramesPerEpoch;
    preset_head(epoch.attach(), epoch.start);
  }
  std::vector<Sighting> sightings[3];
  std::vector<std::thread> threads;
  threads.emplace_back(read_in_order, &epoch, &sightings[0]);
  threads.emplace_back(read_the_newest, &epoch, &sightings[1]);
  threads.emplace_back(read_anywhere, &epoch, &sightings[2]);
  for (uint32_t node = 0; node < kWriters; node++) threads.emplace_back(write_frames, &epoch, node);
  for (std::thread& thread : threads) thread.join();
  uint64_t seen = 0;
  for (const std::vector<Sighting>& some : sightings) {
    check_notes(epoch, some);
    seen += some.size();
  }
  check_permutation(epoch);
  free(epoch.base);
  return seen;
}

}  // namespace

int main(int count, char** words) {
  Options options = parse_options(count, words);
  alarm(static_cast<unsigned>(options.seconds) + 60);  // a watchdog: by I5 no process waits
  double end = seconds_now() + options.seconds;
  uint64_t epochs = 0, seen = 0;
  constexpr uint64_t kKinds = sizeof kCapacities / sizeof kCapacities[0];
  do {
    seen += run_epoch(options.seed + epochs, kCapacities[epochs % kKinds], epochs / kKinds % 4 == 1);
    epochs++;
  } while (seconds_now() < end);
  printf("threads_test: %llu epochs, %llu frames published, %llu whole frames checked\n",
         static_cast<unsigned long long>(epochs), static_cast<unsigned long long>(epochs * kWriters * kFramesPerEpoch),
         static_cast<unsigned long long>(seen));
  return 0;
}
