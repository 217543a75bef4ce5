// What the scenes over a ring have in common: a ring, writers that publish frames which can be told apart, and the
// checks of ring.h's invariants.
#pragma once

#include "protocol/cursor.h"
#include "protocol/ring.h"
#include "protocol/settle.h"
#include "protocol/wake.h"
#include "sim/scene.h"

namespace sim {

// A bell, signalled as through a pipe: a thread that finds a signal knows what its sender knew.
class Bell {
 public:
  void set_up() { signals_ = static_cast<uint64_t*>(simulator.allocate(8)); }
  void signal() const { touch(Kind::kAdd, Order::kRelease, 1); }
  uint64_t signals() const { return touch(Kind::kLoad, Order::kAcquire, 0); }
  bool is_at(const uint64_t* address) const { return address == signals_; }

 private:
  uint64_t touch(Kind kind, Order order, uint64_t operand) const;
  uint64_t* signals_ = nullptr;
};

class RingScene : public Scene {
 public:
  explicit RingScene(Numbers* numbers);

  void set_up() override;
  void start() override;
  std::string name_of(const uint64_t* address) const override;
  std::string show(const uint64_t* address, uint64_t value) const override;

 protected:
  static constexpr uint32_t kTypeKind = 7, kMaxNodes = 6, kMaxFrames = 64, kMaxPositions = 256;
  static constexpr uint32_t kMaxPayloadWords = 32;

  // Private memory, the same at the start of each run. Each thread writes its own part only.
  struct State {
    orbit::Writer writers[kMaxNodes];
    uint32_t published[kMaxNodes];
    uint64_t positions[kMaxNodes][kMaxFrames];  // of what each published
    uint64_t seen[kMaxPositions];               // versions that the readers saw, by position
  };

  // The object, a ring unless a family has another.
  virtual orbit::RingSpec spec() const;
  // After format and attach, in set-up.
  virtual void prepare() {}
  virtual void start_threads() = 0;

  void publish_one(uint32_t node);
  void publish(uint32_t node, uint32_t times) {
    for (uint32_t i = 0; i < times; i++) publish_one(node);
  }
  // The frame must be one that a writer published, whole. Its version.
  uint64_t check_frame(const orbit::Frame& frame, const uint64_t* payload) const;
  void note_seen(const orbit::Frame& frame, const uint64_t* payload);
  // I1: no chunk is in two places.
  void check_chunks() const;
  // I3, when no thread died: the published positions are all below `total`, once each; every hand is written down.
  void check_published(uint64_t total) const;
  void check_hands() const;
  // What was read at a position is what was published there.
  void check_seen() const;

  static uint64_t version_of(uint32_t node, uint32_t frame) { return 1000 + 100 * node + frame; }
  uint32_t payload_words() const { return (payloadBytes + 7) / 8; }

  const uint32_t capacity, payloadBytes, nodes;
  const uint32_t before;  // frames that are there at the start, published by node 0
  const int staleHint;    // what the hint says at the start; below 0: what was stored there

  orbit::Ring ring;
  Bell bell;
  State state;

  static uint64_t word_of(uint64_t version, uint32_t index) { return (version + 10000 * index) * 0x0001000100010001; }

 private:
  State initial_;
};

}  // namespace sim
