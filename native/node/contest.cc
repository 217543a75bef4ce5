// The hot calls of contests: table.h behind plain node_api.h.
//
// Subject and owner are handed over in the scratch at kTextAt, back to back; a claim comes out at kFirstRecord.
#include "node/call.h"
#include "posix/clock.h"
#include "protocol/table.h"

namespace orbit {

namespace {

static_assert(sizeof(ClaimRecord) % 8 == 0, "the texts behind it are aligned");
constexpr size_t kTextAt = kFirstRecord + sizeof(ClaimRecord);
constexpr int32_t kNothing = 0, kMine = 1, kTheirs = 2;

struct TableCall : Call {
  TableCall(napi_env environment, napi_callback_info info) : Call(environment, info) {
    uint32_t shape = u32(1);  // subjectKind, subjectBytes << 8, ownerBytes << 16: TypeScript knows the limits
    uint32_t subjectBytes = shape >> 8 & 0xff;
    const uint8_t* text = addon->scratch + kTextAt;
    subject = {text, subjectBytes, static_cast<uint8_t>(shape)};
    owner = text + subjectBytes;
    ownerBytes = shape >> 16 & 0xff;
  }
  auto is_alive() const {
    return [fleet = open->fleet](uint32_t node, uint64_t incarnation) { return fleet->is_alive(node, incarnation); };
  }
  // Anything but a claim that stands or does not.
  napi_value table_status(TableStatus status) const {
    if (status == TableStatus::kFull) return number(kStatusFull);
    return number(static_cast<double>(status));
  }
  void leave(const Claim& claim, uint64_t stamp, uint64_t nowMs) const {
    ClaimRecord* record = reinterpret_cast<ClaimRecord*>(addon->scratch + kFirstRecord);
    record->token = static_cast<double>(claim.token);
    record->claimedAtMs = static_cast<double>(claim.claimedAtMs);
    record->expiresInMs = static_cast<double>(claim.expiresAtMs) - static_cast<double>(nowMs);
    record->incarnation = static_cast<double>(claim.incarnation);
    record->stamp = static_cast<double>(stamp);
    record->node = claim.node;
    record->pid = open->fleet->pid(claim.node);
    record->ownerBytes = claim.ownerBytes;
    memcpy(record->owner, claim.owner, claim.ownerBytes);
  }

  Subject subject;
  const uint8_t* owner;
  uint32_t ownerBytes;
};

// contestClaim(table, shape, ttlMs) -> 1: it is mine; 2: it is somebody else's; the record tells; or a status
napi_value claim_call(napi_env env, napi_callback_info info) {
  TableCall call(env, info);
  if (int32_t status = refusal(call)) return call.status(status);
  Request request{call.subject,   call.owner,      call.ownerBytes, call.open->fleet->incarnation(),
                  monotonic_ms(), about_unix_ms(), call.u64(2)};
  Claim claim;
  uint64_t stamp = 0;
  TableStatus status = claim_subject(&call.open->writer, request, call.is_alive(), &claim, &stamp);
  if (status != TableStatus::kDone && status != TableStatus::kYield) return call.table_status(status);
  call.leave(claim, stamp, request.nowMs);
  return call.number(status == TableStatus::kDone ? kMine : kTheirs);
}

// contestRenew(table, shape, token, ttlMs) -> 1: renewed; 0: it stands no more; or a status
napi_value renew_call(napi_env env, napi_callback_info info) {
  TableCall call(env, info);
  if (int32_t status = refusal(call)) return call.status(status);
  uint64_t nowMs = monotonic_ms();
  TableStatus status = renew_claim(&call.open->writer, call.subject, call.u64(2), nowMs + call.u64(3), nowMs);
  if (status == TableStatus::kDone || status == TableStatus::kNone) return call.number(status == TableStatus::kDone);
  return call.table_status(status);
}

// contestRelease(table, shape, token) -> 1: released; 0: it stood no more; or a status
napi_value release_call(napi_env env, napi_callback_info info) {
  TableCall call(env, info);
  if (int32_t status = refusal(call)) return call.status(status);
  TableStatus status = release_claim(&call.open->writer, call.subject, call.u64(2), monotonic_ms());
  if (status == TableStatus::kDone) wake(call.open);
  if (status == TableStatus::kDone || status == TableStatus::kNone) return call.number(status == TableStatus::kDone);
  return call.table_status(status);
}

// contestHolder(table, shape) -> 1: the record tells who; 0: nobody; or a status
napi_value holder_call(napi_env env, napi_callback_info info) {
  TableCall call(env, info);
  if (int32_t status = unreadable(call)) return call.status(status);
  Claim claim;
  uint64_t stamp = 0, nowMs = monotonic_ms();
  TableStatus status = find_holder(call.open->writer.ring, call.subject, nowMs, call.is_alive(), &claim, &stamp);
  if (status == TableStatus::kNone) return call.number(kNothing);
  if (status != TableStatus::kDone) return call.table_status(status);
  call.leave(claim, stamp, nowMs);
  return call.number(kMine);
}

// contestHasNews(table, shape, stamp, token, node, incarnation) -> 1: the claim that stood there at `stamp` stands no more;
// 0: it does; or a status
napi_value has_news_call(napi_env env, napi_callback_info info) {
  TableCall call(env, info);
  if (int32_t status = unreadable(call)) return call.status(status);
  const Ring& ring = call.open->writer.ring;
  if (!has_changed(ring, bucket_of(ring, call.subject), call.u64(2))) {
    return call.number(!call.open->fleet->is_alive(call.u32(4), call.u64(5)));
  }
  // By a subject of the same bucket, perhaps, or a renewal: who woke of these would find the same holder again.
  Claim claim;
  uint64_t stamp = 0;
  TableStatus status = find_holder(ring, call.subject, monotonic_ms(), call.is_alive(), &claim, &stamp);
  if (status == TableStatus::kCorrupt) return call.table_status(status);
  return call.number(status != TableStatus::kDone || claim.token != call.u64(3));
}

}  // namespace

napi_status export_contest_functions(napi_env env, napi_value exports, Addon* addon) {
  const napi_property_descriptor functions[] = {
      {"contestClaim", nullptr, claim_call, nullptr, nullptr, nullptr, napi_enumerable, addon},
      {"contestRenew", nullptr, renew_call, nullptr, nullptr, nullptr, napi_enumerable, addon},
      {"contestRelease", nullptr, release_call, nullptr, nullptr, nullptr, napi_enumerable, addon},
      {"contestHolder", nullptr, holder_call, nullptr, nullptr, nullptr, napi_enumerable, addon},
      {"contestHasNews", nullptr, has_news_call, nullptr, nullptr, nullptr, napi_enumerable, addon},
  };
  return napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions);
}

}  // namespace orbit
