// Limits and limiters in one process: the layout, each algorithm at its edges, entering, evicting, hostile bytes.
#include <stddef.h>

#include <memory>
#include <vector>

#include "check.h"
#include "protocol/limiter.h"

using namespace orbit;

namespace {

constexpr uint32_t kKind = 224, kEntries = 64;
constexpr uint64_t kMs = kNsPerMs;
constexpr uint64_t kStartNs = 5'000'000 * kMs;

uint64_t g_seed = 1;
double g_seconds = 2;

struct Table {
  std::unique_ptr<void, Free> memory;
  Limits limits;

  explicit Table(uint32_t entries = kEntries) : memory(aligned_alloc(64, limits_bytes(entries))) {
    format_limits(memory.get(), kKind, entries, {11, 22}, 33, 44);
    CHECK(attach_limits(memory.get(), limits_bytes(entries), &limits) == AttachStatus::kOk);
  }
  EntryPlace place(uint64_t key) const { return place_of(limits, {5, 6}, &key, sizeof key); }
};

Limiter limiter_of(Algorithm algorithm, uint64_t limit, uint64_t windowMs, uint64_t burst = 0) {
  return make_limiter(algorithm, {5, 6}, limit, windowMs, burst == 0 ? limit : burst);
}

struct Taken {
  LimitStatus status;
  Decision decision;
  bool allowed() const { return status == LimitStatus::kAllowed; }
};
Taken take(Table* table, const Limiter& limiter, uint64_t key, uint64_t nowNs, uint64_t cost = 1) {
  Taken taken;
  taken.status = change_entry(&table->limits, table->place(key), nowNs / kMs, [&](EntryValue* value) {
    return take_from(limiter, value, cost, nowNs, &taken.decision);
  });
  return taken;
}
uint64_t take_all(Table* table, const Limiter& limiter, uint64_t key, uint64_t nowNs) {
  uint64_t allowed = 0;
  while (take(table, limiter, key, nowNs).allowed()) CHECK(++allowed < 100000);
  return allowed;
}
Decision peek(const Table& table, const Limiter& limiter, uint64_t key, uint64_t nowNs) {
  Decision decision;
  describe(limiter, read_entry(table.limits, table.place(key), nowNs / kMs), nowNs, &decision);
  return decision;
}
template <typename Change>
LimitStatus change(Table* table, uint64_t key, uint64_t nowNs, Change change) {
  return change_entry(&table->limits, table->place(key), nowNs / kMs, change);
}
void move(Table* table, const Limiter& limiter, uint64_t key, int64_t amount, uint64_t nowNs) {
  change(table, key, nowNs, [&](EntryValue* value) { return adjust(limiter, value, amount, limiter.windowMs, nowNs); });
}
uint64_t entries_of(const Table& table, uint64_t key) {
  EntryPlace place = table.place(key);
  uint64_t count = 0;
  for (uint32_t step = 0; step < kWindow; step++)
    count += tag_in(entry_at(table.limits, place, step)->key) == place.tag;
  return count;
}

const Algorithm kAll[] = {Algorithm::kGcra, Algorithm::kFixed, Algorithm::kSliding};

// ---- the object ----------------------------------------------------------------------------------------------------

void has_the_golden_layout() {
  Table table;
  CHECK_EQUAL(offsetof(LimitsHeader, typeKind), 64);
  CHECK_EQUAL(offsetof(LimitsHeader, entries), 72);
  CHECK_EQUAL(offsetof(LimitsHeader, seed), 80);
  CHECK_EQUAL(offsetof(LimitsHeader, full), 128);
  CHECK_EQUAL(sizeof(LimitsHeader), 192);
  CHECK_EQUAL(limits_bytes(64), 192 + 64 * 16);
  CHECK_EQUAL(entry_key(1, kPresent, 3), 1 << 16 | 2 << 14 | 3);
  CHECK_EQUAL(entry_value(5, 6), 5 << 24 | 6);
  CHECK_EQUAL(reinterpret_cast<uint8_t*>(table.limits.entries) - static_cast<uint8_t*>(table.memory.get()), 192);
  EntryPlace place = place_of(table.limits, {5, 6}, "a key", 5);
  CHECK_EQUAL(place.tag, 0xf4696e15d5f);
  CHECK_EQUAL(place.first, 40);
}

void hashes_as_siphash_does() {
  uint8_t bytes[2] = {0, 1};
  HashKey key = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
  HashPair empty = siphash_pair<2, 4>(key, bytes, 0), one = siphash_pair<2, 4>(key, bytes, 1);
  CHECK(empty.first == 0xe6a825ba047f81a3 && empty.second == 0x930255c71472f66d);
  CHECK(one.first == 0x44af996bd8c187da && one.second == 0x45fc229b11597634);
}

void refuses_another_object() {
  Limits limits;
  for (uint32_t entries : {0u, 8u, 48u}) {
    Table table;
    table.limits.header->entries = entries;
    CHECK(attach_limits(table.memory.get(), limits_bytes(kEntries), &limits) == AttachStatus::kCorrupt);
  }
  Table table;
  CHECK(attach_limits(table.memory.get(), limits_bytes(kEntries) - 16, &limits) == AttachStatus::kCorrupt);
  Ring ring;
  CHECK(attach_slots(table.memory.get(), limits_bytes(kEntries), &ring) == AttachStatus::kCorrupt);
  table.limits.header->object.objectType = kRingObject;
  CHECK(attach_limits(table.memory.get(), limits_bytes(kEntries), &limits) == AttachStatus::kCorrupt);
  CHECK(!valid_entries(uint64_t{kMaxLimitEntries} * 2) && valid_entries(kWindow));
}

// ---- algorithms ----------------------------------------------------------------------------------------------------

void gcra_allows_a_burst_and_then_the_rate() {
  Table table;
  Limiter limiter = limiter_of(Algorithm::kGcra, 10, 1000, 5);
  CHECK_EQUAL(take_all(&table, limiter, 1, kStartNs), 5);
  Taken refused = take(&table, limiter, 1, kStartNs);
  CHECK_EQUAL(refused.decision.retryNs, 100 * kMs);
  CHECK_EQUAL(refused.decision.remaining, 0);
  CHECK_EQUAL(refused.decision.resetNs, 500 * kMs);
  CHECK(!take(&table, limiter, 1, kStartNs + 100 * kMs - 1).allowed());
  CHECK(take(&table, limiter, 1, kStartNs + 100 * kMs).allowed());
  CHECK_EQUAL(take(&table, limiter, 1, kStartNs + 100 * kMs, 3).decision.retryNs, 300 * kMs);
  CHECK_EQUAL(take_all(&table, limiter, 1, kStartNs + 10'000 * kMs), 5);
}

void fixed_counts_a_window_from_the_first_hit_on() {
  Table table;
  Limiter limiter = limiter_of(Algorithm::kFixed, 3, 1000);
  CHECK(take(&table, limiter, 1, kStartNs + 400 * kMs).allowed());
  CHECK_EQUAL(take_all(&table, limiter, 1, kStartNs + 1399 * kMs), 2);
  Decision decision = take(&table, limiter, 1, kStartNs + 1399 * kMs).decision;
  CHECK_EQUAL(decision.retryNs, 1 * kMs);
  CHECK_EQUAL(decision.count, 3);
  CHECK_EQUAL(take_all(&table, limiter, 1, kStartNs + 1400 * kMs), 3);
}

void sliding_counts_the_share_of_the_last_window() {
  Table table;
  Limiter limiter = limiter_of(Algorithm::kSliding, 10, 1000);
  CHECK_EQUAL(take_all(&table, limiter, 1, kStartNs + 500 * kMs), 10);
  CHECK_EQUAL(take_all(&table, limiter, 1, kStartNs + 1500 * kMs), 5);
  Decision refused = take(&table, limiter, 1, kStartNs + 1500 * kMs).decision;
  CHECK_EQUAL(refused.retryNs, 100 * kMs);
  CHECK(!take(&table, limiter, 1, kStartNs + 1599 * kMs).allowed());
  CHECK(take(&table, limiter, 1, kStartNs + 1600 * kMs).allowed());
}

// The time after which a refused call is allowed, and not a millisecond earlier, for any times of the calls.
void tells_when_to_try_again() {
  Random random{g_seed};
  for (int round = 0; round < 3000; round++) {
    Table table;
    Algorithm algorithm = kAll[random.below(3)];
    uint64_t windowMs = 1 + random.below(300), limit = 1 + random.below(30);
    Limiter limiter = limiter_of(algorithm, limit, windowMs);
    uint64_t nowNs = kStartNs + random.below(10'000'000'000);
    for (uint64_t i = 0, count = random.below(40); i < count; i++) {
      uint64_t cost = 1 + random.below(limit);
      Taken taken = take(&table, limiter, 1, nowNs, cost);
      CHECK(taken.allowed() == (taken.decision.retryNs == 0));
      if (!taken.allowed()) {
        Table before;
        memcpy(before.memory.get(), table.memory.get(), limits_bytes(kEntries));
        uint64_t step = algorithm == Algorithm::kGcra ? 1 : kMs;
        CHECK(!take(&before, limiter, 1, nowNs + taken.decision.retryNs - step, cost).allowed());
        CHECK(take(&before, limiter, 1, nowNs + taken.decision.retryNs, cost).allowed());
      }
      if (taken.decision.resetNs > 0) CHECK_EQUAL(peek(table, limiter, 1, nowNs + taken.decision.resetNs).count, 0);
      nowNs += random.below(windowMs * kMs);
    }
  }
}

void peeks_without_a_change() {
  for (Algorithm algorithm : kAll) {
    Table table;
    Limiter limiter = limiter_of(algorithm, 4, 1000);
    CHECK_EQUAL(peek(table, limiter, 1, kStartNs).remaining, 4);
    CHECK(take(&table, limiter, 1, kStartNs, 3).allowed());
    for (int i = 0; i < 3; i++) CHECK_EQUAL(peek(table, limiter, 1, kStartNs).remaining, 1);
    CHECK_EQUAL(peek(table, limiter, 1, kStartNs).count, 3);
  }
}

void adds_and_gives_back_without_a_test() {
  for (Algorithm algorithm : kAll) {
    Table table;
    Limiter limiter = limiter_of(algorithm, 4, 1000);
    move(&table, limiter, 1, -2, kStartNs);
    CHECK_EQUAL(entries_of(table, 1), 0);
    move(&table, limiter, 1, 6, kStartNs);
    CHECK_EQUAL(peek(table, limiter, 1, kStartNs).count, 6);
    CHECK(!take(&table, limiter, 1, kStartNs).allowed());
    move(&table, limiter, 1, -3, kStartNs);
    CHECK_EQUAL(take_all(&table, limiter, 1, kStartNs), 1);
    move(&table, limiter, 1, -100, kStartNs);
    CHECK_EQUAL(take_all(&table, limiter, 1, kStartNs), 4);
    move(&table, limiter, 1, INT64_C(1) << 53, kStartNs);
    CHECK_EQUAL(peek(table, limiter, 1, kStartNs).remaining, 0);
  }
}

void sets_blocks_and_removes_a_key() {
  for (Algorithm algorithm : kAll) {
    Table table;
    Limiter limiter = limiter_of(algorithm, 4, 1000);
    change(&table, 1, kStartNs, [&](EntryValue* value) {
      set_count(limiter, value, 3, 500, kStartNs);
      return true;
    });
    CHECK_EQUAL(take_all(&table, limiter, 1, kStartNs), 1);
    uint64_t blockNs = kStartNs + kMs / 2;
    change(&table, 1, blockNs, [&](EntryValue* value) {
      block_key(limiter, value, 7000, blockNs);
      return true;
    });
    Taken refused = take(&table, limiter, 1, blockNs);
    CHECK(!refused.allowed());
    CHECK(refused.decision.retryNs >= 7000 * kMs && refused.decision.retryNs <= 7001 * kMs);
    CHECK(!take(&table, limiter, 1, blockNs + 7000 * kMs - 1).allowed());
    CHECK(take(&table, limiter, 1, blockNs + refused.decision.retryNs).allowed());
    CHECK(remove_entry(table.limits, table.place(1), kStartNs / kMs));
    CHECK(!remove_entry(table.limits, table.place(1), kStartNs / kMs));
    CHECK_EQUAL(take_all(&table, limiter, 1, kStartNs), 4);
  }
}

void hits_count_beyond_the_limit() {
  struct Case {
    Over over;
    uint64_t resetMs[5];
  };
  const Case cases[] = {{Over::kKeep, {1000, 990, 980, 970, 960}},
                        {Over::kRenew, {1000, 990, 1000, 1000, 1000}},
                        {Over::kDouble, {1000, 990, 1000, 2000, 4000}}};
  for (const Case& each : cases) {
    Table table;
    Limiter limiter = limiter_of(Algorithm::kFixed, 2, 1000);
    for (uint64_t i = 0; i < 5; i++) {
      uint64_t nowNs = kStartNs + i * 10 * kMs;
      Decision decision;
      change(&table, 1, nowNs, [&](EntryValue* value) {
        hit_fixed(limiter, value, 1, each.over, nowNs / kMs, &decision);
        return true;
      });
      CHECK_EQUAL(decision.count, i + 1);
      CHECK_EQUAL(decision.resetNs, each.resetMs[i] * kMs);
    }
  }
}

void works_with_windows_of_a_millisecond_and_of_a_year() {
  for (Algorithm algorithm : kAll) {
    for (uint64_t windowMs : {uint64_t{1}, uint64_t{366} * 86400000, kMaxWindowMs}) {
      for (uint64_t limit : {uint64_t{1}, uint64_t{3}, uint64_t{kMaxLimit}}) {
        if (algorithm == Algorithm::kGcra && limit > windowMs * kNsPerMs) continue;
        Table table;
        Limiter limiter = limiter_of(algorithm, limit, windowMs);
        CHECK(take(&table, limiter, 1, kStartNs, limit).allowed());
        Taken refused = take(&table, limiter, 1, kStartNs, limit);
        CHECK(!refused.allowed());
        CHECK(take(&table, limiter, 1, kStartNs + refused.decision.retryNs, limit).allowed());
      }
    }
  }
}

// A process asked the clock, was stopped, and decides after others have begun a later window.
void decides_with_an_old_time_as_part_of_the_later_window() {
  for (Algorithm algorithm : kAll) {
    Table table;
    Limiter limiter = limiter_of(algorithm, 4, 100);
    CHECK_EQUAL(take_all(&table, limiter, 1, kStartNs + 1000 * kMs), 4);
    CHECK(!take(&table, limiter, 1, kStartNs).allowed());
    CHECK_EQUAL(peek(table, limiter, 1, kStartNs + 1000 * kMs).remaining, 0);
  }
}

// ---- places --------------------------------------------------------------------------------------------------------

void counts_a_key_once_however_full_the_table_is() {
  Table table(32);
  Limiter limiter = limiter_of(Algorithm::kFixed, 1, 1000);
  uint64_t allowed = 0, full = 0;
  for (uint64_t key = 0; key < 200; key++) {
    Taken taken = take(&table, limiter, key, kStartNs);
    allowed += taken.allowed();
    full += taken.status == LimitStatus::kFull;
    if (taken.allowed()) CHECK(take(&table, limiter, key, kStartNs).status == LimitStatus::kRefused);
  }
  CHECK_EQUAL(allowed, 32);
  CHECK_EQUAL(full, 200 - 32);
  CHECK_EQUAL(table.limits.header->full, full);
  CHECK_EQUAL(count_entries(table.limits, kStartNs / kMs).present, 32);
  CHECK(take(&table, limiter, 1000, kStartNs + 1000 * kMs).allowed());
  CHECK_EQUAL(count_entries(table.limits, kStartNs / kMs + 1000).present, 1);
}

void keeps_limiters_of_different_names_apart() {
  HashKey one = limiter_seed({1, 2}, "a", 1), other = limiter_seed({1, 2}, "b", 1);
  CHECK(one.first != other.first && one.second != other.second);
  Table table;
  CHECK(place_of(table.limits, one, "key", 3).tag != place_of(table.limits, other, "key", 3).tag);
}

// The tentative entry that a dead process left: the next one counts through it; when it is over, its place is free.
void takes_over_what_a_dead_process_left() {
  for (bool isSameKey : {true, false}) {
    Table table;
    Limiter limiter = limiter_of(Algorithm::kFixed, 2, 5000);
    Limits dead = table.limits;
    dead.node = 9;
    EntryPlace place = table.place(1);
    *entry_at(table.limits, place, 3) = tentative_entry(&dead, place, kStartNs / kMs);
    CHECK_EQUAL(peek(table, limiter, 1, kStartNs).count, 0);
    CHECK_EQUAL(take_all(&table, limiter, 1, kStartNs), 2);
    CHECK_EQUAL(entries_of(table, 1), 1);
    if (isSameKey) continue;
    EntryPlace other = table.place(2);
    for (uint32_t step = 0; step < kWindow; step++) {
      *entry_at(table.limits, other, step) = tentative_entry(&dead, place, kStartNs / kMs);
    }
    CHECK(take(&table, limiter, 2, kStartNs).status == LimitStatus::kFull);
    CHECK(take(&table, limiter, 2, kStartNs + kTentativeMs * kMs).allowed());
  }
}

// Of two entries of one key that are tentative, the one at the earlier place stays.
void leaves_one_of_two_tentative_entries() {
  for (uint32_t first : {0u, 4u}) {
    for (uint32_t second : {5u, 9u}) {
      Table table;
      Limits dead = table.limits;
      dead.node = 9;
      Limiter limiter = limiter_of(Algorithm::kFixed, 3, 1000);
      EntryPlace place = table.place(1);
      *entry_at(table.limits, place, first) = tentative_entry(&dead, place, kStartNs / kMs);
      *entry_at(table.limits, place, second) = tentative_entry(&dead, place, kStartNs / kMs);
      CHECK_EQUAL(take_all(&table, limiter, 1, kStartNs), 3);
      CHECK_EQUAL(entries_of(table, 1), 1);
      CHECK(state_in(entry_at(table.limits, place, first)->key) == kPresent);
    }
  }
}

// ---- load ----------------------------------------------------------------------------------------------------------

// Distinct keys through 1 MiB with living keys in a quarter of its entries: the rule by which tables are sized. A
// million keys for each of --seconds.
void refuses_few_keys_at_a_quarter_load() {
  uint64_t keys = static_cast<uint64_t>(g_seconds * 1e6);
  Table table(1 << 16);
  Limiter limiter = limiter_of(Algorithm::kFixed, 1, 1000);
  uint64_t perMs = (1 << 14) / 1000;
  for (uint64_t key = 0; key < keys; key++) {
    uint64_t nowNs = kStartNs + key / perMs * kMs;
    LimitStatus status = take(&table, limiter, key, nowNs).status;
    CHECK(status == LimitStatus::kAllowed || status == LimitStatus::kFull);
  }
  printf("    %llu of %llu keys found no room\n", (unsigned long long)table.limits.header->full,
         (unsigned long long)keys);
  CHECK(table.limits.header->full < 10 + keys / 250'000);
}

// ---- hostile bytes -------------------------------------------------------------------------------------------------

void stays_within_bounds_on_any_words() {
  Random random{g_seed};
  Table table;
  for (int round = 0; round < 4000; round++) {
    uint64_t key = random.below(8);
    EntryPlace place = table.place(key);
    for (uint32_t i = 0; i < kEntries; i++) {
      Pair* pair = &table.limits.entries[i];
      *pair = {random.next() >> random.below(64), random.next() >> random.below(64)};
      // One in four has the very tag of a key.
      if (random.below(4) == 0) pair->key = entry_key(place.tag, random.below(4), random.below(kMaxHigh + 1));
    }
    for (Algorithm algorithm : kAll) {
      Limiter limiter = limiter_of(algorithm, 1 + random.below(kMaxLimit), 1 + random.below(kMaxWindowMs));
      uint64_t nowNs = kStartNs + random.below(1000) * kMs;
      Taken taken = take(&table, limiter, key, nowNs, 1 + random.below(limiter.limit));
      CHECK(taken.status != LimitStatus::kCorrupt);
      peek(table, limiter, key, nowNs);
      move(&table, limiter, key, static_cast<int64_t>(random.next()) >> 12, nowNs);
      count_entries(table.limits, nowNs / kMs);
      if (random.below(4) == 0) remove_entry(table.limits, place, nowNs / kMs);
    }
  }
}

}  // namespace

int main(int count, char** words) {
  Options options = parse_options(count, words);
  g_seed = options.seed;
  g_seconds = options.seconds;
  const Test tests[] = {
      TEST(has_the_golden_layout),
      TEST(hashes_as_siphash_does),
      TEST(refuses_another_object),
      TEST(gcra_allows_a_burst_and_then_the_rate),
      TEST(fixed_counts_a_window_from_the_first_hit_on),
      TEST(sliding_counts_the_share_of_the_last_window),
      TEST(tells_when_to_try_again),
      TEST(peeks_without_a_change),
      TEST(adds_and_gives_back_without_a_test),
      TEST(sets_blocks_and_removes_a_key),
      TEST(hits_count_beyond_the_limit),
      TEST(works_with_windows_of_a_millisecond_and_of_a_year),
      TEST(decides_with_an_old_time_as_part_of_the_later_window),
      TEST(counts_a_key_once_however_full_the_table_is),
      TEST(keeps_limiters_of_different_names_apart),
      TEST(takes_over_what_a_dead_process_left),
      TEST(leaves_one_of_two_tentative_entries),
      TEST(refuses_few_keys_at_a_quarter_load),
      TEST(stays_within_bounds_on_any_words),
  };
  return run_tests("limits_test", tests);
}
