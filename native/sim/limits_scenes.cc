// Takers of one key of limits: wide.h, limits.h. A key is entered once, and each decision that was allowed is counted.
#include "protocol/limiter.h"
#include "sim/scene.h"

using namespace orbit;

namespace sim {
namespace {

constexpr uint64_t kNowMs = 1000, kWindowMs = 100000, kLimit = 50, kLongMs = 500000;
constexpr uint32_t kFirstVacant = 3, kSecondVacant = 7;

class LimitsScene : public Scene {
 public:
  explicit LimitsScene(Numbers* numbers) : Scene(numbers) {}

  // A window of one table. Strangers are in all places but two.
  void set_up() override {
    Pair* memory = static_cast<Pair*>(simulator.allocate(limits_bytes(kWindow)));
    format_limits(memory, 224, kWindow, {1, 2}, 3, 4);
    SIM_CHECK(attach_limits(memory, limits_bytes(kWindow), &limits) == AttachStatus::kOk);
    place = {77, 0};
    for (uint32_t step = 0; step < kWindow; step++) {
      if (step != kFirstVacant && step != kSecondVacant) put(step, stranger(step, kNowMs + kLongMs));
    }
    prepare();
  }
  std::string name_of(const uint64_t* address) const override {
    long at = address - reinterpret_cast<const uint64_t*>(limits.entries);
    if (at < 0) return "header";
    return "entry[" + std::to_string(at / 2) + "]" + (at % 2 == 0 ? ".key" : ".value");
  }
  std::string show(const uint64_t* address, uint64_t value) const override {
    bool isKey = (address - reinterpret_cast<const uint64_t*>(limits.entries)) % 2 == 0;
    if (!isKey) return "{expiry " + std::to_string(expiry_in(value)) + ", low " + std::to_string(value & kMaxLow) + "}";
    constexpr const char* kStates[] = {"free", "tentative", "present", "?"};
    return "{tag " + std::to_string(tag_in(value)) + ", " + kStates[state_in(value)] + "}";
  }

 protected:
  virtual void prepare() {}

  void put(uint32_t step, const Pair& content) {
    Pair* pair = entry_at(limits, place, step);
    store_relaxed(&pair->key, content.key);
    store_relaxed(&pair->value, content.value);
  }
  static Pair stranger(uint32_t step, uint64_t expiryMs) {
    return {entry_key(900 + step, kPresent, 0), entry_value(expiryMs, 1)};
  }
  Limits view_of(uint32_t node) const {
    Limits own = limits;
    own.node = node;
    return own;
  }
  bool take(uint32_t node, const Limiter& limiter, uint64_t nowMs) const {
    Limits own = view_of(node);
    Decision decision;
    LimitStatus status = change_entry(&own, place, nowMs, [&](EntryValue* value) {
      return take_from(limiter, value, 1, nowMs * kNsPerMs, &decision);
    });
    SIM_CHECK(status != LimitStatus::kCorrupt);
    return status == LimitStatus::kAllowed;
  }
  // L1, and the count of the key.
  uint64_t counted() const {
    uint64_t found = 0, count = 0;
    for (uint32_t step = 0; step < kWindow; step++) {
      Pair entry = load_pair(entry_at(limits, place, step));
      if (tag_in(entry.key) != place.tag || state_in(entry.key) != kPresent) continue;
      found++;
      count = value_in(entry).low;
    }
    SIM_CHECK(found <= 1);
    return count;
  }

  Limits limits;
  EntryPlace place;
};

// Takers that enter the key. For the clock of taker 1 an entry at an earlier place may be over, and tentative entries
// of a dead process may be there. Taker 0 may die anywhere, or do no more than place its tentative entry, which others
// may then make present. Another process may remove the key.
class Taking : public LimitsScene {
 public:
  explicit Taking(Numbers* numbers)
      : LimitsScene(numbers),
        takers_(numbers->count("takers", 2)),
        times_(numbers->count("times", 1)),
        isEarly_(numbers->take("early", 0) != 0),
        planted_(numbers->count("planted", 0)),
        isPlacer_(numbers->take("placer", 0) != 0),
        hasRemover_(numbers->take("remover", 0) != 0) {}

  void prepare() override {
    if (isEarly_) put(1, stranger(1, kNowMs + 1));
    Limits dead = view_of(9);
    if (planted_ > 0) put(kSecondVacant, tentative_entry(&dead, place, kNowMs));
    if (planted_ > 1) put(kFirstVacant, tentative_entry(&dead, place, kNowMs));
  }

  void start() override {
    constexpr const char* kNames[] = {"taker0", "taker1", "taker2"};
    for (uint32_t i = 0; i < kMaxTakers; i++) allowed_[i] = 0;
    removed_ = 0;
    for (uint32_t node = 0; node < takers_; node++) {
      simulator.spawn(
          kNames[node], [this, node] { take_on(node); }, node == 0);
    }
    if (hasRemover_) simulator.spawn("remover", [this] { remove(); });
  }

