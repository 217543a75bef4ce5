// What one Node environment (the main thread or a worker thread) has open, and the buffer through which results pass.
//
// JavaScript owns the scratch buffer. Hot calls write their results and frames into it instead of building objects:
//   0    Results
//   64   Record, payload, padding to 8; the next Record ...
#pragma once

#include <node_api.h>

#include <memory>
#include <vector>

#include "fleet/fleet.h"
#include "posix/forked.h"
#include "protocol/index.h"

namespace orbit {

struct Results {
  double from, to, lost, malformed;  // of a poll
  double bytes;                      // that the records of a poll take
  double status;                     // that ended a batch early
  double position;                   // of a published frame
  double head;                       // up to which a poll went, or at which a lookup was answered
};
static_assert(sizeof(Results) == 64, "records begin on a line");

struct Record {
  double position, version;
  uint32_t node, length, frameKind, reserved;
};
static_assert(sizeof(Record) == 32, "payloads stay 8-aligned");

constexpr size_t kFirstRecord = sizeof(Results);

// A claim, in place of the first Record.
struct ClaimRecord {
  double token, claimedAtMs, expiresInMs, incarnation, stamp;
  uint32_t node, pid, ownerBytes, reserved;
  uint8_t owner[kMaxOwnerBytes];
};
static_assert(sizeof(ClaimRecord) % 8 == 0, "the texts behind it are aligned");

// Statuses of hot calls beside RingStatus.
constexpr int32_t kStatusClosed = -20;
constexpr int32_t kStatusReadOnly = -21;
constexpr int32_t kStatusFull = -22;

// A ring or table that JavaScript knows by a number.
struct RingHandle {
  OpenRing* opened = nullptr;         // owned by its fleet; null: closed, and the number is free
  uint32_t fleet = 0;                 // the handle of that fleet
  std::unique_ptr<CacheIndex> index;  // of the cache ring, from its first lookup on (cache.cc)
  int64_t exactBytes = -1;            // the length that payloads must have; -1: any up to payloadBytes
};

struct Addon {
  std::vector<std::unique_ptr<Fleet>> fleets;  // by handle; null: closed, and the number is free
  std::vector<RingHandle> rings;               // by handle
  uint8_t* scratch = nullptr;
  size_t scratchBytes = 0;
  napi_ref scratchReference = nullptr;

  // Null for a closed handle, and in a forked child, where every handle is the parent's.
  OpenRing* ring(uint32_t handle) const {
    return handle < rings.size() && !is_forked() ? rings[handle].opened : nullptr;
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
bool export_cache_calls(napi_env env, napi_value exports, Addon* addon);
bool export_clock_calls(napi_env env, napi_value exports, Addon* addon);
bool export_contest_calls(napi_env env, napi_value exports, Addon* addon);
bool export_inspect_calls(napi_env env, napi_value exports, Addon* addon);

}  // namespace orbit
