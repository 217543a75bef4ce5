#include "fleet/removal.h"

#include "fleet/object.h"
#include "posix/fault.h"
#include "posix/shm.h"

namespace orbit {

namespace {

// Whether the fleet of this ring is gone for good. Looks at the ring first and then at the fleet object: a ring is
// created only in a fleet that exists, and a fleet id never comes back.
bool is_orphan(Store& store, const std::string& fleet, const std::string& ring) {
  auto fleet_id_of = [&](const std::string& object) -> uint64_t {
    auto mapping = store.open(object, Access::kReadOnly, nullptr);
    bool isWhole = mapping != nullptr && check_object(mapping->base, mapping->length) == AttachStatus::kOk;
    return isWhole ? static_cast<const ObjectHeader*>(mapping->base)->fleetId : 0;
  };
  uint64_t ringFleet = 0;
  try {
    ringFleet = fleet_id_of(ring);
  } catch (const Failure& failure) {
    if (failure.code != "ERR_ORBIT_CORRUPT") throw;  // a damaged object can go
  }
  if (store.open(fleet_object(fleet), Access::kReadOnly, nullptr) == nullptr) return true;
  // A ring that is not whole may be in creation.
  return ringFleet != 0 && ringFleet != fleet_id_of(fleet_object(fleet));
}

// Without a fleet object there is no lock to take. So only objects that no fleet can use again are removed, and the
// bells and blobs: a member of a new fleet of this name makes its bell anew, and a call fails if its blob is gone.
std::vector<std::string> remove_orphans(Store& store, const std::string& fleet, int kind) {
  std::vector<std::string> removed;
  if (kind < 0) {
    store.bells(fleet)->remove_all();
    store.remove_blobs(fleet, -1);
  }
  uint32_t first = kind < 0 ? 0 : static_cast<uint32_t>(kind), last = kind < 0 ? kMaxKind : first;
  for (uint32_t each = first; each <= last; each++) {
    std::string object = ring_object(fleet, each);
    if (is_orphan(store, fleet, object) && retire_object(store, object)) removed.push_back(object);
  }
  return removed;
}

}  // namespace

bool retire_object(Store& store, const std::string& object) {
  try {
    auto mapping = store.open(object, Access::kReadWrite, nullptr);
    if (mapping != nullptr && mapping->length >= sizeof(ObjectHeader)) {
      ObjectHeader* header = static_cast<ObjectHeader*>(mapping->base);
      if (load_acquire(&header->magic) == kMagic) store_release(&header->retired, 1);
    }
  } catch (const Failure& failure) {
    if (failure.code == "ERR_ORBIT_PERMISSION") throw;  // another user's; a damaged object of this user can go
  }
  return store.remove(object);
}

// The fleet object goes last: the next joiner finishes a removal that died half-way.
std::vector<std::string> retire_all(Store& store, const FleetName& fleet) {
  std::vector<std::string> removed;
  store.bells(fleet)->remove_all();
  store.remove_blobs(fleet, -1);
  for (uint32_t kind = 0; kind <= kMaxKind; kind++) {
    if (retire_object(store, ring_object(fleet, kind))) removed.push_back(ring_object(fleet, kind));
    fault_point("remove:ring");
  }
  if (retire_object(store, fleet_object(fleet))) removed.push_back(fleet_object(fleet));
  return removed;
}

std::vector<std::string> remove_fleet(const std::string& name, int kind, bool force) {
  Store& store = *shared_store();
  std::unique_ptr<Mapping> mapping = store.open(fleet_object(name), Access::kReadWrite, nullptr);
  if (mapping == nullptr) {
    fault_point("remove:retired");
    return remove_orphans(store, name, kind);
  }
  AttachStatus status = attach_object(mapping->base, mapping->length, kFleetObject);
  bool isWhole = status == AttachStatus::kOk;
  // Locks, leases and the header of an object are the same in every layout version.
  bool isFleet = isWhole || status == AttachStatus::kOtherVersion;
  if (!isFleet && !force) refuse(status, *mapping, fleet_object(name));
  std::unique_ptr<MembershipLock> lock;
  if (isFleet) {
    lock = std::make_unique<MembershipLock>(store, *mapping);
    if (!store.is_current(*mapping)) return {};  // removed by another process while this one waited
    if (!force && store.leased_elsewhere(*mapping, 0, kMaxFleetSize)) {
      throw Failure("ERR_ORBIT_IN_USE",
                    fleet_object(name) + ": has living members: close them, or remove with { force: true }");
    }
  }
  FleetHeader* header = static_cast<FleetHeader*>(mapping->base);
  if (kind < 0) {
    if (isFleet) store_release(&header->object.retired, 1);
    fault_point("remove:retired");
    return retire_all(store, name);
  }
  std::string object = ring_object(name, static_cast<uint32_t>(kind));
  if (!retire_object(store, object)) return {};
  if (isWhole) {
    uint32_t bit = static_cast<uint32_t>(kind);
    __atomic_fetch_and(kind_word(header, bit), ~kind_bit(bit), __ATOMIC_RELEASE);
  }
  return {object};
}

bool has_living_members(const std::string& fleet) {
  auto mapping = shared_store()->open(fleet_object(fleet), Access::kReadOnly, nullptr);
  if (mapping == nullptr) return false;
  AttachStatus status = attach_object(mapping->base, mapping->length, kFleetObject);
  bool isFleet = status == AttachStatus::kOk || status == AttachStatus::kOtherVersion;
  if (!isFleet) refuse(status, *mapping, fleet_object(fleet));
  return shared_store()->leased_elsewhere(*mapping, 0, kMaxFleetSize);
}

}  // namespace orbit
