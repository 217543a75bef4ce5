// Opens, creates and remakes the stores of a fleet.
#include "fleet/fleet.h"
#include "fleet/object.h"
#include "fleet/removal.h"
#include "posix/clock.h"
#include "posix/failure.h"
#include "posix/fault.h"
#include "posix/random.h"

namespace orbit {

namespace {

bool has_geometry(const StoreSpec& found, const StoreSpec& wanted) {
  return found.capacity == wanted.capacity && found.segmentBytes == wanted.segmentBytes &&
         found.bucketCount == wanted.bucketCount && found.floorBuckets == wanted.floorBuckets;
}

}  // namespace

OpenStore* Fleet::open_store(const StoreWish& wish) {
  if (OpenStore* known = known_store(wish.kind)) return known;
  require_current();
  std::string object = ring_object(name_, wish.kind);
  auto mapping = open_object(object);
  if (writable_ && must_make_store(mapping.get(), wish)) mapping = create_store(wish, object);
  bool isThere = mapping != nullptr && !(is_retired_object(*mapping) && !writable_);
  return isThere ? keep_store(std::move(mapping), wish.kind, object) : nullptr;
}

OpenStore* Fleet::open_existing_store(uint32_t kind) {
  if (OpenStore* known = known_store(kind)) return known;
  require_current();
  std::string object = ring_object(name_, kind);
  auto mapping = open_object(object);
  bool isStore = mapping != nullptr && attach_object(mapping->base, mapping->length, kStoreObject) == AttachStatus::kOk;
  return isStore ? keep_store(std::move(mapping), kind, object) : nullptr;
}

bool Fleet::has_wished(const OpenStore& opened, const StoreWish& wish) const {
  return has_geometry(opened.store.spec, plan_store(wish.bytes, wish.entryBytes, size_));
}

OpenStore* Fleet::known_store(uint32_t kind) const {
  for (const auto& known : stores_) {
    if (known->kind == kind) return known.get();
  }
  return nullptr;
}

// Whether there is none to take: it is missing or was removed; or a member that is alone finds that of a fleet that is
// gone, or one of another size than it asks for, which a persistent fleet keeps.
bool Fleet::must_make_store(const Mapping* mapping, const StoreWish& wish) const {
  if (mapping == nullptr || is_retired_object(*mapping)) return true;
  if (is_left_behind(*mapping)) return alone();
  ValueStore found;
  bool isWhole = attach_store(mapping->base, mapping->length, &found) == AttachStatus::kOk;
  bool isOther = isWhole && !has_geometry(found.spec, plan_store(wish.bytes, wish.entryBytes, size_));
  return wish.isAsked && isOther && !keeps_contents() && alone();
}

// Holds the membership lock, for the reasons of create_ring.
std::unique_ptr<Mapping> Fleet::create_store(const StoreWish& wish, const std::string& object) {
  StoreSpec spec = plan_store(wish.bytes, wish.entryBytes, size_);
  if (spec.capacity == 0) {
    throw Failure("ERR_ORBIT_OUT_OF_RANGE", object + ": bytes=" + std::to_string(wish.bytes) + " must be at least " +
                                                std::to_string(min_store_bytes(size_)) +
                                                " in a fleet of size=" + std::to_string(size_));
  }
  spec.typeKind = wish.kind;
  spec.fleetSize = size_;
  spec.fleetId = fleetId_;
  spec.seed = {random_word(), random_word()};
  MembershipLock lock(*store_, *mapping_, waitMs_);
  if (is_gone()) refuse_retired(fleet_object(name_));
  auto left = open_object(object);
  if (left != nullptr && must_make_store(left.get(), wish)) {
    if (is_left_behind(*left)) {
      store_->remove(object);  // living members of that fleet go on with it
    } else {
      retire_object(*store_, object);
    }
    fault_point("open:retired");
  }
  Creation creation{store_bytes(spec), [&](void* base) { format_store(base, spec, unix_ms()); }, waitMs_};
  return store_->open(object, Access::kReadWrite, &creation);
}

OpenStore* Fleet::keep_store(std::unique_ptr<Mapping> mapping, uint32_t kind, const std::string& object) {
  auto opened = std::make_unique<OpenStore>();
  AttachStatus status = attach_store(mapping->base, mapping->length, &opened->store);
  if (status != AttachStatus::kOk) refuse(status, *mapping, object);
  const StoreSpec& spec = opened->store.spec;
  if (spec.fleetId != fleetId_ && is_gone()) refuse_retired(fleet_object(name_));
  if (spec.fleetId != fleetId_) {
    throw Failure("ERR_ORBIT_TYPE_MISMATCH", object + ": fleetId=" + hex(spec.fleetId) + " is not " + hex(fleetId_) +
                                                 ": left by a fleet that is gone; remove it");
  }
  if (spec.typeKind != kind || spec.fleetSize != size_) {
    throw Failure("ERR_ORBIT_CORRUPT", object + ": kind=" + std::to_string(spec.typeKind) +
                                           " and fleetSize=" + std::to_string(spec.fleetSize) +
                                           " are not those of the fleet: remove the store");
  }
  opened->fleet = this;
  opened->kind = kind;
  opened->mapping = std::move(mapping);
  if (writable_) become_writer_of(opened.get(), object);
  stores_.push_back(std::move(opened));
  return stores_.back().get();
}

void Fleet::become_writer_of(OpenStore* opened, const std::string& object) {
  __atomic_fetch_or(kind_word(header(), opened->kind), kind_bit(opened->kind), __ATOMIC_RELEASE);
  require_current();
  RingStatus joined = join_store(opened->store, node_, &opened->writer);
  if (joined == RingStatus::kNoSpare) {
    throw Failure("ERR_ORBIT_NO_SPARE",
                  object + ": no segment is left for this member: open the store with more bytes, or restart the " +
                      "whole fleet");
  }
  if (joined != RingStatus::kOk) {
    throw Failure("ERR_ORBIT_CORRUPT", object + ": the entries of node=" + std::to_string(node_) +
                                           " contradict the store: remove the store");
  }
  opened->writable = true;
}

}  // namespace orbit
