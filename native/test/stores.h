// A store in private or shared memory, and values that say which key and version they are of.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "check.h"
#include "protocol/storeput.h"
#include "protocol/storestats.h"

namespace orbit {

constexpr uint64_t kStoreNowMs = 1000000;

inline StoreSpec store_spec(uint32_t capacity, uint32_t segmentBytes, uint32_t buckets, uint32_t nodes) {
  StoreSpec spec;
  spec.typeKind = 7;
  spec.fleetSize = nodes;
  spec.fleetId = 33;
  spec.seed = {11, 22};
  spec.capacity = capacity;
  spec.segmentBytes = segmentBytes;
  spec.bucketCount = buckets;
  spec.floorBuckets = 16;
  return spec;
}

struct HeapStore {
  std::unique_ptr<void, Free> memory;
  ValueStore store;

  explicit HeapStore(const StoreSpec& spec) : memory(aligned_alloc(64, store_bytes(spec))) {
    CHECK(valid_store(spec));
    memset(memory.get(), 0, store_bytes(spec));
    format_store(memory.get(), spec, 44);
    CHECK(attach_store(memory.get(), store_bytes(spec), &store) == AttachStatus::kOk);
  }
};

struct StoreMember {
  StoreWriter writer;
  StoreMember(const ValueStore& store, uint32_t node) { CHECK(join_store(store, node, &writer) == RingStatus::kOk); }
  StoreMember(const StoreMember&) = delete;

  StoreKey key(const std::string& text) const {
    return store_key(writer.store, text.data(), static_cast<uint32_t>(text.size()));
  }
  StoreStatus try_put(const std::string& name, const std::string& text, StoreValue value = {},
                      PutCondition condition = {}, uint64_t nowMs = kStoreNowMs, uint64_t* id = nullptr) {
    value.bytes = text.data();
    value.length = text.size();
    uint64_t own;
    return put_value(&writer, key(name), value, nowMs, condition, id == nullptr ? &own : id);
  }
  void put(const std::string& name, const std::string& text, uint64_t nowMs = kStoreNowMs) {
    CHECK(try_put(name, text, {}, {}, nowMs) == StoreStatus::kDone);
  }
  // "(none)": there is no value.
  std::string get(const std::string& name, uint64_t nowMs = kStoreNowMs) {
    std::string text(4096, '\0');
    StoreEntry entry;
    StoreStatus status = get_value(writer.store, &writer, key(name), nowMs, text.data(), text.size(), &entry);
    if (status == StoreStatus::kShort) {
      text.resize(entry.valueBytes);
      status = get_value(writer.store, &writer, key(name), nowMs, text.data(), text.size(), &entry);
    }
    CHECK(status == StoreStatus::kDone || status == StoreStatus::kNone);
    if (status == StoreStatus::kNone) return "(none)";
    text.resize(entry.valueBytes);
    return text;
  }
  bool has(const std::string& name, uint64_t nowMs = kStoreNowMs) {
    StoreEntry entry;
    return head_value(writer.store, &writer, key(name), nowMs, &entry) == StoreStatus::kDone;
  }
  StoreStatus remove(const std::string& name) { return delete_key(&writer, key(name), kStoreNowMs); }
};

// A value of words: key, version, length, then a stream that only these three give.
inline void fill_value(uint64_t* words, uint64_t count, uint64_t key, uint64_t version) {
  words[0] = key;
  words[1] = version;
  words[2] = count;
  Random stream{key * 0x9e3779b97f4a7c15 ^ version};
  for (uint64_t i = 3; i < count; i++) words[i] = stream.next();
}

// The version of a whole value of this key.
inline uint64_t check_value(const uint64_t* words, uint64_t bytes, uint64_t key) {
  CHECK(bytes >= 24 && bytes % 8 == 0);
  CHECK_EQUAL(words[0], key);
  CHECK_EQUAL(words[2] * 8, bytes);
  Random stream{key * 0x9e3779b97f4a7c15 ^ words[1]};
  for (uint64_t i = 3; i < words[2]; i++) CHECK(words[i] == stream.next());
  return words[1];
}

// S1: each chunk is in one place, and no entry has an intent. Returns how many chunks are in none.
inline uint64_t count_lost_chunks(const ValueStore& store) {
  const Ring& ring = store.ring;
  std::vector<uint32_t> places(ring.chunkCount);
  for (uint32_t i = 0; i <= ring.mask; i++) places[chunk_in(load_acquire(&ring.slots[i]))]++;
  for (uint32_t entry = 0; entry < ring.spec.fleetSize; entry++) {
    CHECK_EQUAL(load_acquire(&ring.entries[entry].intentPosition), 0);
    places[load_acquire(&ring.entries[entry].hand)]++;
  }
  for (uint64_t i = load_relaxed(&ring.header->sparesTaken); i < ring.spareCount; i++) places[ring.spares[i]]++;
  uint64_t lost = 0;
  for (uint32_t count : places) {
    CHECK(count <= 1);
    lost += count == 0;
  }
  return lost;
}

}  // namespace orbit
