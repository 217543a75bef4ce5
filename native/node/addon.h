// What one Node environment (the main thread or a worker thread) has open, and the buffers through which it and
// JavaScript pass arguments, results and frames.
//
// JavaScript owns both buffers. The scratch is overwritten by each call. Hot calls take numbers from it and leave
// results in it, which is cheaper than values of JavaScript:
//   0      Arguments; after the call, Results
//   64     the texts of the last claim, which other calls leave there
//   256    a FrameRecord and its payload; or the FrameRecords of a poll
//   8448   the payloads of a poll that do not go into the slab
//   end    the draft, where JavaScript encodes a value; no call writes there
// Payloads that callers keep go straight into the slab, a buffer that is never written twice.
#pragma once

#include <node_api.h>

#include <memory>
#include <vector>

#include "fleet/fleet.h"
#include "posix/forked.h"
#include "protocol/calls.h"
#include "protocol/inbox.h"
#include "protocol/index.h"
#include "protocol/limiter.h"

namespace orbit {

// A word below 2^63 as a number of JavaScript. The conversion of a signed word is one instruction.
inline double number_of(uint64_t word) { return static_cast<double>(static_cast<int64_t>(word)); }

struct Results {
  double from, to, lost, malformed;  // of a poll
  double bytes;                      // that the payloads of a poll take
  union {
    double status;  // that ended a batch early
    double count;   // of the frames of a poll
  };
  double position;  // of a published frame
  double head;      // up to which a poll went, or at which a lookup was answered
};
static_assert(sizeof(Results) == 64, "one line");

// The arguments of a call that takes them from the scratch; each call says which it takes. Each is loaded as JavaScript
// has stored it: a processor cannot forward two stores to one wide load, and would wait for the cache.
struct __attribute__((may_alias)) Arguments {
  double number;   // a position, a counter, a version, or a time in milliseconds
  uint32_t ring;   // the handle of a ring
  uint32_t place;  // where payloads go: an offset in the slab, or kInScratch; of publish: where one is in the scratch
  uint32_t count;  // of frames or bytes, or packed lengths
  uint32_t flag;
  // The number as a 64-bit word; -1 becomes the largest one.
  uint64_t word() const { return static_cast<uint64_t>(static_cast<int64_t>(number)); }
};
static_assert(sizeof(Arguments) <= sizeof(Results), "the frame follows");

constexpr uint32_t kInScratch = UINT32_MAX;

struct FrameRecord {
  double position, version;
  uint32_t node, length, frameKind;
  uint32_t at;  // where a polled payload is, an offset in its buffer
};
static_assert(sizeof(FrameRecord) == 32, "payloads stay 8-aligned");

constexpr size_t kTextAt = sizeof(Results);
constexpr size_t kFirstRecord = kTextAt + kMaxSubjectBytes + kMaxOwnerBytes;
static_assert(kFirstRecord == 256, "records begin on a line");

// One call of a poll leaves at most this many records.
constexpr uint32_t kPollRecords = 256;
constexpr size_t kPollPayloads = kFirstRecord + kPollRecords * sizeof(FrameRecord);

// The draft is behind the bytes of the scratch that calls use.
constexpr size_t kDraftBytes = 4096;

// A claim, in place of the first FrameRecord.
struct ClaimRecord {
  double token, claimedAtMs, expiresInMs, incarnation, stamp;
  uint32_t node, pid, ownerBytes, reserved;
  uint8_t owner[kMaxOwnerBytes];
};
static_assert(sizeof(ClaimRecord) % 8 == 0, "the texts behind it are aligned");

// What a limiter decided, in place of the first FrameRecord.
struct LimitRecord {
  double count, remaining, resetMs, retryAfterMs;
};
constexpr uint32_t kMaxLimitKeyBytes = 1024;

// What a change of a counter takes beside Arguments, and what a call about a counter leaves, in place of the first
// Record.
enum class CounterOp : uint32_t { kAdd = 0, kAddUntil = 1, kSet = 2, kMax = 3, kMin = 4 };
struct CounterArguments {
  double ttlMs;  // of a value that begins; 0: for ever
  double limit;  // of kAddUntil
};
struct CounterRecord {
  double value, before;
  uint32_t cell, stamp, generation;
  uint32_t had;  // 1: it had a value before
};
// A counter of a list. Its name follows, padded to 8 bytes.
struct ListedCounter {
  double value, expiresInMs;  // -1: never
  uint32_t cell, generation;
  uint8_t kind, nameBytes, reserved[6];
};
static_assert(sizeof(ListedCounter) == 32, "the next one is aligned");

// An entry of a process, or a cell without one. Its id and value follow, padded to 8 bytes.
struct EntryRecord {
  double incarnation;
  uint32_t cell, node;
  uint32_t idBytes;  // 0: the cell has no entry
  uint32_t valueBytes;
};
static_assert(sizeof(EntryRecord) % 8 == 0, "the next one is aligned");

// A claim of a list, as long as the header of the claim in its card.
struct ListedClaim {
  double token, claimedAtMs, expiresInMs;
  uint32_t node, pid;
  uint8_t subjectKind, subjectBytes, ownerBytes, reserved[5];
};
static_assert(sizeof(ListedClaim) == sizeof(ClaimHeader), "a list of a card's claims is as long as the card");

// Statuses of hot calls beside RingStatus.
constexpr int32_t kStatusClosed = -20;
constexpr int32_t kStatusReadOnly = -21;
constexpr int32_t kStatusFull = -22;
constexpr int32_t kStatusShort = -23;
constexpr int32_t kStatusMalformed = -24;  // a string that is not well-formed UTF-16

// What callCollect writes as frameKind for a call without an answer of a dead server; and for a call that
// ends without one, since the bytes of its slot are foreign.
constexpr uint8_t kServerDied = 255;
constexpr uint8_t kReplyDamaged = 254;

// A call that waits for its answer.
struct AwaitedCall {
  ReplyTo to{0, 0};          // after its end: the least stamp of the next call
  uint64_t incarnation = 0;  // of the server
  uint32_t node = 0;
  bool isOpen = false;
  std::vector<uint8_t> request;  // its payload, to be sent to another server
};

// A call that this process runs.
struct RunningCall {
  ReplyTo to;
  bool isStream;      // it ends with its caller, too
  bool awaitsTaking;  // its caller has not taken the last part
};

// A ring or table that JavaScript knows by a number.
struct RingHandle {
  OpenRing* opened = nullptr;         // owned by its fleet; null: closed, and the number is free
  uint32_t fleet = 0;                 // the handle of that fleet
  std::unique_ptr<CacheIndex> index;  // of the cache ring, from its first lookup on (cache.cc)
  int64_t exactBytes = -1;            // the length that payloads must have; -1: any up to payloadBytes
  std::vector<Sender> senders;        // of an inbox object, by box, from its first use on (inbox_calls.cc)
  std::vector<Consumer> consumers;    // the same; word 0: this process does not own the box
  std::vector<AwaitedCall> awaited;   // of this process, by the place of the reply slot in its box (call_calls.cc)
  uint32_t awaitedEnd = 0;            // one past the last that may be open
  std::vector<RunningCall> running;   // calls that this process was given and has not answered (call_calls.cc)
};

// A rate limiter that JavaScript knows by a number, which is used once.
struct LimiterHandle {
  OpenLimits* opened = nullptr;  // owned by its fleet
  uint32_t fleet = 0;            // the handle of that fleet
  Limiter limiter;
};

// A store that JavaScript knows by a number.
struct StoreHandle {
  OpenStore* opened = nullptr;  // owned by its fleet; null: closed, and the number is free
  uint32_t fleet = 0;           // the handle of that fleet
};

struct Addon {
  std::vector<std::unique_ptr<Fleet>> fleets;            // by handle; null: closed, and the number is free
  std::vector<RingHandle> rings;                         // by handle
  std::vector<std::unique_ptr<LimiterHandle>> limiters;  // by handle; null: closed
  std::vector<StoreHandle> stores;                       // by handle
  uint8_t* scratch = nullptr;
  size_t scratchBytes = 0;  // without the draft
  napi_ref scratchReference = nullptr;
  uint8_t* slab = nullptr;  // JavaScript keeps the buffer until it sets the next one
  size_t slabBytes = 0;

