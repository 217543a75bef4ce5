// Threads over one cache ring: writers that put, delete and reset without a break, readers with an index each.
//
// A value repeats its key and proves itself, so a reader can tell a torn or a foreign one. After each lookup the reader
// walks back from the head that the answer names: what that walk can still read was there before it, so where it finds
// the frame that decides, the answer must name the same. When the writers have stopped, every answer is that of the
// walk, and the writers' notes tell of each answer before whether it named the newest frame below its head that
// decides, and rightly none.
// Each thread has its own Ring or Writer, as each process has. Under ThreadSanitizer build with -fno-builtin-memcpy.
#include <memory>
#include <thread>
#include <vector>

#include "check.h"
#include "walk.h"

using namespace orbit;

namespace {

constexpr uint32_t kWriters = 3;
constexpr uint32_t kPayloadBytes = 104;
#ifdef __SANITIZE_THREAD__
constexpr uint32_t kFramesPerEpoch = 1500;
constexpr uint32_t kCapacities[] = {8, 64};
constexpr uint32_t kStayingCapacity = 1024;
#else
constexpr uint32_t kFramesPerEpoch = 5000;
constexpr uint32_t kCapacities[] = {8, 1024, 64, 1, 2};
constexpr uint32_t kStayingCapacity = 8192;
#endif

const std::string kSpaces[] = {"", "a", "ab"};
const std::string kKeys[] = {"", "b", "user/1", "user/22", "user/3", "a key of more than two words"};
const std::string kPrefixes[] = {"user", "b", "user/2", ""};

// An index into one of the lists above.
template <size_t kCount>
uint8_t pick(Random* random, const std::string (&)[kCount]) {
  return static_cast<uint8_t>(random->below(kCount));
}

// Any byte of a value follows from its key and its first word.
std::string make_value(const std::string& space, const std::string& key, uint64_t number) {
  std::string value(reinterpret_cast<const char*>(&number), sizeof number);
  value += space + ":" + key + ":";
  Random source{number};
  for (uint64_t left = source.below(24); left > 0; left--) value += static_cast<char>(source.next());
  return value;
}

void check_value(const std::string& space, const std::string& key, const std::string& value) {
  CHECK(value.size() >= sizeof(uint64_t));
  uint64_t number;
  memcpy(&number, value.data(), sizeof number);
  CHECK(value == make_value(space, key, number));  // neither torn nor another key's
}

// What a writer published, and what a reader was told; keys and prefixes by their index.
struct Note {
  uint64_t position;
  CacheOp op;
  uint8_t space, key;
};
struct Sighting {
  uint64_t head, position;
  uint8_t space, key;
  bool isDecided, isHit;
};
constexpr size_t kMostSightings = 20000;  // of one reader in an epoch

struct Totals {
  uint64_t lookups = 0, hits = 0, compared = 0, gaveUp = 0;
};

struct Epoch {
  uint64_t seed = 0;
  std::unique_ptr<uint8_t, Free> base;
  uint64_t bytes = 0;
  uint64_t writersDone = 0;
  std::vector<Note> notes[kWriters];

