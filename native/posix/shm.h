// POSIX shared-memory objects: opened, checked, created whole or not at all, mapped.
#pragma once

#include "posix/store.h"

namespace orbit {

// The store of all processes of this user on this host. Stateless; never null.
std::shared_ptr<Store> shared_store();

}  // namespace orbit
