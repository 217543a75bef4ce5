#include <new>

// libstdc++'s shared_ptr reads this variable, and avoids atomics while a process has one thread. It is a symbol of
// glibc 2.32 (see libc.h), so the addon defines its own. A process that runs Node always has several threads.
extern "C" char __libc_single_threaded;
char __libc_single_threaded = 0;

#ifdef __GLIBCXX__
// Allocators call this for impossible lengths. It is a symbol of GLIBCXX 3.4.29, and GCC 11 has that. Weak: a static
// libstdc++ may bring its own.
namespace std {
__attribute__((weak)) void __throw_bad_array_new_length() { throw bad_array_new_length(); }
}  // namespace std
#endif
