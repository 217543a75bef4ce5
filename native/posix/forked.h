// Whether this process was forked from one that had loaded the addon. Then its memory is a copy: the hands, leases and
// guards in it belong to the parent, and must not be used. (Node itself never forks without exec; native code in it
// may.)
#pragma once

namespace orbit {

// Cheap: one load.
bool is_forked();

}  // namespace orbit
