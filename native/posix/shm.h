// Objects in shared memory, or in regular files (folder.h): opens, checks, creates (whole or not at all) and maps them.
#pragma once

#include "posix/store.h"

namespace orbit {

// The store of all processes on this host that run as this user. Stateless. Never null.
std::shared_ptr<Store> shared_store();

}  // namespace orbit
