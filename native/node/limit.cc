// The calls of rate limiters: limiter.h for JavaScript. All are hot calls; limits_calls.cc opens a limiter.
//
// A key crosses as a string: writing it into the scratch first costs more. limiterTake and limiterPeek, the hot ones,
// take the limiter (Arguments.ring) and the cost (Arguments.number) from the scratch. What a decision found is at
// kFirstRecord.
#include "node/call.h"
#include "posix/clock.h"
#include "protocol/limiter.h"

namespace orbit {

namespace {

// Whether a text has other characters than those of ASCII.
inline bool is_beyond_ascii(const char* text, size_t length) {
  uint64_t bits = 0, word;
  size_t at = 0;
  for (; at + 8 <= length; at += 8) {
    memcpy(&word, text + at, 8);
    bits |= word;
  }
  for (; at < length; at++) bits |= static_cast<uint8_t>(text[at]);
  return (bits & 0x8080808080808080) != 0;
}

// Whether a string has a surrogate without its other half. In UTF-8 it would be the same as other strings.
__attribute__((noinline, cold)) bool is_malformed(napi_env env, napi_value text) {
  char16_t units[kMaxLimitKeyBytes + 1];
  size_t length = 0;
  napi_get_value_string_utf16(env, text, units, kMaxLimitKeyBytes + 1, &length);
  for (size_t i = 0; i < length; i++) {
    bool isHigh = units[i] >= 0xd800 && units[i] < 0xdc00, isLow = units[i] >= 0xdc00 && units[i] < 0xe000;
    bool isPair = isHigh && i + 1 < length && units[i + 1] >= 0xdc00 && units[i + 1] < 0xe000;
    if (isLow || (isHigh && !isPair)) return true;
    i += isPair;
  }
  return false;
}

struct LimitCall {
  LimitCall(napi_env environment, napi_callback_info info) : env(environment) {
    void* data;
    napi_get_cb_info(env, info, &count, arguments, nullptr, &data);
    addon = static_cast<Addon*>(data);
    uint32_t handle = 0;
    napi_get_value_uint32(env, arguments[0], &handle);
    open(handle);
  }
  LimitCall(napi_env environment, napi_callback_info info, FromScratch from)
      : env(environment), count(from.arity), keyIndex(0) {
    void* data;
    napi_get_cb_info(env, info, &count, arguments, nullptr, &data);
    addon = static_cast<Addon*>(data);
    const Arguments* given = reinterpret_cast<const Arguments*>(addon->scratch);
    cost = static_cast<uint64_t>(given->number);
    open(given->ring);
  }
  void open(uint32_t handle) {
    bool isOpen = handle < addon->limiters.size() && addon->limiters[handle] != nullptr && !is_forked();
    if (isOpen) limiter = addon->limiters[handle].get();
  }

  // Why the call cannot be made, or 0. Reads the key, too: at most kMaxLimitKeyBytes bytes in UTF-8.
  int32_t refusal(bool isWrite) {
    if (limiter == nullptr) return kStatusClosed;
    if (isWrite && !limiter->opened->writable) return kStatusReadOnly;
    bool isRetired = load_relaxed(&limits().header->object.retired) != 0;
    if (isRetired && limiter->opened->writable) return static_cast<int32_t>(RingStatus::kRetired);
    char key[kMaxLimitKeyBytes + 8];
    size_t length = 0;
    napi_get_value_string_utf8(env, arguments[keyIndex], key, sizeof key, &length);
    if (length == 0 || length > kMaxLimitKeyBytes) return static_cast<int32_t>(RingStatus::kTooLarge);
    // A surrogate without its other half becomes U+FFFD.
    bool isDoubtful = is_beyond_ascii(key, length) && memmem(key, length, "\xef\xbf\xbd", 3) != nullptr;
    if (isDoubtful && is_malformed(env, arguments[keyIndex])) return kStatusMalformed;
    place = place_of(limits(), limiter->limiter.seed, key, static_cast<uint32_t>(length));
    nowNs = monotonic_ns() + advancedMs * kNsPerMs;
    return 0;
  }
  Limits& limits() const { return limiter->opened->limits; }
  uint64_t nowMs() const { return nowNs / kNsPerMs; }

  uint64_t u64(size_t index) const {
    int64_t value = 0;
    napi_get_value_int64(env, arguments[index], &value);
    return static_cast<uint64_t>(value);
  }
  napi_value number(double value) const {
    napi_value result;
    napi_create_double(env, value, &result);
    return result;
  }

  // Leaves the decision in the scratch, and returns the status.
  napi_value leave(LimitStatus status, const Decision& decision) const {
    leave(decision);
    return number(status == LimitStatus::kFull ? kStatusFull : static_cast<double>(status));
  }
  void leave(const Decision& decision) const {
    auto ms = [](uint64_t ns) { return static_cast<double>((ns + kNsPerMs - 1) / kNsPerMs); };
    LimitRecord* record = reinterpret_cast<LimitRecord*>(addon->scratch + kFirstRecord);
    record->count = static_cast<double>(decision.count);
    record->remaining = static_cast<double>(decision.remaining);
    record->resetMs = ms(decision.resetNs);
    record->retryAfterMs = ms(decision.retryNs);
  }

