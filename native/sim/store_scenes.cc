// Members and readers of a store: bucket.h, segment.h, floors.h, hands.h, parts.h, evict.h, storeget.h, storeput.h.
#include "sim/storescene.h"

using namespace orbit;

namespace sim {
namespace {

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

// A member walks a victim with a key that was asked for, while others get, put or delete the key. The member may die,
// and then its heir walks the victim again.
class Moving : public StoreScene {
 public:
  explicit Moving(Numbers* numbers)
      : StoreScene(numbers),
        hasReader_(numbers->take("reader", 0) != 0),
        puts_(numbers->count("rivals", 0)),
        deletes_(numbers->count("deletes", 0)),
        heirs_(numbers->count("heir", 0)) {}

  void prepare() override {
    StoreWriter& mover = members[0];
    SIM_CHECK(put(0, 0, 1) == StoreStatus::kDone && get(0, &mover) == 1);
    offer_victim();
  }
  void start_threads() override {
    int mover = simulator.spawn(
        "mover", [this] { drain(&members[0], kWholeWalk); }, heirs_ > 0);
    if (hasReader_) simulator.spawn("reader", [this] { read(); });
    if (puts_ > 0) simulator.spawn("rival", [this] { SIM_CHECK(put(1, 0, 20) == StoreStatus::kDone); });
    if (deletes_ > 0) simulator.spawn("deleter", [this] { delete_key(&members[2], key(0), kNowMs); });
    start_others();
    if (heirs_ > 0) simulator.spawn("heir", [this, mover] { inherit(mover); });
  }
  void finish() override {
    check_chunks();
    SIM_CHECK(get(0) == (deletes_ > 0 ? 0u : puts_ > 0 ? 20u : 1u));
  }

 protected:
  // The open segment becomes the victim.
  void offer_victim() {
    StoreWriter& mover = members[0];
    uint32_t victim = mover.open[kSmallSegment];
    begin_segment(&mover, mover.free.pop(), kSmallSegment);
    mover.queue.push(victim);
    if (puts_ > 0) SIM_CHECK(put(1, 1, 51) == StoreStatus::kDone);
  }
  virtual void start_others() {}
  virtual void read() {
    uint64_t version = get(0);
    SIM_CHECK(version == 1 || (puts_ > 0 && version == 20) || (deletes_ > 0 && version == 0));
  }

  const bool hasReader_;
  const uint32_t puts_, deletes_, heirs_;

 private:
  void inherit(int mover) {
    simulator.await_end(mover);
    StoreWriter heir;
    SIM_CHECK(join_store(store, 0, &heir) == RingStatus::kOk);
    members[0] = heir;
    members[0].nowMs = kNowMs;
    drain(&members[0], kWholeWalk);
  }
};
const Registered moving("store-move", make_scene<Moving>);

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

// A member walks a victim with a part of a large value that was asked for: a short one, which moves, or a long one,
// with which the victim goes back. Others get, put or delete the key. The member may die, and then its heir walks on.
class MovingPart : public Moving {
 public:
  explicit MovingPart(Numbers* numbers)
      : Moving(numbers),
        words_(numbers->take("long", 0) != 0 ? 530 : 1100),
        isCold_(numbers->take("cold", 0) != 0),
        neighbors_(numbers->count("neighbors", 0)) {}

  void prepare() override {
    StoreWriter& mover = members[0];
    if (neighbors_ > 0) {
      SIM_CHECK(put(0, 1, 50) == StoreStatus::kDone && delete_key(&mover, key(1), kNowMs) == StoreStatus::kDone);
      SIM_CHECK(put(0, 1, 51) == StoreStatus::kDone);
    }
    uint64_t words[kMostWords], id;
    for (uint64_t& word : words) word = 1;
    StoreValue value;
    value.bytes = words;
    value.length = words_ * 8;
    SIM_CHECK(put_value(&mover, key(0), value, kNowMs, {}, &id) == StoreStatus::kDone);
    SIM_CHECK(get_large(isCold_ ? nullptr : &mover) == 1);
    drain(&mover, kWholeWalk);
    offer_victim();
  }
  void finish() override {
    check_chunks();
    uint32_t segment = segment_in(first_with(bucket_at(store, key(0).hash), mark_of(key(0).hash)).word);
    SIM_CHECK(neighbors_ == 0 || live_records_in(store.segments[segment]) >= 2);  // the part and its head
    SIM_CHECK(get_large() == (deletes_ > 0 || (isCold_ && puts_ == 0) ? 0u : puts_ > 0 ? 20u : 1u));
  }

 private:
  static constexpr uint32_t kMostWords = 1100;

  // The version; 0: none.
  uint64_t get_large(StoreWriter* member = nullptr) const {
    uint64_t words[kMostWords];
    StoreEntry entry;
    StoreStatus status = get_value(store, member, key(0), kNowMs, words, sizeof words, &entry);
    if (status == StoreStatus::kNone) return 0;
    SIM_CHECK(status == StoreStatus::kDone && entry.valueBytes == (words[0] == 1 ? words_ * 8 : 16));
    for (uint64_t i = 0; i < entry.valueBytes / 8; i++) SIM_CHECK(words[i] == words[0]);
    return words[0];
  }
  void start_others() override {
    if (neighbors_ > 0) simulator.spawn("neighbor", [this] { delete_key(&members[2], key(1), kNowMs); });
  }
  void read() override {
    uint64_t version = get_large();
    bool mayMiss = deletes_ > 0 || isCold_;
    SIM_CHECK(version == 1 || (puts_ > 0 && version == 20) || (mayMiss && version == 0));
  }

  const uint64_t words_;
  const bool isCold_;
  const uint32_t neighbors_;
};
const Registered movingPart("store-large", make_scene<MovingPart>);

}  // namespace
}  // namespace sim
