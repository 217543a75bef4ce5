// Heartbeats: beat.h. A reader gets one whole beat of the member that it asks for, or none.
#include <string.h>

#include "protocol/beat.h"
#include "sim/scene.h"

using namespace orbit;

namespace sim {
namespace {

class Beating : public Scene {
 public:
  explicit Beating(Numbers* numbers)
      : Scene(numbers), beats_(numbers->count("beats", 2)), nextOwners_(numbers->count("next", 0)) {}

  void set_up() override {
    record_ = static_cast<NodeRecord*>(simulator.allocate(sizeof *record_));
    store_relaxed(&record_->incarnation, 1);
  }

  // The heart beats; perhaps the next owner of the node writes the record anew, and beats as well.
  void start() override {
    simulator.spawn("heart", [this] {
      for (uint32_t i = 1; i <= beats_; i++) beat(100 + i);
      if (nextOwners_ == 0) return;
      uint64_t record[sizeof *record_ / 8] = {2};
      copy_to_shared(words(), record, sizeof record);
      for (uint32_t i = 1; i <= nextOwners_; i++) beat(200 + i);
    });
    simulator.spawn("reader", [this] { read(); });
  }
  void finish() override {}

  std::string name_of(const uint64_t* address) const override {
    return "record+" + std::to_string((address - reinterpret_cast<const uint64_t*>(record_)) * 8);
  }
  std::string show(const uint64_t*, uint64_t value) const override { return std::to_string(value); }

 private:
  static constexpr size_t kBeatWords = sizeof(Beat) / 8;

  uint64_t* words() const { return reinterpret_cast<uint64_t*>(record_); }

  void beat(uint64_t number) const {
    uint64_t filled[kBeatWords];
    for (uint64_t& word : filled) word = number;
    Beat beat;
    memcpy(&beat, filled, sizeof beat);
    write_beat(record_, beat);
  }

  void read() const {
    uint64_t number, read[kBeatWords];
    Beat beat;
    if (!read_beat(record_, 1, &number, &beat)) return;
    SIM_CHECK(number >= 1 && number <= beats_);
    memcpy(read, &beat, sizeof beat);
    for (uint64_t word : read) SIM_CHECK(word == 100 + number);
  }

  const uint32_t beats_, nextOwners_;
  NodeRecord* record_ = nullptr;
};
const Registered beating("beat", make_scene<Beating>);

}  // namespace
}  // namespace sim
