// What one Node environment (the main thread or one worker thread) has open, and the bytes through which results pass.
//
// JavaScript owns the scratch buffer; hot calls leave their results and frames there instead of building objects:
//   0    Results
//   64   Record, payload, padding to 8; the next Record ...
#pragma once

#include <node_api.h>

#include <memory>
#include <vector>

#include "fleet/fleet.h"
#include "posix/forked.h"

namespace orbit {

struct Results {
  double from, to, lost, malformed;  // of a poll
  double bytes;                               // that a poll's records take
  double status;                              // what ended a batch early
  double position;                            // of a publish
  double head;                                // that a poll went up to, or that a lookup is an answer of
};
static_assert(sizeof(Results) == 64, "records begin on a line");

struct Record {
  double position, version;
  uint32_t node, length, frameKind, reserved;
};
static_assert(sizeof(Record) == 32, "payloads stay 8-aligned");

constexpr size_t kFirstRecord = sizeof(Results);

// What becomes of a claim, in place of the first Record.
struct ClaimRecord {
  double token, claimedAtMs, expiresInMs, incarnation, stamp;
  uint32_t node, pid, ownerBytes, reserved;
  uint8_t owner[kMaxOwnerBytes];
};

// Statuses of hot calls beside RingStatus.
constexpr int32_t kStatusClosed = -20;
constexpr int32_t kStatusReadOnly = -21;
constexpr int32_t kStatusFull = -22;

struct Addon {
  std::vector<std::unique_ptr<Fleet>> fleets;  // by handle; null: closed, free to be given out again
  std::vector<OpenRing*> rings;                // by handle, owned by their fleet
  std::vector<uint32_t> ringFleets;            // which fleet a ring handle belongs to
  uint8_t* scratch = nullptr;
  size_t scratchBytes = 0;
  napi_ref scratchReference = nullptr;

  // Null also in a forked child, whose handles are its parent's.
  OpenRing* ring(uint32_t handle) const { return handle < rings.size() && !is_forked() ? rings[handle] : nullptr; }
  Results* results() { return reinterpret_cast<Results*>(scratch); }
};

napi_status export_hot_functions(napi_env env, napi_value exports, Addon* addon);
napi_status export_cache_functions(napi_env env, napi_value exports, Addon* addon);
napi_status export_contest_functions(napi_env env, napi_value exports, Addon* addon);
bool export_inspect_functions(napi_env env, napi_value exports, Addon* addon);
// False when the environment is being terminated, and takes no functions any more.
bool export_setup_functions(napi_env env, napi_value exports, Addon* addon);

}  // namespace orbit
