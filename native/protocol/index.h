// The cache's private index: which frame of the cache ring decides a key. Each process that looks up has its own.
//
// Answer. The answer for a key is that of a walk from the head backwards: the first frame that puts the key, deletes
//   it, or resets a prefix of it decides. The index gives that answer at the cost of a lookup.
// Chains. Each frame has the link of its slot, and the links of one bucket form a chain, newest first. Of the frames of
//   one key only the newest is in the chain, since no lookup needs the others again. An overwritten frame needs no
//   removal: its link is older than the oldest retained frame, and so are all links behind it (as in the hash chains of
//   LZ77).
// Resets. They are chained under the prefix that they name, apart from keys. A lookup asks for each length of prefix
//   that is in use.
// Catching up. It reads only the keys of new frames, from the head backwards, as the walk does: when a frame was
//   overwritten, so were all before it. Forwards, a reader behind the oldest frame of a busy ring might never reach it.
//
// Going down. Catching up notes what is new. The frames from before the first lookup are noted as far down as lookups
//   need: until a frame decides the key. Only a miss needs all of them.
//
// Links hold hashes, not keys: 64 bits, and a bucket of other bits, from a seed of this process. A hit compares the
// whole key. A frame could hide that of another key only if all these bits collided (below 2^-64 a pair).
#pragma once

#include <stdlib.h>

#include <memory>

#include "protocol/keyhash.h"
#include "protocol/payload.h"
#include "protocol/ring.h"

namespace orbit {

// A key as frames contain it: the namespace and the key back to back.
struct CacheKey {
  const uint8_t* bytes;
  uint32_t namespaceBytes;
  uint32_t keyBytes;
  uint32_t length() const { return namespaceBytes + keyBytes; }
};

enum class CacheStatus : int32_t { kMiss = 0, kHit = 1, kUnchanged = 2 };

struct CacheAnswer {
  uint64_t head = 0;         // where the walk begins that gives this answer
  uint64_t position = 0;     // of the frame that decided
  bool isDecided = false;    // false: no frame did
  uint64_t expiresAtMs = 0;  // 0: never
  uint32_t valueBytes = 0;
};

constexpr uint64_t kNoPosition = ~uint64_t{0};

inline uint64_t padded(uint64_t bytes) { return (bytes + 7) / 8 * 8; }

// Counts a lookup in the line of the member's own node, which others write only to wake it. So a
// lookup shares no line with those of other processes. The counts go on with the next owner of the node.
inline void count_lookup(const Writer& writer, bool isHit) {
  NodeEntry* entry = &writer.ring.entries[writer.node];
  uint64_t* count = isHit ? &entry->cacheHits : &entry->cacheMisses;
  store_relaxed(count, load_relaxed(count) + 1);
}

struct CacheLookups {
  uint64_t hits = 0, misses = 0;
};

// The lookups of all members so far.
inline CacheLookups sum_lookups(const Ring& ring) {
  CacheLookups sum;
  for (uint32_t node = 0; node < ring.spec.fleetSize; node++) {
    sum.hits += load_relaxed(&ring.entries[node].cacheHits);
    sum.misses += load_relaxed(&ring.entries[node].cacheMisses);
  }
  return sum;
}

class CacheIndex {
 public:
  CacheIndex(const Ring& ring, uint64_t seed)
      : ring_(ring),
        seed_(seed),
        buckets_(zeroed<uint64_t>(bucket_count())),
        links_(zeroed<Link>(uint64_t{ring.mask} + 1)) {}

