// Calls: requests in the boxes of an inbox object, and reply slots in which their answers land. Any process may be
// killed or stopped at any instruction.
//
// Reply slots. The second half of each box (inbox.h) belongs to the calls that the owner of the box makes. Each slot
//   { stamp | chunk } moves on its own, like a bucket of a table. A call waits at stamp s, and its request names slot
//   and s. The server answers by swapping { s, old } -> { s + 1, hand }. The caller gives the call up with the same
//   swap. One of them wins: after either, nothing that names s can land, and the slot is free for a call at s + 1.
// Progress. One word per reply slot, { s | waiting, begun, done or cancelled }. The caller stores "waiting" before it
//   sends. The server swaps it to "begun" before it runs the handler, and to "done" before it answers. So after the
//   death of a server the caller knows how far its call came. The caller cancels by swapping "waiting" to "cancelled":
//   then the handler has not run, and never will. A request is begun at most once, even if its box has a second owner.
//   A server without the handler cancels in the same way before it answers kRefused: an owner before it may have begun.
// Streams. An answer of kind kItems is a part, and the call goes on at s + 1. The caller copies the part, and then
//   stores { s + 1 | begun }. Only after that does the server swap again. So no part is overwritten before it has been
//   taken, and a server that is too fast waits. Giving up and deaths are as for other calls, at the stamp reached.
// Next owner of a box. It moves each reply slot once before its first call (renew_replies). Otherwise an answer to the
//   dead caller would be taken for one of its own.
// Death. settle.h applies without change: a reply is one swap. A server that dies in a handler leaves "begun".
//
// Invariants: I1, I2, I4 and I5 of ring.h, and
//   C1  A call ends once: with the answer to its own request, whole, or given up.
//   C2  A handler is begun at most once for each request, and never after cancel_call has returned true.
//   C3  Progress of a stamp only goes from waiting to begun to done, or from waiting to cancelled.
//   C4  The parts of a stream are taken whole, each once, in order, and before its last answer.
//   C5  The handler of a call that is refused has not begun, and never will.
//
// The shared bytes are input, as in ring.h. No system call, no allocation, no exception, no Node.
#pragma once

#include "protocol/inbox.h"

