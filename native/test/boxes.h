// An inbox object in private or shared memory, for the tests of inbox.h and calls.h.
#pragma once

#include <memory>
#include <vector>

#include "check.h"
#include "protocol/calls.h"
#include "protocol/settle.h"

constexpr uint32_t kBoxKind = 9;

inline orbit::RingSpec box_spec(uint32_t boxes, uint32_t capacity, uint32_t replies, uint32_t payloadBytes,
                                uint32_t fleetSize) {
  orbit::RingSpec spec;
  spec.objectType = orbit::kInboxObject;
  spec.typeKind = kBoxKind;
  spec.boxes = boxes;
  spec.replies = replies;
  spec.capacity = boxes * (capacity + replies);
  spec.payloadBytes = payloadBytes;
  spec.fleetSize = fleetSize;
  return spec;
}

inline orbit::Ring format_boxes(void* base, const orbit::RingSpec& spec) {
  orbit::Ring ring;
  orbit::format_inbox(base, spec, 0);
  CHECK(orbit::attach_inbox(base, orbit::ring_bytes(spec), &ring) == orbit::AttachStatus::kOk);
  return ring;
}

// A process that sends, owns and answers.
struct Peer {
  orbit::Writer writer;
  orbit::Sender sender;
  orbit::Consumer consumer;

  Peer(const orbit::Ring& ring, uint32_t node, uint32_t box = 0) {
    CHECK(orbit::become_writer(ring, node, &writer) == orbit::RingStatus::kOk);
    sender.box = orbit::box_of(writer.ring, box);
  }
  Peer(const Peer&) = delete;

  orbit::InboxStatus try_send(uint64_t word, uint64_t* position) {
    orbit::Message message;
    message.body = &word;
    message.bodyBytes = sizeof word;
    message.version = word;
    return orbit::send(&writer, &sender, message, position);
  }
  uint64_t send(uint64_t word) {
    uint64_t position = ~uint64_t{0};
    CHECK(try_send(word, &position) == orbit::InboxStatus::kOk);
    return position;
  }
  bool is_full() {
    uint64_t position;
    orbit::InboxStatus status = try_send(0, &position);
    CHECK(status == orbit::InboxStatus::kOk || status == orbit::InboxStatus::kFull);
    return status == orbit::InboxStatus::kFull;
  }

  // Every owner before is dead.
  void own(uint32_t box = 0) {
    uint64_t present;
    uint64_t incarnation = ++lives();
    CHECK(orbit::own_box(
              orbit::box_of(writer.ring, box), writer.node, incarnation, [](uint32_t, uint64_t) { return false; },
              &consumer, &present) == orbit::InboxStatus::kOk);
  }
  uint64_t receive() {
    orbit::Frame frame;
    uint64_t word = 0;
    uint64_t expected = consumer.next;
    CHECK(orbit::receive(&consumer, &frame, &word) == orbit::InboxStatus::kOk);
    CHECK_EQUAL(frame.position, expected);
    CHECK_EQUAL(frame.length, sizeof word);
    CHECK_EQUAL(frame.version, word);
    return word;
  }
  bool is_empty() {
    orbit::Frame frame;
    std::vector<uint64_t> payload(writer.ring.spec.payloadBytes / 8 + 1);
    return orbit::receive(&consumer, &frame, payload.data()) == orbit::InboxStatus::kNotYet;
  }
  bool commit() { return orbit::commit(&consumer, consumer.next); }

 private:
  static uint64_t& lives() {
    static uint64_t count = 0;
    return count;
  }
};

// I1: no chunk is in two places, and with every node settled the entries say so.
inline void check_chunks(const orbit::Ring& ring) {
  std::vector<bool> seen(ring.chunkCount);
  auto once = [&](uint64_t chunk) {
    CHECK(chunk < ring.chunkCount);
    CHECK(!seen[chunk]);
    seen[chunk] = true;
  };
  for (uint32_t i = 0; i <= ring.mask; i++) once(orbit::chunk_in(orbit::load_acquire(&ring.slots[i])));
  for (uint32_t node = 0; node < ring.spec.fleetSize; node++) {
    uint32_t hand;
    CHECK(orbit::settle(ring, node, &hand) == orbit::RingStatus::kOk);
    once(hand);
  }
}