  Ring attach() const {
    Ring ring;
    CHECK(attach_ring(base.get(), bytes, &ring) == AttachStatus::kOk);
    return ring;
  }
  bool over() const { return load_acquire(&writersDone) == kWriters; }
};

void mutate_on(Epoch* epoch, uint32_t node) {
  Writer writer;
  CHECK(become_writer(epoch->attach(), node, &writer) == RingStatus::kOk);
  Random random{epoch->seed * kWriters + node};
  std::vector<Note>& notes = epoch->notes[node];
  notes.reserve(kFramesPerEpoch);
  for (uint32_t count = 0; count < kFramesPerEpoch; count++) {
    uint64_t what = random.below(40);
    CacheOp op = what == 0 ? kCacheReset : what < 4 ? kCacheDelete : kCachePut;
    uint8_t space = pick(&random, kSpaces), key = op == kCacheReset ? pick(&random, kPrefixes) : pick(&random, kKeys);
    std::string value = op == kCachePut ? make_value(kSpaces[space], kKeys[key], random.next()) : "";
    uint64_t position =
        publish_mutation(&writer, {op, kSpaces[space], op == kCacheReset ? kPrefixes[key] : kKeys[key], value, 0});
    notes.push_back({position, op, space, key});
    if (random.below(64) == 0) std::this_thread::yield();
  }
  __atomic_fetch_add(&epoch->writersDone, 1, __ATOMIC_RELEASE);
}

void look_once(const Ring& ring, CacheIndex* index, Random* random, Totals* totals, std::vector<Sighting>* sightings) {
  uint8_t spaceIndex = pick(random, kSpaces), keyIndex = pick(random, kKeys);
  const std::string &space = kSpaces[spaceIndex], &key = kKeys[keyIndex];
  bool wasEmpty = head_of(ring) == 0;
  Answer answer = look_up(index, ring, space, key, 1);
  if (answer.isHit) check_value(space, key, answer.value);
  totals->lookups++;
  totals->hits += answer.isHit;
  if (answer.head == 0 && !wasEmpty) totals->gaveUp++;
  if (answer.head != 0 && sightings->size() < kMostSightings) {
    sightings->push_back({answer.head, answer.position, spaceIndex, keyIndex, answer.isDecided, answer.isHit});
  }
  Answer expected = walk(ring, answer.head, space, key, 1);
  if (expected.isDecided) {
    check_same(answer, expected);
    totals->compared++;
  } else if (answer.isDecided) {
    CHECK(answer.position < expected.goneBelow);
  }
}

// Undecided: of the frames that the ring retained when it had that head, none decides.
void check_sightings(const Epoch& epoch, uint64_t capacity, const std::vector<Sighting>& sightings) {
  std::vector<Note> notes(uint64_t{kWriters} * kFramesPerEpoch);
  for (const std::vector<Note>& some : epoch.notes) {
    for (const Note& note : some) notes[note.position] = note;
  }
  for (const Sighting& sighting : sightings) {
    uint64_t position = sighting.head;
    auto decides = [&](const Note& note) {
      if (note.space != sighting.space) return false;
      if (note.op != kCacheReset) return note.key == sighting.key;
      const std::string& prefix = kPrefixes[note.key];
      return kKeys[sighting.key].compare(0, prefix.size(), prefix) == 0;
    };
    uint64_t oldest = !sighting.isDecided && position > capacity ? position - capacity : 0;
    while (position > oldest && !decides(notes[position - 1])) position--;
    CHECK_EQUAL(sighting.isDecided ? sighting.position + 1 : oldest, position);
    if (!sighting.isDecided) continue;
    CHECK_EQUAL(sighting.isHit, notes[sighting.position].op == kCachePut);
  }
}

// `lasting`: with one index to the end; else with a new one each time, as of a process that has just come.
void look_around(Epoch* epoch, uint64_t seed, bool lasting, Totals* totals, std::vector<Sighting>* sightings) {
  Ring ring = epoch->attach();
  auto index = std::make_unique<CacheIndex>(ring, seed);
  Random random{seed};
  uint64_t head = 0;
  bool isOver = false;
  while (!isOver) {
    isOver = epoch->over();
    for (int i = 0; i < 20; i++) {
      if (!lasting) index = std::make_unique<CacheIndex>(ring, seed);
      look_once(ring, index.get(), &random, totals, sightings);
    }
    CHECK(head_of(ring) >= head);
    head = head_of(ring);
  }
  for (const std::string& space : kSpaces) {
    for (const std::string& key : kKeys) {
      check_same(look_up(index.get(), ring, space, key, 1), walk(ring, head_of(ring), space, key, 1));
    }
  }
}

Epoch new_epoch(uint64_t seed, uint32_t capacity) {
  RingSpec spec;
  spec.typeKind = 200;
  spec.capacity = capacity;
  spec.payloadBytes = kPayloadBytes;
  spec.fleetSize = kWriters;
  Epoch epoch;
  epoch.seed = seed;
  epoch.bytes = ring_bytes(spec);
  epoch.base.reset(static_cast<uint8_t*>(aligned_alloc(64, epoch.bytes)));
  memset(epoch.base.get(), 0, epoch.bytes);
  format_ring(epoch.base.get(), spec, 0);
  return epoch;
}

// A process that comes to a full and busy ring is behind its oldest frame from the first; it still finds what stays
// there.
void find_what_stays(uint64_t seed) {
  Epoch epoch = new_epoch(seed, kStayingCapacity);
  std::vector<uint8_t> staying = encode({kCachePut, "", "staying", "here", 0});
  std::vector<uint8_t> passing = encode({kCachePut, "", "passing", "", 0});
  std::thread writer([&] {
    Writer writer;
    CHECK(become_writer(epoch.attach(), 0, &writer) == RingStatus::kOk);
    for (uint64_t count = 0; !epoch.over(); count++) publish_bytes(&writer, count % 64 == 0 ? staying : passing);
  });
  Ring ring = epoch.attach();
  while (head_of(ring) < 2 * kStayingCapacity) std::this_thread::yield();
  for (int i = 0; i < 500; i++) {
    CacheIndex index(ring, seed);
    CHECK(look_up(&index, ring, "", "staying", 1).value == "here");
  }
  store_release(&epoch.writersDone, kWriters);
  writer.join();
}

void run_epoch(uint64_t seed, uint32_t capacity, Totals* totals) {
  Epoch epoch = new_epoch(seed, capacity);
  Totals each[3];
  std::vector<Sighting> sightings[3];
  std::vector<std::thread> threads;
  for (uint64_t i = 0; i < 3; i++)
    threads.emplace_back(look_around, &epoch, seed * 3 + i, i != 0, &each[i], &sightings[i]);
  for (uint32_t node = 0; node < kWriters; node++) threads.emplace_back(mutate_on, &epoch, node);
  for (std::thread& thread : threads) thread.join();
  for (const std::vector<Sighting>& some : sightings) check_sightings(epoch, capacity, some);
  for (const Totals& some : each) {
    totals->lookups += some.lookups;
    totals->hits += some.hits;
    totals->compared += some.compared;
    totals->gaveUp += some.gaveUp;
    CHECK(capacity < 64 || some.gaveUp == 0);
  }
}

}  // namespace

int main(int count, char** words) {
  Options options = parse_options(count, words);
  alarm(static_cast<unsigned>(options.seconds) + 60);  // a watchdog: a lookup waits for no other process
  double end = seconds_now() + options.seconds;
  uint64_t epochs = 0;
  Totals totals;
  find_what_stays(options.seed);
  constexpr uint64_t kKinds = sizeof kCapacities / sizeof kCapacities[0];
  do {
    run_epoch(options.seed + epochs, kCapacities[epochs % kKinds], &totals);
    epochs++;
  } while (seconds_now() < end);
  CHECK(totals.compared > 0 && totals.hits > 0);
  printf("threads_index_test: %llu epochs, %llu lookups, %llu hits, %llu compared with a walk, %llu gave up\n",
         static_cast<unsigned long long>(epochs), static_cast<unsigned long long>(totals.lookups),
         static_cast<unsigned long long>(totals.hits), static_cast<unsigned long long>(totals.compared),
         static_cast<unsigned long long>(totals.gaveUp));
  return 0;
}