  // Looks up `key`. kHit: the value is in `value`, which has room for all of a frame beside the key. kUnchanged: the
  // frame at position `known` still decides, and nothing was copied. `now()` returns the monotonic millisecond; it is
  // called only when the entry can expire.
  template <typename Now>
  CacheStatus find(const CacheKey& key, uint64_t known, Now now, uint8_t* value, CacheAnswer* answer) {
    for (uint32_t tries = 0;; tries++) {
      *answer = {};
      if (tries == kMaxLapsLost) return CacheStatus::kMiss;  // the answer of a walk from position 0
      bool isWhole = catch_up();
      answer->head = next_;
      KeyHash hash = hash_of_key(seed_, key.namespaceBytes, key.length(), words_of(key));
      const Link* link = newest(hash);
      for (uint64_t frames = kFewFrames;; frames *= 2) {
        if (decided_by_reset(key, link == nullptr ? kNoPosition : link->position, answer)) return CacheStatus::kMiss;
        if (link != nullptr || lowest_ <= oldest_) break;
        isWhole = note_older(frames) && isWhole;
        link = newest(hash);
      }
      if (link == nullptr) {
        if (isWhole || head_of(ring_) == answer->head) return CacheStatus::kMiss;
        continue;
      }
      uint64_t candidate = link->position;
      answer->isDecided = true;
      answer->position = candidate;
      answer->expiresAtMs = link->expiresAtMs;
      if (link->expiresAtMs != 0 && (link->expiresAtMs == kDeleted || link->expiresAtMs <= now())) {
        return CacheStatus::kMiss;
      }
      uint64_t word = load_acquire(slot_of(ring_, candidate));  // begin; partner: the publishing swap
      RingStatus status = look(word, candidate);
      if (status == RingStatus::kOk && candidate != known) {
        status = read_value(key, word, candidate, value, &answer->valueBytes);
      }
      if (status == RingStatus::kOk) return candidate == known ? CacheStatus::kUnchanged : CacheStatus::kHit;
      if (status != RingStatus::kOverwritten || head_of(ring_) == answer->head) {
        // Foreign bytes, or a reset of the ring itself: no frame there decides any more.
        answer->isDecided = false;
        return CacheStatus::kMiss;
      }
      // Overwritten since the index caught up: there are newer frames to look at.
    }
  }

  // Notes so many frames from before the first lookup, beside all new ones. False: there are no more of them.
  bool note_some(uint64_t frames) {
    catch_up();
    note_older(frames);
    return lowest_ > oldest_;
  }

 private:
  // What the index keeps of the frame at a position.
  struct Link {
    uint64_t position;
    uint64_t hash;
    uint64_t older;        // the next of the chain, plus 1; 0: the end
    uint64_t expiresAtMs;  // 0: never
  };
  // A length of prefix that is in use by resets in the ring, and the newest of these.
  struct ResetLength {
    uint32_t namespaceBytes, length;
    uint64_t newest;
  };
  static constexpr uint64_t kDeleted = 1;  // a delete is a put that expired at the first millisecond

  // A lookup that was lapped so often in a row gives up: the entry does not stay long enough to be read.
  static constexpr uint32_t kMaxLapsLost = 64;

  struct Freed {
    void operator()(void* memory) const { free(memory); }
  };
  template <typename T>
  using Zeroed = std::unique_ptr<T[], Freed>;

  // Unlike `new`, the system gives these pages when they are used: a first lookup does not wait for all of them.
  template <typename T>
  static Zeroed<T> zeroed(uint64_t count) {
    void* memory = calloc(count, sizeof(T));
    if (memory == nullptr) abort();  // as `new` does where nothing catches
    return Zeroed<T>(static_cast<T*>(memory));
  }

  uint64_t bucket_count() const { return 2 * (uint64_t{ring_.mask} + 1); }
  uint64_t* bucket_of(const KeyHash& hash) { return &buckets_[hash.bucket & (bucket_count() - 1)]; }

  static OurWords words_of(const CacheKey& key) { return {key.bytes}; }
  static SharedWords words_of(const uint64_t* shared) { return {shared}; }

  Link* link_at(uint64_t position) const { return &links_[position & ring_.mask]; }

  // The link of the position `named` - 1; null at the end of the chain.
  Link* follow(uint64_t named) const {
    if (named == 0) return nullptr;
    Link* link = link_at(named - 1);
    return link->position == named - 1 && link->position >= oldest_ ? link : nullptr;
  }

  const Link* newest(const KeyHash& hash) {
    for (const Link* link = follow(*bucket_of(hash)); link != nullptr; link = follow(link->older)) {
      if (link->hash == hash.link) return link;
    }
    return nullptr;
  }

  // Puts the link into the chain at its place. Of two frames of one key the newer one stays.
  void insert(uint64_t position, const KeyHash& hash, uint64_t expiresAtMs) {
    uint64_t* named = bucket_of(hash);
    Link* link = follow(*named);
    for (; link != nullptr && link->position > position; link = follow(*named)) {
      if (link->hash == hash.link) return;
      named = &link->older;
    }
    uint64_t* place = named;
    for (; link != nullptr; link = follow(*named)) {
      if (link->hash == hash.link) {
        *named = link->older;
        break;
      }
      named = &link->older;
    }
    *link_at(position) = {position, hash.link, *place, expiresAtMs};
    *place = position + 1;
  }

