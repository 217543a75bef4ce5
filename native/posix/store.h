// A store: where objects live and who holds a node's lease. Two of them: shared memory (shm.h) and one process
// (local.h).
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <functional>
#include <memory>
#include <string>

#include "posix/bell.h"

namespace orbit {

// A mapped object; unmapped and closed with its last owner.
class Mapping {
 public:
  virtual ~Mapping() = default;
  void* base = nullptr;
  size_t length = 0;
};

enum class Access { kReadOnly, kReadWrite };

// How to make an object that does not exist. `format` writes all of it, magic last.
struct Creation {
  uint64_t bytes;
  std::function<void(void* base)> format;
};

class Store {
 public:
  virtual ~Store() = default;

  // Opens an object, and makes it when it is missing and `creation` is given. Null: missing (or not finished yet).
  virtual std::unique_ptr<Mapping> open(const std::string& object, Access access, const Creation* creation) = 0;

  // Removes a name; false when there was none.
  virtual bool remove(const std::string& object) = 0;

  // Of the fleet object: one process at a time joins, removes, or leaves as the last.
  virtual void lock_membership(Mapping& fleet) = 0;
  virtual void unlock_membership(Mapping& fleet) = 0;
  // False when the name leads to another object by now.
  virtual bool is_current(Mapping& fleet) = 0;

  virtual bool try_lease(Mapping& fleet, uint32_t node) = 0;
  virtual void drop_lease(Mapping& fleet, uint32_t node) = 0;
  // The bells of this store's members, as one handle sees them.
  virtual std::unique_ptr<Bells> bells(const std::string& fleet) = 0;

  // Does another handle hold a lease among `count` nodes from `first` on?
  virtual bool leased_elsewhere(Mapping& fleet, uint32_t first, uint32_t count) = 0;
};

// Held while it exists.
class MembershipLock {
 public:
  MembershipLock(Store& store, Mapping& fleet) : store_(store), fleet_(fleet) { store_.lock_membership(fleet_); }
  MembershipLock(const MembershipLock&) = delete;
  MembershipLock& operator=(const MembershipLock&) = delete;
  ~MembershipLock() { store_.unlock_membership(fleet_); }

 private:
  Store& store_;
  Mapping& fleet_;
};

}  // namespace orbit
