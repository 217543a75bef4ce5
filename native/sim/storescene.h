// A store of three members in the simulated memory, for its scenes.
#pragma once

#include <string>

#include "protocol/storeput.h"
#include "sim/scene.h"

namespace sim {

using namespace orbit;

constexpr uint64_t kNowMs = 1000;
constexpr uint32_t kNodes = 3;
constexpr uint64_t kKeys[] = {7, 8};

class StoreScene : public Scene {
 public:
  explicit StoreScene(Numbers* numbers) : Scene(numbers) {}

  void set_up() override {
    StoreSpec spec;
    spec.typeKind = 1;
    spec.fleetSize = kNodes;
    spec.capacity = kMinSegments;
    spec.segmentBytes = kMinSegmentBytes;
    spec.bucketCount = 1;
    spec.floorBuckets = 1;
    void* memory = simulator.allocate(store_bytes(spec));
    format_store(memory, spec, 1);
    SIM_CHECK(attach_store(memory, store_bytes(spec), &store) == AttachStatus::kOk);
    source = static_cast<uint64_t*>(simulator.allocate(64));
    for (uint32_t node = 0; node < kNodes; node++) {
      SIM_CHECK(join_store(store, node, &first_[node]) == RingStatus::kOk);
      members[node] = first_[node];
    }
    prepare();
    for (uint32_t node = 0; node < kNodes; node++) first_[node] = members[node];
  }
  void start() override {
    for (uint32_t node = 0; node < kNodes; node++) members[node] = first_[node];
    start_threads();
  }
  std::string name_of(const uint64_t* address) const override {
    auto within = [&](const void* from, const void* to) { return address >= from && address < to; };
    auto at = [&](const char* name, const void* from, size_t bytes) {
      size_t distance =
          static_cast<size_t>(reinterpret_cast<const uint8_t*>(address) - static_cast<const uint8_t*>(from));
      return std::string(name) + "[" + std::to_string(distance / bytes) + "]+" + std::to_string(distance % bytes);
    };
    StoreOffsets of = store_offsets(store.spec);
    const uint8_t* base = reinterpret_cast<const uint8_t*>(store.header);
    if (within(store.index, store.arena)) return at("index", store.index, 8);
    if (within(store.floors, store.index)) return at("floor", store.floors, 8);
    if (within(store.segments, store.floors)) return at("segment", store.segments, sizeof(Segment));
    if (within(store.ring.slots, store.ring.entries)) return at("slot", store.ring.slots, 8);
    if (within(store.ring.entries, store.ring.spares)) return at("entry", store.ring.entries, sizeof(NodeEntry));
    if (within(store.arena, base + of.end)) return at("arena", store.arena, store.spec.segmentBytes);
    return within(base, base + of.end) ? at("store", base, 8) : "source";
  }
  std::string show(const uint64_t* address, uint64_t value) const override {
    if (address < store.index || address >= reinterpret_cast<const uint64_t*>(store.arena))
      return std::to_string(value);
    return "{mark " + std::to_string(mark_in(value)) + ", generation " + std::to_string(generation_in(value)) +
           ", place " + std::to_string(segment_in(value)) + "." + std::to_string(unit_in(value)) + "}";
  }

 protected:
  virtual void prepare() {}
  virtual void start_threads() = 0;

  StoreKey key(uint32_t number) const { return store_key(store, &kKeys[number], sizeof kKeys[number]); }

  // The value: two equal words.
  StoreStatus put(uint32_t node, uint32_t number, uint64_t version, const PutCondition& condition = {},
                  const uint64_t* tag = nullptr) {
    uint64_t words[] = {version, version}, id;
    StoreValue value;
    value.bytes = words;
    value.length = sizeof words;
    value.tags = tag;
    value.tagCount = tag == nullptr ? 0 : 1;
    return put_value(&members[node], key(number), value, kNowMs, condition, &id);
  }
  // The version of the key's value; 0: it has none.
  uint64_t get(uint32_t number, StoreWriter* member = nullptr) const {
    uint64_t words[2] = {};
    StoreEntry entry;
    StoreStatus status = get_value(store, member, key(number), kNowMs, words, sizeof words, &entry);
    if (status == StoreStatus::kNone) return 0;
    SIM_CHECK(status == StoreStatus::kDone && entry.valueBytes == sizeof words && words[0] == words[1]);
    return words[0];
  }
  // S1, with what each living member believes.
  void check_chunks() const {
    uint64_t seen = 0;
    auto see = [&](uint64_t chunk) {
      SIM_CHECK(chunk < 64 && (seen >> chunk & 1) == 0);
      seen |= uint64_t{1} << chunk;
    };
    for (uint32_t i = 0; i <= store.ring.mask; i++) see(chunk_in(load_acquire(&store.ring.slots[i])));
    for (const StoreWriter& member : members) {
      for (const Writer& hand : member.hands) see(hand.hand);
    }
  }

  ValueStore store;
  uint64_t* source = nullptr;  // of which the store keeps a copy
  StoreWriter members[kNodes];

 private:
  StoreWriter first_[kNodes];
};

}  // namespace sim
