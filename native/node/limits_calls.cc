// The calls that open a rate limiter, and describe the table of limits: openLimiter, inspectLimits.
#include "node/failing.h"
#include "posix/clock.h"
#include "protocol/limiter.h"

namespace orbit {

namespace {

// Limiters of one name that mean different things by the words of an entry must not meet.
HashKey seed_of(const OpenLimits& opened, const std::string& name, const Limiter& limiter) {
  uint64_t meaning[] = {static_cast<uint64_t>(limiter.algorithm), limiter.windowMs, limiter.shift};
  std::string text = name + std::string(reinterpret_cast<const char*>(meaning), sizeof meaning);
  return limiter_seed(opened.limits.seed, text.data(), static_cast<uint32_t>(text.size()));
}

// The handle of a limiter that this environment has opened before with the same numbers, or -1.
int64_t known_limiter(const Addon& addon, const OpenLimits* opened, uint32_t fleet, const Limiter& limiter) {
  for (size_t handle = 0; handle < addon.limiters.size(); handle++) {
    const LimiterHandle* known = addon.limiters[handle].get();
    if (known == nullptr || known->opened != opened || known->fleet != fleet) continue;
    const Limiter& other = known->limiter;
    bool isSame = other.seed.first == limiter.seed.first && other.seed.second == limiter.seed.second &&
                  other.limit == limiter.limit && other.burst == limiter.burst;
    if (isSame) return static_cast<int64_t>(handle);
  }
  return -1;
}

// openLimiter(fleet, { kind, entries, isAsked, name, algorithm, limit, windowMs, burst }) -> { handle, entries };
// undefined for an observer when there is no table
Napi::Value open_limiter_call(const Napi::CallbackInfo& info) {
  return translated(info, [&]() -> Napi::Value {
    Napi::Object options = info[1].As<Napi::Object>();
    auto number = [&](const char* name) {
      return static_cast<uint64_t>(options.Get(name).As<Napi::Number>().Int64Value());
    };
    OpenLimits* opened =
        fleet_of(info).open_limits(static_cast<uint32_t>(number("kind")), static_cast<uint32_t>(number("entries")),
                                   options.Get("isAsked").ToBoolean());
    if (opened == nullptr) return info.Env().Undefined();
    Limiter limiter = make_limiter(static_cast<Algorithm>(number("algorithm")), {}, number("limit"), number("windowMs"),
                                   number("burst"));
    limiter.seed = seed_of(*opened, options.Get("name").As<Napi::String>(), limiter);
    Addon& addon = addon_of(info);
    uint32_t fleet = info[0].As<Napi::Number>().Uint32Value();
    int64_t known = known_limiter(addon, opened, fleet, limiter);
    if (known < 0) {
      addon.limiters.push_back(std::make_unique<LimiterHandle>(LimiterHandle{opened, fleet, limiter}));
      known = static_cast<int64_t>(addon.limiters.size() - 1);
    }
    Napi::Object result = Napi::Object::New(info.Env());
    result.Set("handle", static_cast<double>(known));
    result.Set("entries", static_cast<double>(opened->limits.mask) + 1);
    return result;
  });
}

// inspectLimits(fleet, kind) -> { entries, present, tentative, full, objectBytes }; undefined: there is none
Napi::Value inspect_limits_call(const Napi::CallbackInfo& info) {
  return translated(info, [&]() -> Napi::Value {
    OpenLimits* opened = fleet_of(info).open_existing_limits(info[1].As<Napi::Number>());
    if (opened == nullptr) return info.Env().Undefined();
    LimitsUsage usage = count_entries(opened->limits, monotonic_ms());
    Napi::Object result = Napi::Object::New(info.Env());
    result.Set("entries", static_cast<double>(opened->limits.mask) + 1);
    result.Set("present", static_cast<double>(usage.present));
    result.Set("tentative", static_cast<double>(usage.tentative));
    result.Set("full", exact(load_relaxed(&opened->limits.header->full)));
    result.Set("objectBytes", static_cast<double>(opened->mapping->length));
    return result;
  });
}

}  // namespace

bool export_limits_calls(napi_env env, napi_value exports, Addon* addon) {
  return export_failing_calls(env, exports, addon,
                              {{"openLimiter", open_limiter_call}, {"inspectLimits", inspect_limits_call}});
}

}  // namespace orbit
