// A disk with slower syncs: each fdatasync takes ORBIT_SYNC_US microseconds more. bench/durable.ts compiles it, and loads
// it before libc into the processes with actors and into Redis.
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

extern "C" int fdatasync(int fd) {
  static auto real = reinterpret_cast<int (*)(int)>(dlsym(RTLD_NEXT, "fdatasync"));
  static unsigned more = atoi(getenv("ORBIT_SYNC_US"));
  usleep(more);
  return real(fd);
}
