// Which boot of the host this is. The monotonic clock begins anew at each, and regular files outlive it.
#pragma once

#include <stdint.h>

namespace orbit {

// Random, and equal in all processes between two boots. 0: the system does not say.
uint64_t boot_id();

}  // namespace orbit
