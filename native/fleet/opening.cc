// Opens, creates and remakes the rings and tables of a fleet.
#include "fleet/fleet.h"
#include "fleet/object.h"
#include "fleet/removal.h"
#include "posix/clock.h"
#include "posix/failure.h"
#include "posix/fault.h"
#include "protocol/debug.h"
#include "protocol/table.h"

namespace orbit {

namespace {

// The spec that a caller accepts of an existing object: its own, with the geometry that exists where it takes that.
RingSpec accepted(RingSpec wanted, const Wish& wish, const RingSpec& found) {
  if (wish.takesOther || !wish.hasCapacity) wanted.capacity = found.capacity;
  if (wish.takesOther || !wish.hasPayloadBytes) wanted.payloadBytes = found.payloadBytes;
  return wanted;
}

}  // namespace

OpenRing* Fleet::open_ring(RingSpec spec, const Wish& wish) {
  std::string object = ring_object(name_, spec.typeKind);
  spec.fleetSize = size_;
  spec.fleetId = fleetId_;
  if (!valid_spec(spec)) {
    throw Failure("ERR_ORBIT_OUT_OF_RANGE", object + ": capacity=" + std::to_string(spec.capacity) +
                                                " in a fleet of size=" + std::to_string(size_) + " needs over " +
                                                std::to_string(kMaxChunks) +
                                                " chunks: use a smaller capacity or a smaller fleet");
  }
  if (const auto& known = rings_[spec.typeKind]) {
    require_same(object, known->writer.ring, accepted(spec, wish, known->writer.ring.spec));
    return known.get();
  }
  require_current();
  auto mapping = open_object(object);
  RingSpec found;
  bool isMissing = mapping == nullptr || is_retired_object(*mapping);
  bool mustCreate = writable_ && (isMissing || (is_other(*mapping, spec, wish, &found) && alone()));
  if (mustCreate) mapping = create_ring(spec, wish, object);
  bool isThere = mapping != nullptr && (mustCreate || !isMissing);
  return !isThere ? nullptr : keep_ring(std::move(mapping), object, spec.typeKind, &spec, wish);
}

OpenRing* Fleet::open_existing_ring(uint32_t kind) {
  if (kind > kMaxKind) return nullptr;
  if (rings_[kind] != nullptr) return rings_[kind].get();
  require_current();
  std::string object = ring_object(name_, kind);
  auto mapping = open_object(object);
  return mapping == nullptr ? nullptr : keep_ring(std::move(mapping), object, kind, nullptr, {});
}

// An observer may look into a fleet that was removed.
void Fleet::require_current() const {
  if (writable_ && retired(header())) refuse_retired(fleet_object(name_));
}

std::unique_ptr<Mapping> Fleet::open_object(const std::string& object) const {
  return store_->open(object, writable_ ? Access::kReadWrite : Access::kReadOnly, nullptr);
}

// Whether the object is a ring or table of this fleet with another type or geometry than the caller asks for.
bool Fleet::is_other(const Mapping& mapping, const RingSpec& wanted, const Wish& wish, RingSpec* found) const {
  Ring ring;
  if (attach_slots(mapping.base, mapping.length, &ring) != AttachStatus::kOk) return false;
  *found = ring.spec;
  if (found->fleetId != fleetId_ || found->fleetSize != size_ || found->typeKind != wanted.typeKind) return false;
  return found->objectType != wanted.objectType || found->fingerprint != wanted.fingerprint ||
         memcmp(found->typeName, wanted.typeName, kTypeNameBytes) != 0 ||
         (wish.hasCapacity && found->capacity != wanted.capacity) ||
         (wish.hasPayloadBytes && found->payloadBytes != wanted.payloadBytes);
}

// Holds the membership lock, as a removal does: no ring is created in a fleet that is being removed, and none is
// removed while it is being created. No process joins either, so a member that is alone here stays alone, and may
// remake a ring that differs.
std::unique_ptr<Mapping> Fleet::create_ring(RingSpec spec, const Wish& wish, const std::string& object) {
  MembershipLock lock(*store_, *mapping_, waitMs_);
  if (is_gone()) refuse_retired(fleet_object(name_));
  auto left = open_object(object);
  RingSpec found;
  if (left != nullptr && is_retired_object(*left)) {
    store_->remove(object);  // its remover died half-way
  } else if (left != nullptr && is_other(*left, spec, wish, &found) && alone()) {
    if (!wish.hasCapacity) spec.capacity = found.capacity;
    if (!wish.hasPayloadBytes) spec.payloadBytes = found.payloadBytes;
    retire_object(*store_, object);
    fault_point("open:retired");
  }
  auto format = spec.objectType == kTableObject ? format_table : format_ring;
  Creation creation{ring_bytes(spec), [&](void* base) { format(base, spec, unix_ms()); }, waitMs_};
  return store_->open(object, Access::kReadWrite, &creation);
}

OpenRing* Fleet::keep_ring(std::unique_ptr<Mapping> mapping, const std::string& object, uint32_t kind,
                           const RingSpec* wanted, const Wish& wish) {
  auto opened = std::make_unique<OpenRing>();
  opened->fleet = this;
  opened->mapping = std::move(mapping);
  Ring& ring = opened->writer.ring;
  AttachStatus status = attach_slots(opened->mapping->base, opened->mapping->length, &ring);
  if (status != AttachStatus::kOk) refuse(status, *opened->mapping, object);
  // A namesake of a removed fleet may have made this ring: the handle is what is out of date.
  if (ring.spec.fleetId != fleetId_ && is_gone()) refuse_retired(fleet_object(name_));
  if (wanted != nullptr) require_same(object, ring, accepted(*wanted, wish, ring.spec));
  require_own(object, ring.spec, kind, fleetId_, size_);
  ring.subjectKey = subjectKey_;
  if (writable_) become_writer_of(opened.get(), object);
  ORBIT_CHECK(rings_[kind] == nullptr && opened->writable == writable_);
  rings_[kind] = std::move(opened);
  return rings_[kind].get();
}

void Fleet::become_writer_of(OpenRing* opened, const std::string& object) {
  uint32_t kind = opened->writer.ring.spec.typeKind;
  __atomic_fetch_or(kind_word(header(), kind), kind_bit(kind), __ATOMIC_RELEASE);
  require_current();
  Ring ring = opened->writer.ring;
  RingStatus settled = become_writer(ring, node_, &opened->writer);
  if (settled == RingStatus::kNoSpare) {
    throw Failure("ERR_ORBIT_NO_SPARE", object + ": no spare chunk is left: restart the whole fleet to recover them");
  }
  if (settled != RingStatus::kOk) {
    throw Failure("ERR_ORBIT_CORRUPT",
                  object + ": the entry of node=" + std::to_string(node_) + " contradicts the ring: remove the ring");
  }
  opened->writable = true;
}

}  // namespace orbit
