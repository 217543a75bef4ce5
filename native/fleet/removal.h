// Removing the objects of a fleet. Each is marked retired first, so that processes that have it mapped notice.
#pragma once

#include <string>
#include <vector>

#include "posix/store.h"

namespace orbit {

// Removes all objects of a fleet (kind < 0), or one ring or table. Throws ERR_ORBIT_IN_USE while members live, unless
// forced; their next publish then fails with ERR_ORBIT_RETIRED. Returns the removed names.
std::vector<std::string> remove_fleet(const std::string& name, int kind, bool force);

// Marks an object retired, so that processes that have it mapped notice, and unlinks its name. False: there was none.
bool retire_object(Store& store, const std::string& object);

// Whether the fleet has living members, whatever its layout version. Throws for an object that is no fleet.
bool has_living_members(const std::string& fleet);

// Removes all objects of a fleet and its bells. Returns the names of the objects. The caller holds the membership lock.
std::vector<std::string> retire_all(Store& store, const FleetName& fleet);

}  // namespace orbit
