// Settles what the last owner of a node left in the objects of the fleet.
#include "fleet/fleet.h"
#include "fleet/object.h"
#include "posix/failure.h"
#include "posix/fault.h"

namespace orbit {

namespace {

// False: the object has no spare chunk for the node.
bool settle_ring(const Ring& ring, uint32_t node, bool isAlone) {
  if (isAlone && load_relaxed(&ring.header->sparesTaken) != 0) {
    std::vector<uint64_t> marks(audit_mark_words(ring.chunkCount));
    audit(ring, marks.data());
  }
  uint32_t hand;
  return settle(ring, node, &hand) != RingStatus::kNoSpare;
}

bool settle_values(const ValueStore& store, uint32_t node, bool isAlone) {
  if (isAlone && load_relaxed(&store.header->slots.sparesTaken) != 0) {
    std::vector<uint64_t> marks(audit_mark_words(store.ring.chunkCount));
    audit_store(store, marks.data());
  }
  return settle_store(store, node) != RingStatus::kNoSpare;
}

}  // namespace

// Settles the entries of the node in every ring and store. Recovers burned chunks, too, when no other member lives.
// False: an object has no spare chunk for the node.
bool Fleet::settle_node(uint32_t node, bool isAlone) {
  bool died = has_joined(record(node));
  if (died) {
    bells_->remove(node);
    store_->remove_blobs(name_, node);
  }
  if (!died && !isAlone) return true;
  for (uint32_t kind = 0; kind <= kMaxKind; kind++) {
    if ((load_acquire(kind_word(header(), kind)) & kind_bit(kind)) == 0) continue;
    std::unique_ptr<Mapping> mapping;
    try {
      mapping = store_->open(ring_object(name_, kind), Access::kReadWrite, nullptr);
    } catch (const Failure& failure) {
      // This process lacks descriptors or memory: the object may be whole and need the audit.
      if (failure.code == "ERR_ORBIT_SYSTEM" || failure.code == "ERR_ORBIT_NO_SPACE") throw;
      continue;  // it is damaged; opening it reports how, if a member does
    }
    if (mapping == nullptr) continue;
    if (!settle_object(*mapping, node, isAlone)) return false;
    fault_point("join:ring-settled");
  }
  return true;
}

bool Fleet::settle_object(const Mapping& mapping, uint32_t node, bool isAlone) const {
  Ring ring;
  if (attach_slots(mapping.base, mapping.length, &ring) == AttachStatus::kOk) {
    bool isOwn = ring.spec.fleetId == fleetId_ && ring.spec.fleetSize == size_;
    return !isOwn || settle_ring(ring, node, isAlone);
  }
  ValueStore store;
  if (attach_store(mapping.base, mapping.length, &store) != AttachStatus::kOk) return true;
  bool isOwn = store.spec.fleetId == fleetId_ && store.spec.fleetSize == size_;
  return !isOwn || settle_values(store, node, isAlone);
}

}  // namespace orbit
