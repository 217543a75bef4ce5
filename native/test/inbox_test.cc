// inbox.h: sending, refusing, owning, committing and waking, one step after another; and foreign bytes.
#include "protocol/inbox.h"

#include <memory>

#include "boxes.h"
#include "protocol/table.h"

using namespace orbit;

namespace {

constexpr uint32_t kFleetSize = 6;

struct Object {
  RingSpec spec;
  std::unique_ptr<uint8_t, Free> memory;
  Ring ring;

  explicit Object(uint32_t capacity = 4, uint32_t boxes = 1, uint32_t replies = 0, uint32_t payloadBytes = 24)
      : spec(box_spec(boxes, capacity, replies, payloadBytes, kFleetSize)),
        memory(static_cast<uint8_t*>(aligned_alloc(64, ring_bytes(spec)))),
        ring(format_boxes(memory.get(), spec)) {}
  uint64_t bytes() const { return ring_bytes(spec); }
};

// ---- geometry ------------------------------------------------------------------------------------------------------

void an_inbox_object_is_neither_ring_nor_table() {
  Object object;
  Ring ring;
  CHECK(attach_ring(object.memory.get(), object.bytes(), &ring) == AttachStatus::kCorrupt);
  CHECK(attach_table(object.memory.get(), object.bytes(), &ring) == AttachStatus::kCorrupt);
  CHECK(attach_slots(object.memory.get(), object.bytes(), &ring) == AttachStatus::kOk);
  CHECK_EQUAL(ring.spec.objectType, kInboxObject);
  RingSpec spec = object.spec;
  spec.boxes = spec.replies = 0;
  std::unique_ptr<uint8_t, Free> plain(static_cast<uint8_t*>(aligned_alloc(64, ring_bytes(spec))));
  format_ring(plain.get(), spec, 0);
  CHECK(attach_inbox(plain.get(), ring_bytes(spec), &ring) == AttachStatus::kCorrupt);
}

void boxes_are_powers_of_two_and_fit() {
  auto valid = [](uint32_t boxes, uint32_t replies, uint32_t capacity) {
    RingSpec spec = box_spec(1, 1, 0, 8, 4);
    spec.boxes = boxes;
    spec.replies = replies;
    spec.capacity = capacity;
    return valid_spec(spec);
  };
  CHECK(valid(1, 0, 1) && valid(4, 0, 4) && valid(4, 2, 16) && valid(1, 1, 2) && valid(kMaxBoxes, 0, kMaxBoxes));
  CHECK(!valid(0, 0, 4) && !valid(3, 0, 4) && !valid(8, 0, 4) && !valid(4, 1, 16) && !valid(4, 4, 16));
  CHECK(!valid(kMaxBoxes * 2, 0, kMaxBoxes * 2) && !valid(1, 2u << 30, 4));
  RingSpec ring = box_spec(1, 1, 0, 8, 4);
  ring.objectType = kRingObject;
  CHECK(!valid_spec(ring));
}

void a_box_has_its_own_slots_and_line() {
  Object object(4, 8, 4);
  for (uint32_t i = 0; i < 8; i++) {
    Box box = box_of(object.ring, i);
    CHECK_EQUAL(box.first, i * 8);
    CHECK_EQUAL(box.mask, 3);
    CHECK(reinterpret_cast<uint8_t*>(box.header + 1) <= object.memory.get() + object.bytes());
    for (uint64_t position : {uint64_t{0}, uint64_t{3}, uint64_t{4}, uint64_t{41}}) {
      uint64_t inRing = ring_position(box, position);
      CHECK(slot_of(object.ring, inRing) == slot_of(box, position));
      CHECK_EQUAL(lap_of(object.ring, inRing), lap_of(box, position));
    }
  }
  CHECK(object.ring.progress + 32 <= reinterpret_cast<uint64_t*>(object.memory.get() + object.bytes()));
}

void the_last_position_is_the_last_that_fits() {
  for (uint32_t boxes : {1u, 8u}) {
    Object object(4, boxes);
    Box box = box_of(object.ring, boxes - 1);
    CHECK(!representable(box, ~uint64_t{0}) && !representable(box, kMaxPosition + 1));
    uint64_t last = 0;
    for (uint64_t bit = uint64_t{1} << 62; bit > 0; bit /= 2) {
      if (representable(box, last + bit)) last += bit;
    }
    CHECK(last > uint64_t{1} << 40);
    CHECK(ring_position(box, last) <= object.ring.lastPosition);
  }
}

// ---- sending and refusing ------------------------------------------------------------------------------------------

void messages_come_in_order_and_once() {
  Object object;
  Peer one(object.ring, 0), other(object.ring, 1), owner(object.ring, 2);
  owner.own();
  for (uint64_t i = 0; i < 40; i += 2) {
    CHECK_EQUAL(one.send(100 + i), i);
    CHECK_EQUAL(other.send(200 + i), i + 1);
    CHECK_EQUAL(owner.receive(), 100 + i);
    CHECK_EQUAL(owner.receive(), 200 + i);
    CHECK(owner.is_empty());
    CHECK(owner.commit());
  }
  check_chunks(object.ring);
}

void a_full_box_refuses_and_changes_nothing() {
  for (uint32_t capacity : {1u, 2u, 8u}) {
    Object object(capacity);
    Peer sender(object.ring, 0), other(object.ring, 1), owner(object.ring, 2);
    for (uint64_t i = 0; i < capacity; i++) sender.send(i);
    uint64_t first = object.ring.slots[0], hand = sender.writer.hand;
    for (Peer* each : {&sender, &other}) CHECK(each->is_full());
    CHECK_EQUAL(object.ring.slots[0], first);
    CHECK_EQUAL(sender.writer.hand, hand);
    CHECK_EQUAL(sender.sender.box.header->full, 2);
    owner.own();
    CHECK_EQUAL(owner.receive(), 0);
    CHECK(sender.is_full());  // read, and not committed
    CHECK(owner.commit());
    sender.send(100);
    CHECK(other.is_full());
    check_chunks(object.ring);
  }
}

// The comparison is signed: others have filled the position that this sender remembers, and the owner is past it.
void a_sender_that_slept_for_laps_is_not_refused() {
  Object object(2);
  Peer sleeper(object.ring, 0), other(object.ring, 1), owner(object.ring, 2);
  sleeper.send(1);
  owner.own();
  owner.receive();
  for (uint64_t i = 0; i < 9; i++) {
    other.send(i);
    owner.receive();
    owner.commit();
  }
  other.send(10);
  other.send(11);
  CHECK(sleeper.is_full());  // it has seen a floor far above its own last message
  owner.receive();
  owner.commit();
  CHECK_EQUAL(sleeper.send(2), 12);
  CHECK_EQUAL(owner.receive(), 11);
  CHECK_EQUAL(owner.receive(), 2);
}

void boxes_fill_alone() {
  Object object(2, 4);
  Peer owner(object.ring, 4, 1), other(object.ring, 5, 2);
  Peer one(object.ring, 0, 1), two(object.ring, 1, 2);
  for (uint64_t i = 0; i < 2; i++) one.send(i);
  CHECK(one.is_full());
  two.send(7);
  owner.own(1);
  other.own(2);
  CHECK_EQUAL(owner.receive(), 0);
  CHECK_EQUAL(other.receive(), 7);
  CHECK(other.is_empty());
  CHECK(owner.commit());
  CHECK_EQUAL(one.send(8), 2);
  check_chunks(object.ring);
}

void a_message_has_two_parts_and_any_length() {
  Object object(4, 1, 0, 48);
  Peer sender(object.ring, 0), owner(object.ring, 1);
  owner.own();
  uint64_t head[2] = {0x1111, 0x2222};
  const char body[] = "the body of a message, thirty-two";
  for (uint32_t bytes = 0; bytes <= 32; bytes++) {
    uint64_t position;
    CHECK(send(&sender.writer, &sender.sender, Message{head, 16, body, bytes, 9, 5}, &position) == InboxStatus::kOk);
    Frame frame;
    uint8_t payload[48];
    CHECK(receive(&owner.consumer, &frame, payload) == InboxStatus::kOk);
    CHECK_EQUAL(frame.length, 16 + bytes);
    CHECK_EQUAL(frame.frameKind, 9);
    CHECK_EQUAL(frame.version, 5);
    CHECK_EQUAL(frame.node, 0);
    CHECK(memcmp(payload, head, 16) == 0 && memcmp(payload + 16, body, bytes) == 0);
    owner.commit();
  }
  uint64_t position;
  CHECK(send(&sender.writer, &sender.sender, Message{head, 16, body, 33, 0, 0}, &position) == InboxStatus::kTooLarge);
}

void a_removed_object_takes_nothing() {
  Object object;
  Peer sender(object.ring, 0), owner(object.ring, 1);
  object.ring.header->object.retired = 1;
  uint64_t position, present;
  CHECK(sender.try_send(1, &position) == InboxStatus::kRetired);
  auto dead = [](uint32_t, uint64_t) { return false; };
  CHECK(own_box(sender.sender.box, 1, 1, dead, &owner.consumer, &present) == InboxStatus::kRetired);
}

// ---- owners --------------------------------------------------------------------------------------------------------

void a_living_owner_keeps_the_box() {
  Object object;
  Peer owner(object.ring, 0), other(object.ring, 1);
  Box box = box_of(object.ring, 0);
  uint64_t present = 0;
  auto alive = [](uint32_t node, uint64_t incarnation) { return node == 0 && incarnation == 41; };
  CHECK(own_box(box, 0, 41, alive, &owner.consumer, &present) == InboxStatus::kOk);
  CHECK(own_box(box, 1, 7, alive, &other.consumer, &present) == InboxStatus::kFull);
  CHECK_EQUAL(node_of_owner(present), 0);
  CHECK_EQUAL(incarnation_of_owner(present), 41);
  CHECK(own_box(box, 0, 41, alive, &owner.consumer, &present) == InboxStatus::kFull);  // not twice
  disown_box(owner.consumer);
  CHECK(own_box(box, 1, 7, alive, &other.consumer, &present) == InboxStatus::kOk);
  disown_box(owner.consumer);  // no longer its own: changes nothing
  CHECK_EQUAL(owner_of(box), other.consumer.word);
}

void the_next_owner_begins_at_the_floor() {
  Object object(8);
  Peer sender(object.ring, 0), first(object.ring, 1), second(object.ring, 2);
  for (uint64_t i = 0; i < 6; i++) sender.send(i);
  first.own();
  for (uint64_t i = 0; i < 4; i++) CHECK_EQUAL(first.receive(), i);
  CHECK(commit(&first.consumer, 2));
  second.own();  // the first died
  for (uint64_t i = 2; i < 6; i++) CHECK_EQUAL(second.receive(), i);
  CHECK(second.is_empty());
}

void a_floor_that_no_owner_can_have_stored_is_refused() {
  Object object;
  Peer sender(object.ring, 0), owner(object.ring, 1);
  sender.send(1);
  uint64_t present;
  auto dead = [](uint32_t, uint64_t) { return false; };
  for (uint64_t floor : {uint64_t{2}, uint64_t{1} << 40, ~uint64_t{0}}) {
    object.ring.boxes[0].floor = floor;
    CHECK(own_box(sender.sender.box, 1, 1, dead, &owner.consumer, &present) == InboxStatus::kCorrupt);
    CHECK_EQUAL(owner_of(sender.sender.box), 0);
  }
}

void a_commit_goes_forward_and_not_past_what_was_read() {
  Object object;
  Peer sender(object.ring, 0), owner(object.ring, 1);
  for (uint64_t i = 0; i < 3; i++) sender.send(i);
  owner.own();
  CHECK(!owner.commit());
  owner.receive();
  owner.receive();
  CHECK(!commit(&owner.consumer, 3));
  CHECK(commit(&owner.consumer, 2));
  CHECK(!commit(&owner.consumer, 2) && !commit(&owner.consumer, 1));
  CHECK_EQUAL(floor_of(owner.consumer.box), 2);
}

void the_head_is_found_from_any_floor_that_was() {
  Object object(4);
  Peer sender(object.ring, 0), owner(object.ring, 1);
  Box box = box_of(object.ring, 0);
  owner.own();
  for (uint64_t head = 0; head < 40; head++) {
    for (uint64_t floor = 0; floor <= head; floor++) {
      if (floor + 4 >= head) CHECK_EQUAL(head_of(box, floor), head);
    }
    CHECK_EQUAL(head_of(box, 0), head < 4 ? head : floor_of(box) + (head - floor_of(box)));
    sender.send(head);
    owner.receive();
    if (head % 3 == 0 || head % 3 == 1) owner.commit();
  }
}

// ---- waking --------------------------------------------------------------------------------------------------------

std::vector<uint32_t> woken;
void note(uint32_t node) { woken.push_back(node); }

void a_sender_wakes_the_owner_and_no_other() {
  Object object;
  Peer sender(object.ring, 0), owner(object.ring, 1);
  woken.clear();
  owner.own();
  arm(object.ring, 2);
  sender.send(1);
  wake_owner(sender.sender.box, note);
  CHECK(woken.empty());  // the owner is awake
  arm(object.ring, 1);
  CHECK(has_news(object.ring, ring_position(owner.consumer.box, owner.consumer.next)));
  wake_owner(sender.sender.box, note);
  wake_owner(sender.sender.box, note);  // once for each sleep
  CHECK(woken == std::vector<uint32_t>{1});
}

void a_commit_wakes_those_that_wait_for_room() {
  Object object(1);
  Peer sender(object.ring, 0), owner(object.ring, 1);
  Box box = box_of(object.ring, 0);
  woken.clear();
  sender.send(1);
  owner.own();
  owner.receive();
  arm(object.ring, 2);  // sleeps for another reason
  owner.commit();
  wake_waiting(box, note);
  CHECK(woken.empty());
  sender.send(2);
  CHECK(sender.is_full());
  arm_for_room(box, 0);
  CHECK(!has_room(box));
  owner.receive();
  owner.commit();
  CHECK(has_room(box));
  wake_waiting(box, note);
  CHECK(woken == (std::vector<uint32_t>{0, 2}));
  CHECK_EQUAL(box.header->waiting, 0);  // the next commit looks at no arm
  wake_waiting(box, note);
  CHECK_EQUAL(woken.size(), 2);
}

// ---- foreign bytes -------------------------------------------------------------------------------------------------

// Any word may be anything: every call ends, inside its memory, and with a status.
void foreign_words_end_every_call() {
  Random random{20261125};
  for (int round = 0; round < 20000; round++) {
    Object object(4, 2, 4);
    Peer sender(object.ring, 0, 1), owner(object.ring, 1), caller(object.ring, 2);
    owner.own(1);
    for (int i = 0; i < 3; i++) sender.send(static_cast<uint64_t>(i));
    uint64_t* words[] = {&object.ring.slots[random.below(16)],
                         &object.ring.boxes[1].floor,
                         &object.ring.boxes[1].owner,
                         &object.ring.progress[random.below(8)],
                         &object.ring.entries[random.below(kFleetSize)].arm,
                         reinterpret_cast<uint64_t*>(object.ring.chunks) + random.below(64)};
    uint64_t values[] = {random.next(), random.below(64), ~uint64_t{0}, uint64_t{1} << random.below(64)};
    for (int i = 0; i < 3; i++) *words[random.below(6)] = values[random.below(4)];
    uint64_t position, present, payload[4];
    Frame frame;
    for (int i = 0; i < 6; i++) {
      sender.try_send(random.next(), &position);
      receive(&owner.consumer, &frame, payload);
      if (i % 2 == 0) commit(&owner.consumer, owner.consumer.next);
    }
    wake_owner(sender.sender.box, [](uint32_t node) { CHECK(node < kFleetSize); });
    own_box(
        sender.sender.box, 3, 9, [](uint32_t node, uint64_t) { return node % 2 == 0; }, &owner.consumer, &present);
    ReplyTo to{static_cast<uint32_t>(random.below(24)), random.below(3) == 0 ? random.next() : random.below(4)};
    is_pending(object.ring, to);
    begin_call(object.ring, to);
    finish_call(object.ring, to);
    settle_call(&caller.writer, to, kAnswered, "answer", 6);
    renew_replies(&caller.writer, 1);
    if (is_reply_slot(object.ring, to)) take_reply(object.ring, to, &frame, payload);
  }
}

}  // namespace

int main() {
  const Test tests[] = {TEST(an_inbox_object_is_neither_ring_nor_table),
                        TEST(boxes_are_powers_of_two_and_fit),
                        TEST(a_box_has_its_own_slots_and_line),
                        TEST(the_last_position_is_the_last_that_fits),
                        TEST(messages_come_in_order_and_once),
                        TEST(a_full_box_refuses_and_changes_nothing),
                        TEST(a_sender_that_slept_for_laps_is_not_refused),
                        TEST(boxes_fill_alone),
                        TEST(a_message_has_two_parts_and_any_length),
                        TEST(a_removed_object_takes_nothing),
                        TEST(a_living_owner_keeps_the_box),
                        TEST(the_next_owner_begins_at_the_floor),
                        TEST(a_floor_that_no_owner_can_have_stored_is_refused),
                        TEST(a_commit_goes_forward_and_not_past_what_was_read),
                        TEST(the_head_is_found_from_any_floor_that_was),
                        TEST(a_sender_wakes_the_owner_and_no_other),
                        TEST(a_commit_wakes_those_that_wait_for_room),
                        TEST(foreign_words_end_every_call)};
  return run_tests("inbox_test", tests);
}
