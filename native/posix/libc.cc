// Known to libstdc++'s shared_ptr, which spares its atomics while a process has one thread. Node never has one thread; and
// the variable is a symbol of glibc 2.32 (see libc.h), so here is ours.
extern "C" char __libc_single_threaded;
char __libc_single_threaded = 0;
