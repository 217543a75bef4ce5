// Eviction in a store: walks the victims in a node's hands, and gives what was asked for a second chance.
//
// Walk. Of each record that its word still names: a small one that was asked for moves to main; a main one moves to
//   main again, with one less frequency; of a victim that was chosen for its dead records, all are kept. The rest is
//   evicted. A move is an append and a swap of exactly the old word. A word that was put or deleted in that time is
//   left alone.
//   A victim without live records is not walked.
// Parts. The first decides for the value: it is asked whether the value has another chance, and frequency falls with
//   it. The head and the other parts are kept as long as the value is there. One that finds no room evicts the whole. A
//   segment is mostly one long part, or has none. With one that is kept, it goes back as it is into the slot of another
//   victim, and nothing is copied. A short part moves, and with it the head, which has its new place. The first part
//   fills its segment, so that its turn comes. The last one may be in the open hand of a member that puts no more.
// Spread. A put walks a few times the bytes that it wrote. The whole rest is walked at once before a hand is needed; it
//   is left unwalked after victims of a mebibyte in a row, or four.
// Death. The heir walks the victim again: what had moved no longer has its word there.
#pragma once

#include "protocol/parts.h"

namespace orbit {

constexpr uint64_t kWholeWalk = ~uint64_t{0};
constexpr uint32_t kWalkPace = 4;
constexpr uint32_t kAhead = 12;  // the index lines of so many records are fetched early

// How many victims in a row are walked at once: if each is full of what was asked for, no room is won.
inline uint32_t most_walks(const ValueStore& store) {
  uint32_t walks = (1u << 20) / store.spec.segmentBytes;
  return walks > 4 ? walks : 4;
}

// A record of a victim, and the word that names it.
struct Walked {
  const uint64_t* from;
  Record record;
  uint64_t bytes;
  uint64_t* bucket;
  Spot spot;
};

// The word of the record at `unit`, if it still names it.
inline bool is_named(const StoreWriter& writer, uint32_t segment, uint32_t unit, uint64_t state, Walked* walked) {
  const Record& record = walked->record;
  walked->bucket = bucket_at(writer.store, record.hash);
  walked->spot = first_with(walked->bucket, mark_of(record.hash));
  uint64_t word = walked->spot.word;
  return word != 0 && place_in(word) == place_of(segment, unit) &&
         generation_in(word) == (generation_of(state) & kGenerationMask);
}

// Where a record goes, and with which frequency. kUnusedSegment: it is evicted.
struct SecondChance {
  SegmentClass kind = kUnusedSegment;
  uint32_t frequency = 0;
};

// `from`, `record`: of the value, or its head. `decides`: false for what is kept with the first part of a value.
__attribute__((noinline)) inline SecondChance chance_of(const StoreWriter& writer, const uint64_t* from,
                                                        const Record& record, uint64_t word, SegmentClass kind,
                                                        bool isCompaction, bool decides) {
  if (is_gone(writer.store, from, record, nullptr, writer.nowMs)) return {};
  if (record.kind() == kHeadRecord && !has_parts(writer.store, from, record)) return {};
  uint32_t frequency = frequency_in(word);
  if (!decides) return {kMainSegment, frequency};
  if (frequency > 0) return {kMainSegment, kind == kMainSegment ? frequency - 1 : 0};
  if (!isCompaction) return {};
  return {kind == kMainSegment ? kMainSegment : kSmallSegment, 0};
}

__attribute__((noinline)) inline void copy_record(uint64_t* to, const uint64_t* from, uint64_t bytes) {
  constexpr uint64_t kPiece = 512;
  uint8_t piece[kPiece];
  for (uint64_t at = 0; at < bytes; at += kPiece) {
    uint64_t length = bytes - at < kPiece ? bytes - at : kPiece;
    copy_from_shared(piece, from + at / 8, length);
    copy_to_shared(to + at / 8, piece, length);
  }
}

// Whether what moves on finds room. A full main hand is exchanged for one more victim, if that is to be walked.
inline bool has_room(StoreWriter* writer, SegmentClass kind, uint64_t bytes) {
  if (writer->open[kind] == kNoHand) return false;
  if (room_of(*writer, kind) >= bytes) return true;
  if (kind != kMainSegment || writer->walks >= most_walks(writer->store) || writer->free.count == 0) return false;
  open_next(writer, kind);
  return room_of(*writer, kind) >= bytes;
}

// Evicts a large value with its head or a part in a victim. Its word is a ghost of the victim at once, at a unit where
// no record begins: so the parts are counted as dead once, by the member that takes the word out.
__attribute__((noinline, cold)) inline void evict_large(StoreWriter* writer, uint32_t hand, uint64_t* bucket,
                                                        const Spot& spot) {
  constexpr uint32_t kNoUnit = (1u << kUnitBits) - 1;
  uint64_t place = place_of(segment_of(*writer, hand), kNoUnit);
  uint64_t ghost = index_word(mark_in(spot.word), 0, generation_of(writer->states[hand]), place);
  if (!replace_word(bucket, spot.way, spot.word, ghost)) return;
  note_gone(writer->store, spot.word);
  count_stat(&writer->stats->evicted);
}

// Moves the record, or evicts it.
inline void move_on(StoreWriter* writer, uint32_t hand, const Walked& walked, const SecondChance& chance) {
  NodeStats* stats = writer->stats;
  SegmentClass kind = chance.kind;
  if (kind == kUnusedSegment || !has_room(writer, kind, walked.bytes)) {
    if (walked.record.kind() == kHeadRecord) return evict_large(writer, hand, walked.bucket, walked.spot);
    return count_stat(&stats->evicted);
  }
  copy_record(next_record(*writer, kind), walked.from, walked.bytes);
  uint64_t word = with_frequency(finish_record(writer, kind, walked.record, walked.bytes), chance.frequency);
  if (!replace_word(walked.bucket, walked.spot.way, walked.spot.word, word)) return note_dropped(writer->store, word);
  count_stat(&stats->moved);
  count_stat(&stats->movedBytes, walked.bytes);
}

// ---- large values --------------------------------------------------------------------------------------------------

// A part of a victim, and its head.
struct WalkedPart {
  const Walked& part;
  Head head;
  SecondChance chance;
};

// What becomes of a part at `place` of a victim. False: it is dead.
inline bool judge_part(const StoreWriter& writer, uint32_t hand, uint64_t place, SegmentClass kind,
                       WalkedPart* walked) {
  Head& head = walked->head;
  if (!find_head(writer.store, walked->part.record, part_word(writer.states[hand], place), &head)) return false;
  bool isCompaction = writer.isCompaction[hand];
  walked->chance = chance_of(writer, head.from, head.record, head.spot.word, kind, isCompaction, head.part == 0);
  return true;
}

// Another member that moves another part of the value changes its word. Only hostile bytes change it more often.
constexpr uint32_t kMoveTries = 16;
enum class Move { kDone, kNoRoom, kChanged };

// Appends the head, with a part's new place in its table.
__attribute__((noinline, cold)) inline Move move_head(StoreWriter* writer, const WalkedPart& walked, uint64_t moved) {
  const Head& head = walked.head;
  SegmentClass kind = walked.chance.kind;
  uint64_t bytes = record_bytes(head.record);
  if (!has_room(writer, kind, bytes)) return Move::kNoRoom;
  uint64_t* to = next_record(*writer, kind);
  copy_record(to, head.from, bytes);
  store_release(to + head.record.value_at() + 1 + head.part, moved);
  if (!is_still_head(writer->store, head)) return Move::kChanged;  // what was copied is not finished
  uint64_t word = with_frequency(finish_record(writer, kind, head.record, bytes), walked.chance.frequency);
  bool isMoved = replace_word(head.bucket, head.spot.way, head.spot.word, word);
  note_dropped(writer->store, isMoved ? head.spot.word : word);
  if (isMoved) count_stat(&writer->stats->movedBytes, walked.part.bytes + bytes);
  return isMoved ? Move::kDone : Move::kChanged;
}

// Appends the part, then the head. Without its head the part is dead.
__attribute__((noinline, cold)) inline Move move_part(StoreWriter* writer, const WalkedPart& walked) {
  SegmentClass kind = walked.chance.kind;
  uint64_t bytes = walked.part.bytes;
  if (kind == kUnusedSegment || !has_room(writer, kind, bytes)) return Move::kNoRoom;
  copy_record(next_record(*writer, kind), walked.part.from, bytes);
  uint64_t word = finish_record(writer, kind, walked.part.record, bytes);
  if (is_long_part(writer->store, bytes)) note_long_part(writer->store, word);
  Move move = move_head(writer, walked, part_word(writer->states[writer->open[kind]], place_in(word)));
  if (move != Move::kDone) note_dropped(writer->store, word);
  return move;
}

// Moves the part at `place`, or evicts its value.
__attribute__((noinline, cold)) inline void walk_part(StoreWriter* writer, uint32_t hand, uint64_t place,
                                                      SegmentClass kind, const Walked& part) {
  WalkedPart walked{part, {}, {}};
  Move move = Move::kChanged;
  for (uint32_t tries = 0; tries < kMoveTries && move == Move::kChanged; tries++) {
    if (!judge_part(*writer, hand, place, kind, &walked)) return;
    move = move_part(writer, walked);
  }
  if (move != Move::kDone) evict_large(writer, hand, walked.head.bucket, walked.head.spot);
}

// Finds the long part of a victim that is kept. False: it has none. A large value that is put now may have more parts
// than the small class has room for: the first ones go to main.
inline bool find_long_part(const StoreWriter& writer, uint32_t hand, Walked* part, WalkedPart* walked) {
  const ValueStore& store = writer.store;
  uint32_t segment = segment_of(writer, hand), filled = filled_units(store, writer.states[hand]);
  const Segment& line = store.segments[segment];
  uint64_t unit = load_relaxed(&line.longPart) - 1;
  if (unit >= filled) return false;
  uint64_t place = place_of(segment, static_cast<uint32_t>(unit));
  part->from = record_at(store, segment, static_cast<uint32_t>(unit));
  if (!read_record(part->from, (filled - unit) * kUnitBytes, &part->record)) return false;
  if (part->record.id == writer.draft) return true;
  bool isLive = judge_part(writer, hand, place, class_in(load_relaxed(&line.meta)), walked);
  return isLive && walked->chance.kind != kUnusedSegment;
}

// Exchanges the first victim of the queue for another one, if it is to stay as it is. The records that are dead now do
// not count when it is weighed, so that it is not chosen again for them. The frequency falls last: a death before that
// is not one chance less.
__attribute__((noinline, cold)) inline bool put_back(StoreWriter* writer, uint32_t hand) {
  Walked part;
  WalkedPart walked{part, {}, {}};
  if (!find_long_part(*writer, hand, &part, &walked)) return false;
  Segment* line = &writer->store.segments[segment_of(*writer, hand)];
  const Spot& spot = walked.head.spot;
  store_relaxed(&line->spared, records_in(*line) - live_records_in(*line));
  if (frequency_in(spot.word) > 0 || !writer->isCompaction[hand]) seal_segment(writer, hand, kMainSegment);
  if (!exchange_for_victim(writer, hand)) return false;
  writer->queue.push(writer->queue.pop());
  uint64_t next = with_frequency(spot.word, walked.chance.frequency);
  if (next != spot.word) exchange_if(&walked.head.bucket[spot.way], spot.word, next);
  return true;
}

// ---- walks ---------------------------------------------------------------------------------------------------------

// Fetches the lines that will be needed for the record at `*at`, and goes on to the next one.
inline void look_ahead(const ValueStore& store, const uint8_t* segment, uint64_t end, uint64_t* at) {
  if (*at + sizeof(RecordHeader) > end) return;
  const uint64_t* from = reinterpret_cast<const uint64_t*>(segment + *at);
  Record record;
  record.shape = peek(from);
  prefetch(bucket_at(store, peek(from + 1)));
  *at += record_bytes(record);
  if (*at < end) prefetch(segment + *at);
}

// Walks up to `budget` bytes of the victim in `hand`. True: to its end.
inline bool walk_victim(StoreWriter* writer, uint32_t hand, uint64_t* budget) {
  const ValueStore& store = writer->store;
  uint32_t segment = segment_of(*writer, hand);
  uint64_t state = writer->states[hand];
  uint64_t end = uint64_t{filled_units(store, state)} * kUnitBytes;
  SegmentClass kind = class_in(load_relaxed(&store.segments[segment].meta));
  if (writer->walkedTo == 0 && live_records_in(store.segments[segment]) == 0) {
    count_stat(&writer->stats->compacted);
    return true;
  }
  const uint8_t* bytes = store.arena + uint64_t{segment} * store.spec.segmentBytes;
  uint64_t ahead = writer->walkedTo;
  for (uint32_t i = 0; i < kAhead; i++) look_ahead(store, bytes, end, &ahead);
  while (writer->walkedTo < end) {
    if (*budget == 0) return false;
    uint64_t at = writer->walkedTo;
    look_ahead(store, bytes, end, &ahead);
    Walked walked;
    walked.from = reinterpret_cast<const uint64_t*>(bytes + at);
    if (!read_record(walked.from, end - at, &walked.record)) break;  // foreign bytes
    walked.bytes = record_bytes(walked.record);
    writer->walkedTo = at + walked.bytes;
    if (*budget != kWholeWalk) *budget -= *budget < walked.bytes ? *budget : walked.bytes;
    uint32_t unit = static_cast<uint32_t>(at / kUnitBytes);
    if (walked.record.kind() == kPartRecord) {
      walk_part(writer, hand, place_of(segment, unit), kind, walked);
      continue;
    }
    if (!is_named(*writer, segment, unit, state, &walked)) continue;
    uint64_t word = walked.spot.word;
    bool isCompaction = writer->isCompaction[hand];
    bool decides = walked.record.kind() != kHeadRecord;
    move_on(writer, hand, walked, chance_of(*writer, walked.from, walked.record, word, kind, isCompaction, decides));
  }
  if (writer->isCompaction[hand]) count_stat(&writer->stats->compacted);
  return true;
}

// Walks `budget` bytes of the victims in the queue; a hand that was walked to its end is free.
inline void drain(StoreWriter* writer, uint64_t budget) {
  bool isWhole = budget == kWholeWalk;
  while (writer->queue.count > 0) {
    uint32_t hand = writer->queue.hands[0];
    if (!writer->isWalking) {
      writer->isWalking = true;
      writer->walkedTo = 0;
      writer->walks = isWhole ? writer->walks + 1 : 0;
      // Copies nothing: so a long part is not left unwalked because of the walks before it.
      if (writer->walks <= 2 * most_walks(writer->store) && put_back(writer, hand)) {
        writer->isWalking = false;
        if (isWhole) continue;
        return;
      }
    }
    if (writer->walks <= most_walks(writer->store) && !walk_victim(writer, hand, &budget)) return;
    writer->queue.pop();
    writer->isWalking = false;
    free_hand(writer, hand);
    if (budget == 0) return;
  }
  writer->walks = 0;
}

// Opens a segment for each class. False: too few segments are to be had.
inline bool provide_hands(StoreWriter* writer) {
  while (writer->blanks.count > 0 && exchange_for_victim(writer, writer->blanks.hands[0])) {
    writer->queue.push(writer->blanks.pop());
  }
  constexpr SegmentClass kInTurn[] = {kMainSegment, kSmallSegment};
  for (SegmentClass kind : kInTurn) {
    if (writer->open[kind] != kNoHand) continue;
    if (writer->free.count == 0 && writer->queue.count > 0 && kind == kMainSegment) {
      writer->isWalking = false;
      free_hand(writer, writer->queue.pop());  // unwalked: there is nowhere to go for what it holds
    }
    if (writer->free.count == 0) drain(writer, kWholeWalk);
    if (writer->free.count == 0) return false;
    begin_segment(writer, writer->free.pop(), kind);
  }
  return writer->free.count + writer->queue.count > 0;
}

inline bool has_hands(StoreWriter* writer) {
  bool isReady = writer->open[kSmallSegment] != kNoHand && writer->open[kMainSegment] != kNoHand &&
                 writer->free.count + writer->queue.count > 0;
  return isReady || provide_hands(writer);
}

// Makes room for `bytes` in the open hand of a class.
inline void make_room(StoreWriter* writer, SegmentClass kind, uint64_t bytes) {
  if (room_of(*writer, kind) >= bytes) return;
  drain(writer, kWholeWalk);
  if (room_of(*writer, kind) >= bytes) return;  // the walk has opened another
  open_next(writer, kind);
}

// ---- joining -------------------------------------------------------------------------------------------------------

// Completes the four entries of a node that a dead member may have left. As settle of settle.h.
inline RingStatus settle_store(const ValueStore& store, uint32_t node) {
  for (uint32_t i = 0; i < kHands; i++) {
    uint32_t hand;
    RingStatus status = settle(store.ring, node * kHands + i, &hand);
    if (status != RingStatus::kOk) return status;
  }
  return RingStatus::kOk;
}

// Makes a writer for `node`; the caller holds its lease. It goes on with the segments that a dead member left.
inline RingStatus join_store(const ValueStore& store, uint32_t node, StoreWriter* writer) {
  *writer = StoreWriter();
  writer->store = store;
  writer->stats = &store.stats[node];
  writer->node = node;
  for (uint32_t& hand : writer->open) hand = kNoHand;
  for (uint32_t i = 0; i < kHands; i++) {
    RingStatus status = become_writer(store.ring, node * kHands + i, &writer->hands[i]);
    if (status != RingStatus::kOk) return status;
    uint32_t chunk = segment_of(*writer, i);
    writer->isCompaction[i] = false;
    if (!is_segment(store, chunk)) {
      writer->blanks.push(i);
      continue;
    }
    writer->states[i] = take_state(store, chunk);
    uint64_t meta = load_relaxed(&store.segments[chunk].meta);
    SegmentClass kind = class_in(meta);
    bool isOpen = (kind == kSmallSegment || kind == kMainSegment) && seal_in(meta) == 0;
    if (isOpen && writer->open[kind] == kNoHand) {
      writer->open[kind] = i;
    } else {
      writer->queue.push(i);
    }
  }
  return RingStatus::kOk;
}

// As audit of settle.h: the caller is alone in the fleet. A segment that was burned goes back into a slot that has a
// blank, and the blank becomes spare.
inline RingStatus audit_store(const ValueStore& store, uint64_t* marks) {
  const Ring& ring = store.ring;
  RingStatus status = audit(ring, marks);
  if (status != RingStatus::kOk) return status;
  store_release(&ring.header->sparesTaken, ring.spareCount);  // a death in between: audit again
  uint32_t slot = 0;
  for (uint32_t i = 0; i < ring.spareCount; i++) {
    uint64_t segment = load_acquire(&ring.spares[i]);
    if (!is_segment(store, segment)) continue;
    while (slot <= ring.mask && is_segment(store, chunk_in(load_acquire(&ring.slots[slot])))) slot++;
    if (slot > ring.mask) break;
    uint64_t word = load_acquire(&ring.slots[slot]);
    store_release(&ring.slots[slot], slot_word(lap_in(word) + 1, segment));
    store_release(&ring.spares[i], chunk_in(word));
  }
  store_release(&ring.header->sparesTaken, 0);
  return RingStatus::kOk;
}

}  // namespace orbit
