// The store in one process: layout, values of every size, eviction, expiry, conditions, resets, tags, joining.
#include <map>

#include "stores.h"

using namespace orbit;

namespace {

uint64_t g_seed = 1;

std::string text_of(uint64_t length, uint64_t seed) {
  std::string text(length, '\0');
  Random random{seed};
  for (char& byte : text) byte = static_cast<char>(random.next());
  return text;
}

StoreSpec usual_spec() { return store_spec(64, 1 << 14, 1024, 4); }

// ---- the object ----------------------------------------------------------------------------------------------------

void has_the_golden_layout() {
  HeapStore heap(store_spec(64, 1 << 14, 256, 3));
  CHECK_EQUAL(sizeof(StoreHeader), 704);
  CHECK_EQUAL(offsetof(StoreHeader, clock), 512);
  CHECK_EQUAL(offsetof(StoreHeader, seals), 576);
  StoreOffsets at = store_offsets(heap.store.spec);
  CHECK_EQUAL(at.slots, 768);
  CHECK_EQUAL(at.entries, 768 + 64 * 8);
  CHECK_EQUAL(at.spares, at.entries + 12 * 64);
  CHECK_EQUAL(at.stats, at.spares + 64);
  CHECK_EQUAL(at.segments, at.stats + 3 * 128);
  CHECK_EQUAL(at.floors, at.segments + 64 * 64);
  CHECK_EQUAL(at.index, at.floors + 16 * 64);
  CHECK_EQUAL(at.arena, at.index + 256 * 64);
  CHECK_EQUAL(at.end, at.arena + (64u << 14));
  StoreMember member(heap.store, 1);
  member.put("key", "value");
  uint64_t hash = member.key("key").hash;
  uint64_t word = first_with(bucket_at(heap.store, hash), hash >> 48).word;
  const uint64_t* record = record_at(heap.store, segment_in(word), unit_in(word));
  CHECK_EQUAL(record[0], 5 | 3ull << 32 | 1ull << 56);
  CHECK_EQUAL(record[1], hash);
  CHECK_EQUAL(record[2], 1 << 16 | 1);
  CHECK_EQUAL(record[3], kStoreNowMs);
  CHECK_EQUAL(record[6], 'k' | 'e' << 8 | 'y' << 16);
  CHECK(memcmp(record + 7, "value\0\0\0", 8) == 0);
  CHECK_EQUAL(heap.store.segments[segment_in(word)].state, 1ull << 24 | 64 / 16);
}

void plans_a_geometry_within_any_budget() {
  for (uint32_t nodes : {1u, 16u, 64u, 256u, 4096u}) {
    uint64_t least = min_store_bytes(nodes);
    CHECK(plan_store(least - least / 8, 1, nodes).capacity == 0);
    for (uint64_t bytes = least; bytes <= kMaxStoreBytes; bytes = bytes * 3 / 2 + 12345) {
      for (uint32_t entryBytes : {1u, 100u, 512u, 100000u}) {
        StoreSpec spec = plan_store(bytes, entryBytes, nodes);
        CHECK(valid_store(spec) && store_bytes(spec) <= bytes);
        CHECK(uint64_t{spec.capacity} * spec.segmentBytes > bytes / 2 || bytes < 4 * least);
        CHECK(max_value_bytes(spec) >= spec.segmentBytes);
      }
    }
  }
  StoreSpec spec = plan_store(64 << 20, 512, 256);
  CHECK(spec.capacity == 2048 && uint64_t{spec.capacity} * spec.segmentBytes > (60 << 20));
}

void refuses_another_object() {
  HeapStore heap(usual_spec());
  void* base = heap.memory.get();
  uint64_t bytes = store_bytes(heap.store.spec);
  auto* header = static_cast<StoreHeader*>(base);
  ValueStore store;
  Ring ring;
  CHECK(attach_slots(base, bytes, &ring) == AttachStatus::kCorrupt);
  CHECK(attach_store(base, bytes - 64, &store) == AttachStatus::kCorrupt);
  uint64_t* words[] = {&header->segmentBytes,   &header->bucketCount,     &header->floorBuckets,
                       &header->slots.capacity, &header->slots.fleetSize, &header->slots.spareCount};
  for (uint64_t* word : words) {
    uint64_t was = *word;
    for (uint64_t value : {uint64_t{0}, was + 1, was * 2, ~uint64_t{0}, was | uint64_t{1} << 32}) {
      *word = value;
      CHECK(attach_store(base, bytes, &store) == AttachStatus::kCorrupt);
    }
    *word = was;
  }
  CHECK(attach_store(base, bytes, &store) == AttachStatus::kOk);
  header->slots.object.retired = 1;
  StoreMember member(store, 0);
  CHECK(member.try_put("key", "value") == StoreStatus::kRetired);
  CHECK(member.remove("key") == StoreStatus::kRetired);
}

// ---- values --------------------------------------------------------------------------------------------------------

void keeps_values_of_every_length() {
  HeapStore heap(usual_spec());
  StoreMember member(heap.store, 0), other(heap.store, 1);
  uint64_t most = max_value_bytes(heap.store.spec);
  CHECK(most > 100000);
  for (uint64_t length : {uint64_t{0}, uint64_t{1}, uint64_t{7}, uint64_t{8}, uint64_t{9}, uint64_t{100},
                          uint64_t{8000}, uint64_t{8100}, uint64_t{8192}, uint64_t{16384}, uint64_t{50001}, most}) {
    for (uint32_t keyBytes : {0u, 1u, 8u, 13u, 1024u}) {
      std::string key = text_of(keyBytes, 5), value = text_of(length, length);
      member.put(key, value);
      CHECK(other.get(key) == value);
      StoreEntry entry;
      CHECK(head_value(heap.store, nullptr, member.key(key), kStoreNowMs, &entry) == StoreStatus::kDone);
      CHECK_EQUAL(entry.valueBytes, length);
      CHECK_EQUAL(entry.keyBytes, keyBytes);
    }
  }
  CHECK(member.try_put("key", text_of(most + 1, 1)) == StoreStatus::kTooLarge);
  CHECK(member.try_put(text_of(1025, 1), "") == StoreStatus::kTooLarge);
  CHECK_EQUAL(sum_stats(heap.store).refused, 2);
}

void says_how_long_a_value_is_that_does_not_fit() {
  HeapStore heap(usual_spec());
  StoreMember member(heap.store, 0);
  for (uint64_t length : {100u, 20000u}) {
    member.put("key", text_of(length, 1));
    uint8_t target[64];
    StoreEntry entry;
    StoreStatus status =
        get_value(heap.store, &member.writer, member.key("key"), kStoreNowMs, target, sizeof target, &entry);
    CHECK(status == StoreStatus::kShort);
    CHECK_EQUAL(entry.valueBytes, length);
  }
  CHECK_EQUAL(sum_stats(heap.store).hits, 0);
}

// Two members against a map, with every kind of call.
void agrees_with_a_map() {
  HeapStore heap(usual_spec());
  StoreMember members[] = {{heap.store, 0}, {heap.store, 3}};
  std::map<std::string, std::string> model;
  Random random{g_seed};
  uint64_t hits = 0, misses = 0;
  for (int step = 0; step < 60000; step++) {
    StoreMember& member = members[random.below(2)];
    std::string key = "key-" + std::to_string(random.below(300));
    uint64_t what = random.below(10);
    if (what < 4) {
      std::string value = text_of(random.below(16) == 0 ? random.below(40000) : random.below(1500), random.next());
      member.put(key, value);
      model[key] = value;
    } else if (what == 4) {
      bool isThere = member.has(key);
      CHECK_EQUAL(member.remove(key), isThere ? StoreStatus::kDone : StoreStatus::kNone);
      model.erase(key);
    } else {
      std::string found = member.get(key);
      if (found != "(none)") CHECK(model.count(key) == 1 && model[key] == found);
      hits += found != "(none)";
      misses += found == "(none)" && model.count(key) == 1;
    }
  }
  CHECK(hits > 5000 && misses > 10);  // evicted
  CHECK_EQUAL(count_lost_chunks(heap.store), 0);
}

void counts_what_each_member_did() {
  HeapStore heap(usual_spec());
  StoreMember one(heap.store, 0), two(heap.store, 1);
  one.put("a", "1234");
  two.put("b", "12345");
  CHECK(two.has("a") && !one.has("c"));
  CHECK_EQUAL(one.remove("b"), StoreStatus::kDone);
  CHECK_EQUAL(one.remove("b"), StoreStatus::kNone);
  NodeStats sum = sum_stats(heap.store);
  CHECK(sum.puts == 2 && sum.putBytes == 9 && sum.hits == 1 && sum.misses == 1 && sum.deletes == 1 && sum.ids == 2);
  StoreUse use = use_of(heap.store);
  CHECK(use.segments == 64 && use.usedSegments == 2 && use.records == 2 && use.live == 1 && use.burned == 0);
}

// ---- eviction ------------------------------------------------------------------------------------------------------

// Looks for 1,000 keys, and puts those that are gone. Returns how many.
int look_for_all(StoreMember* member, const std::string& value) {
  int lost = 0;
  for (int i = 0; i < 1000; i++) {
    std::string key = "read-" + std::to_string(i);
    if (member->has(key)) continue;
    member->put(key, value);
    lost++;
  }
  return lost;
}

void evicts_nothing_that_is_read_for_rewrites_of_one_key() {
  HeapStore heap(store_spec(64, 1 << 14, 1024, 2));
  StoreMember member(heap.store, 0);
  std::string value = text_of(200, 1);
  look_for_all(&member, value);
  for (int round = 0; round < 30; round++) {
    CHECK_EQUAL(look_for_all(&member, value), 0);
    for (int i = 0; i < 1024; i++) member.put("hot", value);
  }
  CHECK(sum_stats(heap.store).rotated > 400);
}

// Each round puts half of what the store holds in keys that no process reads.
void evicts_little_that_is_read_for_keys_that_are_not() {
  HeapStore heap(store_spec(64, 1 << 14, 1024, 2));
  StoreMember member(heap.store, 0);
  std::string value = text_of(200, 1);
  look_for_all(&member, value);
  int lost = 0;
  for (int round = 0; round < 20; round++) {
    lost += look_for_all(&member, value);
    for (int i = 0; i < 2000; i++) member.put("once-" + std::to_string(round * 2000 + i), value);
  }
  CHECK(lost < 20 * 1000 / 100);
  NodeStats sum = sum_stats(heap.store);
  CHECK(sum.moved > 1000 && sum.evicted > 30000);
}

void keeps_half_of_its_segments_with_large_values() {
  HeapStore heap(usual_spec());
  StoreMember member(heap.store, 0);
  for (int key = 0; key < 200; key++) {
    member.put(std::to_string(key), text_of(60000, static_cast<uint64_t>(key)));
    CHECK(member.get(std::to_string(key)) == text_of(60000, static_cast<uint64_t>(key)));
  }
  int found = 0;
  for (int key = 0; key < 200; key++) {
    std::string value = member.get(std::to_string(key));
    if (value == "(none)") continue;
    CHECK(value == text_of(60000, static_cast<uint64_t>(key)));
    found++;
  }
  CHECK(found >= 5 && found <= 17);
}

// Of values that take from half a segment to some, one in five is read all the time.
void keeps_large_values_that_are_read() {
  HeapStore heap(store_spec(64, 1 << 14, 1024, 2));
  StoreMember members[2] = {{heap.store, 0}, {heap.store, 1}};
  constexpr uint64_t kKept = 10;
  auto text = [](uint64_t key) { return text_of(9000 + key % 7 * 5000, key); };
  uint64_t lost = 0, looks = 0;
  for (uint64_t i = 0; i < 2000; i++) {
    StoreMember& member = members[i % 2];
    member.put("once-" + std::to_string(i), text(i));
    for (uint64_t key = 0; key < kKept; key++) {
      std::string name = std::to_string(key), value = member.get(name);
      looks++;
      lost += value == "(none)";
      if (value == "(none)") {
        member.put(name, text(key));
      } else {
        CHECK(value == text(key));
      }
    }
  }
  CHECK(lost < looks / 100);
  NodeStats sum = sum_stats(heap.store);
  CHECK(sum.evicted > 1500 && sum.movedBytes > 0 && sum.movedBytes < 50000);  // long parts go back without a copy
  CHECK_EQUAL(count_lost_chunks(heap.store), 0);
}

// They were read five times, and then others are.
void evicts_large_values_that_are_no_longer_read() {
  HeapStore heap(store_spec(64, 1 << 14, 1024, 1));
  StoreMember member(heap.store, 0);
  auto text = [](uint64_t key) { return text_of(9000 + key % 7 * 5000, key); };
  for (uint64_t i = 0; i < 200; i++) {
    std::string name = std::to_string(i);
    member.put(name, text(i));
    for (int read = 0; read < 5; read++) CHECK(member.get(name) == text(i));
  }
  for (uint64_t i = 200; i < 600; i++) {
    member.put(std::to_string(i), text(i));
    CHECK(member.get(std::to_string(i)) == text(i));
  }
  uint64_t old = 0, recent = 0;
  for (uint64_t i = 0; i < 600; i++) (i < 200 ? old : recent) += member.has(std::to_string(i));
  CHECK(old < 3 && recent > 3);
}

// Of a value with a part that is gone, nothing is left: neither its other parts, nor its head.
void evicts_a_large_value_as_a_whole() {
  HeapStore heap(store_spec(16, 1 << 13, 64, 1));
  StoreMember member(heap.store, 0);
  std::string value = text_of(12000, 1);
  member.put("key", value);
  StoreEntry entry;
  std::string target(value.size(), '\0');
  uint64_t puts = 0;
  // A look without a writer is no hit.
  while (head_value(heap.store, nullptr, member.key("key"), kStoreNowMs, &entry) == StoreStatus::kDone) {
    CHECK(get_value(heap.store, nullptr, member.key("key"), kStoreNowMs, target.data(), target.size(), &entry) ==
          StoreStatus::kDone);
    CHECK(target == value);
    member.put(std::to_string(puts++), text_of(1000, 1));
  }
  CHECK(puts > 50 && puts < 200);
}

// Its head, which is in another segment, is still there.
void finds_no_value_with_a_part_of_an_older_generation() {
  HeapStore heap(store_spec(16, 1 << 13, 64, 1));
  StoreMember member(heap.store, 0);
  member.put("key", text_of(9000, 1));
  StoreKey key = member.key("key");
  uint64_t word = first_with(bucket_at(heap.store, key.hash), key.hash >> 48).word;
  const uint64_t* head = record_at(heap.store, segment_in(word), unit_in(word));
  Record record;
  CHECK(read_record(head, heap.store.spec.segmentBytes, &record) && parts_of(record) == 2);
  uint32_t segment = segment_in(part_at(head, record, 0));
  CHECK(segment != segment_in(word) && has_parts(heap.store, head, record));
  store_state(heap.store, segment, state_of(heap.store, segment) + (1ull << kFilledBits));
  CHECK(!has_parts(heap.store, head, record) && member.get("key") == "(none)");
}

// The word of a value changes between the look at its head and the move of its part.
void moves_a_part_again_if_its_head_has_moved() {
  HeapStore heap(store_spec(16, 1 << 13, 64, 2));
  StoreMember member(heap.store, 0), other(heap.store, 1);
  std::string value = text_of(9000, 1);
  member.put("key", value);
  StoreWriter* writer = &member.writer;
  uint32_t hand = writer->open[kSmallSegment];  // it has the last part, then the head
  Walked part;
  part.from = record_at(heap.store, segment_of(*writer, hand), 0);
  CHECK(read_record(part.from, heap.store.spec.segmentBytes, &part.record) && part.record.kind() == kPartRecord);
  part.bytes = record_bytes(part.record);
  uint64_t place = place_of(segment_of(*writer, hand), 0);
  CHECK(member.get("key") == value);
  WalkedPart walked{part, {}, {}};
  CHECK(judge_part(*writer, hand, place, kSmallSegment, &walked) && walked.head.parts == 2 && walked.head.part == 1);
  CHECK(walked.chance.kind == kMainSegment && walked.chance.frequency == 1);  // the first part decides
  walk_part(writer, hand, place, kSmallSegment, part);
  CHECK(other.get("key") == value);
  uint64_t live = use_of(heap.store).live;
  CHECK(move_part(writer, walked) == Move::kChanged);
  CHECK_EQUAL(use_of(heap.store).live, live);                        // the copy is dead
  CHECK(!judge_part(*writer, hand, place, kSmallSegment, &walked));  // the part is in no table any more
  CHECK(other.get("key") == value);
  // An entry that is replaced leaves dead parts.
  other.put("key", "short");
  walk_part(writer, hand, place, kSmallSegment, part);
  CHECK(other.get("key") == "short");
}

// What is dead is counted by segments: those of dead parts are the first to be used again.
void counts_the_parts_of_a_large_value_as_dead() {
  HeapStore heap(store_spec(64, 1 << 13, 64, 2));
  StoreMember member(heap.store, 0);
  uint64_t empty = use_of(heap.store).live;
  member.put("key", text_of(30000, 1));
  CHECK(use_of(heap.store).live >= empty + 5);
  member.put("key", "short");
  CHECK_EQUAL(use_of(heap.store).live, empty + 1);
  member.put("key", text_of(30000, 2));
  CHECK(member.remove("key") == StoreStatus::kDone);
  CHECK_EQUAL(use_of(heap.store).live, empty);
  for (uint64_t i = 0; i < 20; i++) {
    member.put("kept-" + std::to_string(i), text_of(5000, i));
    CHECK(member.get("kept-" + std::to_string(i)) == text_of(5000, i));
  }
  for (uint64_t i = 0; i < 500; i++) {
    member.put("key", text_of(30000, i));
    CHECK(member.get("key") == text_of(30000, i));
  }
  for (uint64_t i = 0; i < 20; i++) CHECK(member.get("kept-" + std::to_string(i)) == text_of(5000, i));
  CHECK_EQUAL(sum_stats(heap.store).evicted, 0);
}

// A head is evicted, and its key is put again before its segment has the next generation.
void counts_the_parts_of_an_evicted_value_once() {
  HeapStore heap(store_spec(64, 1 << 13, 64, 2));
  StoreMember member(heap.store, 0), other(heap.store, 1);
  StoreWriter* writer = &member.writer;
  member.put("kept", text_of(1000, 1));  // in the segment of the first part
  uint64_t kept = segment_of(*writer, writer->open[kSmallSegment]);
  CHECK(member.try_put("key", text_of(12000, 1), {nullptr, 0, nullptr, 0, kStoreNowMs + 5}) == StoreStatus::kDone);
  writer->nowMs = kStoreNowMs + 10;
  uint32_t hand = writer->open[kSmallSegment];
  Record last;
  CHECK(read_record(record_at(heap.store, segment_of(*writer, hand), 0), 1 << 13, &last));
  writer->walkedTo = record_bytes(last);  // the last part was walked when the value had not expired
  uint64_t budget = kWholeWalk;
  CHECK(walk_victim(writer, hand, &budget));
  CHECK_EQUAL(sum_stats(heap.store).evicted, 1);
  other.put("key", "short");
  CHECK(other.get("key") == "short" && other.get("kept") == text_of(1000, 1));
  CHECK_EQUAL(live_records_in(heap.store.segments[kept]), 1);
}

// The last part and the head are in the open hand of a member that puts no more.
void evicts_a_large_value_of_a_member_that_puts_no_more() {
  HeapStore heap(store_spec(64, 1 << 14, 1024, 2));
  StoreMember idle(heap.store, 0), member(heap.store, 1);
  for (uint64_t i = 0; i < 3; i++) {
    std::string name = "large-" + std::to_string(i);
    idle.put(name, text_of(100000, i));
    for (int read = 0; read < 3; read++) CHECK(idle.get(name) == text_of(100000, i));
  }
  for (uint64_t i = 0; i < 12000; i++) {
    member.put(std::to_string(i), text_of(1000, i));
    CHECK(member.has(std::to_string(i)));
  }
  for (uint64_t i = 0; i < 3; i++) CHECK(!idle.has("large-" + std::to_string(i)));
}

// The small class has less room than the value takes.
void keeps_the_largest_value_among_values_that_are_read() {
  HeapStore heap(store_spec(256, 1 << 13, 1024, 1));
  StoreMember member(heap.store, 0);
  for (uint64_t i = 0; i < 6000; i++) {
    std::string name = std::to_string(i % 1500);
    if (member.get(name) == "(none)") member.put(name, text_of(1000, i));
  }
  for (uint64_t i = 0; i < 10; i++) {
    std::string name = "large-" + std::to_string(i), value = text_of(max_value_bytes(heap.store.spec), i);
    member.put(name, value);
    CHECK(member.get(name) == value);
  }
}

// As many entries as words, and more.
void works_with_an_index_that_is_too_small() {
  HeapStore heap(store_spec(64, 1 << 14, 16, 1));
  StoreMember member(heap.store, 0);
  for (int i = 0; i < 20000; i++) {
    std::string key = std::to_string(i % 1000);
    member.put(key, key + "!");
    CHECK(member.get(key) == key + "!");
  }
  CHECK(sum_stats(heap.store).conflicts > 1000);
}

// ---- time ----------------------------------------------------------------------------------------------------------

void forgets_a_value_when_its_time_is_over() {
  HeapStore heap(usual_spec());
  StoreMember member(heap.store, 0);
  StoreValue value;
  value.staleAtMs = kStoreNowMs + 50;
  value.expiresAtMs = kStoreNowMs + 100;
  CHECK(member.try_put("key", "value", value) == StoreStatus::kDone);
  StoreEntry entry;
  auto head = [&](uint64_t nowMs) { return head_value(heap.store, nullptr, member.key("key"), nowMs, &entry); };
  CHECK(head(kStoreNowMs + 49) == StoreStatus::kDone && !entry.isStale);
  CHECK(head(kStoreNowMs + 50) == StoreStatus::kDone && entry.isStale);
  CHECK(head(kStoreNowMs + 99) == StoreStatus::kDone);
  CHECK(entry.bornMs == kStoreNowMs && entry.expiresAtMs == kStoreNowMs + 100);
  CHECK(head(kStoreNowMs + 100) == StoreStatus::kNone);
}

// By hash and id alone, while the keys of the store have equal marks in one bucket.
void knows_an_unchanged_entry_by_its_id() {
  HeapStore heap(store_spec(16, 1 << 14, 1, 1));
  StoreMember member(heap.store, 0);
  StoreEntry entry;
  auto id_of = [&](const std::string& name) {
    CHECK(head_value(heap.store, nullptr, member.key(name), kStoreNowMs, &entry) == StoreStatus::kDone);
    return entry.id;
  };
  auto is_known = [&](const std::string& name, uint64_t id, uint64_t nowMs = kStoreNowMs) {
    return is_unchanged(heap.store, &member.writer, member.key(name).hash, id, nowMs, &entry);
  };
  member.put("a", "one");
  uint64_t first = id_of("a");
  CHECK(is_known("a", first) && entry.id == first && !entry.isStale);
  CHECK(!is_known("b", first) && !is_known("a", 0) && !is_known("a", first + 1));
  CHECK_EQUAL(sum_stats(heap.store).hits, 1);
  CHECK_EQUAL(sum_stats(heap.store).misses, 0);
  member.put("a", "two");
  CHECK(!is_known("a", first) && is_known("a", id_of("a")));
  CHECK(reset_prefix(heap.store, "b", 1, kStoreNowMs) == StoreStatus::kDone && is_known("a", id_of("a")));
  uint64_t second = id_of("a");
  CHECK(reset_prefix(heap.store, "a", 1, kStoreNowMs) == StoreStatus::kDone && !is_known("a", second));
  StoreValue value;
  value.staleAtMs = kStoreNowMs + 50;
  value.expiresAtMs = kStoreNowMs + 100;
  CHECK(member.try_put("c", "three", value) == StoreStatus::kDone);
  uint64_t third = id_of("c");
  CHECK(is_known("c", third) && !entry.isStale);
  CHECK(is_known("c", third, kStoreNowMs + 50) && entry.isStale);
  CHECK(!is_known("c", third, kStoreNowMs + 100));
  CHECK(member.remove("c") == StoreStatus::kDone && !is_known("c", third));
}

// A segment that has expired as a whole is the next victim, so what lives stays.
void takes_no_count_of_dead_records_of_an_older_generation() {
  HeapStore heap(usual_spec());
  StoreMember member(heap.store, 1);
  member.put("key", "value");
  uint64_t hash = member.key("key").hash;
  Segment* line = &heap.store.segments[segment_in(first_with(bucket_at(heap.store, hash), hash >> 48).word)];
  CHECK_EQUAL(live_records_in(*line), 1);
  // What a process stores that was stopped while it counted, until the segment was used again.
  line->dead = dead_of((generation_of(line->state) - 1) << kFilledBits, 7);
  CHECK_EQUAL(live_records_in(*line), 1);
  member.put("key", "other");
  CHECK_EQUAL(records_in(*line), 2);
  CHECK_EQUAL(live_records_in(*line), 1);
}

void takes_expired_segments_first() {
  HeapStore heap(store_spec(16, 1 << 14, 1024, 1));
  StoreMember member(heap.store, 0);
  std::string text = text_of(1000, 1);
  for (int i = 0; i < 50; i++) member.put("stays-" + std::to_string(i), text);
  StoreValue value;
  value.expiresAtMs = kStoreNowMs + 10;
  for (int i = 0; i < 50; i++) CHECK(member.try_put("goes-" + std::to_string(i), text, value) == StoreStatus::kDone);
  for (int i = 0; i < 120; i++) member.put("new-" + std::to_string(i), text, kStoreNowMs + 20);
  for (int i = 0; i < 50; i++) CHECK(member.has("stays-" + std::to_string(i), kStoreNowMs + 20));
}

// ---- conditions ----------------------------------------------------------------------------------------------------

PutCondition if_absent() {
  PutCondition condition;
  condition.kind = PutIf::kAbsent;
  return condition;
}
PutCondition if_id(uint64_t id) {
  PutCondition condition;
  condition.kind = PutIf::kId;
  condition.id = id;
  return condition;
}
PutCondition if_reserved(const Reservation& reservation) {
  PutCondition condition;
  condition.kind = PutIf::kReserved;
  condition.reservation = reservation;
  return condition;
}
Reservation reserve(StoreMember* member, const std::string& key, uint64_t nowMs = kStoreNowMs) {
  Reservation reservation;
  CHECK(reserve_key(&member->writer, member->key(key), nowMs, &reservation) == StoreStatus::kDone);
  return reservation;
}

void puts_only_if_the_key_has_no_value() {
  HeapStore heap(usual_spec());
  StoreMember member(heap.store, 0);
  CHECK(member.try_put("key", "1", {}, if_absent()) == StoreStatus::kDone);
  CHECK(member.try_put("key", "2", {}, if_absent()) == StoreStatus::kRefused);
  CHECK(member.get("key") == "1");
  member.remove("key");
  StoreValue value;
  value.expiresAtMs = kStoreNowMs + 10;
  CHECK(member.try_put("key", "3", value, if_absent()) == StoreStatus::kDone);
  CHECK(member.try_put("key", "4", {}, if_absent(), kStoreNowMs + 10) == StoreStatus::kDone);
  CHECK(member.get("key") == "4");
}

void puts_only_if_the_entry_is_the_same() {
  HeapStore heap(usual_spec());
  StoreMember member(heap.store, 0);
  uint64_t first, second;
  CHECK(member.try_put("key", "1", {}, {}, kStoreNowMs, &first) == StoreStatus::kDone);
  CHECK(member.try_put("key", "2", {}, if_id(first), kStoreNowMs, &second) == StoreStatus::kDone);
  CHECK(first != second);
  CHECK(member.try_put("key", "3", {}, if_id(first)) == StoreStatus::kRefused);
  CHECK(member.try_put("other", "3", {}, if_id(first)) == StoreStatus::kRefused);
  CHECK(member.get("key") == "2" && member.has("key"));  // hits do not change the entry
  CHECK(member.try_put("key", "4", {}, if_id(second)) == StoreStatus::kDone);
}

// The ways in which a fill may come too late, and the ways in which it may not.
void stores_no_fill_that_is_out_of_date() {
  HeapStore heap(usual_spec());
  StoreMember member(heap.store, 0), other(heap.store, 1);
  StoreValue tagged;
  uint64_t tag = tag_hash(heap.store, "tag", 3);
  tagged.tags = &tag;
  tagged.tagCount = 1;
  for (bool hadValue : {false, true}) {
    auto fill = [&](auto between) {
      other.remove("key");
      if (hadValue) CHECK(other.try_put("key", "old", tagged) == StoreStatus::kDone);
      Reservation reservation = reserve(&member, "key");
      CHECK(member.get("key") == (hadValue ? "old" : "(none)"));  // it stays readable
      between();
      CHECK(member.try_put("key", "loaded", tagged, if_reserved(reservation)) != StoreStatus::kCorrupt);
      return member.get("key");
    };
    CHECK(fill([] {}) == "loaded");
    CHECK(fill([&] { CHECK(other.has("key") == hadValue); }) == "loaded");
    CHECK(fill([&] { reserve(&other, "key"); }) == "loaded");
    CHECK(fill([&] { other.put("key", "new"); }) == "new");
    CHECK(fill([&] { other.remove("key"); }) == "(none)");
    CHECK(fill([&] { invalidate_tag(heap.store, tag, kStoreNowMs); }) == "(none)");
    CHECK(fill([&] { reset_prefix(heap.store, "k", 1, kStoreNowMs); }) == "(none)");
    CHECK(fill([&] { reset_prefix(heap.store, "", 0, kStoreNowMs); }) == "(none)");
    CHECK(fill([&] {
            Reservation later = reserve(&other, "key");
            CHECK(other.try_put("key", "first", {}, if_reserved(later)) == StoreStatus::kDone);
          }) == "first");
  }
}

void reserves_a_key_with_a_value_that_has_expired() {
  HeapStore heap(usual_spec());
  StoreMember member(heap.store, 0);
  StoreValue value;
  value.expiresAtMs = kStoreNowMs + 10;
  CHECK(member.try_put("key", "old", value) == StoreStatus::kDone);
  Reservation reservation = reserve(&member, "key", kStoreNowMs + 20);
  CHECK(member.try_put("key", "new", {}, if_reserved(reservation), kStoreNowMs + 20) == StoreStatus::kDone);
  CHECK(member.get("key", kStoreNowMs + 20) == "new");
  CHECK(member.try_put("key", "again", {}, if_reserved(reservation), kStoreNowMs + 20) == StoreStatus::kRefused);
}

// ---- resets and tags -----------------------------------------------------------------------------------------------

void resets_by_prefix() {
  HeapStore heap(usual_spec());
  StoreMember member(heap.store, 0);
  for (const char* key : {"a", "a:1", "a:2", "ab", "b:1"}) member.put(key, key);
  CHECK(reset_prefix(heap.store, "a:", 2, kStoreNowMs) == StoreStatus::kDone);
  CHECK(member.has("a") && !member.has("a:1") && !member.has("a:2") && member.has("ab") && member.has("b:1"));
  member.put("a:1", "new");  // in the same millisecond
  CHECK(member.get("a:1") == "new");
  reset_prefix(heap.store, "a", 1, kStoreNowMs);
  CHECK(!member.has("a") && !member.has("a:1") && !member.has("ab") && member.has("b:1"));
  std::string longest(255, 'x');
  member.put(longest + "y", "value");
  CHECK(reset_prefix(heap.store, longest.data(), 255, kStoreNowMs) == StoreStatus::kDone);
  CHECK(!member.has(longest + "y"));
  CHECK(reset_prefix(heap.store, std::string(256, 'x').data(), 256, kStoreNowMs) == StoreStatus::kTooLarge);
  member.put("b:2", "value");
  reset_prefix(heap.store, "", 0, kStoreNowMs);
  CHECK(!member.has("b:1") && !member.has("b:2"));
}

void invalidates_by_tag() {
  HeapStore heap(usual_spec());
  StoreMember member(heap.store, 0);
  uint64_t tags[kMaxStoreTags + 1];
  for (uint32_t i = 0; i <= kMaxStoreTags; i++) tags[i] = tag_hash(heap.store, &i, sizeof i);
  StoreValue value;
  value.tags = tags;
  value.tagCount = 2;
  CHECK(member.try_put("two", "value", value) == StoreStatus::kDone);
  value.tagCount = kMaxStoreTags;
  CHECK(member.try_put("all", "value", value) == StoreStatus::kDone);
  value.tagCount = kMaxStoreTags + 1;
  CHECK(member.try_put("more", "value", value) == StoreStatus::kTooLarge);
  CHECK(member.get("two") == "value" && member.get("all") == "value");
  CHECK_EQUAL(tag_floor(heap.store, tags[kMaxStoreTags - 1]), 0);
  invalidate_tag(heap.store, tags[kMaxStoreTags - 1], kStoreNowMs + 5);
  CHECK_EQUAL(tag_floor(heap.store, tags[kMaxStoreTags - 1]), kStoreNowMs + 6);
  CHECK(member.has("two") && !member.has("all"));
  invalidate_tag(heap.store, tags[0], kStoreNowMs);
  CHECK(!member.has("two"));
}

// Far more tags than floors: none of those invalidated is forgotten, and an entry of another tag, put later, stays.
void forgets_no_floor() {
  HeapStore heap(usual_spec());
  constexpr uint64_t kTags = 5000;
  for (uint64_t i = 0; i < kTags; i++) {
    uint64_t tag = tag_hash(heap.store, &i, sizeof i);
    invalidate_tag(heap.store, tag, kStoreNowMs + i);
    for (uint64_t earlier = i; earlier + 3 > i; earlier--) {
      CHECK(tag_floor(heap.store, tag_hash(heap.store, &earlier, sizeof earlier)) > kStoreNowMs + earlier);
      if (earlier == 0) break;
    }
  }
  for (uint64_t i = 0; i < kTags; i++) {
    uint64_t floor = tag_floor(heap.store, tag_hash(heap.store, &i, sizeof i));
    CHECK(floor > kStoreNowMs + i && floor <= kStoreNowMs + kTags);
  }
}

// ---- scans ---------------------------------------------------------------------------------------------------------

void scans_each_entry_once() {
  HeapStore heap(usual_spec());
  StoreMember member(heap.store, 0);
  for (int i = 0; i < 500; i++) member.put("key-" + std::to_string(i), std::to_string(i));
  for (int i = 0; i < 500; i += 2) member.remove("key-" + std::to_string(i));
  member.put("large", text_of(50000, 1));
  std::map<std::string, uint64_t> found;
  for (uint32_t bucket = 0; bucket < heap.store.spec.bucketCount; bucket++) {
    scan_bucket(heap.store, bucket, kStoreNowMs, [&](const uint8_t* key, const StoreEntry& entry) {
      std::string name(reinterpret_cast<const char*>(key), entry.keyBytes);
      CHECK(found.emplace(name, entry.valueBytes).second);
    });
  }
  CHECK(found.size() >= 249 && found.size() <= 251);  // equal marks evict
  CHECK_EQUAL(found["large"], 50000);
}

// ---- members -------------------------------------------------------------------------------------------------------

void goes_on_where_the_last_owner_of_the_node_stopped() {
  HeapStore heap(usual_spec());
  for (int life = 0; life < 50; life++) {
    StoreMember member(heap.store, 2);
    for (int i = 0; i < 50; i++) member.put(std::to_string(life * 50 + i), text_of(300, 1));
    CHECK(member.has(std::to_string(life * 50)));
    CHECK_EQUAL(count_lost_chunks(heap.store), 0);
  }
  uint32_t blanks = 0;
  for (uint32_t i = 0; i <= heap.store.ring.mask; i++)
    blanks += !is_segment(heap.store, chunk_in(heap.store.ring.slots[i]));
  CHECK_EQUAL(blanks, kHands);
  CHECK(sum_stats(heap.store).evicted == 0);
}

// 16 segments, 8 members with up to four hands each.
void refuses_puts_when_all_segments_are_in_hands() {
  HeapStore heap(store_spec(16, 1 << 14, 256, 8));
  std::vector<std::unique_ptr<StoreMember>> members;
  uint32_t refused = 0;
  for (uint32_t node = 0; node < 8; node++) {
    members.push_back(std::make_unique<StoreMember>(heap.store, node));
    StoreStatus status = members.back()->try_put("key", "value");
    CHECK(status == StoreStatus::kDone || status == StoreStatus::kNoRoom);
    refused += status == StoreStatus::kNoRoom;
    CHECK(members.back()->get("key") == "value");  // it can read
  }
  CHECK(refused == 4);
  // Those with hands go on in their own segments.
  for (int i = 0; i < 1000; i++) members[0]->put(std::to_string(i), text_of(1000, 1));
  CHECK(members[0]->has("999"));
  CHECK_EQUAL(count_lost_chunks(heap.store), 0);
}

// A segment that no process can find any more comes back when the fleet is audited.
void finds_burned_segments_again() {
  HeapStore heap(usual_spec());
  { StoreMember(heap.store, 0).put("key", "value"); }
  const Ring& ring = heap.store.ring;
  NodeEntry* entry = &ring.entries[1];
  CHECK(is_segment(heap.store, entry->hand));
  // An exchange with a slot that has moved on since. Both of its chunks are hidden in exchanges of others.
  uint32_t slot = 9;
  uint64_t received = chunk_in(ring.slots[slot]);
  entry->intentChunk = received;
  entry->intentPosition = position_in(ring, 1, slot) + 1;
  ring.slots[slot] = slot_word(2, ring.entries[5].hand);
  ring.entries[5].hand = ring.entries[6].hand;
  CHECK(settle_store(heap.store, 0) == RingStatus::kOk);
  CHECK_EQUAL(ring.header->burned, 1);
  CHECK(!is_segment(heap.store, entry->hand));
  std::vector<uint64_t> marks(audit_mark_words(ring.chunkCount));
  ring.entries[6].hand = ring.chunkCount - 1;
  CHECK(audit_store(heap.store, marks.data()) == RingStatus::kOk);
  CHECK_EQUAL(count_lost_chunks(heap.store), 0);
  for (uint32_t i = 0; i < ring.spareCount; i++) CHECK(!is_segment(heap.store, ring.spares[i]));
}

}  // namespace

