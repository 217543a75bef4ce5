// cursor.h on plain memory, one thread: where a poll ends, and that its account is exact.
//
// A loss is arranged, never awaited: the publisher runs inside the poll, when that asks for room or judges a frame.
#include "protocol/cursor.h"

#include <functional>
#include <memory>
#include <vector>

#include "check.h"
#include "protocol/settle.h"

using namespace orbit;

namespace {

constexpr uint32_t kCapacity = 4;

struct Scene {
  std::unique_ptr<uint8_t, Free> base;
  Ring ring;
  Writer writer;
  uint64_t payload[1];
  std::vector<uint64_t> kept;        // positions that the last poll handed out
  std::function<void()> onRoom;      // runs once, before the next frame is read
  std::function<void()> onKept;      // runs once, after the next frame was kept
  Verdict verdict = Verdict::kKeep;  // of every frame

  explicit Scene(uint64_t frames) {
    RingSpec spec;
    spec.typeKind = 7;
    spec.capacity = kCapacity;
    spec.payloadBytes = 8;
    spec.fleetSize = 1;
    base.reset(static_cast<uint8_t*>(aligned_alloc(64, ring_bytes(spec))));
    format_ring(base.get(), spec, 0);
    CHECK(attach_ring(base.get(), ring_bytes(spec), &ring) == AttachStatus::kOk);
    CHECK(become_writer(ring, 0, &writer) == RingStatus::kOk);
    publish_some(frames);
  }
  void publish_some(uint64_t frames) {
    uint64_t position;
    for (; frames > 0; frames--) CHECK(publish(&writer, &frames, sizeof frames, 0, 0, &position) == RingStatus::kOk);
  }
  void run_once(std::function<void()>* hook) {
    std::function<void()> now;
    now.swap(*hook);
    if (now) now();
  }
  Poll poll(uint64_t from, bool isContinued = false, uint32_t max = 100) {
    kept.clear();
    auto room = [&](uint32_t) {
      run_once(&onRoom);
      return payload;
    };
    auto judge = [&](const Frame& frame) {
      if (verdict == Verdict::kKeep) kept.push_back(frame.position);
      run_once(&onKept);
      return verdict;
    };
    return poll_frames(ring, from, max, isContinued, room, judge);
  }
  void check_kept(const std::vector<uint64_t>& expected) const { CHECK(kept == expected); }
};

void check_poll(const Poll& poll, uint64_t to, uint64_t lost, uint64_t count) {
  CHECK_EQUAL(poll.to, to);
  CHECK_EQUAL(poll.lost, lost);
  CHECK_EQUAL(poll.count, count);
}

void a_poll_hands_out_what_is_there_and_ends_at_the_head() {
  Scene scene(3);
  check_poll(scene.poll(0), 3, 0, 3);
  scene.check_kept({0, 1, 2});
  check_poll(scene.poll(3), 3, 0, 0);
}

void a_loss_that_comes_first_is_counted_and_frames_follow_it() {
  Scene scene(10);
  check_poll(scene.poll(1), 10, 5, 4);
  scene.check_kept({6, 7, 8, 9});
}

void a_poll_ends_before_a_loss_that_does_not_come_first() {
  Scene scene(4);
  scene.onKept = [&] { scene.publish_some(6); };  // overwrites positions 0 to 5
  check_poll(scene.poll(0), 1, 0, 1);
  scene.check_kept({0});
  check_poll(scene.poll(1), 10, 5, 4);
  scene.check_kept({6, 7, 8, 9});
}

void a_poll_ends_before_a_loss_behind_frames_that_it_did_not_keep() {
  for (Verdict verdict : {Verdict::kSkip, Verdict::kMalformed}) {
    Scene scene(4);
    scene.verdict = verdict;
    scene.onKept = [&] { scene.publish_some(6); };
    Poll poll = scene.poll(0);
    check_poll(poll, 1, 0, 0);
    CHECK_EQUAL(poll.skipped + poll.malformed, 1);
  }
}

void losses_in_a_row_that_come_first_are_one_loss() {
  Scene scene(10);
  // The poll finds position 6 to be the oldest; before it reads that one, it is overwritten as well.
  scene.onRoom = [&] { scene.onRoom = [&] { scene.publish_some(3); }; };
  check_poll(scene.poll(0), 10, 9, 1);
  scene.check_kept({9});
}

void a_call_that_continues_a_poll_leaves_a_loss_to_the_next_poll() {
  Scene scene(10);
  check_poll(scene.poll(1, true), 1, 0, 0);
  scene.check_kept({});
  check_poll(scene.poll(7, true), 10, 0, 3);
  check_poll(scene.poll(1, false), 10, 5, 4);
}

void a_poll_never_reads_past_the_head_at_which_it_began() {
  Scene scene(2);
  scene.onKept = [&] { scene.publish_some(1); };
  check_poll(scene.poll(0), 2, 0, 2);
  check_poll(scene.poll(2), 3, 0, 1);
}

void a_reset_is_a_loss_and_a_malformed_frame_is_none() {
  Scene scene(3);
  chunk_at(scene.ring, chunk_in(scene.ring.slots[1]))->id = 0;
  Poll poll = scene.poll(0);
  check_poll(poll, 3, 0, 2);
  CHECK_EQUAL(poll.malformed, 1);
  scene.check_kept({0, 2});
  reset_ring(scene.ring);
  check_poll(scene.poll(0), 3, 3, 0);
}

}  // namespace

int main(int count, char** words) {
  parse_options(count, words);
  const Test tests[] = {
      TEST(a_poll_hands_out_what_is_there_and_ends_at_the_head),
      TEST(a_loss_that_comes_first_is_counted_and_frames_follow_it),
      TEST(a_poll_ends_before_a_loss_that_does_not_come_first),
      TEST(a_poll_ends_before_a_loss_behind_frames_that_it_did_not_keep),
      TEST(losses_in_a_row_that_come_first_are_one_loss),
      TEST(a_call_that_continues_a_poll_leaves_a_loss_to_the_next_poll),
      TEST(a_poll_never_reads_past_the_head_at_which_it_began),
      TEST(a_reset_is_a_loss_and_a_malformed_frame_is_none),
  };
  return run_tests("cursor_test", tests);
}
