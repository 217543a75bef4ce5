// Counters in one process: the layout, changes, names that come and go, full buckets, hostile bytes.
#include "counterbox.h"

using namespace orbit;

namespace {

constexpr uint32_t kFleetSize = 4, kNameBytes = 16;
constexpr uint64_t kNowMs = 5000;

uint64_t g_seed = 1;

struct Box {
  uint64_t bytes;
  std::unique_ptr<uint8_t, Free> base;
  Ring ring;
  Writer writers[kFleetSize];

  explicit Box(uint32_t capacity = 1, uint32_t nameBytes = kNameBytes)
      : bytes(ring_bytes(spec_of_counters(capacity, nameBytes, kFleetSize))) {
    base.reset(static_cast<uint8_t*>(aligned_alloc(64, bytes)));
    memset(base.get(), 0x5a, bytes);
    format_counters(base.get(), spec_of_counters(capacity, nameBytes, kFleetSize), 0);
    CHECK(attach_counters(base.get(), bytes, &ring) == AttachStatus::kOk);
    for (uint32_t node = 0; node < kFleetSize; node++) {
      CHECK(become_writer(ring, node, &writers[node]) == RingStatus::kOk);
    }
  }
  Writer* writer(uint32_t node = 0) { return &writers[node]; }
  CounterStatus add(const std::string& name, uint64_t amount = 1, uint64_t ttlMs = 0, uint64_t nowMs = kNowMs) {
    return add_to(writer(), name, amount, nowMs, ttlMs);
  }
  int64_t value(const std::string& name, uint64_t nowMs = kNowMs) const { return value_of(ring, name, nowMs); }
  CounterSpot spot(const std::string& name) const {
    CounterSpot spot;
    CHECK(find_name(ring, name_of(name), &spot) == CounterStatus::kDone);
    return spot;
  }
};

std::string numbered(uint64_t number) { return "name" + std::to_string(number); }

void fill(Box* box) {
  for (uint32_t i = 0; i < kBucketCells; i++) CHECK_EQUAL(box->add(numbered(i)), CounterStatus::kDone);
}

// ---- the object ----------------------------------------------------------------------------------------------------

void has_the_golden_layout() {
  Box box(4);
  CHECK_EQUAL(name_bytes_on_card(1), 16);
  CHECK_EQUAL(counters_payload(16), 20 * 24);
  CHECK_EQUAL(cell_key(3, 5), uint64_t{3} << 41 | uint64_t{1} << 40 | 5);
  CHECK_EQUAL(ended_cell(3).key, uint64_t{3} << 41);
  RingOffsets at = ring_offsets(4, 480, kFleetSize);
  CHECK_EQUAL(reinterpret_cast<uint8_t*>(cell_at(box.ring, 0)) - box.base.get(), at.end);
  CHECK_EQUAL(box.bytes, at.end + 4 * 320);
  CHECK_EQUAL(box.add("a", 7), CounterStatus::kDone);
  CounterSpot spot = box.spot("a");
  CHECK_EQUAL(spot.cell, bucket_of(box.ring, name_of("a")) * kBucketCells);
  CHECK(is_equal(*cell_at(box.ring, spot.cell), {cell_key(1, 0), 7}));
}

void refuses_another_object() {
  Box box(4);
  Ring ring;
  CHECK(attach_table(box.base.get(), box.bytes, &ring) == AttachStatus::kCorrupt);
  CHECK(attach_counters(box.base.get(), box.bytes - 64, &ring) == AttachStatus::kCorrupt);
  store_relaxed(version_and_type(&box.ring.header->object), uint64_t{kLayoutVersion} | uint64_t{kTableObject} << 32);
  CHECK(attach_counters(box.base.get(), box.bytes, &ring) == AttachStatus::kCorrupt);
}

// ---- changes -------------------------------------------------------------------------------------------------------

void counts_by_name_and_where_the_name_was_found() {
  Box box(8);
  for (uint64_t i = 0; i < 20; i++) {
    CHECK_EQUAL(box.value(numbered(i)), -1);
    CHECK_EQUAL(box.add(numbered(i), i), CounterStatus::kDone);
    CHECK_EQUAL(add_at(box.writer(1), box.spot(numbered(i)), 100, kNowMs), CounterStatus::kDone);
  }
  for (uint64_t i = 0; i < 20; i++) CHECK_EQUAL(box.value(numbered(i)), 100 + i);
}

void refuses_a_change_and_writes_nothing() {
  Box box;
  box.add("a", 5);
  std::vector<uint8_t> before(box.base.get(), box.base.get() + box.bytes);
  CounterSpot spot;
  auto never = [](uint64_t*, bool) { return false; };
  auto now = [] { return kNowMs; };
  CHECK_EQUAL(change_counter(box.writer(), name_of("a"), 0, now, never, &spot), CounterStatus::kRefused);
  CHECK_EQUAL(change_cell(box.writer(), spot, 0, now, never), CounterStatus::kRefused);
  CHECK(memcmp(before.data(), box.base.get(), box.bytes) == 0);
}

void refuses_a_name_of_another_kind_and_one_that_is_too_long() {
  Box box;
  box.add("a", 5);
  CounterSpot spot;
  CounterValue value;
  auto now = [] { return kNowMs; };
  auto set = [](uint64_t*, bool) { return true; };
  CHECK_EQUAL(change_counter(box.writer(), name_of("a", kFloat), 0, now, set, &spot), CounterStatus::kOther);
  CHECK_EQUAL(read_counter(box.ring, name_of("a", kFloat), now, &value, &spot), CounterStatus::kOther);
  CHECK_EQUAL(box.add(""), CounterStatus::kTooLarge);
  CHECK_EQUAL(box.add(std::string(kMaxNameBytes + 1, 'x')), CounterStatus::kTooLarge);
  CHECK_EQUAL(box.add(std::string(kNameBytes + 1, 'x')), CounterStatus::kTooLarge);
  CHECK_EQUAL(box.add(std::string(kNameBytes, 'x')), CounterStatus::kDone);
  CHECK_EQUAL(box.value("a"), 5);
}

void refuses_changes_of_a_removed_object() {
  Box box;
  store_relaxed(&box.ring.header->object.retired, 1);
  CHECK_EQUAL(box.add("a"), CounterStatus::kRetired);
}

// The clock is asked only about a counter that can expire.
void begins_anew_when_it_has_expired() {
  Box box;
  box.add("a", 5, 100);
  CHECK_EQUAL(box.value("a", kNowMs + 99), 5);
  CHECK_EQUAL(box.value("a", kNowMs + 100), -1);
  CHECK_EQUAL(box.add("a", 3, 100, kNowMs + 50), CounterStatus::kDone);
  CHECK_EQUAL(box.value("a", kNowMs + 99), 8);
  CHECK_EQUAL(box.add("a", 2, 100, kNowMs + 100), CounterStatus::kDone);
  CHECK_EQUAL(box.value("a", kNowMs + 199), 2);
  CHECK_EQUAL(box.value("a", kNowMs + 200), -1);
  box.add("b");
  auto none = []() -> uint64_t {
    CHECK(false);
    return 0;
  };
  CHECK_EQUAL(change_cell(box.writer(), box.spot("b"), 0, none, [](uint64_t*, bool isNew) { return !isNew; }),
              CounterStatus::kDone);
}

// ---- names that come and go ----------------------------------------------------------------------------------------

void returns_the_last_value_of_a_removed_counter() {
  Box box;
  box.add("a", 5);
  CounterSpot old = box.spot("a");
  CHECK_EQUAL(remove_from(box.writer(1), "a", kNowMs), 5);
  CHECK_EQUAL(remove_from(box.writer(1), "a", kNowMs), -1);
  CHECK_EQUAL(box.value("a"), -1);
  CHECK_EQUAL(add_at(box.writer(), old, 1, kNowMs), CounterStatus::kNone);
  CHECK_EQUAL(box.add("a", 2), CounterStatus::kDone);
  CHECK_EQUAL(box.value("a"), 2);
  CHECK_EQUAL(check_card(box.ring, 0), 1);
}

// The cell of a name that was found earlier has been given to another one.
void changes_no_other_counter_than_the_one_it_found() {
  Box box;
  box.add("a", 5);
  CounterSpot old = box.spot("a");
  remove_from(box.writer(), "a", kNowMs);
  box.add("b", 7);
  CHECK_EQUAL(box.spot("b").cell, old.cell);
  CHECK_EQUAL(add_at(box.writer(), old, 1, kNowMs), CounterStatus::kStale);
  Pair seen;
  CHECK_EQUAL(read_cell(
                  box.ring, old, [] { return kNowMs; }, &seen),
              CounterStatus::kStale);
  remove_from(box.writer(), "b", kNowMs);
  CHECK_EQUAL(add_at(box.writer(), old, 1, kNowMs), CounterStatus::kStale);
  CHECK_EQUAL(box.value("b"), -1);
}

// Another process removes the counter between the load and the swap.
void begins_again_when_another_process_removes_the_counter() {
  Box box;
  box.add("a", 5);
  CounterSpot spot;
  int64_t removed = -2;
  CounterStatus status = change_counter(
      box.writer(), name_of("a"), 0, [] { return kNowMs; },
      [&](uint64_t* value, bool isNew) {
        if (removed == -2) removed = remove_from(box.writer(1), "a", kNowMs);
        *value += 10;
        return isNew || removed == 5;
      },
      &spot);
  CHECK_EQUAL(status, CounterStatus::kDone);
  CHECK_EQUAL(removed, 5);
  CHECK_EQUAL(box.value("a"), 10);
}

// A process died between the entry of a name and its first change.
void gives_a_value_to_a_name_that_a_dead_process_has_entered() {
  Box box;
  auto now = [] { return kNowMs; };
  CHECK_EQUAL(enter_name(box.writer(1), name_of("a"), now), TableStatus::kDone);
  CHECK_EQUAL(enter_name(box.writer(), name_of("a"), now), TableStatus::kYield);
  CHECK_EQUAL(box.value("a"), -1);
  CHECK_EQUAL(box.add("a", 4), CounterStatus::kDone);
  CHECK_EQUAL(box.value("a"), 4);
  CHECK_EQUAL(check_card(box.ring, 0), 1);
}

// ---- room ----------------------------------------------------------------------------------------------------------

void refuses_a_name_when_the_bucket_is_full() {
  Box box;
  fill(&box);
  CHECK_EQUAL(box.add("more"), CounterStatus::kFull);
  CHECK_EQUAL(load_relaxed(&box.ring.header->refused), 1);
  CHECK_EQUAL(check_card(box.ring, 0), kBucketCells);
  CHECK_EQUAL(remove_from(box.writer(), numbered(3), kNowMs), 1);
  CHECK_EQUAL(box.add("more"), CounterStatus::kDone);
  CHECK_EQUAL(box.add("yet more"), CounterStatus::kFull);
}

void gives_away_the_cell_of_an_expired_counter() {
  Box box;
  for (uint32_t i = 0; i + 1 < kBucketCells; i++) box.add(numbered(i));
  box.add("brief", 9, 100);
  CounterSpot old = box.spot("brief");
  CHECK_EQUAL(box.add("more"), CounterStatus::kFull);
  CHECK_EQUAL(box.add("more", 1, 0, kNowMs + 100), CounterStatus::kDone);
  CHECK_EQUAL(box.value("more"), 1);
  CHECK_EQUAL(add_at(box.writer(), old, 1, kNowMs), CounterStatus::kStale);
  CHECK_EQUAL(check_card(box.ring, 0), kBucketCells);
}

void gives_away_the_cell_of_a_name_without_a_value_if_there_is_no_other() {
  Box box;
  auto now = [] { return kNowMs; };
  CHECK_EQUAL(enter_name(box.writer(1), name_of("left"), now), TableStatus::kDone);
  CounterSpot left = box.spot("left");
  for (uint32_t i = 0; i + 1 < kBucketCells; i++) CHECK_EQUAL(box.add(numbered(i)), CounterStatus::kDone);
  CHECK_EQUAL(check_card(box.ring, 0), kBucketCells);
  CHECK_EQUAL(box.add("more"), CounterStatus::kDone);
  CHECK_EQUAL(add_at(box.writer(1), left, 1, kNowMs), CounterStatus::kStale);
  CHECK_EQUAL(check_card(box.ring, 0), kBucketCells);
}

// The card that this process has read is old when it looks at a cell: another process has given the cell away.
void ends_no_counter_for_a_card_that_has_changed() {
  Box box;
  box.add("brief", 1, 100);
  CHECK_EQUAL(enter_name(box.writer(1), name_of("left"), [] { return kNowMs; }), TableStatus::kDone);
  for (uint32_t i = 0; i + 2 < kBucketCells; i++) box.add(numbered(i));
  bool hasActed = false;
  auto peer = [&] {  // asked whether "brief" has expired
    if (hasActed) return kNowMs;
    hasActed = true;
    CHECK_EQUAL(add_to(box.writer(2), "taker", 50, kNowMs), CounterStatus::kDone);  // in the place of "left"
    return kNowMs;
  };
  CounterSpot spot;
  auto count = [](uint64_t* value, bool) { return ++*value > 0; };
  CHECK_EQUAL(change_counter(box.writer(), name_of("more"), 0, peer, count, &spot), CounterStatus::kFull);
  CHECK(hasActed);
  CHECK_EQUAL(box.value("taker"), 50);
}

// While it is changed, the clock of another process lets the counter expire, and its cell is given away.
void counts_a_change_of_a_counter_that_another_process_drops() {
  Box box;
  for (uint32_t i = 0; i + 1 < kBucketCells; i++) box.add(numbered(i));
  box.add("brief", 5, 100);
  bool hasActed = false;
  CounterSpot spot;
  CounterStatus status = change_counter(
      box.writer(), name_of("brief"), 0, [] { return kNowMs; },
      [&](uint64_t* value, bool) {
        *value += 1;
        if (hasActed) return true;
        hasActed = true;
        CHECK_EQUAL(enter_name(box.writer(1), name_of("more"), [] { return kNowMs + 100; }), TableStatus::kDone);
        return true;
      },
      &spot);
  CHECK_EQUAL(status, CounterStatus::kDone);
  CHECK_EQUAL(box.value("brief"), 1);
}

void finds_room_for_as_many_names_as_it_promises() {
  constexpr uint32_t kBuckets = 1024;
  Box box(kBuckets, 128);
  std::string tail(120, 'x');
  for (uint32_t i = 0; i < 4 * kBuckets; i++) CHECK_EQUAL(box.add(numbered(i) + tail), CounterStatus::kDone);
  uint32_t names = 0;
  auto now = [] { return kNowMs; };
  for (uint32_t bucket = 0; bucket < kBuckets; bucket++) {
    check_card(box.ring, bucket);
    CHECK(visit_counters(box.ring, bucket, now, [&](const CounterHeader& header, const uint8_t* bytes, CounterValue) {
      CHECK(memcmp(bytes, "name", 4) == 0 && header.nameBytes > 120);
      names++;
    }));
  }
  CHECK_EQUAL(names, 4 * kBuckets);
}

// ---- hostile bytes -------------------------------------------------------------------------------------------------

// Any words on the cards, in the cells and in the buckets: every call ends, within the object (AddressSanitizer).
void ends_with_any_bytes() {
  Random random{g_seed};
  for (int round = 0; round < 300; round++) {
    Box box(1 + static_cast<uint32_t>(random.below(2)));
    for (uint64_t i = 0; i < 12; i++) box.add(numbered(i), 1, random.below(2) * 100);
    uint64_t* words = reinterpret_cast<uint64_t*>(box.base.get());
    for (uint64_t i = 0, count = 1 + random.below(40); i < count; i++) {
      uint64_t from = random.below(3) == 0 ? 56 : (reinterpret_cast<uint8_t*>(box.ring.chunks) - box.base.get()) / 8;
      uint64_t at = from + random.below(box.bytes / 8 - from), any = random.next();
      store_relaxed(&words[at], random.below(3) == 0 ? any : load_relaxed(&words[at]) ^ 1ull << any % 64);
    }
    for (uint64_t i = 0; i < 40; i++) {
      std::string name = numbered(random.below(20));
      CounterSpot spot = {random.next(), static_cast<uint32_t>(random.below(cell_count(box.ring))), 1};
      CounterValue value;
      uint64_t last;
      auto now = [&] { return kNowMs + random.below(200); };
      add_to(box.writer(), name, 1, kNowMs, random.below(2) * 100, nullptr, &spot);
      add_at(box.writer(1), spot, 1, kNowMs);
      read_counter(box.ring, name_of(name), now, &value, &spot);
      remove_counter(box.writer(1), name_of(name), now, &last);
      for (uint32_t bucket = 0; bucket <= box.ring.mask; bucket++) {
        visit_counters(box.ring, bucket, now, [](const CounterHeader& header, const uint8_t*, CounterValue) {
          CHECK(header.nameBytes >= 1 && header.nameBytes <= kMaxNameBytes);
        });
      }
    }
  }
}

const Test kTests[] = {
    TEST(has_the_golden_layout),
    TEST(refuses_another_object),
    TEST(counts_by_name_and_where_the_name_was_found),
    TEST(refuses_a_change_and_writes_nothing),
    TEST(refuses_a_name_of_another_kind_and_one_that_is_too_long),
    TEST(refuses_changes_of_a_removed_object),
    TEST(begins_anew_when_it_has_expired),
    TEST(returns_the_last_value_of_a_removed_counter),
    TEST(changes_no_other_counter_than_the_one_it_found),
    TEST(begins_again_when_another_process_removes_the_counter),
    TEST(gives_a_value_to_a_name_that_a_dead_process_has_entered),
    TEST(refuses_a_name_when_the_bucket_is_full),
    TEST(gives_away_the_cell_of_an_expired_counter),
    TEST(gives_away_the_cell_of_a_name_without_a_value_if_there_is_no_other),
    TEST(ends_no_counter_for_a_card_that_has_changed),
    TEST(counts_a_change_of_a_counter_that_another_process_drops),
    TEST(finds_room_for_as_many_names_as_it_promises),
    TEST(ends_with_any_bytes),
};

}  // namespace

int main(int count, char** words) {
  g_seed = parse_options(count, words).seed;
  return run_tests("counters_test", kTests);
}
