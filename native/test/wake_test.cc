// wake.h in one thread: what a waiter and a publisher write, and every order of their steps that could miss a wake.
//
// Steps of a publisher between two steps of a waiter, and the reverse, are called from inside the code of the other: a
// bell is a callback, and so is what happens while a waiter falls asleep.
#include "protocol/wake.h"

#include <functional>
#include <memory>
#include <vector>

#include "check.h"
#include "protocol/settle.h"

using namespace orbit;

namespace {

constexpr uint32_t kCapacity = 4, kSleeper = 1, kPeer = 2;

struct PlainRing {
  std::unique_ptr<uint8_t, Free> base;
  Ring ring;
  Writer writer;

  explicit PlainRing(uint32_t fleetSize = 4) {
    RingSpec spec;
    spec.typeKind = 12;
    spec.capacity = kCapacity;
    spec.payloadBytes = 8;
    spec.fleetSize = fleetSize;
    base.reset(static_cast<uint8_t*>(aligned_alloc(64, ring_bytes(spec))));
    format_ring(base.get(), spec, 0);
    CHECK(attach_ring(base.get(), ring_bytes(spec), &ring) == AttachStatus::kOk);
    CHECK(become_writer(ring, 0, &writer) == RingStatus::kOk);
  }
  uint64_t& arm_word(uint32_t node) const { return ring.entries[node].arm; }
  bool has_bit(uint32_t node) const { return (*sleepers_word(ring, node) & sleeper_bit(node)) != 0; }

