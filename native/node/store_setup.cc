// The calls that open a store, and describe one: openStore, inspectStore.
#include "node/failing.h"
#include "protocol/storestats.h"

namespace orbit {

namespace {

// openStore(fleet, { kind, bytes, entryBytes, isAsked }) -> { handle, objectBytes, maxValueBytes, isOther }; undefined
// for an observer when there is no store
Napi::Value open_store_call(const Napi::CallbackInfo& info) {
  return translated(info, [&]() -> Napi::Value {
    Napi::Object options = info[1].As<Napi::Object>();
    StoreWish wish;
    wish.kind = options.Get("kind").As<Napi::Number>();
    wish.bytes = static_cast<uint64_t>(options.Get("bytes").As<Napi::Number>().Int64Value());
    wish.entryBytes = options.Get("entryBytes").As<Napi::Number>();
    wish.isAsked = options.Get("isAsked").ToBoolean();
    OpenStore* opened = fleet_of(info).open_store(wish);
    if (opened == nullptr) return info.Env().Undefined();
    Addon& addon = addon_of(info);
    uint32_t handle = 0;
    while (handle < addon.stores.size() && addon.stores[handle].opened != opened) handle++;
    if (handle == addon.stores.size()) {
      handle = free_handle(addon.stores, [](const StoreHandle& store) { return store.opened == nullptr; });
      addon.stores[handle] = {opened, info[0].As<Napi::Number>().Uint32Value()};
    }
    Napi::Object result = Napi::Object::New(info.Env());
    result.Set("handle", handle);
    result.Set("objectBytes", static_cast<double>(opened->mapping->length));
    result.Set("maxValueBytes", static_cast<double>(max_value_bytes(opened->store.spec)));
    result.Set("isOther", wish.isAsked && !fleet_of(info).has_wished(*opened, wish));
    return result;
  });
}

// inspectStore(fleet, kind) -> { name, objectBytes, ... }, the counters of all nodes and the use of its segments; name
// is empty unless the fleet has chosen the KIND for it; undefined: there is none
Napi::Value inspect_store_call(const Napi::CallbackInfo& info) {
  return translated(info, [&]() -> Napi::Value {
    OpenStore* opened = fleet_of(info).open_existing_store(info[1].As<Napi::Number>());
    if (opened == nullptr) return info.Env().Undefined();
    NodeStats stats = sum_stats(opened->store);
    StoreUse use = use_of(opened->store);
    Napi::Object result = Napi::Object::New(info.Env());
    auto set = [&](const char* name, uint64_t value) { result.Set(name, exact(value)); };
    result.Set("name", fleet_of(info).name_of_kind(opened->kind));
    set("objectBytes", opened->mapping->length);
    set("hits", stats.hits);
    set("misses", stats.misses);
    set("puts", stats.puts);
    set("putBytes", stats.putBytes);
    set("deletes", stats.deletes);
    set("evicted", stats.evicted);
    set("moved", stats.moved);
    set("movedBytes", stats.movedBytes);
    set("conflicts", stats.conflicts);
    set("refused", stats.refused);
    set("segments", use.segments);
    set("usedSegments", use.usedSegments);
    set("usedBytes", use.usedBytes);
    set("records", use.records);
    set("entries", use.live);
    set("burned", use.burned);
    return result;
  });
}

}  // namespace

bool export_store_setup(napi_env env, napi_value exports, Addon* addon) {
  return export_failing_calls(env, exports, addon,
                              {{"openStore", open_store_call}, {"inspectStore", inspect_store_call}});
}

}  // namespace orbit
