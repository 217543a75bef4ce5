// The module: one Addon per Node environment, closed with it (at exit, and when a worker thread is terminated).
#include "addon.h"

NAPI_MODULE_INIT() {
  orbit::Addon* addon = new orbit::Addon;
  napi_add_env_cleanup_hook(
      env, [](void* data) { delete static_cast<orbit::Addon*>(data); }, addon);
  orbit::export_setup_functions(env, exports, addon);
  if (orbit::export_hot_functions(env, exports, addon) != napi_ok) return nullptr;
  return exports;
}