  // Makes a change that is not refused, and leaves what the key has then.
  template <typename Change>
  napi_value change(Change change) {
    if (int32_t status = refusal(true)) return number(status);
    Decision decision;
    LimitStatus status = change_entry(&limits(), place, nowMs(), [&](EntryValue* value) {
      bool isChanged = change(value);
      describe(limiter->limiter, *value, nowNs, &decision);
      return isChanged;
    });
    return leave(status, decision);
  }

  napi_env env;
  size_t count = kMaxArguments;
  size_t keyIndex = 1;  // of the arguments
  uint64_t cost = 1;
  napi_value arguments[kMaxArguments];
  Addon* addon;
  LimiterHandle* limiter = nullptr;  // null: closed
  EntryPlace place;
  uint64_t nowNs = 0;
};

// limiterTake(key) -> undefined: allowed; 0: refused; or a status
napi_value take_call(napi_env env, napi_callback_info info) {
  LimitCall call(env, info, FromScratch{1});
  if (int32_t status = call.refusal(true)) return call.number(status);
  Decision decision;
  LimitStatus status = change_entry(&call.limits(), call.place, call.nowMs(), [&](EntryValue* value) {
    return take_from(call.limiter->limiter, value, call.cost, call.nowNs, &decision);
  });
  if (status != LimitStatus::kAllowed) return call.leave(status, decision);
  call.leave(decision);
  return nullptr;
}

// limiterPeek(key) -> 1: limiterTake would allow it; 0: it would not; or a status
napi_value peek_call(napi_env env, napi_callback_info info) {
  LimitCall call(env, info, FromScratch{1});
  if (int32_t status = call.refusal(false)) return call.number(status);
  EntryValue value = read_entry(call.limits(), call.place, call.nowMs()), taken = value;
  Decision decision, after;
  describe(call.limiter->limiter, value, call.nowNs, &decision);
  bool isAllowed = take_from(call.limiter->limiter, &taken, call.cost, call.nowNs, &after);
  decision.retryNs = after.retryNs;
  return call.leave(isAllowed ? LimitStatus::kAllowed : LimitStatus::kRefused, decision);
}

// limiterHit(limiter, key, cost, over) -> 1: counted; or a status
napi_value hit_call(napi_env env, napi_callback_info info) {
  LimitCall call(env, info);
  uint64_t cost = call.u64(2);
  Over over = static_cast<Over>(call.u64(3));
  return call.change([&](EntryValue* value) {
    Decision decision;
    hit_fixed(call.limiter->limiter, value, cost, over, call.nowMs(), &decision);
    return true;
  });
}

// limiterAdjust(limiter, key, amount, windowMs) -> 1: counted, or given back; 0: there was nothing to give back; or a
// status
ORBIT_COLD napi_value adjust_call(napi_env env, napi_callback_info info) {
  LimitCall call(env, info);
  int64_t amount = static_cast<int64_t>(call.u64(2));
  uint64_t windowMs = call.u64(3);
  return call.change(
      [&](EntryValue* value) { return adjust(call.limiter->limiter, value, amount, windowMs, call.nowNs); });
}

// limiterBlock(limiter, key, ms) -> 1; or a status
ORBIT_COLD napi_value block_call(napi_env env, napi_callback_info info) {
  LimitCall call(env, info);
  uint64_t ms = call.u64(2);
  return call.change([&](EntryValue* value) {
    block_key(call.limiter->limiter, value, ms, call.nowNs);
    return true;
  });
}

// limiterSet(limiter, key, count, ms) -> 1; or a status
ORBIT_COLD napi_value set_call(napi_env env, napi_callback_info info) {
  LimitCall call(env, info);
  uint64_t amount = call.u64(2), ms = call.u64(3);
  return call.change([&](EntryValue* value) {
    set_count(call.limiter->limiter, value, amount, ms, call.nowNs);
    return true;
  });
}

// limiterReset(limiter, key) -> 1: removed; 0: nothing was known of it; or a status
ORBIT_COLD napi_value reset_call(napi_env env, napi_callback_info info) {
  LimitCall call(env, info);
  if (int32_t status = call.refusal(true)) return call.number(status);
  return call.number(remove_entry(call.limits(), call.place, call.nowMs()));
}

}  // namespace

bool export_limit_calls(napi_env env, napi_value exports, Addon* addon) {
  return export_hot_calls(env, exports, addon,
                          {{"limiterTake", take_call},
                           {"limiterPeek", peek_call},
                           {"limiterHit", hit_call},
                           {"limiterAdjust", adjust_call},
                           {"limiterBlock", block_call},
                           {"limiterSet", set_call},
                           {"limiterReset", reset_call}});
}

}  // namespace orbit
