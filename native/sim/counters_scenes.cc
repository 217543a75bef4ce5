// Processes that change one counter: wide.h, counters.h. Its name is entered once, and each change is in its value, or
// was removed with it.
#include "protocol/counters.h"
#include "sim/ringscene.h"

using namespace orbit;

namespace sim {
namespace {

constexpr uint64_t kNowMs = 1000, kHad = 10, kOthers = 100;
const char kName[] = "a", kOther[] = "b";

// Adders of 1. The counter may have a value from the start (preset), or a name that a dead process has entered (left);
// adders may know where it was (known). A remover may take it away, and give its cell to another name (replaces).
class Counting : public RingScene {
 public:
  explicit Counting(Numbers* numbers)
      : RingScene(numbers),
        adders_(numbers->count("adders", 2)),
        isPreset_(numbers->take("preset", 0) != 0),
        isLeft_(numbers->take("left", 0) != 0),
        isKnown_(numbers->take("known", 0) != 0),
        hasRemover_(numbers->take("remover", 0) != 0),
        replaces_(numbers->take("replaces", 0) != 0),
        hasReader_(numbers->take("reader", 0) != 0) {}

  void start_threads() override {
    constexpr const char* kNames[] = {"adder0", "adder1", "adder2"};
    for (uint64_t& each : acknowledged_) each = 0;
    removed_ = 0;
    for (uint32_t node = 0; node < adders_; node++) {
      simulator.spawn(
          kNames[node], [this, node] { add(node); }, node == 0);
    }
    if (hasRemover_) simulator.spawn("remover", [this] { remove(nodes - 1); });
    if (hasReader_) simulator.spawn("reader", [this] { read(); });
  }

  void finish() override {
    check_chunks();
    uint64_t acknowledged = isPreset_ ? kHad : 0, there = value_of(kName);
    for (uint64_t each : acknowledged_) acknowledged += each;
    bool isOfDead = simulator.any_dead() && there + removed_ == acknowledged + 1;
    SIM_CHECK(there + removed_ == acknowledged || isOfDead);
    SIM_CHECK(!replaces_ || value_of(kOther) == kOthers);
    check_card();
  }

 private:
  RingSpec spec() const override {
    RingSpec spec = RingScene::spec();
    spec.objectType = kCountersObject;
    spec.payloadBytes = counters_payload(8);
    return spec;
  }
  void prepare() override {
    Writer* writer = &state.writers[nodes - 1];
    if (isLeft_) SIM_CHECK(enter_name(writer, name_of(kName), now) == TableStatus::kDone);
    if (isPreset_) SIM_CHECK(change(writer, kName, kHad, &spot_) == CounterStatus::kDone);
  }

  static uint64_t now() { return kNowMs; }
  static CounterName name_of(const char* text) { return {text, 1, kInteger}; }
  static CounterStatus change(Writer* writer, const char* name, uint64_t amount, CounterSpot* spot) {
    auto add = [amount](uint64_t* value, bool) {
      *value += amount;
      return true;
    };
    return change_counter(writer, name_of(name), 0, now, add, spot);
  }
  uint64_t value_of(const char* name) const {
    CounterValue value;
    CounterSpot spot;
    CounterStatus status = read_counter(ring, name_of(name), now, &value, &spot);
    SIM_CHECK(status == CounterStatus::kDone || status == CounterStatus::kNone);
    return value.value;
  }
  // C1.
  void check_card() const {
    Card card;
    SIM_CHECK(read_card(ring, 0, &card));
    uint32_t cells = 0, found = 0;
    SIM_CHECK(filter_names(&card, [&](const CounterHeader& header, const uint8_t* bytes) {
      SIM_CHECK((cells >> header.cell & 1) == 0);
      cells |= 1u << header.cell;
      found += is_name(header, bytes, name_of(kName));
      return true;
    }));
    SIM_CHECK(found <= 1);
  }

  void add(uint32_t node) {
    Writer* writer = &state.writers[node];
    CounterStatus status = CounterStatus::kStale;
    CounterSpot spot = spot_;
    auto one = [](uint64_t* value, bool) { return ++*value > 0; };
    if (isKnown_) status = change_cell(writer, spot, 0, now, one);
    if (status == CounterStatus::kStale || status == CounterStatus::kNone) status = change(writer, kName, 1, &spot);
    SIM_CHECK(status == CounterStatus::kDone);
    acknowledged_[node] = 1;
  }
  void remove(uint32_t node) {
    Writer* writer = &state.writers[node];
    uint64_t last = 0;
    if (remove_counter(writer, name_of(kName), now, &last) == CounterStatus::kDone) removed_ = last;
    CounterSpot spot;
    if (replaces_) SIM_CHECK(change(writer, kOther, kOthers, &spot) == CounterStatus::kDone);
  }
  // What it reads was the value at one moment.
  void read() {
    CounterValue value;
    CounterSpot spot;
    CounterStatus status = read_counter(ring, name_of(kName), now, &value, &spot);
    SIM_CHECK(status == CounterStatus::kDone || status == CounterStatus::kNone);
    uint64_t least = isPreset_ && !hasRemover_ ? kHad : 0;
    SIM_CHECK(value.value >= least && value.value <= (isPreset_ ? kHad : 0) + adders_);
  }

  const uint32_t adders_;
  const bool isPreset_, isLeft_, isKnown_, hasRemover_, replaces_, hasReader_;
  CounterSpot spot_;
  uint64_t acknowledged_[3], removed_;
};
const Registered counting("counters", make_scene<Counting>);

}  // namespace
}  // namespace sim
