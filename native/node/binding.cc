// The module: one Addon for each Node environment, which is closed with the environment.
#include <mutex>
#include <set>

#include "node/call.h"

namespace {

// An environment runs its cleanup hook at the normal end of a process and at every end of a worker thread.
// process.exit() in the main thread runs no hook. It does run static destructors, after all JavaScript.
class Addons {
 public:
  ~Addons() {
    while (!open_.empty() && !orbit::is_forked()) close(*open_.begin());
  }
  orbit::Addon* open() {
    std::lock_guard<std::mutex> guard(mutex_);
    return *open_.insert(new orbit::Addon).first;
  }
  void close(orbit::Addon* addon) {
    if (orbit::is_forked()) return;  // it would leave for the parent
    {
      std::lock_guard<std::mutex> guard(mutex_);
      if (open_.erase(addon) == 0) return;
    }
    delete addon;
  }

 private:
  std::mutex mutex_;
  std::set<orbit::Addon*> open_;
};

Addons& addons() {
  static Addons instance;
  return instance;
}

}  // namespace

bool orbit::export_hot_calls(napi_env env, napi_value exports, Addon* addon, std::initializer_list<HotCall> calls) {
  for (const HotCall& each : calls) {
    napi_property_descriptor property = {each.name, nullptr, each.call,       nullptr,
                                         nullptr,   nullptr, napi_enumerable, addon};
    if (napi_define_properties(env, exports, 1, &property) != napi_ok) return false;
  }
  return true;
}

NAPI_MODULE_INIT() {
  orbit::Addon* addon = addons().open();
  napi_add_env_cleanup_hook(
      env, [](void* data) { addons().close(static_cast<orbit::Addon*>(data)); }, addon);
  for (auto export_calls : {orbit::export_abi,           orbit::export_fleet_calls,    orbit::export_ring_calls,
                            orbit::export_frame_calls,   orbit::export_bell_calls,     orbit::export_watch_calls,
                            orbit::export_cache_calls,   orbit::export_clock_calls,    orbit::export_contest_calls,
                            orbit::export_entry_calls,   orbit::export_limit_calls,    orbit::export_limits_calls,
                            orbit::export_counter_calls, orbit::export_inbox_calls,    orbit::export_call_calls,
                            orbit::export_blob_calls,    orbit::export_store_calls,    orbit::export_store_setup,
                            orbit::export_inspect_calls, orbit::export_file_lock_calls}) {
    if (!export_calls(env, exports, addon)) return nullptr;
  }
  return exports;
}