int main(int count, char** words) {
  g_seed = parse_options(count, words).seed;
  const Test tests[] = {
      TEST(has_the_golden_layout),
      TEST(plans_a_geometry_within_any_budget),
      TEST(refuses_another_object),
      TEST(keeps_values_of_every_length),
      TEST(says_how_long_a_value_is_that_does_not_fit),
      TEST(agrees_with_a_map),
      TEST(counts_what_each_member_did),
      TEST(evicts_nothing_that_is_read_for_rewrites_of_one_key),
      TEST(evicts_little_that_is_read_for_keys_that_are_not),
      TEST(keeps_half_of_its_segments_with_large_values),
      TEST(keeps_large_values_that_are_read),
      TEST(evicts_large_values_that_are_no_longer_read),
      TEST(evicts_a_large_value_as_a_whole),
      TEST(finds_no_value_with_a_part_of_an_older_generation),
      TEST(moves_a_part_again_if_its_head_has_moved),
      TEST(counts_the_parts_of_a_large_value_as_dead),
      TEST(counts_the_parts_of_an_evicted_value_once),
      TEST(evicts_a_large_value_of_a_member_that_puts_no_more),
      TEST(keeps_the_largest_value_among_values_that_are_read),
      TEST(works_with_an_index_that_is_too_small),
      TEST(forgets_a_value_when_its_time_is_over),
      TEST(knows_an_unchanged_entry_by_its_id),
      TEST(takes_no_count_of_dead_records_of_an_older_generation),
      TEST(takes_expired_segments_first),
      TEST(puts_only_if_the_key_has_no_value),
      TEST(puts_only_if_the_entry_is_the_same),
      TEST(stores_no_fill_that_is_out_of_date),
      TEST(reserves_a_key_with_a_value_that_has_expired),
      TEST(resets_by_prefix),
      TEST(invalidates_by_tag),
      TEST(forgets_no_floor),
      TEST(scans_each_entry_once),
      TEST(goes_on_where_the_last_owner_of_the_node_stopped),
      TEST(refuses_puts_when_all_segments_are_in_hands),
      TEST(finds_burned_segments_again),
  };
  return run_tests("valuestore_test", tests);
}
