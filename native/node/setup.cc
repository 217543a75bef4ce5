// The calls that open and close: node-addon-api. TypeScript has validated the arguments.
#include "fleet/removal.h"
#include "node/failing.h"
#include "posix/clock.h"
#include "protocol/payload.h"
#include "protocol/table.h"

namespace orbit {

namespace {

template <typename Thing>
uint32_t free_handle(std::vector<Thing>& things) {
  for (uint32_t handle = 0; handle < things.size(); handle++) {
    if (things[handle] == nullptr) return handle;
  }
  things.emplace_back();
  return static_cast<uint32_t>(things.size() - 1);
}

Napi::Value describe(const Napi::CallbackInfo& info, std::unique_ptr<Fleet> fleet) {
  Addon& addon = addon_of(info);
  uint32_t handle = free_handle(addon.fleets);
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("handle", handle);
  result.Set("size", fleet->size());
  result.Set("node", fleet->node());
  result.Set("incarnation", static_cast<double>(fleet->incarnation()));
  addon.fleets[handle] = std::move(fleet);
  return result;
}

// join({ name, isShared, size, node, label, startedAtMs, removeWhenLast }) -> { handle, size, node, incarnation }
Napi::Value join_call(const Napi::CallbackInfo& info) {
  return guarded(info, [&] {
    Napi::Object options = info[0].As<Napi::Object>();
    JoinOptions join;
    join.name = options.Get("name").As<Napi::String>();
    join.isShared = options.Get("isShared").As<Napi::Boolean>();
    join.size = options.Get("size").As<Napi::Number>();
    join.node = options.Get("node").As<Napi::Number>();
    join.label = options.Get("label").As<Napi::String>();
    join.startedAtMs = static_cast<uint64_t>(options.Get("startedAtMs").As<Napi::Number>().Int64Value());
    join.removeWhenLast = options.Get("removeWhenLast").As<Napi::Boolean>();
    return describe(info, Fleet::join(join));
  });
}

// observe(name) -> { handle, size, node, incarnation }
Napi::Value observe_call(const Napi::CallbackInfo& info) {
  return guarded(info, [&] { return describe(info, Fleet::observe(info[0].As<Napi::String>())); });
}

// remove(name, kind or -1, force) -> names
Napi::Value remove_call(const Napi::CallbackInfo& info) {
  return guarded(info, [&]() -> Napi::Value {
    std::vector<std::string> names =
        remove_fleet(info[0].As<Napi::String>(), info[1].As<Napi::Number>().Int32Value(), info[2].As<Napi::Boolean>());
    Napi::Array result = Napi::Array::New(info.Env(), names.size());
    for (uint32_t i = 0; i < names.size(); i++) result.Set(i, names[i]);
    return result;
  });
}

// close(fleet); its ring handles are closed with it
Napi::Value close_call(const Napi::CallbackInfo& info) {
  return guarded(info, [&] {
    if (is_forked()) return info.Env().Undefined();  // it is the parent's to leave
    Addon& addon = addon_of(info);
    uint32_t handle = info[0].As<Napi::Number>().Uint32Value();
    fleet_of(info).close();
    addon.fleets[handle].reset();
    for (uint32_t ring = 0; ring < addon.rings.size(); ring++) {
      if (addon.ringFleets[ring] == handle) addon.rings[ring] = nullptr;
    }
    return info.Env().Undefined();
  });
}

Napi::Object describe_beat(Napi::Env env, const Member& member) {
  const char* status = reinterpret_cast<const char*>(member.beat.status);
  Napi::Object beat = Napi::Object::New(env);
  beat.Set("count", exact(member.beatCount));
  beat.Set("unixMs", exact(member.beat.unixMs));
  beat.Set("monotonicMs", exact(member.beat.monotonicMs));
  beat.Set("loopDelayUs", exact(member.beat.loopDelayUs));
  beat.Set("status", std::string(status, strnlen(status, kStatusBytes)));
  return beat;
}

// nodes(fleet) -> [{ node, pid, alive, incarnation, startedAtMs, joinedAtMs, label[, beat] }]
Napi::Value nodes_call(const Napi::CallbackInfo& info) {
  return guarded(info, [&]() -> Napi::Value {
    Napi::Array result = Napi::Array::New(info.Env());
    uint32_t count = 0;
    for (const Member& member : fleet_of(info).members()) {
      Napi::Object record = Napi::Object::New(info.Env());
      record.Set("node", member.node);
      record.Set("pid", member.pid);
      record.Set("label", member.label);
      record.Set("alive", member.alive);
      record.Set("joinedAtMs", static_cast<double>(member.joinedAtMs));
      record.Set("startedAtMs", static_cast<double>(member.startedAtMs));
      record.Set("incarnation", static_cast<double>(member.incarnation));
      if (member.beatCount != 0) record.Set("beat", describe_beat(info.Env(), member));
      result.Set(count++, record);
    }
    return result;
  });
}

// beat(fleet, monotonicMs, unixMs, loopDelayUs, status): the bytes of the status, NUL-padded
Napi::Value beat_call(const Napi::CallbackInfo& info) {
  return guarded(info, [&] {
    auto number = [&](size_t index) { return static_cast<uint64_t>(info[index].As<Napi::Number>().Int64Value()); };
    Beat beat = {};
    beat.monotonicMs = number(1);
    beat.unixMs = number(2);
    beat.loopDelayUs = number(3);
    Napi::Uint8Array status = info[4].As<Napi::Uint8Array>();
    memcpy(beat.status, status.Data(), status.ByteLength() < kStatusBytes ? status.ByteLength() : kStatusBytes);
    fleet_of(info).beat(beat);
    return info.Env().Undefined();
  });
}

// isDead(fleet, node)
Napi::Value is_dead_call(const Napi::CallbackInfo& info) {
  return guarded(info, [&] {
    return Napi::Boolean::New(info.Env(), fleet_of(info).is_dead(info[1].As<Napi::Number>().Uint32Value()));
  });
}

// openBell(fleet) -> a descriptor, the caller's to close; -1: there can be none
Napi::Value open_bell_call(const Napi::CallbackInfo& info) {
  return guarded(info, [&] { return Napi::Number::New(info.Env(), fleet_of(info).open_bell()); });
}

// hasBell(fleet, descriptor): can publishers still find it?
Napi::Value has_bell_call(const Napi::CallbackInfo& info) {
  return guarded(info, [&] {
    return Napi::Boolean::New(info.Env(), fleet_of(info).has_bell(info[1].As<Napi::Number>().Int32Value()));
  });
}

// Gives the ring a handle of this environment; undefined for none.
Napi::Value ring_handle(const Napi::CallbackInfo& info, OpenRing* ring) {
  Addon& addon = addon_of(info);
  if (ring == nullptr) return info.Env().Undefined();
  for (uint32_t handle = 0; handle < addon.rings.size(); handle++) {
    if (addon.rings[handle] == ring) return Napi::Number::New(info.Env(), handle);
  }
  uint32_t handle = free_handle(addon.rings);
  addon.ringFleets.resize(addon.rings.size());
  addon.rings[handle] = ring;
  addon.ringFleets[handle] = info[0].As<Napi::Number>();
  return Napi::Number::New(info.Env(), handle);
}

// openRing(fleet, { isTable, kind, capacity, payloadBytes, exactBytes, fingerprint, name, schema }) -> handle; undefined
// for an observer when there is none
Napi::Value open_ring_call(const Napi::CallbackInfo& info) {
  return guarded(info, [&] {
    Napi::Object options = info[1].As<Napi::Object>();
    RingSpec spec;
    spec.objectType = options.Get("isTable").ToBoolean() ? kTableObject : kRingObject;
    spec.typeKind = options.Get("kind").As<Napi::Number>();
    spec.capacity = options.Get("capacity").As<Napi::Number>();
    spec.payloadBytes = options.Get("payloadBytes").As<Napi::Number>();
    bool lossless;
    spec.fingerprint = options.Get("fingerprint").As<Napi::BigInt>().Uint64Value(&lossless);
    std::string name = options.Get("name").As<Napi::String>();
    memcpy(spec.typeName, name.data(), name.size() < kTypeNameBytes ? name.size() : kTypeNameBytes);
    std::string schema = options.Get("schema").As<Napi::String>();
    if (schema.size() <= kMaxSchemaBytes) {
      spec.schemaBytes = static_cast<uint32_t>(schema.size());
      spec.schema = schema.data();
    }
    OpenRing* ring = fleet_of(info).open_ring(spec);
    if (ring != nullptr) ring->exactBytes = options.Get("exactBytes").As<Napi::Number>().Int64Value();
    return ring_handle(info, ring);
  });
}

// openExistingRing(fleet, kind) -> handle, whatever its type; undefined for none
Napi::Value open_existing_ring_call(const Napi::CallbackInfo& info) {
  return guarded(info,
                 [&] { return ring_handle(info, fleet_of(info).open_existing_ring(info[1].As<Napi::Number>())); });
}

// ringInfo(ring) -> { kind, capacity, payloadBytes, fingerprint, name, objectBytes, spares, sparesTaken, burned,
// refused }
Napi::Value ring_info_call(const Napi::CallbackInfo& info) {
  return guarded(info, [&]() -> Napi::Value {
    OpenRing* open = &ring_of(info);
    const Ring& ring = open->writer.ring;
    Napi::Object result = Napi::Object::New(info.Env());
    result.Set("kind", ring.spec.typeKind);
    result.Set("name", std::string(ring.spec.typeName, strnlen(ring.spec.typeName, kTypeNameBytes)));
    result.Set("capacity", ring.spec.capacity);
    result.Set("payloadBytes", ring.spec.payloadBytes);
    result.Set("fingerprint", Napi::BigInt::New(info.Env(), ring.spec.fingerprint));
    result.Set("objectBytes", static_cast<double>(open->mapping->length));
    result.Set("spares", ring.spareCount);
    result.Set("sparesTaken", static_cast<double>(load_relaxed(&ring.header->sparesTaken)));
    result.Set("burned", static_cast<double>(load_relaxed(&ring.header->burned)));
    result.Set("refused", static_cast<double>(load_relaxed(&ring.header->refused)));
    return result;
  });
}

// claims(table) -> [{ token, claimedAtMs, expiresInMs, node, pid, subjectKind, subject, owner }], the living ones
Napi::Value claims_call(const Napi::CallbackInfo& info) {
  return guarded(info, [&]() -> Napi::Value {
    OpenRing* open = &ring_of(info);
    if (open->writable && is_retired(open->writer.ring)) throw Failure("ERR_ORBIT_RETIRED", "the contest: was removed");
    Napi::Array result = Napi::Array::New(info.Env());
    uint32_t count = 0;
    uint64_t nowMs = monotonic_ms();
    auto is_alive = [&](uint32_t node, uint64_t incarnation) { return open->fleet->is_alive(node, incarnation); };
    auto text = [](const uint8_t* bytes, uint32_t length) {
      return std::string(reinterpret_cast<const char*>(bytes), length);
    };
    for_each_claim(open->writer.ring, nowMs, is_alive, [&](const Claim& claim) {
      Napi::Object record = Napi::Object::New(info.Env());
      record.Set("token", static_cast<double>(claim.token));
      record.Set("claimedAtMs", static_cast<double>(claim.claimedAtMs));
      record.Set("expiresInMs", static_cast<double>(claim.expiresAtMs - nowMs));
      record.Set("node", claim.node);
      record.Set("pid", open->fleet->pid(claim.node));
      record.Set("subjectKind", claim.subjectKind);
      record.Set("subject", text(claim.subject, claim.subjectBytes));
      record.Set("owner", text(claim.owner, claim.ownerBytes));
      result.Set(count++, record);
    });
    return result;
  });
}

// setScratch(arrayBuffer): results and frames pass through it from now on
Napi::Value set_scratch_call(const Napi::CallbackInfo& info) {
  Addon& addon = addon_of(info);
  Napi::ArrayBuffer buffer = info[0].As<Napi::ArrayBuffer>();
  if (addon.scratchReference != nullptr) napi_delete_reference(info.Env(), addon.scratchReference);
  napi_create_reference(info.Env(), buffer, 1, &addon.scratchReference);
  addon.scratch = static_cast<uint8_t*>(buffer.Data());
  addon.scratchBytes = buffer.ByteLength();
  return info.Env().Undefined();
}

Napi::Object abi_table(Napi::Env env) {
  Napi::Object abi = Napi::Object::New(env);
  const struct {
    const char* name;
    double value;
  } numbers[] = {
      {"layoutVersion", kLayoutVersion},
      {"maxKind", kMaxKind},
      {"maxFleetSize", kMaxFleetSize},
      {"maxCapacity", kMaxCapacity},
      {"maxPayloadBytes", kMaxPayloadBytes},
      {"maxPosition", static_cast<double>(kMaxPosition)},
      {"counterBits", kCounterBits},
      {"typeNameBytes", kTypeNameBytes},
      {"labelBytes", kLabelBytes},
      {"statusBytes", kStatusBytes},
      {"cacheKind", kCacheKind},
      {"eventKind", kEventKind},
      {"contestKind", kContestKind},
      {"eventHeaderBytes", sizeof(EventHeader)},
      {"maxTopicBytes", kMaxTopicBytes},
      {"resultPosition", offsetof(Results, position)},
      {"resultHead", offsetof(Results, head)},
      {"resultFrom", offsetof(Results, from)},
      {"resultTo", offsetof(Results, to)},
      {"resultLost", offsetof(Results, lost)},
      {"resultMalformed", offsetof(Results, malformed)},
      {"resultStatus", offsetof(Results, status)},
      {"resultBytes", offsetof(Results, bytes)},
      {"firstRecord", kFirstRecord},
      {"recordBytes", sizeof(Record)},
      {"recordPosition", offsetof(Record, position)},
      {"recordVersion", offsetof(Record, version)},
      {"recordNode", offsetof(Record, node)},
      {"recordLength", offsetof(Record, length)},
      {"recordFrameKind", offsetof(Record, frameKind)},
      {"contestTextAt", kFirstRecord + sizeof(ClaimRecord)},
      {"claimToken", kFirstRecord + offsetof(ClaimRecord, token)},
      {"claimClaimedAtMs", kFirstRecord + offsetof(ClaimRecord, claimedAtMs)},
      {"claimExpiresInMs", kFirstRecord + offsetof(ClaimRecord, expiresInMs)},
      {"claimIncarnation", kFirstRecord + offsetof(ClaimRecord, incarnation)},
      {"claimStamp", kFirstRecord + offsetof(ClaimRecord, stamp)},
      {"claimNode", kFirstRecord + offsetof(ClaimRecord, node)},
      {"claimPid", kFirstRecord + offsetof(ClaimRecord, pid)},
      {"claimOwnerBytes", kFirstRecord + offsetof(ClaimRecord, ownerBytes)},
      {"claimOwner", kFirstRecord + offsetof(ClaimRecord, owner)},
      {"maxSubjectBytes", kMaxSubjectBytes},
      {"maxOwnerBytes", kMaxOwnerBytes},
      {"cardBytes", kCardBytes},
      {"cacheHeaderBytes", sizeof(CacheHeader)},
      {"cacheOp", offsetof(CacheHeader, op)},
      {"cacheNamespaceBytes", offsetof(CacheHeader, namespaceBytes)},
      {"cacheKeyBytes", offsetof(CacheHeader, keyBytes)},
      {"cacheValueBytes", offsetof(CacheHeader, valueBytes)},
      {"cachePut", kCachePut},
      {"cacheDelete", kCacheDelete},
      {"cacheReset", kCacheReset},
  };
  for (const auto& number : numbers) abi.Set(number.name, number.value);
  abi.Freeze();
  return abi;
}

Napi::Object status_table(Napi::Env env) {
  Napi::Object statuses = Napi::Object::New(env);
  const struct {
    const char* name;
    int32_t value;
  } numbers[] = {
      {"notYet", static_cast<int32_t>(RingStatus::kNotYet)},
      {"overwritten", static_cast<int32_t>(RingStatus::kOverwritten)},
      {"corrupt", static_cast<int32_t>(RingStatus::kCorrupt)},
      {"tooLarge", static_cast<int32_t>(RingStatus::kTooLarge)},
      {"retired", static_cast<int32_t>(RingStatus::kRetired)},
      {"exhausted", static_cast<int32_t>(RingStatus::kExhausted)},
      {"closed", kStatusClosed},
      {"readOnly", kStatusReadOnly},
      {"full", kStatusFull},
  };
  for (const auto& number : numbers) statuses.Set(number.name, number.value);
  statuses.Freeze();
  return statuses;
}

}  // namespace

bool export_setup_functions(napi_env environment, napi_value value, Addon* addon) try {
  Napi::Env env(environment);
  Napi::Object exports(env, value);
  auto define = [&](const char* name, Napi::Value (*function)(const Napi::CallbackInfo&)) {
    exports.Set(name, Napi::Function::New(env, function, name, addon));
  };
  define("join", join_call);
  define("observe", observe_call);
  define("remove", remove_call);
  define("close", close_call);
  define("nodes", nodes_call);
  define("isDead", is_dead_call);
  define("beat", beat_call);
  define("openRing", open_ring_call);
  define("openExistingRing", open_existing_ring_call);
  define("ringInfo", ring_info_call);
  define("claims", claims_call);
  define("openBell", open_bell_call);
  define("hasBell", has_bell_call);
  define("setScratch", set_scratch_call);
  exports.Set("version", ORBIT_VERSION);
  exports.Set("abi", abi_table(env));
  exports.Set("status", status_table(env));
  return true;
} catch (const Napi::Error& error) {
  error.ThrowAsJavaScriptException();
  return false;
}

}  // namespace orbit
