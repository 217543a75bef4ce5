// Sleeping and waking: wake.h. A sleeper that sleeps on while there is news for it has lost its wake.
#include "sim/ringscene.h"

using namespace orbit;

namespace sim {
namespace {

class Waking : public RingScene {
 public:
  explicit Waking(Numbers* numbers)
      : RingScene(numbers),
        publishers_(numbers->count("publishers", 1)),
        each_(numbers->count("each", 1)),
        looks_(numbers->count("looks", 1)),
        disarms_(numbers->take("disarm", 0) != 0),
        looksFirst_(numbers->take("first", 0) != 0) {}

  void start_threads() override {
    isAsleep_ = false;
    simulator.spawn(
        "publisher0", [this] { publish_and_wake(0); }, true);
    if (publishers_ > 1) simulator.spawn("publisher1", [this] { publish_and_wake(1); });
    simulator.spawn("sleeper", [this] { sleep(); });
  }

  // A publisher that is killed between its swap and its signal wakes no sleeper for that frame; every other one must.
  void finish() override {
    bool hasNews = false;
    for (uint32_t node = 0; node < publishers_; node++) {
      if (simulator.thread(static_cast<int>(node)).isDead) continue;
      for (uint32_t i = 0; i < state.published[node]; i++) hasNews |= state.positions[node][i] >= next_;
    }
    bool isLostWake = isAsleep_ && hasNews && bell.signals() == consumed_;
    SIM_CHECK(!isLostWake);
  }

 private:
  void publish_and_wake(uint32_t node) {
    for (uint32_t i = 0; i < each_; i++) {
      publish_one(node);
      if (!has_sleepers(ring)) continue;
      wake_sleepers(ring, [&](uint32_t sleeper) {
        SIM_CHECK(sleeper == nodes - 1);
        bell.signal();
      });
    }
  }

  bool has_woken() {
    if (looksFirst_) return fall_asleep(ring, nodes - 1, next_);
    arm(ring, nodes - 1);
    return has_news(ring, next_);
  }

  // Arm, look once more, sleep; poll when woken.
  void sleep() {
    next_ = consumed_ = 0;
    for (uint32_t i = 0; i < looks_; i++) {
      if (has_woken()) {
        if (disarms_ && i == 0) disarm(ring, nodes - 1);
        next_++;
        continue;
      }
      uint64_t signals = bell.signals();
      if (signals == consumed_ || i + 1 == looks_) {
        isAsleep_ = true;
        return;
      }
      consumed_ = signals;
      while (lap_in(load_acquire(slot_of(ring, next_))) >= lap_of(ring, next_)) next_++;
    }
  }

  const uint32_t publishers_, each_, looks_;
  const bool disarms_, looksFirst_;
  bool isAsleep_ = false;
  uint64_t next_ = 0, consumed_ = 0;
};
const Registered waking("wake", make_scene<Waking>);

}  // namespace
}  // namespace sim
