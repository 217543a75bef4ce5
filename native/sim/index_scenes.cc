// The cache's private index over a ring that goes on: index.h. Its answer must be that of a walk from the head
// backwards, which is worked out in the end from where each frame was published.
#include <string.h>

#include "protocol/index.h"
#include "sim/ringscene.h"

using namespace orbit;

namespace sim {
namespace {

class Indexing : public RingScene {
 public:
  explicit Indexing(Numbers* numbers)
      : RingScene(numbers),
        each_{numbers->count("a", 1), numbers->count("b", 1)},
        finds_(numbers->count("finds", 1)),
        entries_(numbers->count("entries", 0)),
        mix_(numbers->take("mix", 1)),
        usesKnown_(numbers->take("known", 0) != 0) {}

  void start_threads() override {
    index_ = std::make_unique<CacheIndex>(ring, 7);
    answerCount_ = 0;
    memcpy(log_, firstLog_, sizeof log_);
    for (uint32_t node = 0; node < 2; node++) {
      if (each_[node] == 0) continue;
      simulator.spawn(node == 0 ? "writer0" : "writer1", [this, node] {
        uint32_t first = node == 0 ? entries_ : 0;
        for (uint32_t i = 0; i < each_[node]; i++) publish_entry(node, first + i);
      });
    }
    simulator.spawn("reader", [this] {
      uint64_t known = kNoPosition;
      for (uint32_t i = 0; i < finds_; i++) {
        const Answer& answer = find(index_.get(), known);
        SIM_CHECK(i == 0 || answer.answer.head >= answers_[i - 1].answer.head);
        if (usesKnown_ && answer.status == CacheStatus::kHit) known = answer.answer.position;
      }
    });
  }

  void finish() override {
    for (uint32_t i = 0; i < answerCount_; i++) check_answer(answers_[i]);
    const Answer last = find(index_.get(), kNoPosition);
    CacheIndex fresh(ring, 9);
    const Answer walked = find(&fresh, kNoPosition);
    check_answer(last);
    SIM_CHECK(last.status == walked.status && last.value == walked.value);
  }

 private:
  // What a frame says. Key 1 is the one that is looked up; the key 2 is longer.
  enum class Entry : uint8_t { kNone, kPut, kPutOther, kDelete, kReset };
  struct Logged {
    Entry entry;
    uint64_t value, version;
  };
  struct Answer {
    CacheStatus status;
    CacheAnswer answer;
    uint64_t value;
  };
  static constexpr uint64_t kKey = 0x3131313131313131, kOtherKey = 0x3232323232323232;

  // What is there at the start.
  void prepare() override {
    memset(log_, 0, sizeof log_);
    for (uint32_t i = 0; i < entries_; i++) publish_entry(0, i);
    memcpy(firstLog_, log_, sizeof log_);
  }

  Entry entry_of(uint32_t node, uint32_t number) const {
    uint32_t turn = node + number;
    if (mix_ == 0) return turn < 2 ? Entry::kPut : Entry::kPutOther;
    if (mix_ == 1) return turn % 2 == 0 ? Entry::kPut : Entry::kPutOther;
    if (mix_ == 2) return turn % 2 == 0 ? Entry::kPut : Entry::kDelete;
    return turn % 2 == 0 ? Entry::kPut : Entry::kReset;
  }

  void publish_entry(uint32_t node, uint32_t number) {
    Logged logged = {entry_of(node, number), 100 * (node + 1u) + number, version_of(node, number)};
    CacheHeader header = {kCachePut, 0, 8, 8};
    uint64_t words[5] = {0, kKey, logged.value}, length = 24;
    if (logged.entry == Entry::kPutOther) {
      header.keyBytes = 16;
      words[1] = words[2] = kOtherKey;
      words[3] = logged.value;
      length = 32;
    } else if (logged.entry != Entry::kPut) {
      bool isReset = logged.entry == Entry::kReset;
      header = {static_cast<uint8_t>(isReset ? kCacheReset : kCacheDelete), 0, static_cast<uint16_t>(isReset ? 4 : 8),
                0};
      if (isReset) words[1] = kKey & 0xffffffff;
      length = 16;
    }
    memcpy(words, &header, sizeof header);
    uint64_t position = 0;
    RingStatus status = orbit::publish(&state.writers[node], words, static_cast<uint32_t>(length), header.op,
                                       logged.version, &position);
    SIM_CHECK(status == RingStatus::kOk && position < kMaxPositions);
    log_[position] = logged;
  }

  const Answer& find(CacheIndex* index, uint64_t known) {
    Answer& answer = answers_[answerCount_++];
    answer = {};
    CacheKey key = {reinterpret_cast<const uint8_t*>(&kKey), 0, sizeof kKey};
    auto now = [] { return uint64_t{2}; };
    answer.status = index->find(key, known, now, reinterpret_cast<uint8_t*>(&answer.value), &answer.answer);
    return answer;
  }

  void check_answer(const Answer& given) const {
    const CacheAnswer& answer = given.answer;
    uint64_t head = answer.head, oldest = head > capacity ? head - capacity : 0, decides = head;
    for (uint64_t position = oldest; position < head; position++) {
      SIM_CHECK(log_[position].entry != Entry::kNone);  // I3
      if (log_[position].entry != Entry::kPutOther) decides = position;
    }
    bool isDecided = decides < head;
    SIM_CHECK(answer.isDecided == isDecided);
    if (!isDecided) SIM_CHECK(given.status == CacheStatus::kMiss);
    if (!isDecided) return;
    const Logged& logged = log_[decides];
    SIM_CHECK(answer.position == decides);
    SIM_CHECK((given.status == CacheStatus::kMiss) == (logged.entry != Entry::kPut));
    if (logged.entry == Entry::kPut) SIM_CHECK(answer.expiresAtMs == logged.version);
    if (given.status != CacheStatus::kHit) return;
    SIM_CHECK(given.value == logged.value && answer.valueBytes == 8);
  }

  const uint32_t each_[2], finds_, entries_;
  const int mix_;
  const bool usesKnown_;
  std::unique_ptr<CacheIndex> index_;
  Answer answers_[8];
  uint32_t answerCount_ = 0;
  Logged log_[kMaxPositions], firstLog_[kMaxPositions];
};
const Registered indexing("index", make_scene<Indexing>);

}  // namespace
}  // namespace sim
