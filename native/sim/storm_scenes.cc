// Large programs for random runs: many writers that die and are succeeded, readers, resets and a sleeper over one ring;
// claimants that die over one table.
#include "protocol/table.h"
#include "sim/ringscene.h"

using namespace orbit;

namespace sim {
namespace {

constexpr const char* kNames[] = {"writer0", "writer1", "writer2"};
constexpr const char* kHeirs[] = {"heir0", "heir1", "heir2", "last0", "last1", "last2"};

// Each node has three lives; the last one does not die.
class StormScene : public RingScene {
 public:
  explicit StormScene(Numbers* numbers)
      : RingScene(numbers),
        writers_(numbers->count("writers", 3)),
        each_(numbers->count("each", 20)),
        perMille_(numbers->count("kill", 2)) {}

  void choose_weather(WeatherOptions* options) const override {
    options->deathChance = perMille_ / 1000.0;
    options->changesWithin = 30 * writers_ * each_;
  }

 protected:
  void start_lives() {
    for (uint32_t node = 0; node < writers_; node++) {
      int before = simulator.spawn(
          kNames[node], [this, node] { live(node, 1); }, true);
      holders_[node][0] = before;
      for (uint32_t round = 0; round < 2; round++) {
        auto body = [this, node, round] { succeed(node, round); };
        before = simulator.spawn(kHeirs[round * 3 + node], body, round == 0);
        holders_[node][round + 1] = before;
      }
    }
  }

  virtual void live(uint32_t node, uint64_t incarnation) = 0;
  int holder(uint32_t node, uint64_t incarnation) const { return holders_[node][incarnation - 1]; }

  const uint32_t writers_, each_, perMille_;

 private:
  void succeed(uint32_t node, uint32_t round) {
    int before = holders_[node][round];
    simulator.await_end(before);
    if (!simulator.thread(before).isDead) return;
    state.published[node]++;  // the frame that it may have died in
    Writer writer;
    SIM_CHECK(become_writer(ring, node, &writer) == RingStatus::kOk);
    state.writers[node] = writer;
    live(node, round + 2);
  }

  int holders_[kMaxNodes][3] = {};
};

class RingStorm : public StormScene {
 public:
  explicit RingStorm(Numbers* numbers)
      : StormScene(numbers),
        readers_(numbers->count("readers", 1)),
        polls_(numbers->count("polls", 12)),
        resets_(numbers->count("resets", 3)),
        hasSleeper_(numbers->take("sleeper", 1) != 0) {}

  void start_threads() override {
    isAsleep_ = false;
    start_lives();
    for (uint32_t i = 0; i < readers_; i++) simulator.spawn("reader", [this] { read(); });
    if (resets_ > 0) simulator.spawn("reset0", [this] { reset(); });
    if (resets_ > 0) simulator.spawn("reset1", [this] { reset(); });
    if (hasSleeper_) simulator.spawn("sleeper", [this] { sleep(); });
  }

  // A writer that is killed between its swap and its signal wakes no sleeper: only where none was killed is a wake
  // lost.
  void finish() override {
    check_chunks();
    check_hands();
    uint64_t head = head_of(ring);
    SIM_CHECK(head <= before + uint64_t{writers_} * (each_ + 2));
    bool isLostWake = isAsleep_ && next_ < head && !simulator.any_dead() && bell.signals() == consumed_;
    SIM_CHECK(!isLostWake);
  }

 private:
  void live(uint32_t node, uint64_t) override {
    while (state.published[node] < each_) {
      publish_one(node);
      if (!has_sleepers(ring)) continue;
      wake_sleepers(ring, [&](uint32_t sleeper) {
        SIM_CHECK(sleeper == nodes - 1);
        bell.signal();
      });
    }
  }

  void read() {
    uint64_t payload[kMaxPayloadWords], next = 0;
    for (uint32_t i = 0; i < polls_; i++) {
      auto keep = [&](const Frame& frame) {
        note_seen(frame, payload);
        return Verdict::kKeep;
      };
      Poll poll = poll_frames(
          ring, next, 4, false, [&](uint32_t) { return static_cast<void*>(payload); }, keep);
      SIM_CHECK(poll.from == next && poll.to - poll.from == poll.count + poll.lost);
      SIM_CHECK(poll.malformed == 0 && poll.skipped == 0);
      next = poll.to;
      Frame frame;
      RingStatus status = read_newest(ring, &frame, payload);
      SIM_CHECK(status == RingStatus::kOk || status == RingStatus::kNotYet);
      if (status == RingStatus::kOk) note_seen(frame, payload);
    }
  }

  void reset() {
    uint64_t least = 0;
    for (uint32_t i = 0; i < resets_; i++) {
      uint64_t head = head_of(ring), floor = reset_ring(ring);
      SIM_CHECK(floor >= head && floor >= least && floor_of(ring) >= floor);
      least = floor;
    }
  }

  void sleep() {
    next_ = consumed_ = 0;
    for (uint32_t i = 0; i < 6; i++) {
      arm(ring, nodes - 1);
      if (!has_news(ring, next_)) {
        uint64_t signals = bell.signals();
        if (signals == consumed_) {
          isAsleep_ = true;
          return;
        }
        consumed_ = signals;
      }
      next_ = head_of(ring);
    }
  }

  const uint32_t readers_, polls_, resets_;
  const bool hasSleeper_;
  bool isAsleep_ = false;
  uint64_t next_ = 0, consumed_ = 0;
};
const Registered ringStorm("storm", make_scene<RingStorm>);

// Claimants of two subjects. One that has a subject touches its guarded data; tokens only grow.
class TableStorm : public StormScene {
 public:
  explicit TableStorm(Numbers* numbers) : StormScene(numbers) {}

  void start_threads() override {
    for (Guarded& guarded : guarded_) guarded.reset();
    for (uint64_t& token : newest_) token = 0;
    start_lives();
  }
  void finish() override {
    check_chunks();
    check_hands();
  }

 private:
  void live(uint32_t node, uint64_t incarnation) override {
    for (; state.published[node] < each_; state.published[node]++) {
      uint64_t number = state.published[node] % 2, subject = 500 + number;
      Request request = {};
      request.subject = {&subject, sizeof subject, 1};
      request.incarnation = incarnation;
      request.nowMs = 10;
      request.ttlMs = 100;
      // Death is told by the kernel's lock, and with it all that the dead one did.
      auto isAlive = [&](uint32_t other, uint64_t lived) { return !simulator.sees_dead(holder(other, lived)); };
      Claim claim;
      uint64_t stamp;
      TableStatus status = claim_subject(&state.writers[node], request, isAlive, &claim, &stamp);
      SIM_CHECK(status == TableStatus::kDone || status == TableStatus::kYield);
      if (status != TableStatus::kDone) continue;
      guarded_[number].write();
      SIM_CHECK(claim.token > newest_[number]);
      newest_[number] = claim.token;
      SIM_CHECK(release_claim(&state.writers[node], request.subject, claim.token, 11) == TableStatus::kDone);
    }
  }

  Guarded guarded_[2];
  uint64_t newest_[2];
};
const Registered tableStorm("table-storm", make_scene<TableStorm>);

}  // namespace
}  // namespace sim
