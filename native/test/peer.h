// A peer that acts in the middle of a call: a page that the call is about to touch is closed, and the fault that stops
// it there lets the peer run before the call goes on.
#pragma once

#include <signal.h>
#include <sys/mman.h>

#include <functional>

#include "check.h"

inline uint8_t* g_closedPage = nullptr;
inline std::function<void()>* g_peer = nullptr;
inline uint64_t page_bytes() { return static_cast<uint64_t>(sysconf(_SC_PAGESIZE)); }

inline void on_fault(int, siginfo_t* info, void*) {
  uint8_t* address = static_cast<uint8_t*>(info->si_addr);
  if (g_closedPage == nullptr || address < g_closedPage || address >= g_closedPage + page_bytes()) {
    signal(SIGSEGV, SIG_DFL);  // not ours: fault again and die of it
    return;
  }
  mprotect(g_closedPage, page_bytes(), PROT_READ | PROT_WRITE);
  g_closedPage = nullptr;
  (*g_peer)();
}

// Runs `call`; the first time that it touches the page at `page`, `peer` runs to its end before the call goes on.
inline void with_peer_at(uint8_t* page, std::function<void()> peer, const std::function<void()>& call) {
  struct sigaction action = {}, before;
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &action, &before);
  g_closedPage = page;
  g_peer = &peer;
  CHECK(mprotect(page, page_bytes(), PROT_NONE) == 0);
  call();
  CHECK(g_closedPage == nullptr);  // the call did pass here
  sigaction(SIGSEGV, &before, nullptr);
}
