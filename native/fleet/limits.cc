// Opens, creates and remakes the tables of limits of a fleet.
#include "fleet/fleet.h"
#include "fleet/object.h"
#include "fleet/removal.h"
#include "posix/clock.h"
#include "posix/failure.h"
#include "posix/random.h"

namespace orbit {

OpenLimits* Fleet::open_limits(uint32_t kind, uint32_t entries, bool isAsked) {
  for (const auto& known : limits_) {
    if (known->kind == kind) return known.get();
  }
  require_current();
  std::string object = ring_object(name_, kind);
  auto mapping = open_object(object);
  if (writable_ && must_make_limits(mapping.get(), entries, isAsked)) {
    mapping = create_limits(kind, entries, isAsked, object);
  }
  bool isThere = mapping != nullptr && !(is_retired_object(*mapping) && !writable_);
  return isThere ? keep_limits(std::move(mapping), kind, object) : nullptr;
}

OpenLimits* Fleet::open_existing_limits(uint32_t kind) {
  for (const auto& known : limits_) {
    if (known->kind == kind) return known.get();
  }
  require_current();
  std::string object = ring_object(name_, kind);
  auto mapping = open_object(object);
  return mapping == nullptr ? nullptr : keep_limits(std::move(mapping), kind, object);
}

// Whether there is none to take: it is missing or was removed; or a member that is alone finds that of a fleet that is
// gone, or one of another size than it asks for, which a persistent fleet keeps.
bool Fleet::must_make_limits(const Mapping* mapping, uint32_t entries, bool isAsked) const {
  if (mapping == nullptr || is_retired_object(*mapping)) return true;
  if (is_left_behind(*mapping)) return alone();
  Limits found;
  bool isWhole = attach_limits(mapping->base, mapping->length, &found) == AttachStatus::kOk;
  return isAsked && isWhole && found.mask + 1 != entries && !keeps_contents() && alone();
}

// Holds the membership lock, for the reasons of create_ring.
std::unique_ptr<Mapping> Fleet::create_limits(uint32_t kind, uint32_t entries, bool isAsked,
                                              const std::string& object) {
  MembershipLock lock(*store_, *mapping_, waitMs_);
  if (is_gone()) refuse_retired(fleet_object(name_));
  auto left = open_object(object);
  if (left != nullptr && must_make_limits(left.get(), entries, isAsked)) {
    if (is_left_behind(*left)) {
      store_->remove(object);  // living members of that fleet go on with it
    } else {
      retire_object(*store_, object);
    }
  }
  auto format = [&](void* base) {
    format_limits(base, kind, entries, {random_word(), random_word()}, fleetId_, unix_ms());
  };
  Creation creation{limits_bytes(entries), format, waitMs_};
  return store_->open(object, Access::kReadWrite, &creation);
}

OpenLimits* Fleet::keep_limits(std::unique_ptr<Mapping> mapping, uint32_t kind, const std::string& object) {
  auto opened = std::make_unique<OpenLimits>();
  AttachStatus status = attach_limits(mapping->base, mapping->length, &opened->limits);
  if (status != AttachStatus::kOk) refuse(status, *mapping, object);
  uint64_t fleetId = load_relaxed(&opened->limits.header->object.fleetId);
  if (fleetId != fleetId_ && is_gone()) refuse_retired(fleet_object(name_));
  if (fleetId != fleetId_) {
    throw Failure("ERR_ORBIT_TYPE_MISMATCH", object + ": fleetId=" + hex(fleetId) + " is not " + hex(fleetId_) +
                                                 ": left by a fleet that is gone; remove it");
  }
  if (writable_) {
    __atomic_fetch_or(kind_word(header(), kind), kind_bit(kind), __ATOMIC_RELEASE);
    require_current();
  }
  opened->fleet = this;
  opened->kind = kind;
  opened->writable = writable_;
  opened->limits.node = node_;
  opened->mapping = std::move(mapping);
  limits_.push_back(std::move(opened));
  return limits_.back().get();
}

}  // namespace orbit
