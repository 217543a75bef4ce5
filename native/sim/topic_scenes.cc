// Events and a reader that chooses by topic: topic.h over cursor.h.
#include <string.h>

#include "protocol/topic.h"
#include "sim/ringscene.h"

using namespace orbit;

namespace sim {
namespace {

class Choosing : public RingScene {
 public:
  explicit Choosing(Numbers* numbers)
      : RingScene(numbers), each_{numbers->count("a", 1), numbers->count("b", 1)}, polls_(numbers->count("polls", 1)) {}

  void start_threads() override {
    memset(kept_, 0, sizeof kept_);
    memset(wanted_, 0, sizeof wanted_);
    for (uint32_t node = 0; node < 2; node++) {
      if (each_[node] == 0) continue;
      simulator.spawn(node == 0 ? "writer0" : "writer1", [this, node] {
        for (uint32_t i = 0; i < each_[node]; i++) publish_event(node, i);
      });
    }
    simulator.spawn("reader", [this] { poll(); });
  }

  // Every event that was kept was one of ours, every one that was skipped was not.
  void finish() override {
    for (uint32_t position = 0; position < kMaxPositions; position++) {
      SIM_CHECK(kept_[position] == 0 || kept_[position] == wanted_[position]);
    }
    check_chunks();
    check_hands();
  }

 private:
  // Topics of two lengths; the events of the short one are wanted.
  void publish_event(uint32_t node, uint32_t number) {
    bool isWanted = (node + number) % 2 == 0;
    const char* topic = isWanted ? "a.x" : "b.long.one";
    EventHeader header = {static_cast<uint16_t>(strlen(topic))};
    uint8_t event[16] = {};
    memcpy(event, &header, sizeof header);
    memcpy(event + sizeof header, topic, strlen(topic));
    uint32_t length = static_cast<uint32_t>(sizeof header + strlen(topic)) + 1;
    event[length - 1] = static_cast<uint8_t>(version_of(node, number));
    uint64_t position = 0, version = version_of(node, number);
    SIM_CHECK(orbit::publish(&state.writers[node], event, length, 1, version, &position) == RingStatus::kOk);
    if (isWanted) wanted_[position] = version;
    if (!isWanted) wanted_[position] = kOther;
  }

  void poll() {
    const TopicPattern pattern = {reinterpret_cast<const uint8_t*>("a.*"), 3};
    uint64_t payload[kMaxPayloadWords], next = 0;
    for (uint32_t i = 0; i < polls_; i++) {
      auto judge = [&](const Frame& frame) {
        const uint8_t* event = reinterpret_cast<const uint8_t*>(payload);
        Verdict verdict = judge_event(pattern, event, frame.length);
        SIM_CHECK(verdict != Verdict::kMalformed);
        SIM_CHECK(event[frame.length - 1] == static_cast<uint8_t>(frame.version));
        kept_[frame.position] = verdict == Verdict::kKeep ? frame.version : kOther;
        return verdict;
      };
      Poll poll = poll_frames(
          ring, next, 8, false, [&](uint32_t) { return static_cast<void*>(payload); }, judge);
      SIM_CHECK(poll.malformed == 0 && poll.to - next == poll.count + poll.skipped + poll.lost);
      next = poll.to;
    }
  }

  static constexpr uint64_t kOther = 1;

  const uint32_t each_[2], polls_;
  uint64_t wanted_[kMaxPositions], kept_[kMaxPositions];
};
const Registered choosing("topic", make_scene<Choosing>);

}  // namespace
}  // namespace sim
