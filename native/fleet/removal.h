// Removing a fleet's objects: each is marked retired first, so that whoever still has it mapped finds out.
#pragma once

#include <string>
#include <vector>

#include "posix/store.h"

namespace orbit {

// Removes a fleet's objects (kind < 0), or one ring. Refuses while members live, unless forced: their next publish then
// fails with ERR_ORBIT_RETIRED. Returns the names removed.
std::vector<std::string> remove_fleet(const std::string& name, int kind, bool force);

// Removes all of a fleet's objects, and its bells. Returns the names of the objects. The caller has its membership lock.
std::vector<std::string> retire_all(Store& store, const std::string& fleet);

}  // namespace orbit
