// latest.h in one thread: what a writer notes, what a reader makes of it, and every state that a death can leave.
#include "protocol/latest.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "check.h"

using namespace orbit;

namespace {

struct Free {
  void operator()(uint8_t* memory) const { free(memory); }
};

struct Typed {
  std::unique_ptr<uint8_t, Free> base;
  Ring ring;

  explicit Typed(uint64_t fingerprint = 1) {
    RingSpec spec;
    spec.typeKind = 7;
    spec.capacity = 2;
    spec.payloadBytes = 40;
    spec.fleetSize = 3;
    spec.fingerprint = fingerprint;
    base.reset(static_cast<uint8_t*>(aligned_alloc(64, ring_bytes(spec))));
    memset(base.get(), 0x5a, ring_bytes(spec));
    format_ring(base.get(), spec, 0);
    CHECK(attach_ring(base.get(), ring_bytes(spec), &ring) == AttachStatus::kOk);
  }
  Writer writer(uint32_t node) const {
    Writer writer;
    writer.ring = ring;
    writer.node = node;
    return writer;
  }
};

// Every byte of a value, and its length, follow from its name.
std::vector<uint8_t> value_of(uint64_t name) {
  std::vector<uint8_t> value(name * 7 % 41);
  for (size_t i = 0; i < value.size(); i++) value[i] = static_cast<uint8_t>(name * 11 + i);
  return value;
}

void note(const Typed& typed, uint32_t node, uint64_t incarnation, uint64_t name) {
  std::vector<uint8_t> value = value_of(name);
  note_latest(typed.writer(node), incarnation, name * 3, value.data(), static_cast<uint32_t>(value.size()));
}

void check_latest(const Typed& typed, uint32_t node, uint64_t incarnation, uint64_t name) {
  LatestHeader header;
  uint8_t payload[48];
  CHECK(read_latest(typed.ring, node, &header, payload) == RingStatus::kOk);
  std::vector<uint8_t> wanted = value_of(name);
  CHECK_EQUAL(header.position, name * 3);
  CHECK_EQUAL(header.incarnation, incarnation);
  CHECK_EQUAL(header.length, wanted.size());
  CHECK(std::equal(wanted.begin(), wanted.end(), payload));
}

bool has_none(const Typed& typed, uint32_t node) {
  LatestHeader header;
  uint8_t payload[48];
  return read_latest(typed.ring, node, &header, payload) == RingStatus::kNotYet;
}

void only_a_ring_with_a_pod_has_room_for_it() {
  Typed typed, plain(0);
  CHECK_EQUAL(ring_bytes(typed.ring.spec), ring_bytes(plain.ring.spec) + 3 * 2 * 64);
  CHECK(typed.ring.latest != nullptr && plain.ring.latest == nullptr);
}

void each_node_has_its_newest_value() {
  Typed typed;
  for (uint32_t node = 0; node < 3; node++) CHECK(has_none(typed, node));
  note(typed, 2, 1, 500);
  for (uint64_t name = 1; name < 100; name++) {
    note(typed, 1, 1, name);
    check_latest(typed, 1, 1, name);
    check_latest(typed, 2, 1, 500);
    CHECK(has_none(typed, 0));
  }
}

// As a writer that was killed after so many words of its next value would have left it.
void a_writer_that_died_within_a_value_leaves_the_one_before() {
  for (uint64_t made = 0; made < 4; made++) {
    for (size_t words = 0; words <= 8; words++) {
      Typed typed;
      for (uint64_t name = 1; name <= made; name++) note(typed, 1, 1, name);
      uint64_t torn[8] = {99, 99, 99, 99, 99, 99, 99, 99};
      copy_to_shared(latest_words(typed.ring, 1, made + 1), torn, words * 8);
      if (made == 0) CHECK(has_none(typed, 1));
      if (made > 0) check_latest(typed, 1, 1, made);
      note(typed, 1, 2, 50);
      check_latest(typed, 1, 2, 50);
    }
  }
}

void any_bytes_give_a_value_that_fits_or_a_status() {
  Random random{1};
  uint32_t given = 0;
  for (int i = 0; i < 20000; i++) {
    Typed typed;
    uint64_t count = random.below(4) == 0 ? random.next() : random.below(3);
    typed.ring.entries[1].latestCount = count;
    uint64_t length = random.below(2) == 0 ? random.next() : random.below(48);
    latest_words(typed.ring, 1, count)[2] = length;
    LatestHeader header;
    uint8_t payload[48];
    memset(payload, 0xa5, sizeof payload);
    RingStatus status = read_latest(typed.ring, 1, &header, payload);
    CHECK(status == (count == 0 ? RingStatus::kNotYet : length > 40 ? RingStatus::kCorrupt : RingStatus::kOk));
    for (size_t at = 40; at < sizeof payload; at++) CHECK_EQUAL(payload[at], 0xa5);
    given += status == RingStatus::kOk;
  }
  CHECK(given > 0);
}

// The last count that there can be: a writer goes on from the beginning.
void a_forged_count_stops_no_writer() {
  Typed typed;
  typed.ring.entries[1].latestCount = ~uint64_t{0};
  note(typed, 1, 1, 5);
  CHECK(has_none(typed, 1));
  note(typed, 1, 1, 6);
  check_latest(typed, 1, 1, 6);
}

}  // namespace

int main(int count, char** words) {
  parse_options(count, words);
  const Test tests[] = {
      TEST(only_a_ring_with_a_pod_has_room_for_it),
      TEST(each_node_has_its_newest_value),
      TEST(a_writer_that_died_within_a_value_leaves_the_one_before),
      TEST(any_bytes_give_a_value_that_fits_or_a_status),
      TEST(a_forged_count_stops_no_writer),
  };
  return run_tests("latest_test", tests);
}
