// A handle of one process into a fleet: its node, its lease, and the rings that it has opened.
//
// Joining, creating, removing, and leaving as the last member hold the membership lock of the fleet object. None of
// them is on a data path. A process that takes a node settles what the last owner left (settle.h) before its record
// says "joined".
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fleet/object.h"
#include "posix/store.h"
#include "protocol/limits.h"
#include "protocol/settle.h"
#include "protocol/storeput.h"

namespace orbit {

enum class Lifetime : uint64_t { kPersistent = 0, kFleet = 1 };  // FleetHeader::lifetime

constexpr uint32_t kDefaultFleetSize = 256;

struct JoinOptions {
  std::string name;
  bool isShared = true;
  uint32_t size = 0;  // 0: the size of the existing fleet, or kDefaultFleetSize for a new one
  int64_t node = -1;  // -1: the first free node
  std::string label;
  uint64_t startedAtMs = 0;
  std::optional<Lifetime> lifetime;      // none: that of the existing fleet, or Lifetime::kFleet for a new one
  uint32_t newSize = kDefaultFleetSize;  // of a new fleet, if the caller asks for no size
  int waitMs = kLockWaitMs;              // for the lock: for this join, and each time that the member creates a ring
  bool triesOnce = false;                // this join does not wait for the lock
};

// From so many members on, their leases are listed together: one by one, each costs a walk through those of all.
constexpr uint32_t kManyMembers = 64;
constexpr int kLeaveWaitMs = 50;  // a close waits this long for the lock, and otherwise leaves the objects
// Shorter than a process takes to die: a process that waits for a death and then asks gets the new answer.
constexpr uint64_t kAliveForNs = 50'000;

struct Member {
  uint32_t node;
  uint32_t pid;
  bool alive;
  uint64_t incarnation, startedAtMs, joinedAtMs;
  std::string label;
  uint64_t beatCount = 0;  // 0: it never beat, and `beat` is meaningless
  Beat beat = {};
};

class Fleet;

// How strictly a caller means the geometry in its RingSpec.
struct Wish {
  bool takesOther = false;      // takes what exists while other members live; false: refuses another geometry
  bool hasCapacity = true;      // asked for; false: as in the existing object
  bool hasPayloadBytes = true;  // the same for payloadBytes
};

// A ring or table that this process has opened. `writer.ring` serves readers, too. Only members may publish.
struct OpenRing {
  Fleet* fleet = nullptr;
  std::unique_ptr<Mapping> mapping;
  Writer writer;
  bool writable = false;
};

// A table of limits that this process has opened.
struct OpenLimits {
  Fleet* fleet = nullptr;
  std::unique_ptr<Mapping> mapping;
  Limits limits;
  uint32_t kind = 0;
  bool writable = false;
};

// How large a caller wants a store to be.
struct StoreWish {
  uint32_t kind = 0;
  uint64_t bytes = 0;
  uint32_t entryBytes = 0;
  bool isAsked = false;  // a member that is alone makes one of another size anew
};

// A store that this process has opened. Only members have a writer.
struct OpenStore {
  Fleet* fleet = nullptr;
  std::unique_ptr<Mapping> mapping;
  ValueStore store;
  StoreWriter writer;
  uint32_t kind = 0;
  bool writable = false;
};

class Fleet {
 public:
  static std::unique_ptr<Fleet> join(JoinOptions options);
  // Read-only, takes no node, creates nothing. Throws ERR_ORBIT_NOT_FOUND when there is no such fleet.
  static std::unique_ptr<Fleet> observe(const std::string& name);
  ~Fleet() { close(); }

  // Leaves: the node is free afterwards. The last member removes the objects if the fleet has Lifetime::kFleet.
  void close();

  // Opens the ring or table of spec.typeKind. A member creates a missing one; for an observer it is null. Type of
  // object, geometry and name must be those of `spec`, whose fleetSize and fleetId are filled in here. The pod must be
  // that of the ring, or have its first fields, or begin with them; then a member adds the others to the ring. A member
  // that is alone remakes an object that differs, unless the fleet is persistent. The fleet owns the result; opening it
  // again returns the same one.
  OpenRing* open_ring(RingSpec spec, const Wish& wish = {}, const PodShape& pod = {});
  // The KIND that the fleet has given to a name of 1..64 bytes. A member gives it one if it has none. -1: an observer
  // finds none.
  int32_t named_kind(const std::string& name);
  // The name to which the fleet has given a KIND; "" for none.
  std::string name_of_kind(uint32_t kind) const;
  // Opens the ring or table of this KIND, of any geometry. Null: there is none.
  OpenRing* open_existing_ring(uint32_t kind);

  // Opens the limits object of this KIND. A member creates a missing one with so many entries; for an observer it is
  // null. One of another size is taken as it is, but if `isAsked` a member that is alone makes it anew. The fleet owns
  // the result; opening it again returns the same one.
  OpenLimits* open_limits(uint32_t kind, uint32_t entries, bool isAsked);
  // Opens the limits object of this KIND, of any size. Null: there is none.
  OpenLimits* open_existing_limits(uint32_t kind);

  // Opens the store of wish.kind. A member creates a missing one; for an observer it is null. One of another size is
  // taken as it is, but if it is asked for a member that is alone makes it anew. The fleet owns the result; opening it
  // again returns the same one.
  OpenStore* open_store(const StoreWish& wish);
  // Whether a store has the size that a caller wishes for.
  bool has_wished(const OpenStore& opened, const StoreWish& wish) const;
  // Opens the store of this KIND, of any size. Null: there is none.
  OpenStore* open_existing_store(uint32_t kind);

