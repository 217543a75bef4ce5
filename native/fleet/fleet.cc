#include "fleet/fleet.h"

#include <unistd.h>

#include <algorithm>

#include "fleet/object.h"
#include "fleet/removal.h"
#include "posix/boot.h"
#include "posix/clock.h"
#include "posix/failure.h"
#include "posix/fault.h"
#include "posix/local.h"
#include "posix/random.h"
#include "posix/shm.h"
#include "protocol/beat.h"
#include "protocol/debug.h"

namespace orbit {

namespace {

void format_fleet(void* base, uint32_t size, Lifetime lifetime) {
  FleetHeader* header = static_cast<FleetHeader*>(base);
  memset(base, 0, fleet_bytes(size));
  format_object(&header->object, kFleetObject, fleet_bytes(size), random_word(), unix_ms());
  header->size = size;
  header->lifetime = static_cast<uint64_t>(lifetime);
  header->subjectKey = random_word();
  header->bootId = boot_id();
  finish_object(&header->object);
}

bool is_of_earlier_boot(const FleetHeader* header) {
  uint64_t its = load_relaxed(&header->bootId), ours = boot_id();
  return its != 0 && ours != 0 && its != ours;
}

void set_joined(NodeRecord* record, Joined joined) { store_release(&record->joined, joined); }
// False for a member that died and is being settled.
bool is_member(const NodeRecord* record) { return load_acquire(&record->joined) == kIsJoined; }

// Whether others may wait in this object for the end of a member: its claims end with it.
bool watches_members(const Ring& ring) { return ring.spec.objectType != kRingObject; }

[[noreturn]] void refuse_range(const std::string& object, int64_t node, uint32_t size) {
  throw Failure("ERR_ORBIT_OUT_OF_RANGE",
                object + ": node=" + std::to_string(node) + " must be in 0.." + std::to_string(size - 1));
}

// Throws if the fleet would be a new one, and would have no such node.
void require_node(Store& store, const std::string& object, int64_t node, uint32_t newSize) {
  if (node < static_cast<int64_t>(newSize) || store.open(object, Access::kReadOnly, nullptr) != nullptr) return;
  refuse_range(object, node, newSize);
}

}  // namespace

Fleet::Fleet(std::string name, std::shared_ptr<Store> store, bool writable)
    : name_(std::move(name)), store_(std::move(store)), bells_(store_->bells(name_)), writable_(writable) {}

void Fleet::attach(std::unique_ptr<Mapping> mapping) {
  const FleetHeader* header = static_cast<const FleetHeader*>(mapping->base);
  AttachStatus status = attach_object(mapping->base, mapping->length, kFleetObject);
  if (status == AttachStatus::kOk) {
    uint64_t size = mapping->length >= sizeof(FleetHeader) ? load_relaxed(&header->size) : 0;
    bool fits = size >= 1 && size <= kMaxFleetSize && fleet_bytes(static_cast<uint32_t>(size)) == mapping->length;
    if (!fits) status = AttachStatus::kCorrupt;
    size_ = static_cast<uint32_t>(size);
  }
  if (status != AttachStatus::kOk) refuse(status, *mapping, fleet_object(name_));
  fleetId_ = load_relaxed(&header->object.fleetId);
  subjectKey_ = load_relaxed(&header->subjectKey);
  mapping_ = std::move(mapping);
}

std::unique_ptr<Fleet> Fleet::observe(const std::string& name) {
  std::unique_ptr<Fleet> fleet(new Fleet(name, shared_store(), false));
  auto mapping = fleet->store_->open(fleet_object(name), Access::kReadOnly, nullptr);
  if (mapping == nullptr)
    throw Failure(
        "ERR_ORBIT_NOT_FOUND",
        fleet_object(name) + ": no such fleet: no process of this user has joined it; \"orbit ls\" lists the fleets");
  fleet->attach(std::move(mapping));
  return fleet;
}

std::unique_ptr<Fleet> Fleet::join(JoinOptions options) {
  auto store = options.isShared ? shared_store() : local_store(options.name);
  for (;;) {
    std::unique_ptr<Fleet> fleet(new Fleet(options.name, store, true));
    if (fleet->try_join(options)) return fleet;
  }
}

// False: the object was removed, by this call or another process. Try again with a new one, which keeps the size and
// the lifetime of one that this call removed.
bool Fleet::try_join(JoinOptions& options) {
  uint32_t size = options.size != 0 ? options.size : options.newSize;
  require_node(*store_, fleet_object(name_), options.node, size);
  Lifetime lifetime = options.lifetime.value_or(Lifetime::kFleet);
  int waitMs = options.triesOnce ? 0 : options.waitMs;
  Creation creation{fleet_bytes(size), [&](void* base) { format_fleet(base, size, lifetime); }, waitMs};
  auto found = store_->open(fleet_object(name_), Access::kReadWrite, &creation);
  if (check_object(found->base, found->length) == AttachStatus::kOtherVersion) {
    remove_other_version(*found, waitMs);
    return false;
  }
  attach(std::move(found));
  MembershipLock lock(*store_, *mapping_, waitMs);
  fault_point("join:locked");
  if (retired(header())) {
    if (store_->is_current(*mapping_)) retire_all(*store_, name_);  // its remover died half-way
    return false;
  }
  if (!store_->is_current(*mapping_)) return false;
  if (must_remake(options)) {
    if (!options.lifetime) options.lifetime = this->lifetime();
    options.newSize = size_;
    store_release(&header()->object.retired, 1);
    fault_point("join:retired");
    retire_all(*store_, name_);
    return false;
  }
  if (options.size != 0) require_size(fleet_object(name_), size_, options.size);
  if (options.node >= static_cast<int64_t>(size_)) refuse_range(fleet_object(name_), options.node, size_);
  take_node(options);
  if (options.lifetime) store_relaxed(&header()->lifetime, static_cast<uint64_t>(*options.lifetime));
  waitMs_ = options.waitMs;
  return true;
}

// Removes a fleet of another layout version if its members are all dead. Its lease bytes and its first 64 bytes are as
// in this version (layout.h).
void Fleet::remove_other_version(Mapping& found, int waitMs) {
  MembershipLock lock(*store_, found, waitMs);
  if (!store_->is_current(found)) return;
  if (store_->leased_elsewhere(found, 0, kMaxFleetSize)) refuse_living_version(found, fleet_object(name_));
  retire_all(*store_, name_);
}

// Whether this joiner is alone with a fleet that it must not use as it is: all of its members died before the last one
// could remove it, or it has another size, or its files are of an earlier boot, and times in them mean nothing now. A
// persistent fleet that had members keeps what they left in it. The caller holds the membership lock.
bool Fleet::must_remake(const JoinOptions& options) const {
  if (!alone()) return false;
  if (is_of_earlier_boot(header())) return true;
  if (had_members()) return lifetime() == Lifetime::kFleet;
  return options.size != 0 && options.size != size_;
}

// False for a new fleet. Nodes are taken from 0 on, so the first record decides in most cases.
bool Fleet::had_members() const {
  for (uint32_t node = 0; node < size_; node++) {
    if (load_acquire(&record(node)->incarnation) != 0) return true;
  }
  return false;
}

Lifetime Fleet::lifetime() const {
  bool isFleet = load_relaxed(&header()->lifetime) == static_cast<uint64_t>(Lifetime::kFleet);
  return isFleet ? Lifetime::kFleet : Lifetime::kPersistent;
}

void Fleet::take_node(const JoinOptions& options) {
  bool isAlone = alone();
  bool isChosen = options.node >= 0;
  uint32_t first = isChosen ? static_cast<uint32_t>(options.node) : 0;
  uint32_t last = isChosen ? first : size_ - 1;
  bool withoutSpare = false;
  auto try_nodes = [&](const std::vector<bool>& held) {
    for (uint32_t node = first; node <= last && !hasNode_; node++) {
      if (held[node] || !store_->try_lease(*mapping_, node)) continue;
      withoutSpare = !try_node(node, isAlone) || withoutSpare;
    }
  };
  try_nodes(listed_leases());
  if (!hasNode_) try_nodes(std::vector<bool>(size_));  // a member may have left since they were listed
  if (!hasNode_) refuse_node(options, withoutSpare);
  fault_point("join:settled");
  write_record(options);
  fault_point("join:recorded");
}

// Takes a node after this handle has got its lease, and settles it. False: a ring has no spare chunk for it.
bool Fleet::try_node(uint32_t node, bool isAlone) {
  // The lease no longer says that the last owner lives. Partner: is_alive.
  if (has_joined(record(node))) set_joined(record(node), kSettling);
  fault_point("join:leased");
  hasNode_ = settle_node(node, isAlone);
  if (hasNode_) {
    node_ = node;
  } else {
    store_->drop_lease(*mapping_, node);
  }
  return hasNode_;
}

// A fleet may have room for far more members than ever join. Partner: write_record. A member finds itself at least.
uint32_t Fleet::used_nodes() const {
  uint64_t used = load_acquire(&header()->usedNodes), own = hasNode_ ? uint64_t{node_} + 1 : 0;
  return static_cast<uint32_t>(std::min<uint64_t>(std::max(used, own), size_));
}

// The nodes with leases that are surely held; none while there are few members, which are asked for one by one.
std::vector<bool> Fleet::listed_leases() const {
  uint32_t joined = 0;
  for (uint32_t node = 0, used = used_nodes(); node < used; node++) joined += has_joined(record(node));
  return joined >= kManyMembers ? store_->listed_leases(*mapping_, size_) : std::vector<bool>(size_);
}

// Why a join has found no node.
void Fleet::refuse_node(const JoinOptions& options, bool withoutSpare) const {
  std::string object = fleet_object(name_);
  if (withoutSpare) {
    throw Failure("ERR_ORBIT_NO_SPARE",
                  object + ": no spare chunk is left in a ring: restart the whole fleet to recover them");
  }
  if (options.node >= 0) {
    throw Failure("ERR_ORBIT_NODE_TAKEN", object + ": node=" + std::to_string(options.node) +
                                              " is held by a living member: ask for another, or for none");
  }
  uint32_t own = 0;
  for (uint32_t node = 0; node < size_; node++) {
    if (is_member(record(node)) && pid(node) == static_cast<uint32_t>(getpid())) own++;
  }
  std::string message = object + ": the fleet has " + std::to_string(size_) + " nodes and all are in use, " +
                        std::to_string(own) + " of them by this process: close unused handles";
  if (size_ <= kMaxFleetSize / 2) {
    message += ", or join with { size: " + std::to_string(size_ * 2) + " } once every member has left";
  }
  throw Failure("ERR_ORBIT_FLEET_FULL", message);
}

// Not joined first, joined last: members() passes over a record in between. Partner: the copy in members().
void Fleet::write_record(const JoinOptions& options) {
  ORBIT_CHECK(hasNode_ && node_ < size_);
  NodeRecord next = {};
  next.incarnation = incarnation() + 1;
  next.pid = static_cast<uint32_t>(getpid());
  next.startedAtMs = options.startedAtMs;
  next.joinedAtMs = unix_ms();
  memcpy(next.label, options.label.data(), options.label.size() < kLabelBytes ? options.label.size() : kLabelBytes);
  set_joined(record(node_), kNotJoined);
  // Joins follow each other, by the membership lock. Partner: used_nodes.
  if (load_relaxed(&header()->usedNodes) <= node_) store_release(&header()->usedNodes, node_ + 1);
  copy_to_shared(reinterpret_cast<uint64_t*>(record(node_)), &next, sizeof next);
  set_joined(record(node_), kIsJoined);
}

// The claims of this member end with its incarnation. Waiters for them wake now, not when their timers expire.
void Fleet::end_claims() {
  if (!hasNode_ || is_gone()) return;
  for (const auto& opened : rings_) {
    if (opened == nullptr || !watches_members(opened->writer.ring)) continue;
    set_joined(record(node_), kNotJoined);
    if (has_sleepers(opened->writer.ring)) wake(opened->writer.ring);
  }
}

void Fleet::close() {
  if (mapping_ == nullptr) return;
  end_claims();
  for (auto& ring : rings_) ring.reset();  // before the lease is dropped: then another process may own the hands
  limits_.clear();
  stores_.clear();
  if (hasNode_) leave();
  mapping_.reset();
}

void Fleet::leave() {
  fault_point("close:begun");
  // Held until our lease is dropped: of two members that leave at once, one must see that it is the last.
  std::unique_ptr<MembershipLock> lock;
  if (lifetime() == Lifetime::kFleet) {
    try {
      lock = std::make_unique<MembershipLock>(*store_, *mapping_, kLeaveWaitMs);
      bool isLast = !retired(header()) && alone() && store_->is_current(*mapping_);
      if (isLast) {
        store_release(&header()->object.retired, 1);
        retire_all(*store_, name_);
      }
    } catch (const Failure&) {
      // A process is stopped inside a join, or the names belong to another fleet. The objects stay, and the next joiner
      // that is alone remakes them.
    }
  }
  if (hasBell_ && !is_gone()) bells_->remove(node_);  // a remover removes the bells, too
  set_joined(record(node_), kNotJoined);
  fault_point("close:recorded");
  store_->drop_lease(*mapping_, node_);
  hasNode_ = false;
}

NodeRecord* Fleet::record(uint32_t node) const {
  return reinterpret_cast<NodeRecord*>(static_cast<uint8_t*>(mapping_->base) + sizeof(FleetHeader)) + node;
}

bool Fleet::is_gone() const { return retired(header()) || !store_->is_current(*mapping_); }

bool Fleet::alone() const {
  bool before = node_ > 0 && hasNode_ ? store_->leased_elsewhere(*mapping_, 0, node_) : false;
  uint32_t from = hasNode_ ? node_ + 1 : 0;
  return !before && !(from < size_ && store_->leased_elsewhere(*mapping_, from, size_ - from));
}

bool Fleet::is_dead(uint32_t node) const {
  return !(hasNode_ && node == node_) && !store_->leased_elsewhere(*mapping_, node, 1);
}

bool Fleet::is_alive(uint32_t node, uint64_t incarnation) {
  if (node >= size_ || load_acquire(&record(node)->incarnation) != incarnation) return false;
  if (!is_member(record(node))) return false;
  if (hasNode_ && node == node_) return true;
  SeenAlive& seen = seenAlive_[node % seenAlive_.size()];
  uint64_t nowNs = monotonic_ns();
  if (seen.node == node && seen.incarnation == incarnation && nowNs < seen.untilNs) return true;
  try {
    if (!store_->leased_elsewhere(*mapping_, node, 1)) return false;
  } catch (const Failure&) {
    return true;  // the kernel gives no answer: the time limit of a claim decides
  }
  seen = {node, incarnation, nowNs + kAliveForNs};
  return true;
}

std::vector<Member> Fleet::members() const {
  std::vector<Member> members;
  std::vector<bool> held = listed_leases();
  for (uint32_t node = 0, used = used_nodes(); node < used; node++) {
    const NodeRecord* shared = record(node);
    if (!has_joined(shared)) continue;  // partner: the last store of take_node
    NodeRecord copy;
    copy_from_shared(&copy, reinterpret_cast<const uint64_t*>(shared), offsetof(NodeRecord, beatCount));
    // Its owner changes at this moment.
    if (load_acquire(&shared->incarnation) != copy.incarnation || copy.joined == kNotJoined) continue;
    const char* label = reinterpret_cast<const char*>(copy.label);
    Member member{node,
                  static_cast<uint32_t>(copy.pid),
                  held[node] || !is_dead(node),
                  copy.incarnation,
                  copy.startedAtMs,
                  copy.joinedAtMs,
                  std::string(label, strnlen(label, kLabelBytes))};
    read_beat(shared, copy.incarnation, &member.beatCount, &member.beat);
    members.push_back(std::move(member));
  }
  return members;
}

void Fleet::beat(const Beat& beat) {
  if (!hasNode_) throw Failure("ERR_ORBIT_READ_ONLY", fleet_object(name_) + ": opened by an observer");
  write_beat(record(node_), beat);
}

}  // namespace orbit
