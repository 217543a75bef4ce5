// What the calls that open, close and inspect have in common: node-addon-api, and a Failure that becomes an Error.
#pragma once

#include <napi.h>

#include "node/addon.h"
#include "posix/failure.h"

namespace orbit {

inline Addon& addon_of(const Napi::CallbackInfo& info) { return *static_cast<Addon*>(info.Data()); }

// Runs `body`; a Failure becomes an Error with code, errno and syscall, from which errors.ts makes its own.
template <typename Body>
Napi::Value guarded(const Napi::CallbackInfo& info, Body body) {
  try {
    return body();
  } catch (const Failure& failure) {
    Napi::Error error = Napi::Error::New(info.Env(), failure.what());
    error.Set("code", failure.code);
    if (failure.errnoValue != 0) {
      error.Set("errno", Napi::Number::New(info.Env(), failure.errnoValue));
      error.Set("syscall", failure.syscall);
    }
    throw error;
  } catch (const std::bad_alloc&) {
    Napi::Error error = Napi::Error::New(info.Env(), "out of memory");
    error.Set("code", "ERR_ORBIT_NO_SPACE");
    throw error;
  } catch (const Napi::Error&) {
    throw;
  } catch (const std::exception& exception) {
    Napi::Error error = Napi::Error::New(info.Env(), exception.what());
    error.Set("code", "ERR_ORBIT_SYSTEM");
    throw error;
  }
}

inline Fleet& fleet_of(const Napi::CallbackInfo& info) {
  uint32_t handle = info[0].As<Napi::Number>().Uint32Value();
  Addon& addon = addon_of(info);
  if (handle >= addon.fleets.size() || addon.fleets[handle] == nullptr || is_forked()) {
    throw Failure("ERR_ORBIT_CLOSED", "the fleet handle was closed");
  }
  return *addon.fleets[handle];
}

inline OpenRing& ring_of(const Napi::CallbackInfo& info) {
  OpenRing* open = addon_of(info).ring(info[0].As<Napi::Number>());
  if (open == nullptr) throw Failure("ERR_ORBIT_CLOSED", "the fleet handle was closed");
  return *open;
}

constexpr uint64_t kMaxExact = kMaxPosition + 1;  // the last integer that a JS number holds exactly

// A shared word as the number it should be, whatever it is.
inline double exact(uint64_t word) { return static_cast<double>(word < kMaxExact ? word : kMaxExact); }

}  // namespace orbit
