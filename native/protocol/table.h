// The table: leases on subjects, each with a fencing token. Any process may be killed or stopped at any instruction.
//
// Buckets. A table has the memory of a ring, but each slot moves on its own. Slot i is a bucket with the word
//   { stamp | card }. The card, a chunk, holds all claims on the subjects that hash to i. Nodes own hands and entries
//   as in a ring, and there are spares.
// Room. A table has as many buckets as it promises claims, and a card has room for 12 of the largest. Subjects spread
//   by a keyed hash, so a bucket gets a 13th with a probability of 6 x 10^-11 (Poisson with a mean of 1). Of 100,000
//   tables with 2^19 buckets and as many of the largest claims, 3 refuse one.
// Transition. Claim, renew and release all work alike: copy the card as a reader does (begin, copy, validate), compute
//   the next list of claims in private, write it to the hand, compare-and-swap { stamp, card } -> { stamp + 1, hand },
//   and receive the old card as the next hand. A lost swap means that another process made its transition: look again.
// Time. The caller passes it (CLOCK_MONOTONIC). It may be old, never ahead: with an old time fewer claims have expired,
//   and the caller's own claim expires sooner. A claim for the life of its holder never expires.
// Life. The table asks the caller, `isAlive(node, incarnation)`, about an unexpired claim of another member that is in
//   the way, and about no other. The answer may be a false "alive", never a false "dead".
// Tokens. Drawn from one counter, after the word of the bucket was loaded. The next claim in this bucket loads a later
//   word, and therefore draws later: tokens grow strictly in each bucket. Of claims in two buckets, one that began
//   after the other had returned has the higher token; when they overlap either may have it. A lost swap wastes its
//   token.
// Death. settle.h applies without change, with the stamp as the lap. The claims of a dead member need no sweep, since
//   its incarnation has ended.
// Memory. A card of a bucket with stamp 0 was never written and may have no memory, and neither may the hand of a node
//   that no member has owned. A member gives memory to its hand when it opens the table, and to such a card before the
//   swap that makes it its hand. So it only writes to chunks with memory, and a death in between loses nothing.
// Waiting. A claimant that yields remembers the stamp. It arms (wake.h), asks has_changed, and sleeps. A release should
//   wake it. Death and expiry wake no process: the sleeper needs a timer for them.
//
// Invariants: I1, I2, I4 and I5 of ring.h, and
//   T1  A subject is at most once in the table: only its own bucket has it, and one swap replaces all of a bucket.
//   T2  A claim is dropped only by its release, or after it expired or its holder died. So no two guards of a subject
//       are both unexpired, alive and in the table.
//   T3  Tokens grow strictly with the claims of a bucket, and so with those of a subject.
//   T4  A call that yields, or that renews or releases a claim which is gone, changes nothing. After a lost swap it has
//       written its own hand and entry, otherwise not even those, and it has drawn no token.
//
// The shared bytes are input, as in ring.h. No system call, no allocation, no exception, no Node.
#pragma once

#include "protocol/ring.h"
#include "protocol/siphash.h"

