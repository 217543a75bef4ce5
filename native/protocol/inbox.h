// The inbox: a ring that refuses instead of overwriting, and has one owner at a time. Any process may be killed or
// stopped at any instruction.
//
// Boxes. An inbox object has the memory of a ring. Its slots are dealt to boxes, each of which is an inbox. Nodes own
//   hands and entries for the whole object, as in a ring, and settle.h applies to it without change.
// Senders. A box is filled like a ring (ring.h), in position order, with one swap for each message. Position p may be
//   filled only while p - floor < capacity. The swap itself ensures that p is still the head. The floor may have been
//   loaded at any time before: since then it can only have grown, so an old one is too strict, never wrong.
// Owner. The word { incarnation | node }. A member that finds none there, or one that the caller calls dead, swaps its
//   own in. It loads the floor after that swap, reads the positions from there on, and stores the floor when it is done
//   with them. A death leaves the next owner what was not committed.
// Waking. A sender wakes the owner: its arm word, and no other, is looked at. An owner that moves the floor wakes the
//   processes that wait for room, if `waiting` says that there are any. All arms are those of wake.h.
// Why none sleeps in vain. A sender's swap, the owner word and the arm are sequentially consistent, as in wake.h. A
//   process that waits for room arms, sets `waiting`, and then looks at the floor. The owner stores the floor, then
//   loads `waiting`, clears it, and then looks at the arms: a process whose flag it clears has armed before.
//
// Invariants: I1 to I6 of ring.h, and
//   B1  A position at or above the floor is never overwritten: an accepted message stays until an owner commits it.
//   B2  The floor only grows: only the owner stores it, and loads it only after it has become the owner.
//   B3  Each owner is given each position from its floor on once, in order. So are the messages of each sender.
//
//   the death of                              leaves
//   a sender before its swap                  nothing
//   a sender after its swap                   an accepted message; settle.h, as for a ring
//   a sender before it wakes the owner        a message that the owner finds at the next one, or when its timer expires
//   an owner with messages not committed      these, for the next owner
//   an owner between its commit and a signal  room; the next owner wakes all that wait, or their timers expire
//
// The shared bytes are input, as in ring.h. No system call, no allocation, no exception, no Node.
#pragma once

#include "protocol/wake.h"

