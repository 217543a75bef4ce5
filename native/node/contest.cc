// The calls of contests: table.h for JavaScript. All are hot calls.
//
// JavaScript writes subject and owner into the scratch at kTextAt, back to back. A claim is returned at kFirstRecord.
#include <limits>

#include "node/call.h"
#include "posix/clock.h"
#include "protocol/table.h"

namespace orbit {

namespace {

// A list looks into so many buckets at most: under a millisecond, even if all are full.
constexpr uint32_t kBucketsPerList = 4096;
constexpr int32_t kNothing = 0, kMine = 1, kTheirs = 2;

// Milliseconds until a claim expires; infinity: never.
double left_ms(const ClaimHeader& claim, uint64_t nowMs) {
  if (claim.expiresAtMs == kNeverMs) return std::numeric_limits<double>::infinity();
  return static_cast<double>(claim.expiresAtMs) - static_cast<double>(nowMs);
}

struct TableCall : Call {
  TableCall(napi_env environment, napi_callback_info info) : Call(environment, info) { find_texts(u32(1)); }
  TableCall(napi_env environment, napi_callback_info info, FromScratch from) : Call(environment, info, from) {
    find_texts(given->count);
  }
  // lengths: subjectKind, subjectBytes << 8, ownerBytes << 16; TypeScript has checked the limits.
  void find_texts(uint32_t lengths) {
    uint32_t subjectBytes = lengths >> 8 & 0xff;
    const uint8_t* text = addon->scratch + kTextAt;
    subject = {text, subjectBytes, static_cast<uint8_t>(lengths)};
    owner = text + subjectBytes;
    ownerBytes = lengths >> 16 & 0xff;
  }
  auto is_alive() const {
    return [fleet = opened->fleet](uint32_t node, uint64_t incarnation) { return fleet->is_alive(node, incarnation); };
  }
  // For a status that says neither that there is a claim nor that there is none.
  napi_value table_status(TableStatus status) const {
    if (status == TableStatus::kFull) return number(kStatusFull);
    return number(static_cast<double>(status));
  }
  void leave(const Claim& claim, uint64_t stamp, uint64_t nowMs) const {
    ClaimRecord* record = reinterpret_cast<ClaimRecord*>(addon->scratch + kFirstRecord);
    record->token = number_of(claim.token);
    record->claimedAtMs = number_of(claim.claimedAtMs);
    record->expiresInMs = left_ms(claim, nowMs);
    record->incarnation = number_of(claim.incarnation);
    record->stamp = number_of(stamp);
    record->node = claim.node;
    record->pid = opened->fleet->pid(claim.node);
    record->ownerBytes = claim.ownerBytes;
    memcpy(record->owner, claim.owner, claim.ownerBytes);
  }

