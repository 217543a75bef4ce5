// Arbitrary bytes in a store: no call crashes, reads or writes outside, or runs without end, and what a get answers has
// the length that it says.
//
// The object lies on the heap in its exact size, so that AddressSanitizer sees the first byte behind it; so do targets.
#include "stores.h"

using namespace orbit;

namespace {

uint64_t g_seed = 1;
constexpr uint32_t kNodes = 2;

// Words near a limit find more than random ones.
uint64_t any_word(Random* random, const ValueStore& store) {
  uint64_t small = random->below(20);
  switch (random->below(8)) {
    case 0:
      return small;
    case 1:
      return ~uint64_t{0} - small;
    case 2:
      return index_word(random->below(1 << 16), small, random->below(4),
                        place_of(static_cast<uint32_t>(small), static_cast<uint32_t>(random->below(600))));
    case 3:
      return random->below(4) << kFilledBits | random->below(1200);
    case 4:
      return slot_word(random->below(4), random->below(store.ring.chunkCount + 2));
    case 5:
      return record_shape(static_cast<RecordKind>(random->below(5)), static_cast<uint32_t>(random->below(1100)),
                          static_cast<uint32_t>(random->below(140)),
                          static_cast<uint32_t>(random->next() >> random->below(33)));
    case 6:
      return uint64_t{1} << random->below(64);
    default:
      return random->next() >> random->below(64);
  }
}

// Any word behind the geometry. A third of them in the index, a third in records.
void scribble(Random* random, const ValueStore& store) {
  StoreOffsets at = store_offsets(store.spec);
  uint64_t from = offsetof(StoreHeader, clock), to = at.index;
  uint64_t where = random->below(3);
  if (where == 1) from = at.index, to = at.arena;
  if (where == 2) from = at.arena, to = at.end;
  uint64_t* words = reinterpret_cast<uint64_t*>(store.header);
  uint64_t place = from / 8 + random->below((to - from) / 8);
  words[place] = any_word(random, store);
}

// A word of the right mark, so that a get looks at what it names.
void aim(Random* random, const ValueStore& store, const StoreKey& key) {
  uint64_t* bucket = bucket_at(store, key.hash);
  uint32_t segment = static_cast<uint32_t>(random->below(store.spec.capacity + 1));
  uint64_t generation = is_segment(store, segment) ? generation_of(store.segments[segment].state) : 0;
  uint32_t unit = static_cast<uint32_t>(random->below(units_of(store) + 2));
  bucket[random->below(kBucketWords)] =
      index_word(mark_of(key.hash), random->below(4), generation, place_of(segment, unit));
  if (!is_segment(store, segment) || unit >= units_of(store)) return;
  uint64_t* record = record_at(store, segment, unit);
  uint64_t room = (units_of(store) - unit) * 2;
  for (uint64_t i = 0; i < room && i < 12; i++) {
    if (random->below(3) == 0) record[i] = any_word(random, store);
  }
  if (room > kHeaderWords + 1 && random->below(2) == 0) memcpy(record + kHeaderWords, key.bytes, key.length);
}

void call(Random* random, StoreMember* member, const std::string& name) {
  StoreWriter* writer = &member->writer;
  const ValueStore& store = writer->store;
  StoreKey key = member->key(name);
  StoreEntry entry;
  uint64_t capacity = random->below(3) == 0 ? random->below(max_value_bytes(store.spec) + 1) : random->below(300), id;
  std::unique_ptr<uint8_t[]> target(new uint8_t[capacity]);
  PutCondition condition;
  switch (random->below(9)) {
    case 0:
    case 1:
      if (get_value(store, random->below(2) == 0 ? nullptr : writer, key, kStoreNowMs, target.get(), capacity,
                    &entry) == StoreStatus::kDone) {
        CHECK(entry.valueBytes <= capacity);
      }
      break;
    case 2:
      head_value(store, writer, key, kStoreNowMs, &entry);
      break;
    case 3: {
      StoreValue value;
      value.bytes = target.get();
      value.length = capacity;
      condition.kind = static_cast<PutIf>(random->below(4));
      condition.id = random->below(100);
      if (condition.kind == PutIf::kReserved) reserve_key(writer, key, kStoreNowMs, &condition.reservation);
      put_value(writer, key, value, kStoreNowMs, condition, &id);
      break;
    }
    case 4:
      delete_key(writer, key, kStoreNowMs);
      break;
    case 5:
      reset_prefix(store, name.data(), static_cast<uint32_t>(random->below(3)), kStoreNowMs);
      break;
    case 6:
      invalidate_tag(store, random->next(), kStoreNowMs);
      break;
    case 7:
      scan_bucket(store, static_cast<uint32_t>(random->below(store.spec.bucketCount)), kStoreNowMs,
                  [](const uint8_t*, const StoreEntry& seen) { CHECK(seen.keyBytes <= kMaxStoreKeyBytes); });
      break;
    default:
      sum_stats(store);
      use_of(store);
  }
}

void stays_within_bounds_on_any_words() {
  Random random{g_seed};
  uint64_t calls = 0;
  for (double end = seconds_now() + 1; seconds_now() < end;) {
    HeapStore heap(store_spec(16, 1 << 13, 4, kNodes));
    std::unique_ptr<StoreMember> members[kNodes];
    for (uint32_t node = 0; node < kNodes; node++) members[node] = std::make_unique<StoreMember>(heap.store, node);
    for (int i = 0; i < 60; i++) members[i % 2]->put(std::to_string(i), std::string(random.below(3000), 'x'));
    for (int i = 0; i < 60; i++) {
      std::string name = std::to_string(random.below(60));
      for (uint64_t edits = random.below(6); edits > 0; edits--) scribble(&random, heap.store);
      if (random.below(2) == 0) aim(&random, heap.store, members[0]->key(name));
      uint32_t node = static_cast<uint32_t>(random.below(kNodes));
      if (random.below(20) == 0) {
        auto joined = std::make_unique<StoreWriter>();
        if (join_store(heap.store, node, joined.get()) == RingStatus::kOk) members[node]->writer = *joined;
      }
      if (random.below(40) == 0) {
        std::vector<uint64_t> marks(audit_mark_words(heap.store.ring.chunkCount));
        audit_store(heap.store, marks.data());
        break;  // the hands of members are not their own any more
      }
      call(&random, members[node].get(), name);
      calls++;
    }
  }
  printf("    %llu calls\n", static_cast<unsigned long long>(calls));
  CHECK(calls > 100);
}

}  // namespace

int main(int count, char** words) {
  g_seed = parse_options(count, words).seed;
  const Test tests[] = {
      TEST(stays_within_bounds_on_any_words),
  };
  return run_tests("hostile_valuestore_test", tests);
}
