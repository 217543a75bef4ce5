// The call of orbit-node/testing that advances the clock of expiry and heartbeats. A hot call.
#include "node/call.h"
#include "posix/clock.h"

namespace orbit {

namespace {

// advanceClock(ms) -> how far the clock of this thread is advanced now, in milliseconds
napi_value advance_clock_call(napi_env env, napi_callback_info info) {
  Call call(env, info);
  advancedMs += call.u64(0);
  return call.number(static_cast<double>(advancedMs));
}

}  // namespace

bool export_clock_calls(napi_env env, napi_value exports, Addon* addon) {
  return export_hot_calls(env, exports, addon, {{"advanceClock", advance_clock_call}});
}

}  // namespace orbit
