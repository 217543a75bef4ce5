// A hot call: decodes its arguments with plain node_api.h, and refuses handles that are closed or read-only.
//
// TypeScript has validated the arguments; a value of the wrong type reads as 0. A negative result is a status.
#pragma once

#include <initializer_list>

#include "node/addon.h"

// A call that is rare beside the others of its file: compiled for size.
#define ORBIT_COLD __attribute__((cold))

namespace orbit {

constexpr size_t kMaxArguments = 6;

// Marks a call that takes its numbers from the scratch (addon.h), and at most `arity` values of JavaScript.
struct FromScratch {
  size_t arity = 0;
};

struct Call {
  Call(napi_env environment, napi_callback_info info) : env(environment) {
    void* data;
    napi_get_cb_info(env, info, &count, arguments, nullptr, &data);
    addon = static_cast<Addon*>(data);
    handle = u32(0);
    opened = addon->ring(handle);
  }
  Call(napi_env environment, napi_callback_info info, FromScratch from) : env(environment), count(from.arity) {
    void* data;
    napi_get_cb_info(env, info, &count, arguments, nullptr, &data);
    addon = static_cast<Addon*>(data);
    given = reinterpret_cast<const Arguments*>(addon->scratch);
    handle = given->ring;
    opened = addon->ring(handle);
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
  // Of a Uint8Array. Null for a value of another type.
  const uint8_t* bytes(size_t index, size_t* length) const {
    void* data = nullptr;
    napi_get_typedarray_info(env, arguments[index], nullptr, length, &data, nullptr, nullptr);
    return static_cast<const uint8_t*>(data);
  }
  const Ring& ring() const { return opened->writer.ring; }
  napi_value number(double value) const {
    napi_value result;
    napi_create_double(env, value, &result);
    return result;
  }
  napi_value status(RingStatus value) const { return number(static_cast<double>(value)); }
  napi_value status(int32_t value) const { return number(value); }

  // Where `bytes` bytes can be written: at the given place of the slab, or for kInScratch at `scratchOffset`. Null:
  // they do not fit there.
  uint8_t* room(uint64_t bytes, size_t scratchOffset) const {
    bool isScratch = given->place == kInScratch;
    uint8_t* base = isScratch ? addon->scratch : addon->slab;
    size_t size = isScratch ? addon->scratchBytes : addon->slabBytes;
    size_t offset = isScratch ? scratchOffset : given->place;
    return offset <= size && bytes <= size - offset ? base + offset : nullptr;
  }

  napi_env env;
  size_t count = kMaxArguments;
  napi_value arguments[kMaxArguments];
  Addon* addon;
  const Arguments* given = nullptr;  // in the scratch, until the call writes Results there
  uint32_t handle;
  OpenRing* opened;  // null: closed
};

// Why this handle cannot publish, or 0.
inline int32_t refusal(const Call& call) {
  if (call.opened == nullptr) return kStatusClosed;
  return call.opened->writable ? 0 : kStatusReadOnly;
}

// Why this handle cannot read, or 0. What was removed never changes again: its reader would wait in vain for news.
inline int32_t unreadable(const Call& call) {
  if (call.opened == nullptr) return kStatusClosed;
  return is_retired(call.ring()) ? static_cast<int32_t>(RingStatus::kRetired) : 0;
}

// A type with a pod takes payloads of exactly its length. Checked here because what TypeScript has seen can change
// before the call reads it.
inline bool fits(const Call& call, size_t length) {
  int64_t exactBytes = call.addon->rings[call.handle].exactBytes;
  return exactBytes < 0 || static_cast<int64_t>(length) == exactBytes;
}

// Wakes the sleepers of a ring: after the swap, never before (wake.h). One load when none sleeps.
inline void wake(OpenRing* opened) {
  if (has_sleepers(opened->writer.ring)) opened->fleet->wake(opened->writer.ring);
}

struct HotCall {
  const char* name;
  napi_callback call;
};

ORBIT_COLD bool export_hot_calls(napi_env env, napi_value exports, Addon* addon, std::initializer_list<HotCall> calls);

}  // namespace orbit
