// The store of one process: the same objects in anonymous memory, freed with the last handle of the fleet.
#pragma once

#include "posix/store.h"

namespace orbit {

// The store of the process-local fleet `name`. All handles of this process, in all its threads, share it.
std::shared_ptr<Store> local_store(const std::string& name);

}  // namespace orbit
