// One hot call: its arguments decoded with plain node_api.h, and what may refuse it before the ring is asked.
#pragma once

#include "node/addon.h"

namespace orbit {

constexpr size_t kMaxArguments = 6;

struct Call {
  Call(napi_env environment, napi_callback_info info) : env(environment) {
    void* data;
    napi_get_cb_info(env, info, &count, arguments, nullptr, &data);
    addon = static_cast<Addon*>(data);
    open = addon->ring(u32(0));
  }
  uint32_t u32(size_t index) const {
    uint32_t value = 0;
    napi_get_value_uint32(env, arguments[index], &value);
    return value;
  }
  uint64_t u64(size_t index) const {
    int64_t value = 0;
    napi_get_value_int64(env, arguments[index], &value);
    return static_cast<uint64_t>(value);
  }
  // Of a Uint8Array: TypeScript has seen to that.
  const uint8_t* bytes(size_t index, size_t* length) const {
    void* data = nullptr;
    napi_get_typedarray_info(env, arguments[index], nullptr, length, &data, nullptr, nullptr);
    return static_cast<const uint8_t*>(data);
  }
  napi_value number(double value) const {
    napi_value result;
    napi_create_double(env, value, &result);
    return result;
  }
  napi_value status(RingStatus value) const { return number(static_cast<double>(value)); }
  napi_value status(int32_t value) const { return number(value); }

  napi_env env;
  size_t count = kMaxArguments;
  napi_value arguments[kMaxArguments];
  Addon* addon;
  OpenRing* open;
};

// Why this handle cannot publish, or 0.
inline int32_t refusal(const Call& call) {
  if (call.open == nullptr) return kStatusClosed;
  return call.open->writable ? 0 : kStatusReadOnly;
}

// Why this handle cannot read, or 0. An observer may read what was removed; a member would wait for news in vain.
inline int32_t unreadable(const Call& call) {
  if (call.open == nullptr) return kStatusClosed;
  bool isRetired = call.open->writable && is_retired(call.open->writer.ring);
  return isRetired ? static_cast<int32_t>(RingStatus::kRetired) : 0;
}

// A type with a layout takes payloads of its length only. TypeScript cannot see to that: what it looked at can change.
inline bool fits(const Call& call, size_t length) {
  return call.open->exactBytes < 0 || static_cast<int64_t>(length) == call.open->exactBytes;
}

// After the swap, never before (wake.h). With nobody asleep it costs one load.
inline void wake(OpenRing* open) {
  if (has_sleepers(open->writer.ring)) open->fleet->wake(open->writer.ring);
}

}  // namespace orbit