  bool decided_by_reset(const CacheKey& key, uint64_t candidate, CacheAnswer* answer) {
    KeyHash words = begin_hash(seed_, key.namespaceBytes);
    uint32_t mixed = 0;  // bytes of the key in `words`
    for (uint32_t i = 0; i < resetCount_ && resets_[i].length <= key.length(); i++) {
      const ResetLength& reset = resets_[i];
      bool isNewer = candidate == kNoPosition || reset.newest > candidate;
      if (!isNewer || reset.newest < oldest_ || reset.namespaceBytes != key.namespaceBytes) continue;
      for (; mixed + 8 <= reset.length; mixed += 8) {
        mix_words(&words, mixed, mixed + 8, words_of(key));
        if (!beginnings_.may_begin(words))
          return answer->isDecided;  // this one is longer, and so are those that follow
      }
      const Link* link = newest(end_hash(words, kPrefix, reset.length, words_of(key)));
      if (link == nullptr || (candidate != kNoPosition && link->position < candidate)) continue;
      candidate = answer->position = link->position;
      answer->isDecided = true;
    }
    return answer->isDecided;
  }

  // Keeps the lengths in ascending order.
  void note_reset(uint32_t namespaceBytes, uint32_t length, uint64_t position) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < resetCount_; i++) {
      const ResetLength& reset = resets_[i];
      if (reset.namespaceBytes == namespaceBytes && reset.length == length) {
        if (reset.newest > position) position = reset.newest;
      } else if (reset.newest >= oldest_) {
        resets_[kept++] = reset;
      }
    }
    if (kept == resetRoom_) {  // at most one for each frame of the ring
      resetRoom_ = resetRoom_ == 0 ? 8 : resetRoom_ * 2;
      std::unique_ptr<ResetLength[]> larger(new ResetLength[resetRoom_]);
      for (uint32_t i = 0; i < kept; i++) larger[i] = resets_[i];
      resets_ = std::move(larger);
    }
    uint32_t place = kept;
    for (; place > 0 && resets_[place - 1].length > length; place--) resets_[place] = resets_[place - 1];
    resets_[place] = {namespaceBytes, length, position};
    resetCount_ = kept + 1;
    ORBIT_CHECK(resetCount_ <= ring_.mask + 1);
  }

  // How many older frames a first lookup notes before it looks again whether they decide its key.
  static constexpr uint64_t kFewFrames = 256;

  // Notes some of the frames below those that are noted. False: the others were overwritten.
  bool note_older(uint64_t frames) {
    for (; frames > 0 && lowest_ > oldest_; frames--, lowest_--) {
      prefetch_frame(lowest_ - kFramesAhead);
      if (note(lowest_ - 1) == RingStatus::kOverwritten) {
        oldest_ = lowest_;
        return false;
      }
    }
    return true;
  }

  // Most of the time that it takes to note many frames is spent waiting for the first line of each.
  static constexpr uint64_t kFramesAhead = 16;
  void prefetch_frame(uint64_t position) const {
    uint64_t chunk = chunk_in(peek(slot_of(ring_, position)));
    if (chunk < ring_.chunkCount) prefetch(chunk_at(ring_, static_cast<uint32_t>(chunk)));
  }

  // Notes all frames that were published since the last time. The first time, and when none of them is left, it notes
  // none: lookups go down from the head as far as they need (note_older). False: some of those that the ring retained
  // below this head were overwritten. A key that is found is decided in either case; one that is not may be in a frame
  // above this head.
  bool catch_up() {
    uint64_t head = head_of(ring_);
    if (head < next_) forget();
    uint64_t oldest = oldest_of(ring_, head);
    if (oldest > oldest_) oldest_ = oldest;  // never back to below a gap
    if (next_ <= oldest_) {
      next_ = lowest_ = head;
      return true;
    }
    uint64_t end = next_;
    next_ = head;
    for (uint64_t position = head; position > end; position--) {
      if (note(position - 1) == RingStatus::kOverwritten) {
        oldest_ = position;  // the frames noted before are gone, too, and those between may have put their keys again
        return false;
      }
    }
    ORBIT_CHECK(oldest_ <= next_ && next_ - oldest_ <= uint64_t{ring_.mask} + 1);
    return true;
  }

  // Foreign bytes moved the head back: the noted positions will be used again.
  void forget() {
    memset(buckets_.get(), 0, bucket_count() * sizeof(uint64_t));
    resetCount_ = 0;
    beginnings_.clear();
    next_ = oldest_ = lowest_ = 0;
  }

  // The first words of a cache frame. A later owner of the chunk may be writing them, so they are valid only after a
  // validating load. Partners: as in read_frame.
  struct Shape {
    CacheHeader header;
    uint64_t version;
    const uint64_t* key;
    const uint64_t* value;
    bool isWhole;
  };
  Shape shape_at(uint64_t word) const {
    ChunkHeader* chunk = chunk_at(ring_, chunk_in(word));
    const uint64_t* payload = payload_at(chunk);
    Shape shape;
    shape.version = load_acquire(&chunk->version);
    uint32_t length = static_cast<uint32_t>(load_acquire(shape_of(chunk)));
    uint64_t header = load_acquire(payload);
    memcpy(&shape.header, &header, sizeof header);
    uint64_t keyBytes = padded(uint64_t{shape.header.namespaceBytes} + shape.header.keyBytes);
    shape.key = payload + 1;
    shape.value = shape.key + keyBytes / 8;
    shape.isWhole = length <= ring_.spec.payloadBytes && shape.header.op >= kCachePut &&
                    shape.header.op <= kCacheReset &&
                    sizeof(CacheHeader) + keyBytes + shape.header.valueBytes == length;
    return shape;
  }

  // Is `position` in its slot? `word` is the word of the slot.
  RingStatus look(uint64_t word, uint64_t position) const {
    uint64_t lap = lap_in(word), wanted = lap_of(ring_, position);
    if (lap < wanted) return RingStatus::kNotYet;
    if (lap > wanted || position < floor_of(ring_)) return RingStatus::kOverwritten;
    return chunk_in(word) < ring_.chunkCount ? RingStatus::kOk : RingStatus::kCorrupt;
  }
  bool has_moved(uint64_t word, uint64_t position) const { return load_acquire(slot_of(ring_, position)) != word; }

  RingStatus note(uint64_t position) {
    uint64_t word = load_acquire(slot_of(ring_, position));  // begin; partner: the publishing swap
    if (RingStatus status = look(word, position); status != RingStatus::kOk) return status;
    Shape shape = shape_at(word);
    bool isReset = shape.header.op == kCacheReset;
    uint32_t length = uint32_t{shape.header.namespaceBytes} + shape.header.keyBytes;
    KeyHash hash = {};
    if (shape.isWhole && isReset) {
      hash = beginnings_.note(lap_of(ring_, position), seed_, shape.header.namespaceBytes, length, words_of(shape.key));
    } else if (shape.isWhole) {
      hash = hash_of_key(seed_, shape.header.namespaceBytes, length, words_of(shape.key));
    }
    if (has_moved(word, position)) return RingStatus::kOverwritten;  // validate
    if (!shape.isWhole) return RingStatus::kCorrupt;
    insert(position, hash, shape.header.op == kCacheDelete ? kDeleted : isReset ? 0 : shape.version);
    if (isReset) note_reset(shape.header.namespaceBytes, length, position);
    return RingStatus::kOk;
  }

  // Copies the value of the frame in the slot with the word `word`, if it is that of our key.
  RingStatus read_value(const CacheKey& key, uint64_t word, uint64_t position, uint8_t* value,
                        uint32_t* valueBytes) const {
    Shape shape = shape_at(word);
    bool isOurs = shape.isWhole && shape.header.op == kCachePut && shape.header.namespaceBytes == key.namespaceBytes &&
                  shape.header.keyBytes == key.keyBytes;
    OurWords ours = words_of(key);
    SharedWords theirs = words_of(shape.key);
    for (uint32_t at = 0; isOurs && at < key.length(); at += 8) {
      uint32_t bytes = key.length() - at < 8 ? key.length() - at : 8;
      isOurs = ours(at, bytes) == theirs(at, bytes);
    }
    if (isOurs) copy_from_shared(value, shape.value, shape.header.valueBytes);
    if (has_moved(word, position)) return RingStatus::kOverwritten;  // validate
    *valueBytes = shape.header.valueBytes;
    return isOurs ? RingStatus::kOk : RingStatus::kCorrupt;
  }

  const Ring& ring_;
  const uint64_t seed_;
  uint64_t next_ = 0;         // the first position that was not noted
  uint64_t oldest_ = 0;       // links below it no longer decide
  uint64_t lowest_ = 0;       // retained frames below it were not noted yet
  Zeroed<uint64_t> buckets_;  // the newest position of the chain, plus 1
  Zeroed<Link> links_;        // by slot
  std::unique_ptr<ResetLength[]> resets_;
  Beginnings beginnings_;
  uint32_t resetCount_ = 0, resetRoom_ = 0;
};

}  // namespace orbit
