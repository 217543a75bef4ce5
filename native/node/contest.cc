// The calls of contests: table.h for JavaScript. All are hot calls but `claims`.
//
// JavaScript writes subject and owner into the scratch at kTextAt, back to back. A claim is returned at kFirstRecord.
#include "node/call.h"
#include "node/failing.h"
#include "posix/clock.h"
#include "protocol/table.h"

namespace orbit {

namespace {

constexpr size_t kTextAt = kFirstRecord + sizeof(ClaimRecord);
constexpr int32_t kNothing = 0, kMine = 1, kTheirs = 2;

struct TableCall : Call {
  TableCall(napi_env environment, napi_callback_info info) : Call(environment, info) {
    uint32_t lengths = u32(1);  // subjectKind, subjectBytes << 8, ownerBytes << 16; TypeScript has checked the limits
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
    record->token = static_cast<double>(claim.token);
    record->claimedAtMs = static_cast<double>(claim.claimedAtMs);
    record->expiresInMs = static_cast<double>(claim.expiresAtMs) - static_cast<double>(nowMs);
    record->incarnation = static_cast<double>(claim.incarnation);
    record->stamp = static_cast<double>(stamp);
    record->node = claim.node;
    record->pid = opened->fleet->pid(claim.node);
    record->ownerBytes = claim.ownerBytes;
    memcpy(record->owner, claim.owner, claim.ownerBytes);
  }

  Subject subject;
  const uint8_t* owner;
  uint32_t ownerBytes;
};

// contestClaim(table, lengths, ttlMs) -> 1: claimed; 2: another member holds it; the record has the claim; or a status
napi_value claim_call(napi_env env, napi_callback_info info) {
  TableCall call(env, info);
  if (int32_t status = refusal(call)) return call.status(status);
  Request request{call.subject,   call.owner,      call.ownerBytes, call.opened->fleet->incarnation(),
                  monotonic_ms(), about_unix_ms(), call.u64(2)};
  Claim claim;
  uint64_t stamp = 0;
  TableStatus status = claim_subject(&call.opened->writer, request, call.is_alive(), &claim, &stamp);
  if (status != TableStatus::kDone && status != TableStatus::kYield) return call.table_status(status);
  call.leave(claim, stamp, request.nowMs);
  return call.number(status == TableStatus::kDone ? kMine : kTheirs);
}

// contestRenew(table, lengths, token, ttlMs) -> 1: renewed; 0: the claim has ended; or a status
napi_value renew_call(napi_env env, napi_callback_info info) {
  TableCall call(env, info);
  if (int32_t status = refusal(call)) return call.status(status);
  uint64_t nowMs = monotonic_ms();
  TableStatus status = renew_claim(&call.opened->writer, call.subject, call.u64(2), nowMs + call.u64(3), nowMs);
  if (status == TableStatus::kDone || status == TableStatus::kNone) return call.number(status == TableStatus::kDone);
  return call.table_status(status);
}

// contestRelease(table, lengths, token) -> 1: released; 0: the claim had ended; or a status
napi_value release_call(napi_env env, napi_callback_info info) {
  TableCall call(env, info);
  if (int32_t status = refusal(call)) return call.status(status);
  TableStatus status = release_claim(&call.opened->writer, call.subject, call.u64(2), monotonic_ms());
  if (status == TableStatus::kDone) wake(call.opened);
  if (status == TableStatus::kDone || status == TableStatus::kNone) return call.number(status == TableStatus::kDone);
  return call.table_status(status);
}

// contestHolder(table, lengths) -> 1: held, and the record has the claim; 0: free; or a status
napi_value holder_call(napi_env env, napi_callback_info info) {
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

// claims(table) -> [{ token, claimedAtMs, expiresInMs, node, pid, subjectKind, subject, owner }]: claims that have not
// ended
Napi::Value claims_call(const Napi::CallbackInfo& info) {
  return translated(info, [&]() -> Napi::Value {
    OpenRing* opened = &ring_of(info);
    if (is_retired(opened->writer.ring)) {
      throw Failure("ERR_ORBIT_RETIRED", "the contest: was removed; join again");
    }
    Napi::Array result = Napi::Array::New(info.Env());
    uint32_t count = 0;
    uint64_t nowMs = monotonic_ms();
    auto is_alive = [&](uint32_t node, uint64_t incarnation) { return opened->fleet->is_alive(node, incarnation); };
    auto text = [](const uint8_t* bytes, uint32_t length) {
      return std::string(reinterpret_cast<const char*>(bytes), length);
    };
    for_each_claim(opened->writer.ring, nowMs, is_alive, [&](const Claim& claim) {
      Napi::Object record = Napi::Object::New(info.Env());
      record.Set("token", static_cast<double>(claim.token));
      record.Set("claimedAtMs", static_cast<double>(claim.claimedAtMs));
      record.Set("expiresInMs", static_cast<double>(claim.expiresAtMs - nowMs));
      record.Set("node", claim.node);
      record.Set("pid", opened->fleet->pid(claim.node));
      record.Set("subjectKind", claim.subjectKind);
      record.Set("subject", text(claim.subject, claim.subjectBytes));
      record.Set("owner", text(claim.owner, claim.ownerBytes));
      result.Set(count++, record);
    });
    return result;
  });
}

}  // namespace

bool export_contest_calls(napi_env env, napi_value exports, Addon* addon) {
  return export_hot_calls(env, exports, addon,
                          {{"contestClaim", claim_call},
                           {"contestRenew", renew_call},
                           {"contestRelease", release_call},
                           {"contestHolder", holder_call},
                           {"contestHasNews", has_news_call}}) &&
         export_failing_calls(env, exports, addon, {{"claims", claims_call}});
}

}  // namespace orbit
