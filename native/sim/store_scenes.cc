// Members and readers of a store: bucket.h, segment.h, floors.h, hands.h, storeget.h, storeput.h.
#include "protocol/storeput.h"
#include "sim/scene.h"

using namespace orbit;

namespace sim {
namespace {

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

// A member puts a key again, or another key in its segment, which it has emptied. Others get or delete the key, or put
// it too. The member may die, and then its heir puts the key.
class Putting : public StoreScene {
 public:
  explicit Putting(Numbers* numbers)
      : StoreScene(numbers),
        hasOld_(numbers->take("old", 1) != 0),
        puts_(numbers->count("puts", 1)),
        reuses_(numbers->take("reuse", 0) != 0),
        gets_(numbers->count("gets", 1)),
        rivals_(numbers->count("rivals", 0)),
        deletes_(numbers->count("deletes", 0)),
        heirs_(numbers->count("heir", 0)) {}

  void prepare() override {
    if (hasOld_) SIM_CHECK(put(0, 0, 1) == StoreStatus::kDone);
    if (!hasOld_) SIM_CHECK(put(0, 1, 50) == StoreStatus::kDone);
    if (rivals_ > 0) SIM_CHECK(put(1, 1, 51) == StoreStatus::kDone);
  }
  void start_threads() override {
    got_ = 0;
    int putter = simulator.spawn(
        "putter", [this] { put_on(); }, heirs_ > 0);
    if (gets_ > 0) simulator.spawn("reader", [this] { read(); });
    if (rivals_ > 0) simulator.spawn("rival", [this] { SIM_CHECK(put(1, 0, 20) == StoreStatus::kDone); });
    if (deletes_ > 0) simulator.spawn("deleter", [this] { delete_key(&members[2], key(0), kNowMs); });
    if (heirs_ > 0) simulator.spawn("heir", [this, putter] { inherit(putter); });
  }
  void finish() override {
    check_chunks();
    uint64_t last = get(0);
    if (heirs_ > 0) SIM_CHECK(last == 30);
    if (reuses_ && heirs_ == 0) SIM_CHECK(last == 0 && get(1) == 10);
    if (reuses_ || deletes_ > 0) return;
    if (heirs_ == 0 && rivals_ == 0 && puts_ > 0) SIM_CHECK(last == 9 + puts_);
    if (rivals_ > 0) SIM_CHECK(last == 20 || last == 9 + puts_);
  }

 private:
  void put_on() {
    if (reuses_) {
      uint32_t hand = members[0].open[kSmallSegment];
      free_hand(&members[0], hand);
      begin_segment(&members[0], members[0].free.pop(), kSmallSegment);
      members[0].free.push(hand);
      // The emptied one is next.
      begin_segment(&members[0], hand, kSmallSegment);
    }
    for (uint32_t i = 0; i < puts_; i++) SIM_CHECK(put(0, reuses_ ? 1 : 0, 10 + i) == StoreStatus::kDone);
  }
  void read() {
    uint64_t before = hasOld_ ? 1 : 0;
    for (uint32_t i = 0; i < gets_; i++) {
      uint64_t version = get(0, &members[2]);
      bool isKnown = version == 0 || version == 1 || version == 20 || version == 30 ||
                     (!reuses_ && version >= 10 && version < 10 + puts_);
      SIM_CHECK(isKnown);
      bool mayMiss = reuses_ || deletes_ > 0 || !hasOld_;
      SIM_CHECK(mayMiss || version != 0);
      SIM_CHECK(rivals_ > 0 || heirs_ > 0 || version == 0 || version >= before);  // no older one than before
      before = version;
    }
  }
  void inherit(int putter) {
    simulator.await_end(putter);
    StoreWriter heir;
    SIM_CHECK(join_store(store, 0, &heir) == RingStatus::kOk);
    members[0] = heir;
    SIM_CHECK(put(0, 0, 30) == StoreStatus::kDone);
  }

  const bool hasOld_;
  const uint32_t puts_;
  const bool reuses_;
  const uint32_t gets_, rivals_, deletes_, heirs_;
  uint64_t got_ = 0;
};
const Registered putting("store", make_scene<Putting>);

// A member fills a key from its source while another changes the source and then deletes, puts, resets or invalidates
// the key: what was loaded before is not stored after.
class Filling : public StoreScene {
 public:
  explicit Filling(Numbers* numbers)
      : StoreScene(numbers), hasOld_(numbers->take("old", 0) != 0), how_(numbers->count("how", 0)) {}

  void prepare() override {
    SIM_CHECK(put(0, 1, 50) == StoreStatus::kDone && put(1, 1, 51) == StoreStatus::kDone);
    if (hasOld_) SIM_CHECK(put(2, 0, 1) == StoreStatus::kDone);
    store_relaxed(source, 1);
    tag_ = tag_hash(store, "tag", 3);
  }
  void start_threads() override {
    simulator.spawn("filler", [this] { fill(); });
    simulator.spawn("changer", [this] { change(); });
  }
  void finish() override {
    uint64_t last = get(0);
    SIM_CHECK(last == 0 || last == 2);
  }