namespace orbit {

// A name that RingStatus has, too, has the same number and means the same.
enum class TableStatus : int32_t {
  kDone = 0,        // claimed, renewed, released, found
  kNone = -1,       // renew, release: this claim is gone; find: the subject has no holder
  kYield = -2,      // a living holder has it
  kCorrupt = -3,    // the shared bytes contradict the invariants
  kTooLarge = -4,   // subject or owner over its limit, or over the table's payloadBytes
  kRetired = -5,    // the object was removed
  kExhausted = -6,  // token or stamp would not fit its bits any more
  kFull = -7,       // the bucket has no room for one more living claim
  kNoMemory = -8,   // the system has none left for a card
};

struct Subject {
  const void* bytes;
  uint32_t length;
  uint8_t kind;
};

struct Request {
  Subject subject;
  const void* owner;
  uint32_t ownerBytes;
  uint64_t incarnation;  // of the claimant's node
  uint64_t nowMs;        // CLOCK_MONOTONIC
  uint64_t unixMs;       // only shown
  uint64_t ttlMs;        // kForLifeMs: until the holder dies, or releases it
};

// A private copy of one claim.
struct Claim : ClaimHeader {
  uint8_t subject[kMaxSubjectBytes];
  uint8_t owner[kMaxOwnerBytes];
};

// A private copy of a bucket's content.
struct Card {
  uint64_t word;  // the bucket's, when this was its content
  uint64_t newestToken;
  uint32_t length;
  uint8_t bytes[kCardBytes];
};

// ---- geometry ------------------------------------------------------------------------------------------------------

// Writes a whole table, magic last. The caller holds what format_ring asks for.
inline void format_table(void* base, RingSpec spec, uint64_t createdAtMs) {
  spec.objectType = kTableObject;
  format_slots(base, spec, createdAtMs);
  static_cast<RingHeader*>(base)->tokens = first_token(createdAtMs);
  finish_object(static_cast<ObjectHeader*>(base));
}

// kCorrupt for a ring, too.
inline AttachStatus attach_table(void* base, uint64_t length, Ring* ring) {
  AttachStatus status = attach_slots(base, length, ring);
  bool isOther = status == AttachStatus::kOk && ring->spec.objectType != kTableObject;
  return isOther ? AttachStatus::kCorrupt : status;
}

// ---- buckets -------------------------------------------------------------------------------------------------------

// Part of the memory layout: all processes must look for a subject in the same bucket. Its key is secret, so a stranger
// who chooses subjects cannot fill one bucket.
inline uint64_t subject_hash(const Ring& ring, const Subject& subject) {
  return siphash({ring.subjectKey, ring.spec.fleetId}, subject.kind, subject.bytes, subject.length);
}

inline uint32_t bucket_of(const Ring& ring, const Subject& subject) {
  return static_cast<uint32_t>(subject_hash(ring, subject)) & ring.mask;
}

// Waiter, between arming and sleeping: does the bucket have another stamp than `stamp`? Partner: the swap of
// exchange_hand.
inline bool has_changed(const Ring& ring, uint32_t bucket, uint64_t stamp) {
  return lap_in(load_ordered(&ring.slots[bucket & ring.mask])) != stamp;
}

inline uint32_t card_room(const Ring& ring) {
  return ring.spec.payloadBytes < kCardBytes ? ring.spec.payloadBytes : kCardBytes;
}

// ---- cards ---------------------------------------------------------------------------------------------------------

// Copies the content of the bucket. False: it is no card. Tries again only after another process swapped the card.
inline bool read_card(const Ring& ring, uint32_t bucket, Card* card) {
  const uint64_t* slot = &ring.slots[bucket];
  for (;;) {
    // Begin. Acquire: the bytes of the card. Partner: the swap of exchange_hand.
    uint64_t word = load_acquire(slot);
    card->word = word;
    card->newestToken = 0;
    card->length = 0;
    if (chunk_in(word) >= ring.chunkCount) return false;
    if (lap_in(word) == 0) return true;  // never written: the chunk may contain anything

    // Copy. A later owner of the chunk may be writing these words. Partner: its stores, each release.
    ChunkHeader* chunk = chunk_at(ring, chunk_in(word));
    uint64_t id = load_acquire(&chunk->id);
    card->newestToken = load_acquire(&chunk->version);
    card->length = static_cast<uint32_t>(load_acquire(shape_of(chunk)));
    bool fits = card->length <= card_room(ring);
    if (fits) copy_from_shared(card->bytes, payload_at(chunk), card->length);

    // Validate. The acquire loads above come before this one. Partner: the swap that gave the card away.
    if (load_acquire(slot) != word) continue;
    uint32_t node = static_cast<uint32_t>(id >> kCounterBits) & 0xffff;
    uint64_t position = position_in(ring, lap_in(word), bucket);
    return fits && node < ring.spec.fleetSize && id == make_id(ring.spec.typeKind, node, position);
  }
}

// The claim that begins at `at`, and its size; 0: the bytes are no claim.
inline uint32_t claim_at(const Ring& ring, const Card& card, uint32_t at, ClaimHeader* claim) {
  uint32_t left = card.length - at;
  if (left < sizeof *claim) return 0;
  memcpy(claim, card.bytes + at, sizeof *claim);
  if (claim->subjectBytes > kMaxSubjectBytes || claim->ownerBytes > kMaxOwnerBytes) return 0;
  if (claim->node >= ring.spec.fleetSize || claim->token == 0 || claim->token > card.newestToken) return 0;
  uint32_t size = claim_bytes(claim->subjectBytes, claim->ownerBytes);
  return size <= left ? size : 0;
}

// Keeps the claims for which `keep(claim, bytes)` is true, in their order. False: the card is no list of claims.
template <typename Keep>
__attribute__((always_inline)) inline bool filter_claims(const Ring& ring, Card* card, Keep keep) {
  uint32_t kept = 0, size;
  for (uint32_t at = 0; at < card->length; at += size) {
    ClaimHeader claim;
    size = claim_at(ring, *card, at, &claim);
    if (size == 0) return false;
    if (!keep(claim, card->bytes + at)) continue;
    if (kept != at) memmove(card->bytes + kept, card->bytes + at, size);
    kept += size;
  }
  card->length = kept;
  return true;
}

// The expiry of a claim that is made or renewed now. A sum that does not fit is never.
inline uint64_t expiry_of(uint64_t nowMs, uint64_t ttlMs) {
  return ttlMs < kNeverMs - nowMs ? nowMs + ttlMs : kNeverMs;
}

inline bool has_expired(const ClaimHeader& claim, uint64_t nowMs) { return claim.expiresAtMs <= nowMs; }

inline bool is_on(const ClaimHeader& claim, const uint8_t* bytes, const Subject& subject) {
  return claim.subjectKind == subject.kind && claim.subjectBytes == subject.length &&
         (subject.length == 0 || memcmp(bytes + sizeof claim, subject.bytes, subject.length) == 0);
}

inline void copy_claim(Claim* to, const ClaimHeader& claim, const uint8_t* bytes) {
  static_cast<ClaimHeader&>(*to) = claim;
  memcpy(to->subject, bytes + sizeof claim, claim.subjectBytes);
  memcpy(to->owner, bytes + sizeof claim + claim.subjectBytes, claim.ownerBytes);
}

// ---- transitions ---------------------------------------------------------------------------------------------------

// Swaps the card into its bucket. False: the transition of another process came first, and nothing has changed.
inline bool replace_card(Writer* writer, uint32_t bucket, const Card& card) {
  const Ring& ring = writer->ring;
  uint64_t stamp = lap_in(card.word) + 1, position = position_in(ring, stamp, bucket);

  ORBIT_CHECK(writer->hand < ring.chunkCount && card.length <= card_room(ring));

  // 1. Fill the hand (I2). Release as in publish: a reader that sees a byte of ours also sees the swap that made the
  // hand ours. Partners: the copy and the validating load of read_card.
  ChunkHeader* chunk = chunk_at(ring, writer->hand);
  store_release(&chunk->id, writer->idBase | (position & kCounterMask));
  store_release(&chunk->version, card.newestToken);
  store_release(shape_of(chunk), uint64_t{card.length});
  copy_to_shared(payload_at(chunk), card.bytes, card.length);

  // 2. Swap it in. Its release order covers the draw of the token, too. Partners: the loads of read_card and
  // has_changed.
  return exchange_hand(writer, &ring.slots[bucket], card.word, stamp, position);
}

// Makes one transition. `change(card)` turns the content of the bucket into the next one and returns kDone; or it
// returns another status, and then nothing is written.
template <typename Change>
inline TableStatus change_bucket(Writer* writer, uint32_t bucket, Change change) {
  const Ring& ring = writer->ring;
  if (is_retired(ring)) return TableStatus::kRetired;
  for (;;) {
    Card card;
    TableStatus status = TableStatus::kCorrupt;
    if (read_card(ring, bucket, &card) && chunk_in(card.word) != writer->hand) status = change(&card);
    bool isLast = !representable(ring, position_in(ring, lap_in(card.word) + 1, bucket));
    if (status == TableStatus::kDone && isLast) status = TableStatus::kExhausted;
    bool isBlank = status == TableStatus::kDone && lap_in(card.word) == 0;  // its card will be our hand
    if (isBlank && !writer->memory.gives(chunk_in(card.word))) status = TableStatus::kNoMemory;
    if (status <= TableStatus::kCorrupt) count_refused(*writer);
    if (status != TableStatus::kDone || replace_card(writer, bucket, card)) return status;
  }
}

// 0: none is left. Relaxed: the word of the bucket orders the draws, so that a later claim in it draws a higher token.
inline uint64_t draw_token(const Ring& ring) {
  uint64_t* tokens = &ring.header->tokens;
  if (load_relaxed(tokens) >= kMaxToken) return 0;
  uint64_t token = add_relaxed(tokens, 1) + 1;
  return token <= kMaxToken ? token : 0;
}

// Appends the claim to the card, which has room for it.
inline TableStatus append_claim(const Writer& writer, const Request& request, Card* card, Claim* claim) {
  const Subject& subject = request.subject;
  uint64_t token = draw_token(writer.ring);
  if (token == 0) return TableStatus::kExhausted;
  if (token <= card->newestToken) return TableStatus::kCorrupt;  // T3

  ClaimHeader header = {};
  header.token = token;
  header.expiresAtMs = expiry_of(request.nowMs, request.ttlMs);
  header.claimedAtMs = request.unixMs;
  header.incarnation = request.incarnation;
  header.node = writer.node;
  header.subjectKind = subject.kind;
  header.subjectBytes = static_cast<uint8_t>(subject.length);
  header.ownerBytes = static_cast<uint8_t>(request.ownerBytes);

  uint32_t size = claim_bytes(subject.length, request.ownerBytes);
  ORBIT_CHECK(card->length % 8 == 0 && card->length + size <= card_room(writer.ring));
  uint8_t* bytes = card->bytes + card->length;
  memset(bytes + size - 8, 0, 8);  // the padding
  memcpy(bytes, &header, sizeof header);
  if (subject.length > 0) memcpy(bytes + sizeof header, subject.bytes, subject.length);
  if (request.ownerBytes > 0) memcpy(bytes + sizeof header + subject.length, request.owner, request.ownerBytes);
  card->length += size;
  card->newestToken = token;
  copy_claim(claim, header, bytes);
  return TableStatus::kDone;
}

// kDone: `claim` is ours. kYield: `claim` is the holder's; a second claim of a node yields to its first. With both, and
// with kFull, `stamp` is for has_changed. When the call takes long, the claim may have expired on return.
template <typename IsAlive>
inline TableStatus claim_subject(Writer* writer, const Request& request, IsAlive isAlive, Claim* claim,
                                 uint64_t* stamp) {
  const Ring& ring = writer->ring;
  const Subject& subject = request.subject;
  if (subject.length > kMaxSubjectBytes || request.ownerBytes > kMaxOwnerBytes) return TableStatus::kTooLarge;
  uint32_t size = claim_bytes(subject.length, request.ownerBytes), room = card_room(ring);
  if (size > room) return TableStatus::kTooLarge;
  auto lives = [&](const ClaimHeader& held) {
    bool isOurs = held.node == writer->node && held.incarnation == request.incarnation;
    return isOurs || isAlive(held.node, held.incarnation);
  };

  return change_bucket(writer, bucket_of(ring, subject), [&](Card* card) {
    *stamp = lap_in(card->word);
    bool yields = false;
    bool isList = filter_claims(ring, card, [&](const ClaimHeader& held, const uint8_t* bytes) {
      if (has_expired(held, request.nowMs)) return false;
      if (yields || !is_on(held, bytes, subject)) return true;
      yields = lives(held);
      if (yields) copy_claim(claim, held, bytes);
      return yields;
    });
    if (!isList) return TableStatus::kCorrupt;
    if (yields) return TableStatus::kYield;
    if (card->length + size > room) {
      filter_claims(ring, card, [&](const ClaimHeader& held, const uint8_t*) { return lives(held); });
    }
    if (card->length + size > room) return TableStatus::kFull;
    return append_claim(*writer, request, card, claim);
  });
}

// kDone: the claim with this token was there, unexpired, and now ends at `expiresAtMs`. Otherwise kNone.
inline TableStatus renew_claim(Writer* writer, const Subject& subject, uint64_t token, uint64_t expiresAtMs,
                               uint64_t nowMs) {
  const Ring& ring = writer->ring;
  return change_bucket(writer, bucket_of(ring, subject), [&](Card* card) {
    bool found = false;
    bool isList = filter_claims(ring, card, [&](ClaimHeader& held, uint8_t* bytes) {
      if (has_expired(held, nowMs)) return false;
      if (held.token == token) {
        found = true;
        held.expiresAtMs = expiresAtMs;
        memcpy(bytes, &held, sizeof held);
      }
      return true;
    });
    if (!isList) return TableStatus::kCorrupt;
    return found ? TableStatus::kDone : TableStatus::kNone;
  });
}

// kDone: the claim with this token was there, unexpired, and is gone. Otherwise kNone; an expired claim is left to the
// next transition of its bucket.
inline TableStatus release_claim(Writer* writer, const Subject& subject, uint64_t token, uint64_t nowMs) {
  const Ring& ring = writer->ring;
  return change_bucket(writer, bucket_of(ring, subject), [&](Card* card) {
    bool found = false;
    bool isList = filter_claims(ring, card, [&](const ClaimHeader& held, const uint8_t*) {
      if (has_expired(held, nowMs)) return false;
      if (held.token != token) return true;
      found = true;
      return false;
    });
    if (!isList) return TableStatus::kCorrupt;
    return found ? TableStatus::kDone : TableStatus::kNone;
  });
}

// ---- looking -------------------------------------------------------------------------------------------------------

// Finds the living holder of a subject. Writes nothing, so the mapping may be read-only.
template <typename IsAlive>
inline TableStatus find_holder(const Ring& ring, const Subject& subject, uint64_t nowMs, IsAlive isAlive, Claim* claim,
                               uint64_t* stamp) {
  Card card;
  if (!read_card(ring, bucket_of(ring, subject), &card)) return TableStatus::kCorrupt;
  *stamp = lap_in(card.word);
  bool found = false;
  bool isList = filter_claims(ring, &card, [&](const ClaimHeader& held, const uint8_t* bytes) {
    if (found || has_expired(held, nowMs) || !is_on(held, bytes, subject)) return true;
    found = isAlive(held.node, held.incarnation);
    if (found) copy_claim(claim, held, bytes);
    return true;
  });
  if (!isList) return TableStatus::kCorrupt;
  return found ? TableStatus::kDone : TableStatus::kNone;
}

// Calls `visit(claim, bytes)` for each living claim of one bucket, as they were at one instant. Subject and owner are
// in `bytes` behind the header. False: the bucket could not be read, and some of its claims may have been visited.
template <typename IsAlive, typename Visit>
inline bool visit_bucket(const Ring& ring, uint32_t bucket, uint64_t nowMs, IsAlive isAlive, Visit visit) {
  Card card;
  return read_card(ring, bucket, &card) &&
         filter_claims(ring, &card, [&](const ClaimHeader& held, const uint8_t* bytes) {
           if (!has_expired(held, nowMs) && isAlive(held.node, held.incarnation)) visit(held, bytes);
           return true;
         });
}

// Calls `visit(claim)` for each living claim. It sees each bucket as it was at one instant, but not all at the same
// one. kCorrupt: some buckets could not be read; the others were visited.
template <typename IsAlive, typename Visit>
inline TableStatus for_each_claim(const Ring& ring, uint64_t nowMs, IsAlive isAlive, Visit visit) {
  TableStatus status = TableStatus::kDone;
  for (uint32_t bucket = 0; bucket <= ring.mask; bucket++) {
    bool isWhole = visit_bucket(ring, bucket, nowMs, isAlive, [&](const ClaimHeader& held, const uint8_t* bytes) {
      Claim claim;
      copy_claim(&claim, held, bytes);
      visit(static_cast<const Claim&>(claim));
    });
    if (!isWhole) status = TableStatus::kCorrupt;
  }
  return status;
}

}  // namespace orbit