  Subject subject;
  const uint8_t* owner;
  uint32_t ownerBytes;
};

// contestClaim() -> undefined: claimed; 2: another member holds it; the record has the claim; or a status.
// Given: ttlMs, table, lengths as the count
napi_value claim_call(napi_env env, napi_callback_info info) {
  TableCall call(env, info, FromScratch{});
  if (int32_t status = refusal(call)) return call.status(status);
  Request request{call.subject,   call.owner,      call.ownerBytes,   call.opened->fleet->incarnation(),
                  monotonic_ms(), about_unix_ms(), call.given->word()};
  Claim claim;
  uint64_t stamp = 0;
  TableStatus status = claim_subject(&call.opened->writer, request, call.is_alive(), &claim, &stamp);
  if (status != TableStatus::kDone && status != TableStatus::kYield) return call.table_status(status);
  call.leave(claim, stamp, request.nowMs);
  return status == TableStatus::kDone ? nullptr : call.number(kTheirs);
}

// contestRenew(table, lengths, token, ttlMs) -> 1: renewed; 0: the claim has ended; or a status
ORBIT_COLD napi_value renew_call(napi_env env, napi_callback_info info) {
  TableCall call(env, info);
  if (int32_t status = refusal(call)) return call.status(status);
  uint64_t nowMs = monotonic_ms();
  TableStatus status =
      renew_claim(&call.opened->writer, call.subject, call.u64(2), expiry_of(nowMs, call.u64(3)), nowMs);
  if (status == TableStatus::kDone || status == TableStatus::kNone) return call.number(status == TableStatus::kDone);
  return call.table_status(status);
}

// contestRelease() -> undefined: released; 0: the claim had ended; or a status. Given: token, table, lengths as the
// count
napi_value release_call(napi_env env, napi_callback_info info) {
  TableCall call(env, info, FromScratch{});
  if (int32_t status = refusal(call)) return call.status(status);
  TableStatus status = release_claim(&call.opened->writer, call.subject, call.given->word(), monotonic_ms());
  if (status == TableStatus::kDone) {
    wake(call.opened);
    return nullptr;
  }
  return status == TableStatus::kNone ? call.number(kNothing) : call.table_status(status);
}

// contestHolder(table, lengths) -> 1: held, and the record has the claim; 0: free; or a status
ORBIT_COLD napi_value holder_call(napi_env env, napi_callback_info info) {
  TableCall call(env, info);
  if (int32_t status = unreadable(call)) return call.status(status);
  Claim claim;
  uint64_t stamp = 0, nowMs = monotonic_ms();
  TableStatus status = find_holder(call.ring(), call.subject, nowMs, call.is_alive(), &claim, &stamp);
  if (status == TableStatus::kNone) return call.number(kNothing);
  if (status != TableStatus::kDone) return call.table_status(status);
  call.leave(claim, stamp, nowMs);
  return call.number(kMine);
}

// contestHasNews(table, lengths, stamp, token, node, incarnation) -> 1: the claim that was read at `stamp` has ended;
// 0: it has not; or a status
napi_value has_news_call(napi_env env, napi_callback_info info) {
  TableCall call(env, info);
  if (int32_t status = unreadable(call)) return call.status(status);
  const Ring& ring = call.ring();
  if (!has_changed(ring, bucket_of(ring, call.subject), call.u64(2))) {
    return call.number(!call.opened->fleet->is_alive(call.u32(4), call.u64(5)));
  }
  // The change may be a renewal, or of another subject in the same bucket. Then the holder is still the same.
  Claim claim;
  uint64_t stamp = 0;
  TableStatus status = find_holder(ring, call.subject, monotonic_ms(), call.is_alive(), &claim, &stamp);
  if (status == TableStatus::kCorrupt) return call.table_status(status);
  return call.number(status != TableStatus::kDone || claim.token != call.u64(3));
}

// contestClaims(table, bucket) -> the bucket to go on with, or the capacity at the end; or a status. The claims of the
// buckets before it are in the scratch from kFirstRecord on, Results.bytes long: ListedClaim, subject, owner, padding.
ORBIT_COLD napi_value claims_call(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (int32_t status = unreadable(call)) return call.status(status);
  const Ring& ring = call.ring();
  Fleet* fleet = call.opened->fleet;
  size_t end = call.addon->scratchBytes, at = kFirstRecord;
  auto is_alive = [&](uint32_t node, uint64_t incarnation) { return fleet->is_alive(node, incarnation); };
  uint64_t nowMs = monotonic_ms();
  uint32_t bucket = call.u32(1), last = bucket + kBucketsPerList < ring.mask ? bucket + kBucketsPerList : ring.mask;
  for (; bucket <= last && end - at >= kCardBytes; bucket++) {
    visit_bucket(ring, bucket, nowMs, is_alive, [&](const ClaimHeader& held, const uint8_t* bytes) {
      uint8_t* to = call.addon->scratch + at;
      ListedClaim listed{static_cast<double>(held.token),
                         static_cast<double>(held.claimedAtMs),
                         left_ms(held, nowMs),
                         held.node,
                         fleet->pid(held.node),
                         held.subjectKind,
                         held.subjectBytes,
                         held.ownerBytes,
                         {}};
      uint32_t size = claim_bytes(held.subjectBytes, held.ownerBytes);
      memcpy(to, &listed, sizeof listed);
      memcpy(to + sizeof listed, bytes + sizeof held, size - sizeof held);
      at += size;
    });
  }
  call.addon->results()->bytes = static_cast<double>(at - kFirstRecord);
  return call.number(bucket);
}

}  // namespace

bool export_contest_calls(napi_env env, napi_value exports, Addon* addon) {
  return export_hot_calls(env, exports, addon,
                          {{"contestClaim", claim_call},
                           {"contestRenew", renew_call},
                           {"contestRelease", release_call},
                           {"contestHolder", holder_call},
                           {"contestHasNews", has_news_call},
                           {"contestClaims", claims_call}});
}

}  // namespace orbit
