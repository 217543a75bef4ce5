// The calls of a sleeper for the rings that it waits for: fallAsleep, arm and disarm. All are hot calls; fleet_calls.cc
// opens its bell.
#include "node/call.h"

namespace orbit {

namespace {

// arm(ring) -> 0: from now on publishers signal the bell of this node; or a status
napi_value arm_call(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (int32_t status = refusal(call)) return call.status(status);
  arm(call.ring(), call.opened->writer.node);
  return call.number(0);
}

// fallAsleep(ring, position) -> 1: a poll from there would return frames or a loss; 0: it would not, and from now on
// publishers signal the bell of this node; or a status
napi_value fall_asleep_call(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (int32_t status = refusal(call)) return call.status(status);
  if (int32_t status = unreadable(call)) return call.status(status);
  return call.number(fall_asleep(call.ring(), call.opened->writer.node, call.u64(1)) ? 1 : 0);
}

// disarm(ring) -> 0 or a status
napi_value disarm_call(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (int32_t status = refusal(call)) return call.status(status);
  disarm(call.ring(), call.opened->writer.node);
  return call.number(0);
}

}  // namespace

bool export_bell_calls(napi_env env, napi_value exports, Addon* addon) {
  return export_hot_calls(env, exports, addon,
                          {{"fallAsleep", fall_asleep_call}, {"arm", arm_call}, {"disarm", disarm_call}});
}

}  // namespace orbit