  // Null for a closed handle, and in a forked child, where every handle is the parent's.
  OpenRing* ring(uint32_t handle) const {
    return handle < rings.size() && !is_forked() ? rings[handle].opened : nullptr;
  }
  OpenStore* store(uint32_t handle) const {
    return handle < stores.size() && !is_forked() ? stores[handle].opened : nullptr;
  }
  Results* results() { return reinterpret_cast<Results*>(scratch); }
};

// Each adds the calls of one file to the exports. False: an exception is pending, or the environment is being
// terminated and takes no functions any more.
bool export_abi(napi_env env, napi_value exports, Addon* addon);
bool export_fleet_calls(napi_env env, napi_value exports, Addon* addon);
bool export_ring_calls(napi_env env, napi_value exports, Addon* addon);
bool export_frame_calls(napi_env env, napi_value exports, Addon* addon);
bool export_bell_calls(napi_env env, napi_value exports, Addon* addon);
bool export_watch_calls(napi_env env, napi_value exports, Addon* addon);
bool export_cache_calls(napi_env env, napi_value exports, Addon* addon);
bool export_clock_calls(napi_env env, napi_value exports, Addon* addon);
bool export_entry_calls(napi_env env, napi_value exports, Addon* addon);
bool export_contest_calls(napi_env env, napi_value exports, Addon* addon);
bool export_limit_calls(napi_env env, napi_value exports, Addon* addon);
bool export_limits_calls(napi_env env, napi_value exports, Addon* addon);
bool export_counter_calls(napi_env env, napi_value exports, Addon* addon);
bool export_inbox_calls(napi_env env, napi_value exports, Addon* addon);
bool export_blob_calls(napi_env env, napi_value exports, Addon* addon);
bool export_call_calls(napi_env env, napi_value exports, Addon* addon);
bool export_store_calls(napi_env env, napi_value exports, Addon* addon);
bool export_store_setup(napi_env env, napi_value exports, Addon* addon);
bool export_file_lock_calls(napi_env env, napi_value exports, Addon* addon);
bool export_inspect_calls(napi_env env, napi_value exports, Addon* addon);

}  // namespace orbit
