// Has this process been forked off one that had orbit open? Then its memory is a copy: the hands, leases and guards in it
// are the parent's, and must not be touched. (Node itself never forks without exec; native code in it may.)
#pragma once

namespace orbit {

// Cheap: one load.
bool is_forked();

}  // namespace orbit
