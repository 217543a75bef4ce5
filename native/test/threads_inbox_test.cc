// Threads over one inbox object: senders, owners that follow one another, callers and servers. Every message proves
// itself; what was accepted is delivered, in the order of each sender, and no answer belongs to another call.
// Each thread has its own Writer, as each process has. Under ThreadSanitizer build with -fno-builtin-memcpy.
#include <atomic>
#include <memory>
#include <thread>

#include "boxes.h"

using namespace orbit;

namespace {

constexpr uint32_t kSenders = 3, kOwner = 3, kFleetSize = 5, kWords = 5;

uint64_t word_of(uint64_t name, uint32_t index) { return (name + 1) * 0x9e3779b97f4a7c15 + index; }

struct Object {
  RingSpec spec;
  std::unique_ptr<uint8_t, Free> memory;
  Ring ring;
  Object(uint32_t boxes, uint32_t capacity, uint32_t replies)
      : spec(box_spec(boxes, capacity, replies, kWords * 8 + 16, kFleetSize)),
        memory(static_cast<uint8_t*>(aligned_alloc(64, ring_bytes(spec)))),
        ring(format_boxes(memory.get(), spec)) {}
};

// ---- messages ------------------------------------------------------------------------------------------------------

// An exchange ends by its count or by its time: on a busy machine, each yield may cost a time slice.
struct Course {
  uint64_t count;
  double end;
  std::atomic<uint64_t> done[kSenders] = {};
  std::atomic<uint32_t> sendersLeft{kSenders};