namespace orbit {

// A name that RingStatus has, too, has the same number and means the same.
enum class InboxStatus : int32_t {
  kOk = 0,
  kNotYet = -1,     // no further message
  kCorrupt = -3,    // the shared bytes contradict the invariants
  kTooLarge = -4,   // over the payloadBytes of the object
  kRetired = -5,    // the object was removed
  kExhausted = -6,  // position or lap would not fit its bits any more
  kFull = -7,       // nothing was sent: the owner has not committed the oldest message yet
};

// One process's view of one box.
struct Box {
  const Ring* ring = nullptr;
  BoxHeader* header = nullptr;
  uint32_t first = 0;  // its first slot in the object
  uint32_t mask = 0;   // capacity of the box - 1
  uint32_t shift = 0;  // log2(capacity)
};

// What a sender remembers of a box.
struct Sender {
  Box box;
  uint64_t next = 0;     // one past its newest message; 0: it has sent none
  uint64_t floor = 0;    // as it was loaded last
  uint32_t reserve = 0;  // the room that it leaves to other senders
};

// What the owner of a box remembers of it.
struct Consumer {
  Box box;
  uint64_t word = 0;       // in BoxHeader.owner while it owns
  uint64_t next = 0;       // the position to be read next
  uint64_t committed = 0;  // the floor
};

// ---- geometry ------------------------------------------------------------------------------------------------------

// Writes a whole inbox object, magic last. The caller holds what format_ring asks for.
inline void format_inbox(void* base, RingSpec spec, uint64_t createdAtMs) {
  spec.objectType = kInboxObject;
  format_slots(base, spec, createdAtMs);
  finish_object(static_cast<ObjectHeader*>(base));
}

// kCorrupt for a ring or table, too.
inline AttachStatus attach_inbox(void* base, uint64_t length, Ring* ring) {
  AttachStatus status = attach_slots(base, length, ring);
  bool isOther = status == AttachStatus::kOk && ring->spec.objectType != kInboxObject;
  return isOther ? AttachStatus::kCorrupt : status;
}

inline uint32_t slots_per_box(const Ring& ring) { return (ring.mask + 1) / ring.spec.boxes; }

// `index` is below spec.boxes.
inline Box box_of(const Ring& ring, uint32_t index) {
  uint32_t capacity = slots_per_box(ring) - ring.spec.replies;
  Box box;
  box.ring = &ring;
  box.header = &ring.boxes[index];
  box.first = index * slots_per_box(ring);
  box.mask = capacity - 1;
  box.shift = static_cast<uint32_t>(__builtin_ctz(capacity));
  return box;
}

// The position of ring.h's that has the slot and the lap of this position of the box.
inline uint64_t ring_position(const Box& box, uint64_t position) {
  return ((position >> box.shift) << box.ring->lapShift) + box.first + (position & box.mask);
}
inline uint64_t* slot_of(const Box& box, uint64_t position) {
  return &box.ring->slots[box.first + (position & box.mask)];
}
inline uint64_t lap_of(const Box& box, uint64_t position) { return (position >> box.shift) + 1; }
inline bool representable(const Box& box, uint64_t position) {
  return position <= kMaxPosition && lap_of(box, position) <= box.ring->lastPosition >> box.ring->lapShift;
}
inline bool filled(const Box& box, uint64_t position) {
  return lap_in(load_acquire(slot_of(box, position))) >= lap_of(box, position);
}

inline uint64_t floor_of(const Box& box) { return load_acquire(&box.header->floor); }  // partner: the store of commit

// One past the newest message, at some instant during the call, if `floor` was the floor at any time. All positions
// below the head are filled, and none above: so a search by halves finds it, and goes on from the end of the capacity
// when the floor was too old to contain it. Bounded: foreign bytes end it anywhere.
inline uint64_t head_of(const Box& box, uint64_t floor) {
  uint64_t head = floor;
  for (uint32_t laps = 0; laps < 64; laps++) {
    uint64_t unfilled = head + box.mask + 2;
    while (head + 1 < unfilled) {
      uint64_t middle = head + (unfilled - head) / 2;
      if (filled(box, middle - 1)) {
        head = middle;
      } else {
        unfilled = middle;
      }
    }
    if (!filled(box, head)) return head;
    // Later messages were accepted during the search, so the floor has grown.
    uint64_t later = floor_of(box);
    if (later > head) head = later;
  }
  return head;
}
inline uint64_t head_of(const Box& box) { return head_of(box, floor_of(box)); }

// ---- owner ---------------------------------------------------------------------------------------------------------

constexpr uint64_t kMaxIncarnation = (uint64_t{1} << (64 - kChunkBits)) - 1;

inline uint64_t owner_word(uint32_t node, uint64_t incarnation) {
  return (incarnation & kMaxIncarnation) << kChunkBits | (uint64_t{node} + 1);
}
inline uint32_t node_of_owner(uint64_t word) { return static_cast<uint32_t>(word & kChunkMask) - 1; }
inline uint64_t incarnation_of_owner(uint64_t word) { return word >> kChunkBits; }
inline uint64_t owner_of(const BoxHeader* header) { return load_ordered(&header->owner); }  // partner: own_box's swap
inline uint64_t owner_of(const Box& box) { return owner_of(box.header); }

// Whether a process owns the box. A word that names no node of the fleet is foreign, and counts as none.
template <typename IsAlive>
inline bool is_owned(const Box& box, uint64_t word, IsAlive isAlive) {
  return word != 0 && node_of_owner(word) < box.ring->spec.fleetSize &&
         isAlive(node_of_owner(word), incarnation_of_owner(word));
}

// Becomes the owner. kFull: another process owns the box, and `*present` is its word. After kOk, wake_all must follow:
// the owner before may have died inside its call of wake_waiting.
template <typename IsAlive>
inline InboxStatus own_box(const Box& box, uint32_t node, uint64_t incarnation, IsAlive isAlive, Consumer* consumer,
                           uint64_t* present) {
  if (is_retired(*box.ring)) return InboxStatus::kRetired;
  for (;;) {
    uint64_t word = *present = owner_of(box);
    if (is_owned(box, word, isAlive)) return InboxStatus::kFull;
    consumer->word = owner_word(node, incarnation);
    if (!exchange_if(&box.header->owner, word, consumer->word)) continue;
    // B2: loaded only now. Partner: the store of commit, of the owner before.
    uint64_t floor = floor_of(box);
    if (!representable(box, floor) || (floor > 0 && !filled(box, floor - 1))) {
      exchange_if(&box.header->owner, consumer->word, 0);
      return InboxStatus::kCorrupt;
    }
    consumer->box = box;
    consumer->next = consumer->committed = floor;
    return InboxStatus::kOk;
  }
}

// Ends the ownership. What is not committed is the next owner's. Then wake_waiting follows.
inline void disown_box(const Consumer& consumer) { exchange_if(&consumer.box.header->owner, consumer.word, 0); }

// Copies the next message; `payload` has room for the payloadBytes of the object. kNotYet: there is none. A message
// that is not whole counts as read, and is kCorrupt.
inline InboxStatus receive(Consumer* consumer, Frame* frame, void* payload) {
  const Box& box = consumer->box;
  uint64_t position = consumer->next;
  if (!representable(box, position)) return InboxStatus::kNotYet;
  RingStatus status = read_frame(*box.ring, ring_position(box, position), frame, payload);
  if (status == RingStatus::kNotYet) return InboxStatus::kNotYet;
  consumer->next++;
  frame->position = position;
  return status == RingStatus::kOk ? InboxStatus::kOk : InboxStatus::kCorrupt;
}

// All positions below `position` that this owner was given are done with. False: nothing has changed. After true,
// wake_waiting must follow.
inline bool commit(Consumer* consumer, uint64_t position) {
  if (position > consumer->next || position <= consumer->committed) return false;
  consumer->committed = position;
  // Release: the copies of these messages, before a sender overwrites their chunks. Sequentially consistent, for the
  // load of `waiting` that follows. Partners: floor_of and has_room.
  store_ordered(&consumer->box.header->floor, position);
  return true;
}

// ---- sending -------------------------------------------------------------------------------------------------------

// Signed: other senders may have filled this position, and the owner be past it. Then the swap fails, and the sender
// goes on. Unsigned, their progress would read as "full".
inline bool is_admitted(const Box& box, uint64_t position, uint64_t floor, uint32_t reserve = 0) {
  return static_cast<int64_t>(position - floor) <= int64_t{box.mask} - reserve;
}

inline bool admit(Sender* sender, uint64_t position) {
  if (is_admitted(sender->box, position, sender->floor, sender->reserve)) return true;
  sender->floor = floor_of(sender->box);
  return is_admitted(sender->box, position, sender->floor, sender->reserve);
}

inline InboxStatus refuse_full(const Sender& sender) {
  add_relaxed(&sender.box.header->full, 1);
  return InboxStatus::kFull;
}

// What a sender puts into a message: two private parts, back to back.
struct Message {
  const void* head = nullptr;  // whole words
  uint32_t headBytes = 0;
  const void* body = nullptr;
  uint32_t bodyBytes = 0;
  uint8_t frameKind = 0;
  uint64_t version = 0;
};

// Step 1 of publish: fills the hand, which no other process reads at its place.
inline void fill_hand(Writer* writer, const Message& message) {
  ChunkHeader* chunk = chunk_at(writer->ring, writer->hand);
  store_release(&chunk->version, message.version);
  store_release(shape_of(chunk), (message.headBytes + message.bodyBytes) | uint64_t{message.frameKind} << 32);
  copy_to_shared(payload_at(chunk), message.head, message.headBytes);
  copy_to_shared(payload_at(chunk) + message.headBytes / 8, message.body, message.bodyBytes);
}

// Sends one message. After kOk, wake_owner must follow.
inline InboxStatus send(Writer* writer, Sender* sender, const Message& message, uint64_t* position) {
  const Box& box = sender->box;
  if (is_retired(*box.ring)) return InboxStatus::kRetired;
  if (uint64_t{message.headBytes} + message.bodyBytes > box.ring->spec.payloadBytes) {
    count_refused(*writer);
    return InboxStatus::kTooLarge;
  }
  // A full box is refused before the copy. The head is not below `next`.
  if (!admit(sender, sender->next)) return refuse_full(*sender);
  fill_hand(writer, message);
  uint64_t head = sender->next;
  for (uint32_t contradictions = 0;;) {
    if (!representable(box, head)) return InboxStatus::kExhausted;
    // The head is the position that is not filled while the one before it is (I3). Partner: the swap of exchange_hand.
    uint64_t word = load_acquire(slot_of(box, head));
    if (lap_in(word) + 1 != lap_of(box, head) || (head > 0 && !filled(box, head - 1))) {
      sender->floor = floor_of(box);
      uint64_t found = head_of(box, sender->floor);
      if (found <= head && ++contradictions > kMaxSearches) return InboxStatus::kCorrupt;
      head = found;
      continue;
    }
    if (!admit(sender, head)) return refuse_full(*sender);
    uint32_t received = chunk_in(word);
    if (received >= box.ring->chunkCount || received == writer->hand) return InboxStatus::kCorrupt;
    uint64_t inObject = ring_position(box, head);
    store_release(&chunk_at(writer->ring, writer->hand)->id, writer->idBase | (inObject & kCounterMask));
    if (!exchange_hand(writer, slot_of(box, head), word, lap_of(box, head), inObject)) continue;
    sender->next = head + 1;
    *position = head;
    return InboxStatus::kOk;
  }
}

// ---- waking --------------------------------------------------------------------------------------------------------

// After a send: calls `signal(node)` if the owner sleeps, and was not signalled yet. Partners: the swap of own_box, and
// the store of arm.
template <typename Signal>
inline void wake_owner(const Box& box, Signal signal) {
  uint64_t owner = owner_of(box);
  if (owner == 0 || node_of_owner(owner) >= box.ring->spec.fleetSize) return;
  uint64_t* word = &box.ring->entries[node_of_owner(owner)].arm;
  uint64_t generation = load_ordered(word);
  if (generation % 2 == 0) return;
  signal(node_of_owner(owner));
  exchange_if(word, generation, generation + 1);
}

// Waiter: from here on an owner that makes room, or leaves, signals its bell. Look with has_room before sleeping.
inline void arm_for_room(const Box& box, uint32_t node) {
  arm(*box.ring, node);
  store_ordered(&box.header->waiting, 1);  // after the arm; partner: wake_waiting
}

// Waiter: is there room? Partner: the store of commit.
inline bool has_room(const Box& box) {
  uint64_t floor = load_ordered(&box.header->floor);
  return is_admitted(box, head_of(box, floor), floor);
}

// After a commit, and after the owner has left: wakes the processes that wait. The arms of others are signalled, too,
// which costs each of them one look. The next owner wakes them whether the flag is set or not: an owner that died here
// may have cleared it.
template <typename Signal>
inline void wake_all(const Box& box, Signal signal) {
  store_ordered(&box.header->waiting, 0);  // before the look at the arms; partner: the store of arm_for_room
  wake_sleepers(*box.ring, signal);
}
template <typename Signal>
inline void wake_waiting(const Box& box, Signal signal) {
  if (load_ordered(&box.header->waiting) != 0) wake_all(box, signal);  // partner: the store of arm_for_room
}

}  // namespace orbit