  void finish() override {
    uint64_t allowed = 0, count = counted() + removed_;
    for (uint64_t each : allowed_) allowed += each;
    bool isOfDead = simulator.any_dead() && count == allowed + 1;
    SIM_CHECK(count == allowed || isOfDead);
  }

 private:
  static constexpr uint32_t kMaxTakers = 3;

  void take_on(uint32_t node) {
    if (isPlacer_ && node == 0) return place_entry();
    Limiter limiter = make_limiter(Algorithm::kFixed, {1, 2}, kLimit, kWindowMs, 0);
    for (uint32_t i = 0; i < times_; i++) {
      if (take(node, limiter, kNowMs + (isEarly_ && node == 1))) allowed_[node]++;
    }
  }
  // As change_entry does it.
  void place_entry() {
    Limits own = view_of(0);
    Pair placed = tentative_entry(&own, place, kNowMs);
    exchange_pair(entry_at(limits, place, kFirstVacant), kFreeEntry, placed);
  }
  // It takes the key away by the swap of remove_entry, and says what it took: how often the key was counted before.
  void remove() {
    Found found = find_entry(limits, place, kNowMs);
    if (!found.has_value(kNowMs)) return;
    if (exchange_pair(entry_at(limits, place, found.step), found.entry, kFreeEntry))
      removed_ = value_in(found.entry).low;
  }

  const uint32_t takers_, times_;
  const bool isEarly_;
  const uint32_t planted_;
  const bool isPlacer_;
  const bool hasRemover_;
  uint64_t allowed_[kMaxTakers], removed_;
};
const Registered taking("limits", make_scene<Taking>);

// A taker begins new windows of a sliding limit, which changes both words of the entry, and a looker reads them: they
// are of one moment. A remover removes the key.
class Looking : public LimitsScene {
 public:
  explicit Looking(Numbers* numbers)
      : LimitsScene(numbers), windows_(numbers->count("windows", 1)), hasRemover_(numbers->take("remover", 0) != 0) {}

  void prepare() override { put(kFirstVacant, present_entry(place, value_of(0))); }

  void start() override {
    simulator.spawn("taker", [this] {
      Limiter limiter = make_limiter(Algorithm::kSliding, {1, 2}, kLimit, kSlideMs, 0);
      for (uint32_t i = 1; i <= windows_; i++) SIM_CHECK(take(0, limiter, (1 + i) * kSlideMs));
    });
    simulator.spawn("looker", [this] { look(); });
    if (hasRemover_) simulator.spawn("remover", [this] { remove_entry(limits, place, kSlideMs); });
  }
  void finish() override { SIM_CHECK(counted() <= 1); }

 private:
  static constexpr uint64_t kSlideMs = 1000;

  // After so many windows have begun: the count of the last one is in `high`.
  static EntryValue value_of(uint32_t window) {
    constexpr uint32_t kHighs[] = {3, 7, 1};
    return {(3 + window) * kSlideMs, window == 0 ? 7u : 1u, kHighs[window]};
  }
  static bool is_same(const EntryValue& one, const EntryValue& other) {
    return one.expiryMs == other.expiryMs && one.low == other.low && one.high == other.high;
  }

  void look() {
    EntryValue value = read_entry(limits, place, 2 * kSlideMs);
    bool isWhole = hasRemover_ && (value.expiryMs == 0 || (value.low == 1 && value.high == 0));
    for (uint32_t window = 0; window <= windows_; window++) isWhole |= is_same(value, value_of(window));
    SIM_CHECK(isWhole);
  }

  const uint32_t windows_;
  const bool hasRemover_;
};
const Registered looking("limits-look", make_scene<Looking>);

// A table without room, which is counted.
class Full : public LimitsScene {
 public:
  explicit Full(Numbers* numbers) : LimitsScene(numbers) {}

  void prepare() override {
    for (uint32_t step : {kFirstVacant, kSecondVacant}) put(step, stranger(step, kNowMs + kLongMs));
  }
  void start() override {
    for (uint32_t node = 0; node < 2; node++) {
      simulator.spawn("taker", [this, node] {
        SIM_CHECK(!take(node, make_limiter(Algorithm::kFixed, {1, 2}, kLimit, kWindowMs, 0), kNowMs));
      });
    }
  }
  void finish() override {
    SIM_CHECK(load_relaxed(&limits.header->full) == 2);
    SIM_CHECK(count_entries(limits, kNowMs).present == kWindow);
  }
};
const Registered full("limits-full", make_scene<Full>);

}  // namespace
}  // namespace sim
