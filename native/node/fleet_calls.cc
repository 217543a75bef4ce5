// The calls of fleets and their members: join, observe, close, remove, hasLivingMembers, nodes, isDead, isOrphaned,
// beat, openBell, hasBell, watchDeath.
#include "fleet/object.h"
#include "fleet/removal.h"
#include "node/failing.h"

namespace orbit {

namespace {

Napi::Value describe(const Napi::CallbackInfo& info, std::unique_ptr<Fleet> fleet) {
  Addon& addon = addon_of(info);
  uint32_t handle = free_handle(addon.fleets, [](const auto& fleet) { return fleet == nullptr; });
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("handle", handle);
  result.Set("id", hex(fleet->id()));
  result.Set("size", fleet->size());
  result.Set("node", fleet->node());
  result.Set("incarnation", static_cast<double>(fleet->incarnation()));
  addon.fleets[handle] = std::move(fleet);
  return result;
}

// join({ name, isShared, size, node, label, startedAtMs, waitMs, triesOnce, lifetime }) -> { handle, id, size, node,
// incarnation }
Napi::Value join_call(const Napi::CallbackInfo& info) {
  return translated(info, [&] {
    Napi::Object options = info[0].As<Napi::Object>();
    JoinOptions join;
    join.name = options.Get("name").As<Napi::String>();
    join.isShared = options.Get("isShared").As<Napi::Boolean>();
    join.size = options.Get("size").As<Napi::Number>();
    join.node = options.Get("node").As<Napi::Number>();
    join.label = options.Get("label").As<Napi::String>();
    join.startedAtMs = static_cast<uint64_t>(options.Get("startedAtMs").As<Napi::Number>().Int64Value());
    join.waitMs = options.Get("waitMs").As<Napi::Number>();
    join.triesOnce = options.Get("triesOnce").As<Napi::Boolean>();
    Napi::Value lifetime = options.Get("lifetime");
    if (lifetime.IsString()) {
      bool isFleet = std::string(lifetime.As<Napi::String>()) == "fleet";
      join.lifetime = isFleet ? Lifetime::kFleet : Lifetime::kPersistent;
    }
    return describe(info, Fleet::join(join));
  });
}

// observe(name) -> { handle, id, size, node, incarnation }
Napi::Value observe_call(const Napi::CallbackInfo& info) {
  return translated(info, [&] { return describe(info, Fleet::observe(info[0].As<Napi::String>())); });
}

// remove(name, kind or -1, force) -> names
Napi::Value remove_call(const Napi::CallbackInfo& info) {
  return translated(info, [&]() -> Napi::Value {
    std::vector<std::string> names =
        remove_fleet(info[0].As<Napi::String>(), info[1].As<Napi::Number>().Int32Value(), info[2].As<Napi::Boolean>());
    Napi::Array result = Napi::Array::New(info.Env(), names.size());
    for (uint32_t i = 0; i < names.size(); i++) result.Set(i, names[i]);
    return result;
  });
}

// hasLivingMembers(name) -> whether a fleet of any layout version is in use
Napi::Value has_living_members_call(const Napi::CallbackInfo& info) {
  return translated(info,
                    [&] { return Napi::Boolean::New(info.Env(), has_living_members(info[0].As<Napi::String>())); });
}

// close(fleet): closes the fleet and its ring handles
Napi::Value close_call(const Napi::CallbackInfo& info) {
  return translated(info, [&] {
    if (is_forked()) return info.Env().Undefined();  // only the parent can leave
    Addon& addon = addon_of(info);
    uint32_t handle = info[0].As<Napi::Number>().Uint32Value();
    fleet_of(info).close();
    addon.fleets[handle].reset();
    for (RingHandle& ring : addon.rings) {
      if (ring.fleet == handle) ring = {};
    }
    for (auto& limiter : addon.limiters) {
      if (limiter != nullptr && limiter->fleet == handle) limiter.reset();
    }
    for (StoreHandle& store : addon.stores) {
      if (store.fleet == handle) store = {};
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
  return translated(info, [&]() -> Napi::Value {
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

// beat(fleet, monotonicMs, unixMs, loopDelayUs, status): `status` is its bytes in UTF-8
Napi::Value beat_call(const Napi::CallbackInfo& info) {
  return translated(info, [&] {
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

// isDead(fleet, node) -> whether no living member holds the node
Napi::Value is_dead_call(const Napi::CallbackInfo& info) {
  return translated(info, [&] {
    return Napi::Boolean::New(info.Env(), fleet_of(info).is_dead(info[1].As<Napi::Number>().Uint32Value()));
  });
}

// isOrphaned(fleet) -> whether the objects of the fleet were removed
Napi::Value is_orphaned_call(const Napi::CallbackInfo& info) {
  return translated(info, [&] {
    if (is_forked()) return Napi::Boolean::New(info.Env(), false);  // only the parent is a member
    return Napi::Boolean::New(info.Env(), fleet_of(info).is_gone());
  });
}

// openBell(fleet) -> a descriptor that the caller closes; -1: there can be none
Napi::Value open_bell_call(const Napi::CallbackInfo& info) {
  return translated(info, [&] { return Napi::Number::New(info.Env(), fleet_of(info).open_bell()); });
}

// hasBell(fleet, descriptor) -> whether publishers can still find the bell
Napi::Value has_bell_call(const Napi::CallbackInfo& info) {
  return translated(info, [&] {
    return Napi::Boolean::New(info.Env(), fleet_of(info).has_bell(info[1].As<Napi::Number>().Int32Value()));
  });
}

// watchDeath(fleet, node, incarnation) -> a descriptor that the caller closes, readable when the process of the member
// has ended; -1: there can be none; -2: the member has ended
Napi::Value watch_death_call(const Napi::CallbackInfo& info) {
  return translated(info, [&] {
    auto number = [&](size_t index) { return static_cast<uint64_t>(info[index].As<Napi::Number>().Int64Value()); };
    int descriptor = fleet_of(info).watch_death(static_cast<uint32_t>(number(1)), number(2));
    return Napi::Number::New(info.Env(), descriptor);
  });
}

}  // namespace

bool export_fleet_calls(napi_env env, napi_value exports, Addon* addon) {
  return export_failing_calls(env, exports, addon,
                              {{"join", join_call},
                               {"observe", observe_call},
                               {"remove", remove_call},
                               {"hasLivingMembers", has_living_members_call},
                               {"close", close_call},
                               {"nodes", nodes_call},
                               {"isDead", is_dead_call},
                               {"isOrphaned", is_orphaned_call},
                               {"beat", beat_call},
                               {"openBell", open_bell_call},
                               {"hasBell", has_bell_call},
                               {"watchDeath", watch_death_call}});
}

}  // namespace orbit
