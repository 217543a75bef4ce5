// The folder of the objects: shared memory where the system shows it as files, regular files of one user elsewhere.
//
//   ORBIT_DIRECTORY   if this variable is set: that folder
//   /dev/shm          on Linux, if it exists
//   T/orbit-UID       otherwise. T is the user's own temporary folder on macOS, and /tmp elsewhere
//
// Processes that see different folders are in different fleets of the same names. So the default does not depend on
// TMPDIR, which often differs between a shell and a service.
#pragma once

#include <string>

namespace orbit {

// Without a slash at its end. Chosen at the first call, for the whole process. Throws ERR_ORBIT_OUT_OF_RANGE when
// ORBIT_DIRECTORY is no absolute path.
const std::string& objects_folder();

// Makes the folder if it is missing; never /dev/shm. Throws ERR_ORBIT_PERMISSION for one in which other users could
// replace the objects.
void require_folder();

}  // namespace orbit
