// The store of one process: the same objects over anonymous memory, gone with the last handle of the fleet.
#pragma once

#include "posix/store.h"

namespace orbit {

// The store of the process-local fleet `name`, shared by all handles (and threads) of this process that ask for it.
std::shared_ptr<Store> local_store(const std::string& name);

}  // namespace orbit
