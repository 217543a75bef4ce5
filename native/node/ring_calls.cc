// The calls that open a ring or table, and describe one: openRing, openExistingRing, ringInfo, namedKind.
#include "node/failing.h"
#include "protocol/debug.h"

namespace orbit {

namespace {

// The handle of an opened ring in this environment: one for each length of payloads. Undefined for none.
Napi::Value handle_of(const Napi::CallbackInfo& info, OpenRing* opened, int64_t exactBytes = -1) {
  Addon& addon = addon_of(info);
  if (opened == nullptr) return info.Env().Undefined();
  ORBIT_CHECK(opened->fleet == &fleet_of(info));
  for (uint32_t handle = 0; handle < addon.rings.size(); handle++) {
    const RingHandle& known = addon.rings[handle];
    if (known.opened == opened && known.exactBytes == exactBytes) return Napi::Number::New(info.Env(), handle);
  }
  uint32_t handle = free_handle(addon.rings, [](const RingHandle& ring) { return ring.opened == nullptr; });
  addon.rings[handle] = {opened, info[0].As<Napi::Number>().Uint32Value(), nullptr, exactBytes, {}, {}, {}, {}, {}};
  return Napi::Number::New(info.Env(), handle);
}

// The lengths of a pod: { byteLength, prefixes: [schemaBytes, byteLength, ...] }.
PodShape pod_shape_of(const Napi::Object& pod) {
  PodShape shape;
  shape.bytes = pod.Get("byteLength").As<Napi::Number>();
  Napi::Array prefixes = pod.Get("prefixes").As<Napi::Array>();
  for (uint32_t i = 0; i + 1 < prefixes.Length(); i += 2) {
    shape.prefixes.push_back({prefixes.Get(i).As<Napi::Number>(), prefixes.Get(i + 1).As<Napi::Number>()});
  }
  return shape;
}

// openRing(fleet, { isTable, hasCells, kind, capacity, payloadBytes, fingerprint, name[, pod, wish, boxes, replies] })
// -> handle; undefined for an observer when there is none. `pod`, { schema, byteLength, prefixes }, has its text
// without the closing brace. `wish`, { hasCapacity, hasPayloadBytes }, takes another geometry
Napi::Value open_ring_call(const Napi::CallbackInfo& info) {
  return translated(info, [&] {
    Napi::Object options = info[1].As<Napi::Object>();
    RingSpec spec;
    spec.objectType = options.Get("isTable").ToBoolean() ? kTableObject : kRingObject;
    if (options.Get("hasCells").ToBoolean()) spec.objectType = kCountersObject;
    spec.typeKind = options.Get("kind").As<Napi::Number>();
    spec.capacity = options.Get("capacity").As<Napi::Number>();
    if (options.Get("boxes").IsNumber()) {
      spec.objectType = kInboxObject;
      spec.boxes = options.Get("boxes").As<Napi::Number>();
      spec.replies = options.Get("replies").As<Napi::Number>();
    }
    spec.payloadBytes = options.Get("payloadBytes").As<Napi::Number>();
    bool lossless;
    spec.fingerprint = options.Get("fingerprint").As<Napi::BigInt>().Uint64Value(&lossless);
    std::string name = options.Get("name").As<Napi::String>();
    memcpy(spec.typeName, name.data(), name.size() < kTypeNameBytes ? name.size() : kTypeNameBytes);
    bool hasPod = options.Get("pod").IsObject();
    PodShape pod;
    std::string schema;
    if (hasPod) {
      pod = pod_shape_of(options.Get("pod").As<Napi::Object>());
      schema = options.Get("pod").As<Napi::Object>().Get("schema").As<Napi::String>();
    }
    if (schema.size() <= kMaxSchemaBytes) {
      spec.schemaBytes = static_cast<uint32_t>(schema.size());
      spec.schema = schema.data();
    }
    Wish wish;
    if (options.Get("wish").IsObject()) {
      Napi::Object asked = options.Get("wish").As<Napi::Object>();
      wish = {true, asked.Get("hasCapacity").ToBoolean(), asked.Get("hasPayloadBytes").ToBoolean()};
    }
    OpenRing* opened = fleet_of(info).open_ring(spec, wish, pod);
    return handle_of(info, opened, hasPod ? int64_t{pod.bytes} : -1);
  });
}

// namedKind(fleet, name) -> the KIND of the name; -1 for an observer when it has none
Napi::Value named_kind_call(const Napi::CallbackInfo& info) {
  return translated(
      info, [&] { return Napi::Number::New(info.Env(), fleet_of(info).named_kind(info[1].As<Napi::String>())); });
}

// openExistingRing(fleet, kind) -> handle of a ring or table of any type; undefined for none
Napi::Value open_existing_ring_call(const Napi::CallbackInfo& info) {
  return translated(info,
                    [&] { return handle_of(info, fleet_of(info).open_existing_ring(info[1].As<Napi::Number>())); });
}

// ringInfo(ring) -> { kind, capacity, boxes, replies, payloadBytes, fingerprint, name, objectBytes, spares, burned,
// refused, missedWakes }
Napi::Value ring_info_call(const Napi::CallbackInfo& info) {
  return translated(info, [&]() -> Napi::Value {
    const OpenRing& opened = ring_of(info);
    const Ring& ring = opened.writer.ring;
    Napi::Object result = Napi::Object::New(info.Env());
    result.Set("kind", ring.spec.typeKind);
    result.Set("name", std::string(ring.spec.typeName, strnlen(ring.spec.typeName, kTypeNameBytes)));
    result.Set("capacity", ring.spec.capacity);
    result.Set("boxes", ring.spec.boxes);
    result.Set("replies", ring.spec.replies);
    result.Set("payloadBytes", ring.spec.payloadBytes);
    result.Set("fingerprint", Napi::BigInt::New(info.Env(), ring.spec.fingerprint));
    result.Set("objectBytes", static_cast<double>(opened.mapping->length));
    result.Set("spares", ring.spareCount);
    result.Set("burned", static_cast<double>(load_relaxed(&ring.header->burned)));
    result.Set("refused", static_cast<double>(load_relaxed(&ring.header->refused)));
    result.Set("missedWakes", static_cast<double>(load_relaxed(&ring.header->missedWakes)));
    return result;
  });
}

}  // namespace

bool export_ring_calls(napi_env env, napi_value exports, Addon* addon) {
  return export_failing_calls(env, exports, addon,
                              {{"openRing", open_ring_call},
                               {"openExistingRing", open_existing_ring_call},
                               {"ringInfo", ring_info_call},
                               {"namedKind", named_kind_call}});
}

}  // namespace orbit
