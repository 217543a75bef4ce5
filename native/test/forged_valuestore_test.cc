// Values full of forged records of another key: a word of the index that is left from an older cycle of generations
// would name one of them. Generations have two bits here, so each cycle is four uses of a segment.
#define ORBIT_GENERATION_BITS 2
#include "stores.h"

using namespace orbit;

namespace {

// A value of about `bytes` that looks like a record of the key wherever one may begin.
std::string forgery(const ValueStore& store, const std::string& key, size_t bytes) {
  Record record;
  record.shape = record_shape(kValueRecord, static_cast<uint32_t>(key.size()), 0, 6);
  record.hash = key_hash(store, key.data(), static_cast<uint32_t>(key.size()));
  record.id = 77;
  record.bornMs = kFloorTimeMask;
  record.expiresAtMs = record.staleAtMs = 0;
  std::string one(reinterpret_cast<const char*>(static_cast<RecordHeader*>(&record)), sizeof(RecordHeader));
  one += key;
  one.resize((one.size() + 7) / 8 * 8);
  one += "forged";
  one.resize((one.size() + kUnitBytes - 1) / kUnitBytes * kUnitBytes);
  std::string value;
  while (value.size() + one.size() <= bytes) value += one;
  return value;
}

// Keys that are put once, and their words are left to themselves; the index has room for all.
void returns_no_forged_record() {
  HeapStore heap(store_spec(16, 1 << 13, 4096, 1));
  StoreMember member(heap.store, 0);
  constexpr int kKeys = 60;
  auto name = [](int i) { return "key-" + std::to_string(i); };
  uint64_t looks = 0;
  for (int round = 0; round < 60; round++) {
    for (int i = 0; i < kKeys; i++) member.put(name(i), "true-" + std::to_string(i));
    for (int i = 0; i < 150; i++) {
      // Of each length, so that the places of records are at all distances.
      member.put("other-" + std::to_string(i), forgery(heap.store, name(i % kKeys), 1500 + round * 16));
      if (i % 10 != 0) continue;
      for (int key = 0; key < kKeys; key++) {
        std::string value = member.get(name(key));
        CHECK(value == "(none)" || value == "true-" + std::to_string(key));
        looks++;
      }
    }
  }
  printf("    %llu looks\n", static_cast<unsigned long long>(looks));
}

// A word with the low bits of the generation that its segment will have again is not left in the index.
void leaves_no_word_for_the_next_cycle() {
  HeapStore heap(store_spec(16, 1 << 13, 64, 1));
  StoreMember member(heap.store, 0);
  for (int i = 0; i < 2000; i++) {
    member.put("key-" + std::to_string(i), std::string(1000, 'x'));
    for (uint64_t place = 0; place < 64 * kBucketWords; place++) {
      uint64_t word = heap.store.index[place];
      if (word == 0 || is_reservation(word)) continue;
      uint64_t generation = generation_of(heap.store.segments[segment_in(word)].state);
      CHECK(generation_in(word) <= (generation & kGenerationMask));
    }
  }
}

}  // namespace

int main(int count, char** words) {
  parse_options(count, words);
  const Test tests[] = {
      TEST(returns_no_forged_record),
      TEST(leaves_no_word_for_the_next_cycle),
  };
  return run_tests("forged_valuestore_test", tests);
}
