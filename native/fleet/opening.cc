// Opens, creates and remakes the rings and tables of a fleet.
#include "fleet/fleet.h"
#include "fleet/object.h"
#include "fleet/removal.h"
#include "posix/clock.h"
#include "posix/failure.h"
#include "posix/fault.h"
#include "posix/shm.h"
#include "protocol/counters.h"
#include "protocol/debug.h"
#include "protocol/inbox.h"
#include "protocol/table.h"

namespace orbit {

namespace {

// The number of slots, and how an inbox object deals them to boxes.
void take_slots(RingSpec* wanted, const RingSpec& found) {
  wanted->capacity = found.capacity;
  if (wanted->objectType == found.objectType) wanted->boxes = found.boxes;
  if (wanted->objectType == found.objectType) wanted->replies = found.replies;
}

bool has_same_slots(const RingSpec& one, const RingSpec& other) {
  return one.capacity == other.capacity && one.boxes == other.boxes && one.replies == other.replies;
}

// The spec that a caller accepts of an existing object: its own, with the geometry that exists where it takes that. A
// ring that has room for the caller's pod may have room for more.
RingSpec accepted(RingSpec wanted, const Wish& wish, const RingSpec& found) {
  if (wish.takesOther || !wish.hasCapacity) take_slots(&wanted, found);
  if (wish.takesOther || !wish.hasPayloadBytes || have_texts(wanted, found)) wanted.payloadBytes = found.payloadBytes;
  return wanted;
}

// How many messages inboxes have accepted that no owner has committed. The requests of calls are not counted: their
// callers are gone where an object may be remade.
uint64_t uncommitted_in(const Ring& ring) {
  uint64_t messages = 0;
  for (uint32_t index = 0; ring.spec.replies == 0 && index < ring.spec.boxes; index++) {
    Box box = box_of(ring, index);
    uint64_t floor = floor_of(box);
    messages += head_of(box, floor) - floor;
  }
  return messages;
}

// Cards of a table get memory when they are needed: most of a table is free, and most nodes have no member.
uint64_t sparse_from(const RingSpec& spec) {
  bool isTable = spec.objectType == kTableObject && spec.schemaRoom == 0;
  return isTable ? ring_offsets(spec.capacity, spec.payloadBytes, spec.fleetSize).chunks : 0;
}

bool allocate_chunk(void* context, uint32_t chunk) {
  const OpenRing* opened = static_cast<const OpenRing*>(context);
  const Ring& ring = opened->writer.ring;
  uint64_t first = static_cast<uint64_t>(ring.chunks - static_cast<uint8_t*>(opened->mapping->base));
  return opened->mapping->allocate(first + chunk * ring.stride, ring.stride);
}

// An accepted message outlives its sender, so the last member must not lose it to another capacity.
void require_committed(const std::string& object, const Mapping& mapping) {
  Ring ring;
  if (attach_slots(mapping.base, mapping.length, &ring) != AttachStatus::kOk) return;
  uint64_t left = uncommitted_in(ring);
  if (left == 0) return;
  throw Failure("ERR_ORBIT_TYPE_MISMATCH",
                object + ": the existing inbox has another type, and " + std::to_string(left) +
                    " messages that no owner has committed: commit them with that type, or remove the inbox");
}

}  // namespace

OpenRing* Fleet::open_ring(RingSpec spec, const Wish& wish, const PodShape& pod) {
  spec.fleetSize = size_;
  spec.fleetId = fleetId_;
  spec.schemaRoom = schema_room(spec.schemaBytes);
  Wanted wanted{spec, wish, pod, ring_object(name_, spec.typeKind)};
  if (!valid_spec(spec)) {
    throw Failure("ERR_ORBIT_OUT_OF_RANGE", wanted.object + ": capacity=" + std::to_string(spec.capacity) +
                                                " in a fleet of size=" + std::to_string(size_) + " needs over " +
                                                std::to_string(kMaxChunks) +
                                                " chunks: use a smaller capacity or a smaller fleet");
  }
  if (const auto& known = rings_[spec.typeKind]) {
    if (is_retired(known->writer.ring)) {  // its successor may have another type
      throw Failure("ERR_ORBIT_RETIRED", wanted.object + ": was removed: join or observe the fleet again");
    }
    require_wanted(known->writer.ring, wanted);
    return known.get();
  }
  if (retired(header())) refuse_retired(fleet_object(name_));
  auto mapping = open_object(wanted.object);
  RingSpec found;
  bool isMissing = mapping == nullptr || is_retired_object(*mapping);
  bool isUseless =
      !isMissing && (is_left_behind(*mapping) || (is_other(*mapping, wanted, &found) && !keeps_contents()));
  bool mustCreate = writable_ && (isMissing || (isUseless && alone()));
  if (mustCreate) mapping = create_ring(wanted);
  bool isThere = mapping != nullptr && (mustCreate || !isMissing);
  return !isThere ? nullptr : keep_ring(std::move(mapping), wanted.object, spec.typeKind, &wanted);
}

OpenRing* Fleet::open_existing_ring(uint32_t kind) {
  if (kind > kMaxKind) return nullptr;
  if (rings_[kind] != nullptr) return rings_[kind].get();
  require_current();
  std::string object = ring_object(name_, kind);
  auto mapping = open_object(object);
  auto is_a = [&](ObjectType type) { return attach_object(mapping->base, mapping->length, type) == AttachStatus::kOk; };
  bool isOther = mapping == nullptr || is_a(kLimitsObject) || is_a(kStoreObject);
  return isOther ? nullptr : keep_ring(std::move(mapping), object, kind, nullptr);
}

// An inspector may look into a fleet that was removed.
void Fleet::require_current() const {
  if (writable_ && retired(header())) refuse_retired(fleet_object(name_));
}

std::unique_ptr<Mapping> Fleet::open_object(const std::string& object) const {
  return store_->open(object, writable_ ? Access::kReadWrite : Access::kReadOnly, nullptr);
}

// Whether the object is a ring or table of this fleet with another type or geometry than the caller asks for.
bool Fleet::is_other(const Mapping& mapping, const Wanted& wanted, RingSpec* found) const {
  Ring ring;
  if (attach_slots(mapping.base, mapping.length, &ring) != AttachStatus::kOk) return false;
  *found = ring.spec;
  const RingSpec& spec = wanted.spec;
  if (found->fleetId != fleetId_ || found->fleetSize != size_ || found->typeKind != spec.typeKind) return false;
  bool hasOtherPayload = wanted.wish.hasPayloadBytes && !have_texts(spec, *found);
  return found->objectType != spec.objectType || !takes_pod(ring, spec, wanted.pod) ||
         memcmp(found->typeName, spec.typeName, kTypeNameBytes) != 0 ||
         (wanted.wish.hasCapacity && !has_same_slots(*found, spec)) ||
         (hasOtherPayload && found->payloadBytes != spec.payloadBytes);
}

// Whether the object belongs to a fleet of this name that is gone: its fleet object was removed as a file.
bool Fleet::is_left_behind(const Mapping& mapping) const {
  Ring ring;
  if (attach_slots(mapping.base, mapping.length, &ring) == AttachStatus::kOk) return ring.spec.fleetId != fleetId_;
  Limits limits;
  ValueStore store;
  bool isWhole = attach_limits(mapping.base, mapping.length, &limits) == AttachStatus::kOk ||
                 attach_store(mapping.base, mapping.length, &store) == AttachStatus::kOk;
  return isWhole && load_relaxed(&static_cast<const ObjectHeader*>(mapping.base)->fleetId) != fleetId_;
}

// Whether what members leave in this fleet outlives them. Private memory never does.
bool Fleet::keeps_contents() const { return store_ == shared_store() && lifetime() == Lifetime::kPersistent; }

// Holds the membership lock, as a removal does: no ring is created in a fleet that is being removed, and none is
// removed while it is being created. No process joins either, so a member that is alone here stays alone, and may
// remake a ring that differs.
std::unique_ptr<Mapping> Fleet::create_ring(const Wanted& wanted) {
  MembershipLock lock(*store_, *mapping_, waitMs_);
  if (is_gone()) refuse_retired(fleet_object(name_));
  RingSpec spec = wanted.spec, found;
  auto left = open_object(wanted.object);
  if (left != nullptr && is_retired_object(*left)) {
    store_->remove(wanted.object);  // its remover died half-way
  } else if (left != nullptr && is_left_behind(*left) && alone()) {
    store_->remove(wanted.object);  // living members of that fleet go on with it
  } else if (left != nullptr && is_other(*left, wanted, &found) && alone() && !keeps_contents()) {
    require_committed(wanted.object, *left);
    if (!wanted.wish.hasCapacity && found.objectType == spec.objectType) take_slots(&spec, found);
    if (!wanted.wish.hasPayloadBytes) spec.payloadBytes = found.payloadBytes;
    retire_object(*store_, wanted.object);
    fault_point("open:retired");
  }
  auto format = spec.objectType == kTableObject      ? format_table
                : spec.objectType == kInboxObject    ? format_inbox
                : spec.objectType == kCountersObject ? format_counters
                                                     : format_ring;
  Creation creation{ring_bytes(spec), [&](void* base) { format(base, spec, unix_ms()); }, waitMs_, sparse_from(spec)};
  return store_->open(wanted.object, Access::kReadWrite, &creation);
}

OpenRing* Fleet::keep_ring(std::unique_ptr<Mapping> mapping, const std::string& object, uint32_t kind,
                           const Wanted* wanted) {
  auto opened = std::make_unique<OpenRing>();
  opened->fleet = this;
  opened->mapping = std::move(mapping);
  Ring& ring = opened->writer.ring;
  AttachStatus status = attach_slots(opened->mapping->base, opened->mapping->length, &ring);
  if (status != AttachStatus::kOk) refuse(status, *opened->mapping, object);
  // A namesake of a removed fleet may have made this ring: the handle is what is out of date.
  if (ring.spec.fleetId != fleetId_ && is_gone()) refuse_retired(fleet_object(name_));
  require_own(object, ring.spec, kind, fleetId_, size_);
  ring.subjectKey = subjectKey_;
  if (wanted != nullptr) require_wanted(ring, *wanted);
  if (writable_) become_writer_of(opened.get(), object);
  ORBIT_CHECK(rings_[kind] == nullptr && opened->writable == writable_);
  rings_[kind] = std::move(opened);
  return rings_[kind].get();
}

void Fleet::require_wanted(const Ring& ring, const Wanted& wanted) {
  if (writable_ && have_texts(wanted.spec, ring.spec)) add_fields(ring, wanted);
  require_same(wanted.object, ring, accepted(wanted.spec, wanted.wish, ring.spec), wanted.pod);
}

// Adds the fields to the ring that the caller's pod has more, if it is of the same name and there is room. Of two
// members that add different ones, the second finds the pod of the first under the lock, and is refused.
void Fleet::add_fields(const Ring& ring, const Wanted& wanted) {
  const RingSpec& spec = wanted.spec;
  bool isNamesake = memcmp(ring.spec.typeName, spec.typeName, kTypeNameBytes) == 0;
  if (!isNamesake || !can_add_fields(ring, schema_text(ring), spec, wanted.pod)) return;
  MembershipLock lock(*store_, *mapping_, waitMs_);
  if (is_gone()) refuse_retired(fleet_object(name_));
  std::string text = schema_text(ring);
  if (!can_add_fields(ring, text, spec, wanted.pod)) return;
  fault_point("open:adding");
  append_schema(ring, static_cast<uint32_t>(text.size()), spec.schema, spec.schemaBytes);
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
  if (ring.spec.objectType == kTableObject) {
    opened->writer.memory = {allocate_chunk, opened};
    if (!allocate_chunk(opened, opened->writer.hand)) throw system_failure("fallocate", errno, object);
  }
  opened->writable = true;
}

}  // namespace orbit