 private:
  void fill() {
    PutCondition condition;
    condition.kind = PutIf::kReserved;
    SIM_CHECK(reserve_key(&members[0], key(0), kNowMs, &condition.reservation) == StoreStatus::kDone);
    uint64_t loaded = load_ordered(source);
    StoreStatus status = put(0, 0, loaded, condition, &tag_);
    SIM_CHECK(status == StoreStatus::kDone || status == StoreStatus::kRefused);
  }
  void change() {
    store_ordered(source, 2);
    if (how_ == 0) delete_key(&members[1], key(0), kNowMs);
    if (how_ == 1) SIM_CHECK(put(1, 0, 2) == StoreStatus::kDone);
    if (how_ == 2) SIM_CHECK(reset_prefix(store, &kKeys[0], 4, kNowMs) == StoreStatus::kDone);
    if (how_ == 3) invalidate_tag(store, tag_, kNowMs);
    if (how_ == 4) SIM_CHECK(reset_prefix(store, nullptr, 0, kNowMs) == StoreStatus::kDone);
  }

  const bool hasOld_;
  const uint32_t how_;
  uint64_t tag_ = 0;
};
const Registered filling("store-fill", make_scene<Filling>);

// Raisers of floors in one bucket, which may be full, and a looker: no floor falls.
class Raising : public StoreScene {
 public:
  explicit Raising(Numbers* numbers)
      : StoreScene(numbers), full_(numbers->count("full", 0)), isSame_(numbers->take("same", 0) != 0) {}

  static uint64_t hash(uint64_t number) { return (number + 1) << 44; }
  void prepare() override {
    for (uint64_t i = 0; i < full_; i++) raise_floor(store, hash(i), kNowMs + i);
  }
  void start_threads() override {
    simulator.spawn("raiser", [this] { raise_floor(store, hash(10), kNowMs + 20); });
    simulator.spawn("raiser2", [this] { raise_floor(store, hash(isSame_ ? 10 : 11), kNowMs + 21); });
    simulator.spawn("looker", [this] {
      if (full_ > 0) SIM_CHECK(floor_of(store, hash(0)) >= kNowMs);
      if (full_ > 1) SIM_CHECK(floor_of(store, hash(1)) > kNowMs);
    });
  }
  void finish() override {
    for (uint64_t i = 0; i < full_; i++) SIM_CHECK(floor_of(store, hash(i)) >= kNowMs + i);
    SIM_CHECK(floor_of(store, hash(10)) >= kNowMs + (isSame_ ? 21 : 20));
    SIM_CHECK(isSame_ || floor_of(store, hash(11)) >= kNowMs + 21);
  }

 private:
  const uint32_t full_;
  const bool isSame_;
};
const Registered raising("store-floor", make_scene<Raising>);

// Members that write for the first time: each exchanges its blanks for segments.
class Providing : public StoreScene {
 public:
  explicit Providing(Numbers* numbers)
      : StoreScene(numbers), blanks_(numbers->count("blanks", 1)), heirs_(numbers->count("heir", 0)) {}

  void prepare() override {
    for (uint32_t node = 0; node < 2; node++) {
      for (uint32_t i = blanks_; i < kHands; i++) {
        SIM_CHECK(exchange_for_victim(&members[node], members[node].blanks.pop()));
      }
    }
  }
  void start_threads() override {
    int first = simulator.spawn(
        "first", [this] { provide(0); }, heirs_ > 0);
    simulator.spawn("second", [this] { provide(1); });
    if (heirs_ == 0) return;
    simulator.spawn("heir", [this, first] {
      simulator.await_end(first);
      StoreWriter heir;
      SIM_CHECK(join_store(store, 0, &heir) == RingStatus::kOk);
      members[0] = heir;
      SIM_CHECK(has_hands(&members[0]));
    });
  }
  void finish() override {
    check_chunks();
    for (uint32_t node = 0; node < 2; node++) {
      for (const Writer& hand : members[node].hands) SIM_CHECK(is_segment(store, hand.hand));
    }
  }

 private:
  void provide(uint32_t node) {
    for (uint32_t i = 0; i < blanks_; i++) {
      SIM_CHECK(exchange_for_victim(&members[node], members[node].blanks.pop()));
    }
  }

  const uint32_t blanks_, heirs_;
};
const Registered providing("store-hands", make_scene<Providing>);

// A value in parts is put, or put again, while another member gets it, or empties the segment of the parts.
class Parting : public StoreScene {
 public:
  explicit Parting(Numbers* numbers)
      : StoreScene(numbers), hasOld_(numbers->take("old", 0) != 0), empties_(numbers->take("empty", 0) != 0) {}

  void prepare() override {
    SIM_CHECK(put(0, 1, 50) == StoreStatus::kDone);
    if (hasOld_) put_large(1);
  }
  void start_threads() override {
    simulator.spawn("putter", [this] {
      uint32_t hand = members[0].open[kSmallSegment];
      if (empties_) begin_generation(store, segment_of(members[0], hand), &members[0].states[hand]);
      if (!empties_) put_large(2);
    });
    simulator.spawn("reader", [this] { get_large(); });
  }
  void finish() override { get_large(); }

 private:
  static constexpr uint32_t kWords = 530;

  void put_large(uint64_t version) {
    uint64_t words[kWords], id;
    for (uint64_t& word : words) word = version;
    StoreValue value;
    value.bytes = words;
    value.length = sizeof words;
    SIM_CHECK(put_value(&members[0], key(0), value, kNowMs, {}, &id) == StoreStatus::kDone);
  }
  void get_large() const {
    uint64_t words[kWords];
    StoreEntry entry;
    StoreStatus status = get_value(store, nullptr, key(0), kNowMs, words, sizeof words, &entry);
    SIM_CHECK(status == StoreStatus::kNone || status == StoreStatus::kDone);
    if (status == StoreStatus::kNone) return;
    for (uint64_t word : words) SIM_CHECK(word == words[0] && word > 0 && word < 3);
  }

  const bool hasOld_, empties_;
};
const Registered parting("store-parts", make_scene<Parting>);

}  // namespace
}  // namespace sim
