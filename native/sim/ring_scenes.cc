// Publishing, reading, the head, resets: ring.h and cursor.h.
#include "sim/ringscene.h"

using namespace orbit;

namespace sim {
namespace {

constexpr const char* kWriterNames[] = {"writer0", "writer1", "writer2", "writer3"};

// Writers that publish a, b, c, d frames.
class WritersScene : public RingScene {
 public:
  explicit WritersScene(Numbers* numbers)
      : RingScene(numbers),
        each_{numbers->count("a", 1), numbers->count("b", 1), numbers->count("c", 0), numbers->count("d", 0)} {}

 protected:
  void start_writers() {
    for (uint32_t node = 0; node < 4; node++) {
      if (each_[node] == 0) continue;
      simulator.spawn(kWriterNames[node], [this, node] { publish(node, each_[node]); });
    }
  }
  uint64_t total() const { return uint64_t{before} + each_[0] + each_[1] + each_[2] + each_[3]; }

 private:
  const uint32_t each_[4];
};

// A reader beside the writers: of the positions from..to, of the newest frame, or of a poll.
class Reading : public WritersScene {
 public:
  explicit Reading(Numbers* numbers)
      : WritersScene(numbers),
        from_(numbers->count("from", 0)),
        to_(numbers->count("to", static_cast<int>(total()))),
        newest_(numbers->count("newest", 0)),
        polls_(numbers->count("polls", 0)),
        hasReader_(numbers->take("reader", 1) != 0) {}

  void start_threads() override {
    start_writers();
    if (!hasReader_) return;
    simulator.spawn("reader", [this] {
      if (newest_ > 0) {
        read_newest_frames();
      } else if (polls_ > 0) {
        poll();
      } else {
        read_positions();
      }
    });
  }

  void finish() override {
    check_published(total());
    check_seen();
  }

 private:
  void read_positions() {
    uint64_t payload[kMaxPayloadWords];
    for (uint64_t position = from_; position < to_; position++) {
      Frame frame;
      RingStatus status = read_frame(ring, position, &frame, payload);
      SIM_CHECK(status != RingStatus::kCorrupt);
      if (status != RingStatus::kOk) continue;
      SIM_CHECK(frame.position == position);
      note_seen(frame, payload);
    }
  }

  // Never an older one than before.
  void read_newest_frames() {
    uint64_t payload[kMaxPayloadWords], least = before;
    for (uint32_t i = 0; i < newest_; i++) {
      Frame frame;
      RingStatus status = read_newest(ring, &frame, payload);
      SIM_CHECK(status == RingStatus::kOk || (status == RingStatus::kNotYet && least == 0));
      if (status != RingStatus::kOk) continue;
      SIM_CHECK(frame.position + 1 >= least);
      least = frame.position + 1;
      note_seen(frame, payload);
    }
  }

  void poll() {
    uint64_t payload[kMaxPayloadWords], next = 0;
    for (uint32_t i = 0; i < polls_; i++) {
      uint64_t first = ~uint64_t{0};
      auto keep = [&](const Frame& frame) {
        if (first == ~uint64_t{0}) first = frame.position;
        note_seen(frame, payload);
        return Verdict::kKeep;
      };
      Poll poll = poll_frames(
          ring, next, 8, false, [&](uint32_t) { return static_cast<void*>(payload); }, keep);
      SIM_CHECK(poll.from == next && poll.to - poll.from == poll.count + poll.lost);
      SIM_CHECK(poll.malformed == 0 && poll.skipped == 0);
      SIM_CHECK(poll.count == 0 || first == poll.from + poll.lost);  // a loss comes first
      next = poll.to;
    }
  }

  const uint32_t from_, to_, newest_, polls_;
  const bool hasReader_;
};
const Registered reading("ring", make_scene<Reading>);

// I3: below every head that a reader finds, each position is filled; the head does not go back.
class Heads : public WritersScene {
 public:
  explicit Heads(Numbers* numbers)
      : WritersScene(numbers),
        isFirstSearched_(numbers->take("search1", 1) != 0),
        isSecondSearched_(numbers->take("search2", 0) != 0) {}

  void start_threads() override {
    start_writers();
    simulator.spawn("reader", [this] {
      uint64_t head = isFirstSearched_ ? search_head(ring) : head_of(ring);
      SIM_CHECK(head >= before && head <= total());
      for (uint64_t position = head > capacity ? head - capacity : 0; position < head; position++) {
        SIM_CHECK(lap_in(load_relaxed(slot_of(ring, position))) >= lap_of(ring, position));
      }
      if (head > 0) read_below(head);
      SIM_CHECK((isSecondSearched_ ? search_head(ring) : head_of(ring)) >= head);
    });
  }
  void finish() override { check_published(total()); }

 private:
  void read_below(uint64_t head) {
    uint64_t payload[kMaxPayloadWords];
    Frame frame;
    RingStatus status = read_frame(ring, head - 1, &frame, payload);
    SIM_CHECK(status == RingStatus::kOk || status == RingStatus::kOverwritten);
    if (status == RingStatus::kOk) check_frame(frame, payload);
  }

  const bool isFirstSearched_, isSecondSearched_;
};
const Registered heads("heads", make_scene<Heads>);

// Resets beside a writer: the floor never goes back, and nothing below a floor is read again.
class Resets : public RingScene {
 public:
  explicit Resets(Numbers* numbers)
      : RingScene(numbers),
        publishes_(numbers->count("a", 1)),
        resets_(numbers->count("resets", 1)),
        hasReader_(numbers->take("reader", 0) != 0) {}

  void start_threads() override {
    if (publishes_ > 0) simulator.spawn("writer", [this] { publish(0, publishes_); });
    for (uint32_t i = 0; i < resets_; i++) simulator.spawn(i == 0 ? "reset0" : "reset1", [this] { reset(); });
    if (hasReader_) simulator.spawn("reader", [this] { read(); });
  }
  void finish() override {
    uint64_t floor = floor_of(ring);
    SIM_CHECK(floor >= before && floor <= before + publishes_);
  }

 private:
  void reset() {
    uint64_t head = head_of(ring), floor = reset_ring(ring);
    SIM_CHECK(floor >= head && floor <= before + publishes_);
    SIM_CHECK(floor_of(ring) >= floor);
    uint64_t payload[kMaxPayloadWords];
    for (uint64_t position = 0; position < floor; position++) {
      Frame frame;
      SIM_CHECK(read_frame(ring, position, &frame, payload) == RingStatus::kOverwritten);
    }
  }

  void read() {
    uint64_t payload[kMaxPayloadWords], oldest = oldest_of(ring, head_of(ring));
    Frame frame;
    RingStatus status = read_newest(ring, &frame, payload);
    SIM_CHECK(status == RingStatus::kOk || status == RingStatus::kNotYet);
    if (status != RingStatus::kOk) return;
    SIM_CHECK(frame.position >= oldest);
    check_frame(frame, payload);
  }

  const uint32_t publishes_, resets_;
  const bool hasReader_;
};
const Registered resets("reset", make_scene<Resets>);

}  // namespace
}  // namespace sim