namespace orbit {

// Before the payload of a request.
struct RequestHeader {
  uint16_t flags;  // RequestFlag
  uint16_t depth;  // how many calls are waiting for this one, each made by the handler of the one before
  uint32_t slot;   // in the object
  uint64_t stamp;
};
static_assert(sizeof(RequestHeader) == 16, "whole words");

// Without kWantsReply a request is one-way, and slot and stamp say nothing.
enum RequestFlag : uint16_t { kWantsReply = 1, kWantsStream = 2 };

// The room that calls of this depth leave to deeper ones, of `room` reply slots or places in a box. Every call that
// waits for a deeper one then leaves it a place, down to the depth at which this is 0.
constexpr uint32_t reserve_for(uint32_t room, uint32_t depth) { return depth < 30 ? room >> (depth + 2) : 0; }

// Where an answer goes.
struct ReplyTo {
  uint32_t slot;
  uint64_t stamp;
};

enum CallProgress : uint64_t { kWaiting = 0, kBegun = 1, kDone = 2, kCancelled = 3 };

// kRefused: the owner of the box has no handler for it, so nothing has begun.
enum ReplyKind : uint8_t { kAnswered = 1, kFailed = 2, kGivenUp = 3, kItems = 4, kRefused = 5 };

// A service is announced by the hash of its name; the request has the name. Part of the memory layout. Never 0.
inline uint64_t service_hash(const uint8_t* name, size_t bytes) {
  uint64_t hash = 0xcbf29ce484222325;
  for (size_t i = 0; i < bytes; i++) hash = (hash ^ name[i]) * 0x100000001b3;
  hash ^= hash >> 32;
  return hash == 0 ? 1 : hash;
}

// The owner of the box announces a service at a place of its list; 0 withdraws it. Partner: serves.
inline void announce(const Box& box, uint32_t place, uint64_t hash) {
  store_release(&box.header->services[place], hash);
}
inline bool serves(const Box& box, uint64_t hash) {
  bool isThere = false;
  for (const uint64_t& service : box.header->services) isThere |= load_acquire(&service) == hash;
  return isThere;
}

// The owner of the box says how many calls it runs. They are no longer in the box. Partner: find_server.
inline void announce_busy(const Box& box, uint64_t running) { store_relaxed(&box.header->busy, running); }

// How many calls wait in a box, or run.
inline uint64_t open_in(const Box& box) {
  uint64_t floor = floor_of(box);
  return head_of(box, floor) - floor + load_relaxed(&box.header->busy);
}

// The box of a living owner that announces the service and has the fewest calls that wait or run, of `*servers` such
// boxes. Of equal ones, `turn` chooses. boxes: there is none.
template <typename IsAlive>
inline uint32_t find_server(const Ring& ring, uint64_t hash, uint32_t turn, IsAlive isAlive,
                            uint32_t* servers = nullptr) {
  uint32_t best = ring.spec.boxes, found = 0;
  uint64_t fewest = 0;
  for (uint32_t i = 0; i < ring.spec.boxes; i++) {
    uint32_t index = (i + turn) & (ring.spec.boxes - 1);
    uint64_t word = owner_of(&ring.boxes[index]);
    if (word == 0) continue;
    Box box = box_of(ring, index);
    if (!serves(box, hash) || !is_owned(box, word, isAlive)) continue;
    // One server alone need not be compared: what it has open is in cache lines that it writes.
    if (found++ == 0) {
      best = index;
      continue;
    }
    if (found == 2) fewest = open_in(box_of(ring, best));
    uint64_t open = open_in(box);
    if (open >= fewest) continue;
    fewest = open;
    best = index;
  }
  if (servers != nullptr) *servers = found;
  return best;
}

// ---- reply slots ---------------------------------------------------------------------------------------------------

// The box that has this reply slot; boxes: it is none.
inline uint32_t box_of_slot(const Ring& ring, uint32_t slot) {
  uint32_t perBox = slots_per_box(ring), box = slot / perBox;
  bool isReply = slot <= ring.mask && slot % perBox >= perBox - ring.spec.replies;
  return isReply ? box : ring.spec.boxes;
}
inline bool is_reply_slot(const Ring& ring, const ReplyTo& to) {
  return box_of_slot(ring, to.slot) < ring.spec.boxes && to.stamp < kMaxLap &&
         to.stamp <= kMaxPosition >> ring.lapShift;
}
inline uint32_t reply_slot(const Ring& ring, uint32_t box, uint32_t index) {
  return (box + 1) * slots_per_box(ring) - ring.spec.replies + index;
}
// The slot is a reply slot.
inline uint64_t* progress_of(const Ring& ring, uint32_t slot) {
  uint32_t perBox = slots_per_box(ring);
  return &ring.progress[slot / perBox * ring.spec.replies + (slot % perBox - (perBox - ring.spec.replies))];
}
constexpr uint64_t progress_word(uint64_t stamp, CallProgress progress) { return stamp << 2 | progress; }

// Partner: the swap of exchange_hand.
inline uint64_t stamp_of(const Ring& ring, uint32_t slot) { return lap_in(load_ordered(&ring.slots[slot])); }
// Whether the call has neither an answer nor been given up.
inline bool is_pending(const Ring& ring, const ReplyTo& to) {
  return is_reply_slot(ring, to) && stamp_of(ring, to.slot) == to.stamp;
}

// Answers a call, or gives it up. False: that has been done. After an answer, wake_owner of the box of the slot must
// follow. The caller gives up with no bytes. kTooLarge is the caller's to avoid: bytes <= payloadBytes.
inline bool settle_call(Writer* writer, const ReplyTo& to, ReplyKind kind, const void* bytes, uint32_t length) {
  const Ring& ring = writer->ring;
  if (!is_reply_slot(ring, to) || length > ring.spec.payloadBytes) return false;
  uint64_t* slot = &ring.slots[to.slot];
  // Acquire is for the received chunk, which the swap has too. Partner: the swap of exchange_hand.
  uint64_t word = load_acquire(slot);
  uint32_t received = chunk_in(word);
  if (lap_in(word) != to.stamp || received >= ring.chunkCount || received == writer->hand) return false;
  Message message;
  message.body = bytes;
  message.bodyBytes = length;
  message.frameKind = kind;
  message.version = to.stamp;
  fill_hand(writer, message);
  uint64_t position = position_in(ring, to.stamp + 1, to.slot);
  store_release(&chunk_at(ring, writer->hand)->id, writer->idBase | (position & kCounterMask));
  return exchange_hand(writer, slot, word, to.stamp + 1, position);
}

// ---- the caller ----------------------------------------------------------------------------------------------------

// The owner of the box, before its first call: no answer to a call of an earlier owner can land from now on.
inline void renew_replies(Writer* writer, uint32_t box) {
  for (uint32_t index = 0; index < writer->ring.spec.replies; index++) {
    uint32_t slot = reply_slot(writer->ring, box, index);
    // A lost swap means that an answer has just landed: then the stamp has moved, too.
    settle_call(writer, {slot, stamp_of(writer->ring, slot)}, kGivenUp, nullptr, 0);
  }
}

// Begins a call through a slot that is free. The request that names the result is sent afterwards.
inline ReplyTo open_call(const Ring& ring, uint32_t slot) {
  ReplyTo to{slot, stamp_of(ring, slot)};
  // Release is for observers; the server learns of it with the message. Partner: begin_call.
  store_release(progress_of(ring, slot), progress_word(to.stamp, kWaiting));
  return to;
}

// Whether an answer to a call that was opened can land. False: the word of its slot is foreign.
inline bool can_be_answered(const Ring& ring, const ReplyTo& to) {
  return is_reply_slot(ring, to) && chunk_in(load_relaxed(&ring.slots[to.slot])) < ring.chunkCount;
}

// True: the handler has not begun, and never will. The slot is still to be given up, or to be refused.
inline bool cancel_call(const Ring& ring, const ReplyTo& to) {
  return exchange_if(progress_of(ring, to.slot), progress_word(to.stamp, kWaiting),
                     progress_word(to.stamp, kCancelled));
}

// How far the call has come. Partners: the swaps of begin_call and finish_call.
inline CallProgress progress_at(const Ring& ring, const ReplyTo& to) {
  uint64_t word = load_acquire(progress_of(ring, to.slot));
  return word >> 2 == to.stamp ? static_cast<CallProgress>(word & 3) : kWaiting;
}

// Copies the answer of a call that is no longer pending; `payload` has room for payloadBytes. Only the owner of the box
// can make the slot move again. False: the bytes are foreign.
inline bool take_reply(const Ring& ring, const ReplyTo& to, Frame* frame, void* payload) {
  RingStatus status = read_frame(ring, position_in(ring, to.stamp + 1, to.slot), frame, payload);
  return status == RingStatus::kOk && frame->version == to.stamp;
}

// The caller has copied the part before this stamp, and wants the next one.
inline void want_part(const Ring& ring, const ReplyTo& to) {
  // Release: the copy, before the server overwrites that chunk. Partner: is_part_wanted.
  store_release(progress_of(ring, to.slot), progress_word(to.stamp, kBegun));
}

// ---- the server ----------------------------------------------------------------------------------------------------

// Before the handler. False: the call is over, was cancelled, or has been begun before: do not run it.
inline bool begin_call(const Ring& ring, const ReplyTo& to) {
  if (!is_pending(ring, to)) return false;
  return exchange_if(progress_of(ring, to.slot), progress_word(to.stamp, kWaiting), progress_word(to.stamp, kBegun));
}

// In place of begin_call, by an owner of the box without the handler. False: nothing has changed, since the call is
// over, or was begun or cancelled before. After true, wake_owner of the box of the slot must follow.
inline bool refuse_call(Writer* writer, const ReplyTo& to, const void* bytes, uint32_t length) {
  if (!is_pending(writer->ring, to) || !cancel_call(writer->ring, to)) return false;
  return settle_call(writer, to, kRefused, bytes, length);
}

// Whether a stream has been given the part before this stamp, so that settle_call may be next. Partner: want_part.
inline bool is_part_wanted(const Ring& ring, const ReplyTo& to) {
  return is_reply_slot(ring, to) && load_acquire(progress_of(ring, to.slot)) == progress_word(to.stamp, kBegun);
}

// After the handler, before the answer. A stamp that is over stays as it is.
inline void finish_call(const Ring& ring, const ReplyTo& to) {
  if (!is_reply_slot(ring, to)) return;
  exchange_if(progress_of(ring, to.slot), progress_word(to.stamp, kBegun), progress_word(to.stamp, kDone));
}

}  // namespace orbit
