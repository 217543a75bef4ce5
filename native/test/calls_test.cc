// calls.h: reply slots and progress, one step after another.
#include "protocol/calls.h"

#include <memory>
#include <string>

#include "boxes.h"

using namespace orbit;

namespace {

constexpr uint32_t kReplies = 4, kPayloadBytes = 40;

struct Object {
  RingSpec spec = box_spec(4, kReplies, kReplies, kPayloadBytes, 5);
  std::unique_ptr<uint8_t, Free> memory{static_cast<uint8_t*>(aligned_alloc(64, ring_bytes(spec)))};
  Ring ring = format_boxes(memory.get(), spec);
  Peer caller{ring, 0}, server{ring, 1};
  uint32_t slot = reply_slot(ring, 2, 1);
};

bool answer(Peer* server, const ReplyTo& to, const char* text) {
  return settle_call(&server->writer, to, kAnswered, text, static_cast<uint32_t>(strlen(text)));
}

void check_reply(const Ring& ring, const ReplyTo& to, ReplyKind kind, const std::string& text) {
  Frame frame;
  char payload[kPayloadBytes];
  CHECK(!is_pending(ring, to));
  CHECK(take_reply(ring, to, &frame, payload));
  CHECK_EQUAL(frame.frameKind, kind);
  CHECK(std::string(payload, frame.length) == text);
}

void an_answer_lands_once() {
  Object object;
  ReplyTo to = open_call(object.ring, object.slot);
  CHECK(is_pending(object.ring, to));
  CHECK(answer(&object.server, to, "the answer"));
  CHECK(!answer(&object.server, to, "a second one"));
  CHECK(!settle_call(&object.caller.writer, to, kGivenUp, nullptr, 0));
  check_reply(object.ring, to, kAnswered, "the answer");
  check_chunks(object.ring);
}

void a_call_that_was_given_up_takes_no_answer() {
  Object object;
  ReplyTo to = open_call(object.ring, object.slot);
  CHECK(settle_call(&object.caller.writer, to, kGivenUp, nullptr, 0));
  CHECK(!answer(&object.server, to, "late"));
  check_reply(object.ring, to, kGivenUp, "");
  ReplyTo next = open_call(object.ring, object.slot);
  CHECK_EQUAL(next.stamp, to.stamp + 1);
  CHECK(!answer(&object.server, to, "later"));
  CHECK(is_pending(object.ring, next));
}

void an_answer_to_the_last_owner_of_a_box_lands_nowhere() {
  Object object;
  ReplyTo dead = open_call(object.ring, object.slot);
  renew_replies(&object.caller.writer, 2);
  CHECK(!answer(&object.server, dead, "for the dead"));
  ReplyTo to = open_call(object.ring, object.slot);
  CHECK(answer(&object.server, to, "for the heir"));
  check_reply(object.ring, to, kAnswered, "for the heir");
  check_chunks(object.ring);
}

void progress_goes_from_waiting_to_begun_to_done() {
  Object object;
  ReplyTo to = open_call(object.ring, object.slot);
  CHECK_EQUAL(progress_at(object.ring, to), kWaiting);
  finish_call(object.ring, to);
  CHECK_EQUAL(progress_at(object.ring, to), kWaiting);
  CHECK(begin_call(object.ring, to));
  CHECK(!begin_call(object.ring, to));  // once
  CHECK(!cancel_call(object.ring, to));
  CHECK_EQUAL(progress_at(object.ring, to), kBegun);
  finish_call(object.ring, to);
  CHECK_EQUAL(progress_at(object.ring, to), kDone);
}

void a_cancelled_call_never_begins() {
  Object object;
  ReplyTo to = open_call(object.ring, object.slot);
  CHECK(cancel_call(object.ring, to));
  CHECK(!begin_call(object.ring, to));
  CHECK_EQUAL(progress_at(object.ring, to), kCancelled);
}

void a_refused_call_never_begins() {
  Object object;
  ReplyTo to = open_call(object.ring, object.slot);
  CHECK(refuse_call(&object.server.writer, to, "none", 4));
  CHECK(!begin_call(object.ring, to));
  CHECK(!cancel_call(object.ring, to));
  check_reply(object.ring, to, kRefused, "none");
  check_chunks(object.ring);
}

void a_call_that_has_begun_is_not_refused() {
  Object object;
  ReplyTo to = open_call(object.ring, object.slot);
  CHECK(begin_call(object.ring, to));  // by the owner before, which has died
  CHECK(!refuse_call(&object.server.writer, to, "none", 4));
  CHECK(is_pending(object.ring, to));
  CHECK_EQUAL(progress_at(object.ring, to), kBegun);
  ReplyTo cancelled = open_call(object.ring, object.slot + 1);
  CHECK(cancel_call(object.ring, cancelled));
  CHECK(!refuse_call(&object.server.writer, cancelled, "none", 4));
  CHECK(settle_call(&object.caller.writer, cancelled, kGivenUp, nullptr, 0));
}

void a_server_that_is_late_leaves_the_next_call_alone() {
  Object object;
  ReplyTo old = open_call(object.ring, object.slot);
  CHECK(begin_call(object.ring, old));
  CHECK(settle_call(&object.caller.writer, old, kGivenUp, nullptr, 0));
  ReplyTo to = open_call(object.ring, object.slot);
  finish_call(object.ring, old);
  CHECK(!begin_call(object.ring, old));
  CHECK_EQUAL(progress_at(object.ring, to), kWaiting);
  CHECK(begin_call(object.ring, to));
}

void every_box_has_its_own_reply_slots() {
  Object object;
  std::vector<bool> seen(object.ring.mask + 1);
  for (uint32_t box = 0; box < 4; box++) {
    for (uint32_t index = 0; index < kReplies; index++) {
      uint32_t slot = reply_slot(object.ring, box, index);
      CHECK(!seen[slot]);
      seen[slot] = true;
      CHECK_EQUAL(box_of_slot(object.ring, slot), box);
      CHECK_EQUAL(progress_of(object.ring, slot) - object.ring.progress, box * kReplies + index);
    }
    for (uint32_t i = 0; i < kReplies; i++) CHECK_EQUAL(box_of_slot(object.ring, box * 8 + i), 4);
  }
  CHECK_EQUAL(box_of_slot(object.ring, object.ring.mask + 1), 4);
}

void a_slot_of_messages_takes_no_answer() {
  Object object;
  uint64_t before = object.ring.slots[16];
  CHECK(!answer(&object.server, {16, 0}, "no"));
  CHECK(!is_pending(object.ring, {16, 0}) && !begin_call(object.ring, {16, 0}));
  CHECK(!can_be_answered(object.ring, {16, 0}));
  CHECK_EQUAL(object.ring.slots[16], before);
}

void no_answer_lands_in_a_foreign_slot() {
  Object object;
  CHECK(can_be_answered(object.ring, open_call(object.ring, object.slot)));
  object.ring.slots[object.slot] |= kChunkMask;
  ReplyTo to = open_call(object.ring, object.slot);
  CHECK(!can_be_answered(object.ring, to) && !answer(&object.server, to, "no"));
  object.ring.slots[object.slot] = kMaxLap << kChunkBits;
  CHECK(!can_be_answered(object.ring, open_call(object.ring, object.slot)));
}

void a_stream_goes_on_when_its_part_was_taken() {
  Object object;
  ReplyTo to = open_call(object.ring, object.slot);
  CHECK(begin_call(object.ring, to));
  CHECK(settle_call(&object.server.writer, to, kItems, "a part", 6));
  check_reply(object.ring, to, kItems, "a part");
  ReplyTo next{to.slot, to.stamp + 1};
  CHECK(!is_part_wanted(object.ring, next));
  want_part(object.ring, next);
  CHECK(is_part_wanted(object.ring, next) && !is_part_wanted(object.ring, to));
  CHECK(!is_part_wanted(object.ring, {16, 0}));  // no reply slot
  CHECK(!cancel_call(object.ring, next));
  finish_call(object.ring, next);
  CHECK(answer(&object.server, next, "the end"));
  check_reply(object.ring, next, kAnswered, "the end");
  CHECK_EQUAL(progress_at(object.ring, next), kDone);
  check_chunks(object.ring);
}

void calls_leave_places_to_deeper_ones() {
  CHECK_EQUAL(reserve_for(128, 0), 32);
  for (uint32_t depth = 0; depth < 5; depth++) CHECK(reserve_for(128, depth) > reserve_for(128, depth + 1));
  CHECK_EQUAL(reserve_for(128, 6), 0);
  CHECK_EQUAL(reserve_for(128, 65535), 0);
  Object object;
  uint64_t position;
  object.caller.sender.reserve = reserve_for(kReplies, 0);
  for (uint32_t i = 0; i + 1 < kReplies; i++) object.caller.send(i);
  CHECK(object.caller.try_send(9, &position) == InboxStatus::kFull);
  object.caller.sender.reserve = reserve_for(kReplies, 1);
  object.caller.send(9);
  CHECK(object.caller.try_send(10, &position) == InboxStatus::kFull);
}

void a_call_goes_to_the_least_busy_server() {
  Object object;
  auto isAlive = [](uint32_t, uint64_t) { return true; };
  Peer servers[] = {{object.ring, 2, 1}, {object.ring, 3, 3}};
  for (uint32_t i = 0; i < 2; i++) {
    servers[i].own(2 * i + 1);
    announce(box_of(object.ring, 2 * i + 1), 0, 77);
  }
  uint32_t found;
  CHECK_EQUAL(find_server(object.ring, 78, 0, isAlive, &found), object.ring.spec.boxes);
  CHECK_EQUAL(found, 0);
  CHECK_EQUAL(find_server(object.ring, 77, 0, isAlive, &found), 1);
  CHECK_EQUAL(found, 2);
  CHECK_EQUAL(find_server(object.ring, 77, 2, isAlive), 3);  // in turn
  announce_busy(box_of(object.ring, 1), 2);
  servers[1].send(1);
  CHECK_EQUAL(find_server(object.ring, 77, 0, isAlive), 3);
  servers[1].send(2);
  servers[1].send(3);
  CHECK_EQUAL(find_server(object.ring, 77, 0, isAlive), 1);
}

}  // namespace

int main() {
  const Test tests[] = {TEST(an_answer_lands_once),
                        TEST(a_call_that_was_given_up_takes_no_answer),
                        TEST(an_answer_to_the_last_owner_of_a_box_lands_nowhere),
                        TEST(progress_goes_from_waiting_to_begun_to_done),
                        TEST(a_cancelled_call_never_begins),
                        TEST(a_refused_call_never_begins),
                        TEST(a_call_that_has_begun_is_not_refused),
                        TEST(a_server_that_is_late_leaves_the_next_call_alone),
                        TEST(every_box_has_its_own_reply_slots),
                        TEST(a_slot_of_messages_takes_no_answer),
                        TEST(no_answer_lands_in_a_foreign_slot),
                        TEST(a_stream_goes_on_when_its_part_was_taken),
                        TEST(calls_leave_places_to_deeper_ones),
                        TEST(a_call_goes_to_the_least_busy_server)};
  return run_tests("calls_test", tests);
}
