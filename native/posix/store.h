// A store has the objects of fleets and the leases of their nodes. There are two: shared memory (shm.h) and the memory
// of one process (local.h).
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "posix/bell.h"
#include "posix/lease.h"

namespace orbit {

// A mapped object. Its destructor unmaps and closes it.
class Mapping {
 public:
  virtual ~Mapping() = default;
  // Gives memory to bytes that were not reserved when the object was created. False, with errno: there is none left.
  virtual bool allocate(uint64_t, uint64_t) { return true; }
  void* base = nullptr;
  size_t length = 0;
};

enum class Access { kReadOnly, kReadWrite };

// How to create an object that does not exist. `format` writes all of it, the magic last.
struct Creation {
  uint64_t bytes;
  std::function<void(void* base)> format;
  int waitMs = kLockWaitMs;  // for the lock of another creator; ERR_ORBIT_BUSY after that
  uint64_t sparseFrom = 0;   // the bytes from here on get memory by Mapping::allocate; 0: all have memory from now on
};

// A part of a blob, in memory.
struct Bytes {
  void* data;
  size_t length;
};

class Store {
 public:
  virtual ~Store() = default;

  // Opens an object, or creates a missing one if `creation` is given. Null: missing, or not finished yet. Never null
  // with `creation`.
  virtual std::unique_ptr<Mapping> open(const std::string& object, Access access, const Creation* creation) = 0;

  // Removes a name. False: there was none.
  virtual bool remove(const std::string& object) = 0;

  // The lock of the fleet object: one process at a time joins, creates, removes, or leaves as the last member.
  // Waits at most `waitMs`; throws ERR_ORBIT_BUSY after that.
  virtual void lock_membership(Mapping& fleet, int waitMs) = 0;
  virtual void unlock_membership(Mapping& fleet) = 0;
  // False: the name leads to another object, or to none.
  virtual bool is_current(Mapping& fleet) = 0;

  virtual bool try_lease(Mapping& fleet, uint32_t node) = 0;
  virtual void drop_lease(Mapping& fleet, uint32_t node) = 0;
  // Whether another handle holds a lease of any of `count` nodes from `first` on.
  virtual bool leased_elsewhere(Mapping& fleet, uint32_t first, uint32_t count) = 0;

  // By node: those of the first `count` whose leases were surely held a moment ago, by this handle too. Cheaper than to
  // ask for many of them.
  virtual std::vector<bool> listed_leases(Mapping& fleet, uint32_t count) = 0;

  // Writes a blob: bytes that are written once, and read until `remove`. False: the name is taken. Throws
  // ERR_ORBIT_NO_SPACE, and then leaves nothing.
  virtual bool write_blob(const std::string& blob, const std::vector<Bytes>& parts) = 0;
  // Fills all parts. False: there is no blob of this name and length.
  virtual bool read_blob(const std::string& blob, const std::vector<Bytes>& parts) = 0;
  // Removes the blobs of one node of the fleet, or with node -1 all. Those that cannot be listed stay.
  virtual void remove_blobs(const FleetName& fleet, int64_t node) = 0;

  // The bells of the members of a fleet, for one handle.
  virtual std::unique_ptr<Bells> bells(const FleetName& fleet) = 0;
};

// Holds the membership lock while it exists.
class MembershipLock {
 public:
  MembershipLock(Store& store, Mapping& fleet, int waitMs = kLockWaitMs) : store_(store), fleet_(fleet) {
    store_.lock_membership(fleet_, waitMs);
  }
  MembershipLock(const MembershipLock&) = delete;
  MembershipLock& operator=(const MembershipLock&) = delete;
  ~MembershipLock() { store_.unlock_membership(fleet_); }

 private:
  Store& store_;
  Mapping& fleet_;
};

}  // namespace orbit