  Course(uint64_t most, double seconds) : count(most), end(seconds_now() + seconds) {}
  bool goes_on(uint64_t i) const { return i < count && (i == 0 || seconds_now() < end); }
  void leave(uint32_t sender, uint64_t number) {
    done[sender] = number;
    sendersLeft--;
  }
  uint64_t total() const {
    uint64_t sum = 0;
    for (const auto& each : done) sum += each;
    return sum;
  }
  bool is_over_at(uint64_t position) const { return sendersLeft == 0 && position == total(); }
};

void send_all(const Ring& ring, uint32_t node, Course* course) {
  Peer peer(ring, node);
  uint64_t i = 0;
  for (; course->goes_on(i); i++) {
    uint64_t name = i * kSenders + node, words[kWords], position;
    for (uint32_t at = 0; at < kWords; at++) words[at] = word_of(name, at);
    Message message{nullptr, 0, words, static_cast<uint32_t>(name % (sizeof words + 1)), 7, name};
    InboxStatus status;
    while ((status = send(&peer.writer, &peer.sender, message, &position)) == InboxStatus::kFull) {
      std::this_thread::yield();
    }
    CHECK(status == InboxStatus::kOk);
  }
  course->leave(node, i);
}

// Owners follow one another; each leaves after some messages, and commits only a part of what it has read.
void own_all(const Ring& ring, const Course* course, uint64_t seed) {
  Random random{seed};
  uint64_t delivered[kSenders] = {};
  Peer peer(ring, kOwner);
  for (uint64_t floor = 0; !course->is_over_at(floor);) {
    peer.own();
    CHECK_EQUAL(peer.consumer.next, floor);
    uint64_t seen[kSenders] = {}, most = random.below(40);
    for (uint64_t i = 0; i < most && !course->is_over_at(peer.consumer.next);) {
      Frame frame;
      uint64_t words[kWords + 3];
      InboxStatus status = receive(&peer.consumer, &frame, words);
      if (status == InboxStatus::kNotYet) {
        std::this_thread::yield();
        if (floor_of(peer.consumer.box) == peer.consumer.next) continue;
        commit(&peer.consumer, peer.consumer.next);  // or the senders have no room
        continue;
      }
      CHECK(status == InboxStatus::kOk);
      uint64_t name = frame.version, number = name / kSenders;
      CHECK(frame.node == name % kSenders && frame.frameKind == 7);
      CHECK_EQUAL(frame.length, name % (kWords * 8 + 1));
      for (uint32_t at = 0; at < frame.length / 8; at++) CHECK(words[at] == word_of(name, at));
      CHECK(number + 1 > seen[frame.node]);  // B3: once to this owner, in the sender's order
      seen[frame.node] = number + 1;
      CHECK(number <= delivered[frame.node]);  // no gap
      if (number == delivered[frame.node]) delivered[frame.node]++;
      i++;
    }
    uint64_t read = peer.consumer.next - peer.consumer.committed;
    commit(&peer.consumer, peer.consumer.committed + random.below(read + 1));
    floor = peer.consumer.committed;
  }
  for (uint32_t node = 0; node < kSenders; node++) CHECK_EQUAL(delivered[node], course->done[node]);
}

void exchange_messages(uint32_t capacity, uint64_t seed, Course course) {
  Object object(1, capacity, 0);
  std::vector<std::thread> threads;
  for (uint32_t node = 0; node < kSenders; node++) threads.emplace_back(send_all, object.ring, node, &course);
  threads.emplace_back(own_all, object.ring, &course, seed);
  for (std::thread& thread : threads) thread.join();
  check_chunks(object.ring);
}

// ---- calls ---------------------------------------------------------------------------------------------------------

constexpr uint32_t kServerBox = 4, kReplies = 8;

struct Tally {
  std::atomic<uint64_t> answered{0}, givenUp{0}, cancelled{0}, begun{0};
};

void call_all(const Ring& ring, uint32_t node, uint64_t seed, Course* course, Tally* tally) {
  Random random{seed + node};
  Peer peer(ring, node, kServerBox);
  renew_replies(&peer.writer, node);
  uint64_t i = 0;
  for (; course->goes_on(i); i++) {
    ReplyTo to = open_call(ring, reply_slot(ring, node, static_cast<uint32_t>(random.below(kReplies))));
    RequestHeader header{kWantsReply, 0, to.slot, to.stamp};
    uint64_t name = random.next(), position;
    Message message{&header, sizeof header, &name, sizeof name, 0, 0};
    while (send(&peer.writer, &peer.sender, message, &position) == InboxStatus::kFull) std::this_thread::yield();
    for (uint64_t patience = random.below(4) == 0 ? random.below(3) : ~uint64_t{0}; is_pending(ring, to); patience--) {
      if (patience > 0) {
        std::this_thread::yield();
        continue;
      }
      bool isCancelled = cancel_call(ring, to);
      tally->cancelled += isCancelled;
      bool isOver = settle_call(&peer.writer, to, kGivenUp, nullptr, 0);
      CHECK(isOver || !isCancelled);  // C2: a cancelled call has no answer
      if (isOver) break;
    }
    Frame frame;
    uint64_t payload[kWords + 3];
    CHECK(take_reply(ring, to, &frame, payload));
    if (frame.frameKind == kGivenUp) {
      tally->givenUp++;
      continue;
    }
    CHECK(frame.frameKind == kAnswered && frame.length == 8 && payload[0] == name * 3);  // C1
    CHECK_EQUAL(progress_at(ring, to), kDone);                                           // C3
    tally->answered++;
  }
  course->leave(node, i);
}

void serve_all(const Ring& ring, const Course* course, Tally* tally) {
  Peer peer(ring, kOwner);
  peer.own(kServerBox);
  for (;;) {
    bool isLast = course->sendersLeft == 0;
    Frame frame;
    uint64_t words[kWords + 3];
    InboxStatus status = receive(&peer.consumer, &frame, words);
    if (status == InboxStatus::kNotYet) {
      if (isLast) return;
      std::this_thread::yield();
      continue;
    }
    CHECK(status == InboxStatus::kOk);
    RequestHeader header;
    memcpy(&header, words, sizeof header);
    ReplyTo to{header.slot, header.stamp};
    if (begin_call(ring, to)) {
      tally->begun++;
      uint64_t result = words[2] * 3;
      finish_call(ring, to);
      settle_call(&peer.writer, to, kAnswered, &result, sizeof result);
    }
    peer.commit();
  }
}

void exchange_calls(uint64_t seed, Course course) {
  Object object(8, kReplies, kReplies);
  Tally tally;
  std::vector<std::thread> threads;
  for (uint32_t node = 0; node < kSenders; node++) {
    threads.emplace_back(call_all, object.ring, node, seed, &course, &tally);
  }
  threads.emplace_back(serve_all, object.ring, &course, &tally);
  for (std::thread& thread : threads) thread.join();
  CHECK_EQUAL(tally.answered + tally.givenUp, course.total());
  CHECK(tally.begun + tally.cancelled <= course.total() && tally.answered <= tally.begun);
  check_chunks(object.ring);
}

}  // namespace

int main(int count, char** words) {
  Options options = parse_options(count, words);
#ifdef __SANITIZE_THREAD__
  constexpr uint64_t kCount = 1000;
#else
  constexpr uint64_t kCount = 10000;
#endif
  uint64_t rounds = 0;
  for (double end = seconds_now() + options.seconds; rounds == 0 || seconds_now() < end; rounds++) {
    double each = options.seconds / 4.0;
    for (uint32_t capacity : {1u, 2u, 16u}) exchange_messages(capacity, options.seed + rounds, {kCount, each});
    exchange_calls(options.seed + rounds, {kCount, each});
  }
  printf("threads_inbox_test: %llu rounds passed\n", static_cast<unsigned long long>(rounds));
  return 0;
}
