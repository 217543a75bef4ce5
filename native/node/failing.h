// Calls that may throw, written with node-addon-api: a Failure becomes an Error, and handles are looked up. They open,
// close and inspect. TypeScript has validated their arguments.
#pragma once

#include <napi.h>

#include <initializer_list>

#include "node/addon.h"
#include "posix/failure.h"

namespace orbit {

inline Addon& addon_of(const Napi::CallbackInfo& info) { return *static_cast<Addon*>(info.Data()); }

// Runs `body` and turns a Failure into an Error with code, errno and syscall, from which errors.ts makes its own.
template <typename Body>
Napi::Value translated(const Napi::CallbackInfo& info, Body body) {
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
  OpenRing* opened = addon_of(info).ring(info[0].As<Napi::Number>());
  if (opened == nullptr) throw Failure("ERR_ORBIT_CLOSED", "the fleet handle was closed");
  return *opened;
}

constexpr uint64_t kMaxExact = kMaxPosition + 1;  // the last integer that a JS number holds exactly

// A shared word as a number. A damaged word may be anything; none becomes more than 2^53.
inline double exact(uint64_t word) { return static_cast<double>(word < kMaxExact ? word : kMaxExact); }

// The lowest free place of a list of handles, made when there is none.
template <typename Place, typename IsFree>
uint32_t free_handle(std::vector<Place>& places, IsFree is_free) {
  for (uint32_t handle = 0; handle < places.size(); handle++) {
    if (is_free(places[handle])) return handle;
  }
  places.emplace_back();
  return static_cast<uint32_t>(places.size() - 1);
}

struct FailingCall {
  const char* name;
  Napi::Value (*call)(const Napi::CallbackInfo&);
};

inline bool export_failing_calls(napi_env environment, napi_value value, Addon* addon,
                                 std::initializer_list<FailingCall> calls) try {
  Napi::Env env(environment);
  Napi::Object exports(env, value);
  for (const FailingCall& each : calls) {
    exports.Set(each.name, Napi::Function::New(env, each.call, each.name, addon));
  }
  return true;
} catch (const Napi::Error& error) {
  error.ThrowAsJavaScriptException();
  return false;
}

}  // namespace orbit
