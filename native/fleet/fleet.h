// One process's handle into a fleet: its node, its lease, and the rings it has opened.
//
// Joining, creating, removing and leaving as the last happen under the fleet object's membership lock; none of it is on
// a data path. A taker of a node settles what its last owner left (settle.h) before its record says "joined".
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "posix/store.h"
#include "protocol/settle.h"

namespace orbit {

struct JoinOptions {
  std::string name;
  bool isShared = true;
  uint32_t size = 0;  // 0: that of the fleet that exists, else kDefaultFleetSize
  int64_t node = -1;  // -1: the first free one
  std::string label;
  uint64_t startedAtMs = 0;
  bool removeWhenLast = false;
};

constexpr uint32_t kDefaultFleetSize = 64;
// Shorter than a process takes to die: whoever waits for a death and then asks is told of it.
constexpr uint64_t kAliveForNs = 50'000;

struct Member {
  uint32_t node;
  uint32_t pid;
  bool alive;
  uint64_t incarnation, startedAtMs, joinedAtMs;
  std::string label;
  uint64_t beatCount = 0;  // 0: it never beat, and `beat` says nothing
  Beat beat = {};
};

// A ring that this process has opened. `writer.ring` serves readers too; only members may publish.
class Fleet;
struct OpenRing {
  Fleet* fleet = nullptr;
  std::unique_ptr<Mapping> mapping;
  Writer writer;
  bool writable = false;
  int64_t exactBytes = -1;  // the length that payloads must have; -1: any up to payloadBytes
};

class Fleet {
 public:
  static std::unique_ptr<Fleet> join(const JoinOptions& options);
  // Read-only, takes no node, creates nothing. Throws ERR_ORBIT_NOT_FOUND when there is no such fleet.
  static std::unique_ptr<Fleet> observe(const std::string& name);
  ~Fleet() { close(); }

  // Leaves: the node is free, the objects stay, unless this was the last member and asked for their removal.
  void close();

  // A member creates the ring or table when it is missing; for an observer a missing one is null. Type of object,
  // geometry, fingerprint and name must be those of `spec`.
  // The fleet keeps it; opening it again gives the same one. Its fleetSize and fleetId are filled in here.
  OpenRing* open_ring(RingSpec spec);
  // The ring or table of this KIND, of any geometry, or null.
  OpenRing* open_existing_ring(uint32_t kind);

  // Those who have joined and not left: the living and the dead whose node nobody has taken yet.
  std::vector<Member> members() const;
  bool is_dead(uint32_t node) const;
  // Is the member alive that held `node` in this incarnation? "No" is final; "yes" is true of some instant within the last
  // kAliveForNs. Cheap: the kernel is asked once in that time.
  bool is_alive(uint32_t node, uint64_t incarnation);
  // Of the member that holds the node, or held it last.
  uint32_t pid(uint32_t node) const { return static_cast<uint32_t>(load_relaxed(&record(node)->pid)); }
  // This member's heart beats once. Throws ERR_ORBIT_READ_ONLY for an observer.
  void beat(const Beat& beat);

  // A descriptor that becomes readable when somebody publishes to a ring that this node has armed; the caller's to close.
  // -1: there can be none, also for an observer.
  int open_bell();
  // Can publishers still find it?
  bool has_bell(int descriptor) const;
  // Rings those who sleep on this ring.
  void wake(const Ring& ring);

  // For looking.
  const FleetHeader& shared_header() const { return *header(); }

  uint32_t size() const { return size_; }
  uint32_t node() const { return node_; }
  // How many members have held this node, this one included; 0 for an observer.
  uint64_t incarnation() const { return hasNode_ ? load_relaxed(&record(node_)->incarnation) : 0; }

 private:
  Fleet(std::string name, std::shared_ptr<Store> store, bool writable);
  void attach(std::unique_ptr<Mapping> mapping);
  bool try_join(const JoinOptions& options);
  void take_node(const JoinOptions& options);
  std::unique_ptr<Mapping> create_ring(const RingSpec& spec, const std::string& object);
  OpenRing* keep_ring(std::unique_ptr<Mapping> mapping, const std::string& object, uint32_t kind,
                      const RingSpec* wanted);
  void become_writer_of(OpenRing* open, const std::string& object);
  bool settle_rings(uint32_t node, bool alone);
  FleetHeader* header() const { return static_cast<FleetHeader*>(mapping_->base); }
  NodeRecord* record(uint32_t node) const;
  // Was it removed, by us or by an unlink behind our back? Its names may belong to a namesake by now.
  bool is_gone() const;
  bool alone() const;
  void end_claims();

  std::string name_;
  std::shared_ptr<Store> store_;
  std::unique_ptr<Mapping> mapping_;
  std::unique_ptr<Bells> bells_;
  bool writable_;
  bool removeWhenLast_ = false;
  uint32_t size_ = 0;
  uint32_t node_ = 0;
  bool hasNode_ = false;
  bool hasBell_ = false;
  uint64_t fleetId_ = 0;
  struct SeenAlive {
    uint64_t node = ~uint64_t{0}, incarnation = 0, untilNs = 0;
  };
  std::array<SeenAlive, 64> seenAlive_;                        // by the low bits of the node
  std::array<std::unique_ptr<OpenRing>, kMaxKind + 1> rings_;  // by KIND
};

}  // namespace orbit
