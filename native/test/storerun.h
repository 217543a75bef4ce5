// What processes or threads do to a store in storms, and what no get may answer.
//
// Each put, delete, reset and invalidation draws a tick when it begins, and notes it when it has returned. A value says
// the tick of its put. It is stale if its put had returned before another operation on the key began, and that one had
// returned before the get began.
#pragma once

#include "stores.h"

namespace orbit {

constexpr uint32_t kRunKeys = 256, kRunTags = 8;
constexpr uint64_t kDoneWords = 1 << 20;

struct RunFacts {
  uint64_t ticks;
  uint64_t isOver;
  uint64_t settled[kRunKeys];      // the latest beginning of an operation on the key that has returned
  uint64_t settledTags[kRunTags];  // of an invalidation
  uint64_t settledAll;             // of a reset
  uint64_t done[kDoneWords];       // { tick of a put:32 | tick of its return:32 }
  uint64_t puts, hits, misses, resets, fills, refusedFills;
};

inline void raise_to(uint64_t* word, uint64_t tick) {
  for (uint64_t found = load_acquire(word); found < tick; found = load_acquire(word)) {
    if (exchange_if(word, found, tick)) return;
  }
}

struct StoreRun {
  RunFacts* facts;
  StoreWriter* writer;
  Random random;
  uint64_t mostWords;
  std::vector<uint64_t> words = std::vector<uint64_t>(mostWords);

  const ValueStore& store() const { return writer->store; }
  static uint64_t now() { return static_cast<uint64_t>(seconds_now() * 1000); }
  uint64_t tick() const { return __atomic_add_fetch(&facts->ticks, 1, __ATOMIC_SEQ_CST); }
  StoreKey key(const uint64_t* number) const { return store_key(store(), number, sizeof *number); }
  uint64_t tag_of(uint64_t number) const {
    uint64_t tag = number % kRunTags;
    return tag_hash(store(), &tag, sizeof tag);
  }

  // Puts a value of `length` words, which says that it is of the tick `begun`.
  StoreStatus write(uint64_t number, uint64_t length, uint64_t begun, const PutCondition& condition) {
    uint64_t tag = tag_of(number), id;
    fill_value(words.data(), length, number, begun);
    StoreValue value;
    value.bytes = words.data();
    value.length = length * 8;
    value.tags = &tag;
    value.tagCount = 1;
    return put_value(writer, key(&number), value, now(), condition, &id);
  }
  void put(uint64_t number) {
    uint64_t length = random.below(16) == 0 ? 3 + random.below(mostWords - 3) : 3 + random.below(120);
    uint64_t begun = tick();
    CHECK(write(number, length, begun, {}) == StoreStatus::kDone);
    store_release(&facts->done[begun % kDoneWords], begun << 32 | tick());
    raise_to(&facts->settled[number], begun);
    add_relaxed(&facts->puts, 1);
  }
  // What another operation has settled since the reservation is not stored.
  void fill(uint64_t number) {
    PutCondition condition;
    condition.kind = PutIf::kReserved;
    CHECK(reserve_key(writer, key(&number), now(), &condition.reservation) == StoreStatus::kDone);
    uint64_t begun = tick();
    for (uint64_t spins = random.below(200); spins > 0; spins--) relax();
    fill_reserved(number, condition, begun);
    add_relaxed(&facts->fills, 1);
  }
  // The value is as old as the tick at which it was loaded.
  void fill_reserved(uint64_t number, const PutCondition& condition, uint64_t begun) {
    StoreStatus status = write(number, 3 + random.below(120), begun, condition);
    CHECK(status == StoreStatus::kDone || status == StoreStatus::kRefused);
    add_relaxed(&facts->refusedFills, status == StoreStatus::kRefused);
    // It counts as done when it was loaded: operations that began after that must not be followed by it.
    store_release(&facts->done[begun % kDoneWords], begun << 32 | begun);
  }
  void remove(uint64_t number) {
    uint64_t begun = tick();
    StoreStatus status = delete_key(writer, key(&number), now());
    CHECK(status == StoreStatus::kDone || status == StoreStatus::kNone);
    raise_to(&facts->settled[number], begun);
  }
  void reset(uint64_t number) {
    uint64_t begun = tick();
    if (random.below(4) != 0) {
      invalidate_tag(store(), tag_of(number), now());
      raise_to(&facts->settledTags[number % kRunTags], begun);
    } else if (random.below(2) == 0) {
      CHECK(reset_prefix(store(), &number, 8, now()) == StoreStatus::kDone);
      raise_to(&facts->settled[number], begun);
    } else {
      CHECK(reset_prefix(store(), nullptr, 0, now()) == StoreStatus::kDone);
      raise_to(&facts->settledAll, begun);
    }
    add_relaxed(&facts->resets, 1);
  }
  void get(uint64_t number, StoreWriter* member) {
    uint64_t settled = load_acquire(&facts->settled[number]);
    uint64_t ofTag = load_acquire(&facts->settledTags[number % kRunTags]), ofAll = load_acquire(&facts->settledAll);
    if (ofTag > settled) settled = ofTag;
    if (ofAll > settled) settled = ofAll;
    StoreEntry entry;
    StoreStatus status = get_value(store(), member, key(&number), now(), words.data(), mostWords * 8, &entry);
    CHECK(status == StoreStatus::kDone || status == StoreStatus::kNone);
    add_relaxed(status == StoreStatus::kDone ? &facts->hits : &facts->misses, 1);
    if (status == StoreStatus::kNone) return;
    uint64_t version = check_value(words.data(), entry.valueBytes, number);
    uint64_t done = load_acquire(&facts->done[version % kDoneWords]);
    bool hasReturned = done >> 32 == version;
    CHECK(!hasReturned || (done & UINT32_MAX) >= settled);  // not stale
  }
  void step() {
    uint64_t number = random.below(random.below(3) == 0 ? kRunKeys : kRunKeys / 8);
    uint64_t what = random.below(1000);
    if (what < 380) return put(number);
    if (what < 430) return fill(number);
    if (what < 480) return remove(number);
    if (what < 482) return reset(number);
    get(number, random.below(8) == 0 ? nullptr : writer);
  }
};

}  // namespace orbit