  // Swaps a frame in, and signals no bell yet.
  void swap() {
    uint64_t position;
    CHECK(publish(&writer, "wake up!", 8, 0, 0, &position) == RingStatus::kOk);
  }
  // The nodes whose bells a publisher signals now, in order.
  std::vector<uint32_t> signalled() const {
    std::vector<uint32_t> nodes;
    if (has_sleepers(ring)) wake_sleepers(ring, [&](uint32_t node) { nodes.push_back(node); });
    return nodes;
  }
  std::vector<uint32_t> publish_and_signal() {
    swap();
    return signalled();
  }
};

using Nodes = std::vector<uint32_t>;

// ---- the waiter ----------------------------------------------------------------------------------------------------

void an_armed_node_has_its_bit_its_group_and_an_odd_generation() {
  PlainRing plain;
  CHECK(!has_sleepers(plain.ring));
  arm(plain.ring, kSleeper);
  CHECK(has_sleepers(plain.ring));
  CHECK_EQUAL(plain.ring.header->sleeperGroups, 1);
  CHECK_EQUAL(plain.ring.sleepers[0], 1 << kSleeper);
  CHECK_EQUAL(plain.arm_word(kSleeper), 1);
}

void every_arm_makes_a_fresh_odd_generation() {
  PlainRing plain;
  for (uint64_t expected : {1, 3, 5}) {  // odd already, not signalled: fresh in any case
    arm(plain.ring, kSleeper);
    CHECK_EQUAL(plain.arm_word(kSleeper), expected);
  }
  CHECK(plain.signalled() == Nodes{kSleeper});
  CHECK_EQUAL(plain.arm_word(kSleeper), 6);
  arm(plain.ring, kSleeper);
  CHECK_EQUAL(plain.arm_word(kSleeper), 7);
  disarm(plain.ring, kSleeper);
  arm(plain.ring, kSleeper);
  CHECK_EQUAL(plain.arm_word(kSleeper), 9);
}

void a_disarmed_node_keeps_nothing_but_its_group() {
  PlainRing plain;
  arm(plain.ring, kSleeper);
  arm(plain.ring, kPeer);
  disarm(plain.ring, kSleeper);
  CHECK_EQUAL(plain.arm_word(kSleeper), 2);
  CHECK_EQUAL(plain.ring.sleepers[0], 1 << kPeer);
  CHECK_EQUAL(plain.ring.header->sleeperGroups, 1);  // never cleared
  CHECK(plain.signalled() == Nodes{kPeer});
  disarm(plain.ring, kSleeper);
  CHECK_EQUAL(plain.arm_word(kSleeper), 2);
}

void disarming_a_node_that_was_signalled_or_never_armed_moves_nothing() {
  PlainRing plain;
  disarm(plain.ring, kSleeper);
  CHECK_EQUAL(plain.arm_word(kSleeper), 0);
  CHECK(!has_sleepers(plain.ring));
  arm(plain.ring, kSleeper);
  CHECK(plain.signalled() == Nodes{kSleeper});
  disarm(plain.ring, kSleeper);
  CHECK_EQUAL(plain.arm_word(kSleeper), 2);
  CHECK(!plain.has_bit(kSleeper));
}

void news_is_what_a_poll_would_bring() {
  PlainRing plain;
  CHECK(!has_news(plain.ring, 0));
  for (uint64_t head = 1; head < 3 * kCapacity; head++) {
    plain.swap();
    for (uint64_t position = 0; position < head; position++) CHECK(has_news(plain.ring, position));  // a loss is news
    for (uint64_t position = head; position < head + 2 * kCapacity; position++) CHECK(!has_news(plain.ring, position));
  }
  uint64_t head = head_of(plain.ring);
  reset_ring(plain.ring);
  CHECK(has_news(plain.ring, head - 1));
  CHECK(!has_news(plain.ring, head));
}

void a_position_that_no_ring_reaches_never_has_news() {
  PlainRing plain;
  for (uint64_t& slot : std::vector<std::reference_wrapper<uint64_t>>{plain.ring.slots[0], plain.ring.slots[3]}) {
    slot = slot_word(kMaxLap, 0);
  }
  for (uint64_t position : {plain.ring.lastPosition + 1, uint64_t{1} << 63, ~uint64_t{0}}) {
    CHECK(!has_news(plain.ring, position));
  }
}

// ---- the publisher -------------------------------------------------------------------------------------------------

void no_bell_is_signalled_when_no_node_sleeps() {
  PlainRing plain;
  CHECK(plain.publish_and_signal().empty());
  plain.ring.header->sleeperGroups = 1;  // a node slept here once
  CHECK(plain.publish_and_signal().empty());
}

void a_generation_is_signalled_once_for_any_number_of_frames() {
  PlainRing plain;
  arm(plain.ring, kSleeper);
  CHECK(plain.publish_and_signal() == Nodes{kSleeper});
  for (int frame = 0; frame < 10000; frame++) CHECK(plain.publish_and_signal().empty());
  CHECK_EQUAL(plain.arm_word(kSleeper), 2);
  CHECK(plain.has_bit(kSleeper));  // only its owner clears it
}

// A process that finds the arm even relies on the signal, so the bell is signalled while the arm is still odd.
void a_bell_is_signalled_before_its_arm_is_moved() {
  PlainRing plain;
  arm(plain.ring, kSleeper);
  int bells = 0;
  wake_sleepers(plain.ring, [&](uint32_t node) {
    bells++;
    CHECK_EQUAL(node, kSleeper);
    CHECK_EQUAL(plain.arm_word(node), 1);
  });
  CHECK_EQUAL(bells, 1);
  CHECK_EQUAL(plain.arm_word(kSleeper), 2);
}

// It dies there: the bell is signalled, the arm is odd. The next publisher signals a second time, which costs a poll.
void a_publisher_that_dies_after_its_signal_leaves_the_sleeper_to_the_next() {
  PlainRing plain;
  arm(plain.ring, kSleeper);
  struct Death {};
  try {
    wake_sleepers(plain.ring, [](uint32_t) { throw Death(); });
  } catch (const Death&) {
  }
  CHECK_EQUAL(plain.arm_word(kSleeper), 1);
  CHECK(plain.publish_and_signal() == Nodes{kSleeper});
}

// The sleeper wakes, polls and sleeps again, all before the publisher moves the arm.
void a_slow_publisher_does_not_disarm_a_later_sleep() {
  for (int sleeps : {1, 2, 7}) {
    PlainRing plain;
    arm(plain.ring, kSleeper);
    wake_sleepers(plain.ring, [&](uint32_t node) {
      for (int i = 0; i < sleeps; i++) arm(plain.ring, node);
    });
    CHECK_EQUAL(plain.arm_word(kSleeper), 1 + 2 * sleeps);
    CHECK(plain.publish_and_signal() == Nodes{kSleeper});
  }
}

void a_slow_publisher_does_not_disarm_the_sleep_after_a_disarm_or_a_settle() {
  for (bool died : {false, true}) {
    PlainRing plain;
    arm(plain.ring, kSleeper);
    wake_sleepers(plain.ring, [&](uint32_t node) {
      uint32_t hand;
      if (died) CHECK(settle(plain.ring, node, &hand) == RingStatus::kOk);
      if (!died) disarm(plain.ring, node);
      arm(plain.ring, node);
    });
    CHECK_EQUAL(plain.arm_word(kSleeper), 3);
    CHECK(plain.publish_and_signal() == Nodes{kSleeper});
  }
}

void two_publishers_that_see_one_generation_signal_once_each_and_move_it_once() {
  PlainRing plain;
  arm(plain.ring, kSleeper);
  int bells = 0;
  wake_sleepers(plain.ring, [&](uint32_t) {
    bells++;
    wake_sleepers(plain.ring, [&](uint32_t) { bells++; });
    CHECK(plain.signalled().empty());
  });
  CHECK_EQUAL(bells, 2);
  CHECK_EQUAL(plain.arm_word(kSleeper), 2);
}

// ---- falling asleep ------------------------------------------------------------------------------------------------

using Step = std::function<void()>;

// The waiter's order, with a gap before, between and after its steps. True: it sleeps.
bool fall_asleep(const Ring& ring, uint32_t node, uint64_t position, const Step gaps[3]) {
  gaps[0]();
  arm(ring, node);
  gaps[1]();
  bool sleeps = !has_news(ring, position);
  gaps[2]();
  return sleeps;
}

// A publisher swaps in one gap, and signals in the same or a later one. Between them its death would go unnoticed.
void a_sleeper_has_seen_each_published_frame_or_is_signalled() {
  for (bool again : {false, true}) {  // already armed from a sleep before?
    for (int swapGap = 0; swapGap < 3; swapGap++) {
      for (int signalGap = swapGap; signalGap < 3; signalGap++) {
        PlainRing plain;
        if (again) arm(plain.ring, kSleeper);
        bool isSignalled = false;
        Step gaps[3];
        for (int gap = 0; gap < 3; gap++) {
          gaps[gap] = [&, gap] {
            if (gap == swapGap) plain.swap();
            if (gap == signalGap) isSignalled = !plain.signalled().empty();
          };
        }
        bool sleeps = fall_asleep(plain.ring, kSleeper, 0, gaps);
        CHECK(!sleeps || isSignalled);
      }
    }
  }
}

// A publisher is between its signal and its move of the arm, for an earlier frame, while the waiter falls asleep again.
void a_sleeper_that_falls_asleep_during_a_signal_is_signalled_for_the_next_frame() {
  for (int swapGap = 0; swapGap < 3; swapGap++) {
    PlainRing plain;
    plain.swap();
    arm(plain.ring, kSleeper);
    bool sleeps = false, isSignalled = false;
    wake_sleepers(plain.ring, [&](uint32_t node) {
      Step gaps[3];
      for (int gap = 0; gap < 3; gap++) {
        gaps[gap] = [&, gap] {
          if (gap == swapGap) plain.swap();
        };
      }
      sleeps = fall_asleep(plain.ring, node, 1, gaps);
    });
    isSignalled = !plain.signalled().empty();  // the second frame's publisher comes after the first one's move
    CHECK(!sleeps || isSignalled);
  }
}

// ---- fleets of every size ------------------------------------------------------------------------------------------

void sleepers_of_every_word_and_group_are_signalled_in_order() {
  PlainRing plain(kMaxFleetSize);
  Nodes nodes = {0, 63, 64, 1023, 1024, 65535};
  for (uint32_t node : nodes) arm(plain.ring, node);
  CHECK_EQUAL(plain.ring.header->sleeperGroups, uint64_t{1} << 63 | 3);
  CHECK(plain.publish_and_signal() == nodes);
  CHECK(plain.publish_and_signal().empty());
  for (uint32_t node : nodes) {
    for (uint32_t other : nodes) {
      disarm(plain.ring, other);
      CHECK(!plain.has_bit(other));
    }
    arm(plain.ring, node);
    CHECK(plain.publish_and_signal() == Nodes{node});
  }
}

void the_last_node_of_a_fleet_of_any_size_is_signalled() {
  for (uint32_t size : {1u, 2u, 63u, 64u, 65u, 1023u, 1024u, 1025u, 1088u, 2048u, 4097u}) {
    PlainRing plain(size);
    arm(plain.ring, size - 1);
    CHECK(plain.publish_and_signal() == Nodes{size - 1});
    if (size == 1) continue;
    arm(plain.ring, 0);
    CHECK(plain.publish_and_signal() == Nodes{0});
  }
}

// ---- words that lie ------------------------------------------------------------------------------------------------

void foreign_bits_signal_no_node_beyond_the_fleet() {
  for (uint32_t size : {1u, 5u, 64u, 70u, 1024u, 1100u}) {
    PlainRing plain(size);
    plain.ring.header->sleeperGroups = ~uint64_t{0};
    memset(plain.ring.sleepers, 0xff, (size + 63) / 64 * 8);
    CHECK(plain.publish_and_signal().empty());  // every arm is even
    for (uint32_t node = 0; node < size; node++) plain.arm_word(node) = 1;
    Nodes all = plain.publish_and_signal();
    CHECK_EQUAL(all.size(), size);
    for (uint32_t node = 0; node < size; node++) CHECK_EQUAL(all[node], node);
    CHECK(plain.publish_and_signal().empty());
  }
}

void a_garbage_arm_is_signalled_at_most_once_and_armed_anew() {
  for (uint64_t garbage : {~uint64_t{0}, ~uint64_t{1}, uint64_t{1} << 63, (uint64_t{1} << 63) + 1}) {
    PlainRing plain;
    arm(plain.ring, kSleeper);
    plain.arm_word(kSleeper) = garbage;
    CHECK_EQUAL(plain.publish_and_signal().size(), garbage % 2);
    CHECK(plain.publish_and_signal().empty());
    plain.arm_word(kSleeper) = garbage;
    arm(plain.ring, kSleeper);
    CHECK_EQUAL(plain.arm_word(kSleeper) % 2, 1);
    CHECK(plain.arm_word(kSleeper) != garbage);
    CHECK(plain.publish_and_signal() == Nodes{kSleeper});
  }
}

void a_bit_without_its_group_is_set_right_by_the_next_arm() {
  PlainRing plain;
  arm(plain.ring, kSleeper);
  plain.ring.header->sleeperGroups = 0;
  CHECK(plain.publish_and_signal().empty());
  arm(plain.ring, kSleeper);
  CHECK(plain.publish_and_signal() == Nodes{kSleeper});
}

// ---- death ---------------------------------------------------------------------------------------------------------

void a_sleeper_that_died_costs_one_signal_until_it_is_settled() {
  PlainRing plain;
  arm(plain.ring, kSleeper);
  arm(plain.ring, kPeer);
  CHECK((plain.publish_and_signal() == Nodes{kSleeper, kPeer}));
  arm(plain.ring, kPeer);
  CHECK(plain.publish_and_signal() == Nodes{kPeer});
  uint32_t hand;
  CHECK(settle(plain.ring, kSleeper, &hand) == RingStatus::kOk);
  CHECK(!plain.has_bit(kSleeper));
  CHECK(plain.has_bit(kPeer));
  arm(plain.ring, kPeer);
  CHECK(plain.publish_and_signal() == Nodes{kPeer});
}

void settling_clears_the_bit_and_never_lowers_the_arm() {
  for (uint64_t generation = 0; generation < 9; generation++) {
    for (bool isSleeper : {false, true}) {
      PlainRing plain;
      if (isSleeper) arm(plain.ring, kSleeper);
      plain.arm_word(kSleeper) = generation;
      for (int turn = 0; turn < 2; turn++) {
        uint32_t hand;
        CHECK(settle(plain.ring, kSleeper, &hand) == RingStatus::kOk);
        CHECK_EQUAL(plain.arm_word(kSleeper), generation + generation % 2);
        CHECK(!plain.has_bit(kSleeper));
      }
      arm(plain.ring, kSleeper);
      CHECK_EQUAL(plain.arm_word(kSleeper), generation + generation % 2 + 1);
    }
  }
}

void an_audit_leaves_sleepers_alone() {
  PlainRing plain;
  arm(plain.ring, kSleeper);
  std::vector<uint64_t> marks(audit_mark_words(plain.ring.chunkCount));
  CHECK(audit(plain.ring, marks.data()) == RingStatus::kOk);
  CHECK_EQUAL(plain.arm_word(kSleeper), 1);
  CHECK(plain.publish_and_signal() == Nodes{kSleeper});
}

const Test kTests[] = {
    TEST(an_armed_node_has_its_bit_its_group_and_an_odd_generation),
    TEST(every_arm_makes_a_fresh_odd_generation),
    TEST(a_disarmed_node_keeps_nothing_but_its_group),
    TEST(disarming_a_node_that_was_signalled_or_never_armed_moves_nothing),
    TEST(news_is_what_a_poll_would_bring),
    TEST(a_position_that_no_ring_reaches_never_has_news),
    TEST(no_bell_is_signalled_when_no_node_sleeps),
    TEST(a_generation_is_signalled_once_for_any_number_of_frames),
    TEST(a_bell_is_signalled_before_its_arm_is_moved),
    TEST(a_publisher_that_dies_after_its_signal_leaves_the_sleeper_to_the_next),
    TEST(a_slow_publisher_does_not_disarm_a_later_sleep),
    TEST(a_slow_publisher_does_not_disarm_the_sleep_after_a_disarm_or_a_settle),
    TEST(two_publishers_that_see_one_generation_signal_once_each_and_move_it_once),
    TEST(a_sleeper_has_seen_each_published_frame_or_is_signalled),
    TEST(a_sleeper_that_falls_asleep_during_a_signal_is_signalled_for_the_next_frame),
    TEST(sleepers_of_every_word_and_group_are_signalled_in_order),
    TEST(the_last_node_of_a_fleet_of_any_size_is_signalled),
    TEST(foreign_bits_signal_no_node_beyond_the_fleet),
    TEST(a_garbage_arm_is_signalled_at_most_once_and_armed_anew),
    TEST(a_bit_without_its_group_is_set_right_by_the_next_arm),
    TEST(a_sleeper_that_died_costs_one_signal_until_it_is_settled),
    TEST(settling_clears_the_bit_and_never_lowers_the_arm),
    TEST(an_audit_leaves_sleepers_alone),
};

}  // namespace

int main(int count, char** words) {
  parse_options(count, words);
  return run_tests("wake_test", kTests);
}
