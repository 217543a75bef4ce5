// The calls of the inspector. They read shared memory and never write to it. For a damaged object they throw the error
// that opening it would throw, or return wrong numbers; they never crash.
#include "fleet/object.h"
#include "node/failing.h"
#include "posix/clock.h"
#include "posix/folder.h"
#include "posix/shm.h"
#include "protocol/index.h"
#include "protocol/table.h"

namespace orbit {

namespace {

void describe_object(Napi::Object* result, const ObjectHeader& header) {
  result->Set("createdAtMs", exact(load_relaxed(&header.createdAtMs)));
  result->Set("fleetId", hex(load_relaxed(&header.fleetId)));
  result->Set("isRetired", load_acquire(&header.retired) != 0);
}

// What attaching to an object says of it.
AttachStatus attach_any(const Mapping& mapping, bool isFleet) {
  if (isFleet) return attach_object(mapping.base, mapping.length, kFleetObject);
  Limits limits;
  if (attach_limits(mapping.base, mapping.length, &limits) == AttachStatus::kOk) return AttachStatus::kOk;
  ValueStore store;
  if (attach_store(mapping.base, mapping.length, &store) == AttachStatus::kOk) return AttachStatus::kOk;
  Ring ring;
  return attach_slots(mapping.base, mapping.length, &ring);
}

// inspectObject(fleet name, kind or -1) -> { bytes, createdAtMs, fleetId, isRetired }; undefined: missing or
// unfinished. Throws the error that opening it would throw.
Napi::Value inspect_object_call(const Napi::CallbackInfo& info) {
  return translated(info, [&]() -> Napi::Value {
    std::string fleet = info[0].As<Napi::String>();
    int64_t kind = info[1].As<Napi::Number>().Int64Value();
    std::string object = kind < 0 ? fleet_object(fleet) : ring_object(fleet, static_cast<uint32_t>(kind));
    auto mapping = shared_store()->open(object, Access::kReadOnly, nullptr);
    if (mapping == nullptr) return info.Env().Undefined();
    AttachStatus status = attach_any(*mapping, kind < 0);
    if (status != AttachStatus::kOk) refuse(status, *mapping, object);
    Napi::Object result = Napi::Object::New(info.Env());
    result.Set("bytes", static_cast<double>(mapping->length));
    describe_object(&result, *static_cast<const ObjectHeader*>(mapping->base));
    return result;
  });
}

// objectsFolder() -> the folder of the objects
Napi::Value objects_folder_call(const Napi::CallbackInfo& info) {
  return translated(info, [&]() -> Napi::Value { return Napi::String::New(info.Env(), objects_folder()); });
}

// listObjects() -> [{ file, fleet, form, number, uid }]: the objects, bells and blobs of all users, in no order.
// `number` is the KIND of a ring or table, the node of a bell or a blob, and -1 for a fleet.
Napi::Value list_objects_call(const Napi::CallbackInfo& info) {
  return translated(info, [&]() -> Napi::Value {
    Napi::Array result = Napi::Array::New(info.Env());
    uint32_t count = 0;
    for (const auto& [file, name] : list_objects()) {
      bool isFleet = name.form == ObjectForm::kFleet;
      Napi::Object object = Napi::Object::New(info.Env());
      object.Set("file", file);
      object.Set("fleet", name.fleet);
      object.Set("form", isFleet                          ? "fleet"
                         : name.form == ObjectForm::kBell ? "bell"
                         : name.form == ObjectForm::kBlob ? "blob"
                                                          : "ring");
      object.Set("number", isFleet ? -1 : static_cast<double>(name.number));
      object.Set("uid", name.uid);
      result.Set(count++, object);
    }
    return result;
  });
}

// inspectFleet(fleet) -> { createdAtMs, fleetId, isRetired, isPersistent, kinds: KINDs that members have opened }
Napi::Value inspect_fleet_call(const Napi::CallbackInfo& info) {
  return translated(info, [&]() -> Napi::Value {
    const FleetHeader& header = fleet_of(info).shared_header();
    Napi::Object result = Napi::Object::New(info.Env());
    describe_object(&result, header.object);
    result.Set("isPersistent", load_relaxed(&header.lifetime) == static_cast<uint64_t>(Lifetime::kPersistent));
    Napi::Array kinds = Napi::Array::New(info.Env());
    uint32_t count = 0;
    for (uint32_t kind = 0; kind <= kMaxKind; kind++) {
      if ((load_acquire(&header.kinds[kind / 64]) & kind_bit(kind)) != 0) kinds.Set(count++, kind);
    }
    result.Set("kinds", kinds);
    return result;
  });
}

// How many nodes are armed. A node whose bit is set may have died.
uint32_t count_sleepers(const Ring& ring) {
  uint32_t count = 0;
  for (uint32_t node = 0; node < ring.spec.fleetSize; node++) {
    bool hasBit = (load_acquire(&ring.sleepers[node / 64]) & uint64_t{1} << (node % 64)) != 0;
    if (hasBit && load_acquire(&ring.entries[node].arm) % 2 != 0) count++;
  }
  return count;
}

// inspectRing(ring) -> { createdAtMs, fleetId, isRetired, isTable, hasCells, boxes, hint, floor, tokensDrawn,
// sleepers, cacheHits, cacheMisses, fleetSize, schema }
Napi::Value inspect_ring_call(const Napi::CallbackInfo& info) {
  return translated(info, [&]() -> Napi::Value {
    const Ring& ring = ring_of(info).writer.ring;
    Napi::Object result = Napi::Object::New(info.Env());
    describe_object(&result, ring.header->object);
    result.Set("isTable", ring.spec.objectType == kTableObject);
    result.Set("hasCells", ring.spec.objectType == kCountersObject);
    result.Set("boxes", ring.spec.boxes);
    result.Set("hint", exact(load_relaxed(&ring.header->hint)));
    result.Set("floor", exact(floor_of(ring)));
    uint64_t tokens = load_relaxed(&ring.header->tokens),
             first = first_token(load_relaxed(&ring.header->object.createdAtMs));
    result.Set("tokensDrawn", exact(tokens > first ? tokens - first : 0));
    result.Set("sleepers", count_sleepers(ring));
    CacheLookups lookups = sum_lookups(ring);
    result.Set("cacheHits", exact(lookups.hits));
    result.Set("cacheMisses", exact(lookups.misses));
    result.Set("fleetSize", ring.spec.fleetSize);
    std::string schema = schema_text(ring);
    result.Set("schema", schema.empty() ? schema : schema + "}");
    return result;
  });
}

// inspectHand(ring, node) -> { hand[, intentPosition, intentChunk] }, the entry of the node; undefined: no such node
Napi::Value inspect_hand_call(const Napi::CallbackInfo& info) {
  return translated(info, [&]() -> Napi::Value {
    const Ring& ring = ring_of(info).writer.ring;
    uint32_t node = info[1].As<Napi::Number>().Uint32Value();
    if (node >= ring.spec.fleetSize) return info.Env().Undefined();
    const NodeEntry& entry = ring.entries[node];
    Napi::Object result = Napi::Object::New(info.Env());
    uint64_t intentPosition = load_acquire(&entry.intentPosition);
    result.Set("hand", exact(load_acquire(&entry.hand)));
    if (intentPosition != 0) {
      result.Set("intentPosition", exact(intentPosition - 1));
      result.Set("intentChunk", exact(load_acquire(&entry.intentChunk)));
    }
    return result;
  });
}

// inspectTable(table) -> { claims: not ended, lifeClaims: those without expiry, buckets: in use, damaged: buckets that
// do not contain a list of claims }
Napi::Value inspect_table_call(const Napi::CallbackInfo& info) {
  return translated(info, [&]() -> Napi::Value {
    const OpenRing& opened = ring_of(info);
    const Ring& ring = opened.writer.ring;
    uint64_t nowMs = monotonic_ms();
    uint32_t claims = 0, forLife = 0, used = 0, damaged = 0;
    for (uint32_t bucket = 0; bucket <= ring.mask; bucket++) {
      Card card;
      bool isWhole = read_card(ring, bucket, &card);
      if (isWhole && card.length > 0) used++;
      isWhole = isWhole && filter_claims(ring, &card, [&](const ClaimHeader& claim, const uint8_t*) {
                  if (has_expired(claim, nowMs) || !opened.fleet->is_alive(claim.node, claim.incarnation)) return true;
                  claims++;
                  if (claim.expiresAtMs == kNeverMs) forLife++;
                  return true;
                });
      if (!isWhole) damaged++;
    }
    Napi::Object result = Napi::Object::New(info.Env());
    result.Set("claims", claims);
    result.Set("lifeClaims", forLife);
    result.Set("buckets", used);
    result.Set("damaged", damaged);
    return result;
  });
}

}  // namespace

bool export_inspect_calls(napi_env env, napi_value exports, Addon* addon) {
  return export_failing_calls(env, exports, addon,
                              {{"objectsFolder", objects_folder_call},
                               {"listObjects", list_objects_call},
                               {"inspectObject", inspect_object_call},
                               {"inspectFleet", inspect_fleet_call},
                               {"inspectRing", inspect_ring_call},
                               {"inspectHand", inspect_hand_call},
                               {"inspectTable", inspect_table_call}});
}

}  // namespace orbit