  // The members that have joined and not left: living ones, and dead ones until their nodes have new owners.
  std::vector<Member> members() const;
  bool is_dead(uint32_t node) const;
  // Whether the member that held `node` in this incarnation lives. "No" is final; "yes" was true at some time within
  // the last kAliveForNs. Cheap: it asks the kernel once in that time.
  bool is_alive(uint32_t node, uint64_t incarnation);
  // A descriptor that becomes readable when the process of this member has ended; the caller closes it. -1: there can
  // be none, or it is this process. kIsDead: the member has ended.
  int watch_death(uint32_t node, uint64_t incarnation);
  static constexpr int kIsDead = -2;
  // The pid of the member that holds the node, or held it last.
  uint32_t pid(uint32_t node) const { return static_cast<uint32_t>(load_relaxed(&record(node)->pid)); }
  // Writes a heartbeat of this member. Throws ERR_ORBIT_READ_ONLY for an observer.
  void beat(const Beat& beat);

  // Makes the bell of this node: a descriptor that becomes readable when another process publishes to a ring that this
  // node has armed. The caller closes it. -1: there can be none; for an observer always.
  int open_bell();
  // Whether publishers can still find the bell behind `descriptor`.
  bool has_bell(int descriptor) const;
  // Wakes the nodes that sleep on this ring.
  void wake(const Ring& ring);
  // Signals the bell of one node.
  void signal(uint32_t node);

  // Whether the fleet was removed, or its name unlinked. Then its names may belong to another fleet.
  bool is_gone() const;

  // For inspectors.
  const FleetHeader& shared_header() const { return *header(); }

  uint64_t id() const { return fleetId_; }
  uint32_t size() const { return size_; }
  uint32_t node() const { return node_; }
  Store& store() const { return *store_; }
  const FleetName& name() const { return name_; }
  // How many members have held this node, this one included; 0 for an observer.
  uint64_t incarnation() const { return hasNode_ ? load_relaxed(&record(node_)->incarnation) : 0; }

 private:
  Fleet(std::string name, std::shared_ptr<Store> store, bool writable);
  void attach(std::unique_ptr<Mapping> mapping);
  bool try_join(JoinOptions& options);
  void remove_other_version(Mapping& found, int waitMs);
  bool must_remake(const JoinOptions& options) const;
  bool had_members() const;
  void take_node(const JoinOptions& options);
  [[noreturn]] void refuse_node(const JoinOptions& options, bool withoutSpare) const;
  void write_record(const JoinOptions& options);
  void leave();
  void require_current() const;
  std::unique_ptr<Mapping> open_object(const std::string& object) const;
  // What a caller of open_ring asks for.
  struct Wanted {
    RingSpec spec;
    const Wish& wish;
    const PodShape& pod;
    std::string object;
  };
  std::unique_ptr<Mapping> create_ring(const Wanted& wanted);
  bool is_other(const Mapping& mapping, const Wanted& wanted, RingSpec* found) const;
  bool is_left_behind(const Mapping& mapping) const;
  bool keeps_contents() const;
  void require_wanted(const Ring& ring, const Wanted& wanted);
  void add_fields(const Ring& ring, const Wanted& wanted);
  int32_t fill_name(const std::string& name);
  OpenRing* keep_ring(std::unique_ptr<Mapping> mapping, const std::string& object, uint32_t kind, const Wanted* wanted);
  void become_writer_of(OpenRing* opened, const std::string& object);
  bool must_make_limits(const Mapping* mapping, uint32_t entries, bool isAsked) const;
  std::unique_ptr<Mapping> create_limits(uint32_t kind, uint32_t entries, bool isAsked, const std::string& object);
  OpenLimits* keep_limits(std::unique_ptr<Mapping> mapping, uint32_t kind, const std::string& object);
  OpenStore* known_store(uint32_t kind) const;
  bool must_make_store(const Mapping* mapping, const StoreWish& wish) const;
  std::unique_ptr<Mapping> create_store(const StoreWish& wish, const std::string& object);
  OpenStore* keep_store(std::unique_ptr<Mapping> mapping, uint32_t kind, const std::string& object);
  void become_writer_of(OpenStore* opened, const std::string& object);
  bool try_node(uint32_t node, bool isAlone);
  std::vector<bool> listed_leases() const;
  uint32_t used_nodes() const;
  bool settle_node(uint32_t node, bool isAlone);
  bool settle_object(const Mapping& mapping, uint32_t node, bool isAlone) const;
  FleetHeader* header() const { return static_cast<FleetHeader*>(mapping_->base); }
  NodeRecord* record(uint32_t node) const;
  // No other handle is a member, in this process or another.
  bool alone() const;
  Lifetime lifetime() const;
  void end_claims();

  FleetName name_;  // with the user at the time of the join
  std::shared_ptr<Store> store_;
  std::unique_ptr<Mapping> mapping_;
  std::unique_ptr<Bells> bells_;
  bool writable_;
  int waitMs_ = kLockWaitMs;
  uint32_t size_ = 0;
  uint32_t node_ = 0;
  bool hasNode_ = false;
  bool hasBell_ = false;
  uint64_t fleetId_ = 0;
  uint64_t subjectKey_ = 0;  // copied at the join, so that this handle looks for a subject in one bucket always
  struct SeenAlive {
    uint64_t node = ~uint64_t{0}, incarnation = 0, untilNs = 0;
  };
  std::array<SeenAlive, 64> seenAlive_;                        // by the low bits of the node
  std::array<std::unique_ptr<OpenRing>, kMaxKind + 1> rings_;  // by KIND
  std::vector<std::unique_ptr<OpenLimits>> limits_;
  std::vector<std::unique_ptr<OpenStore>> stores_;
};

}  // namespace orbit
