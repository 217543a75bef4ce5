// A fiber: a stack of its own, to which control goes and from which it comes back. Dropped, never unwound.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#if defined(__x86_64__)
// Saves what a function call must keep on the old stack, and takes the same from the new one.
extern "C" void orbit_sim_switch(void** from, void* to);
asm(R"(
  .text
  .weak orbit_sim_switch
  .type orbit_sim_switch, @function
orbit_sim_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
  .size orbit_sim_switch, .-orbit_sim_switch
)");
#elif defined(__aarch64__)
extern "C" void orbit_sim_switch(void** from, void* to);
asm(R"(
  .text
  .weak orbit_sim_switch
  .type orbit_sim_switch, %function
orbit_sim_switch:
  sub sp, sp, #160
  stp x19, x20, [sp, #0]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
  .size orbit_sim_switch, .-orbit_sim_switch
)");
#else
#include <ucontext.h>
#endif

namespace sim {

class Fiber {
 public:
  Fiber() : stack_(static_cast<uint8_t*>(aligned_alloc(64, kStackBytes))) {}
  ~Fiber() { free(stack_); }
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

#if defined(__x86_64__) || defined(__aarch64__)
  // Begins again: the next enter() calls `main`, which must never return.
  void reset(void (*main)()) {
    uint64_t* top = reinterpret_cast<uint64_t*>(stack_ + kStackBytes);
#if defined(__x86_64__)
    constexpr int kSaved = 8;  // six registers, the return address, and the word that aligns the stack as a call does
    constexpr int kReturn = 6;
#else
    constexpr int kSaved = 20, kReturn = 11;  // x30 is the twelfth
#endif
    uint64_t* saved = top - kSaved;
    for (int i = 0; i < kSaved; i++) saved[i] = 0;
    saved[kReturn] = reinterpret_cast<uint64_t>(main);
    inside_ = saved;
  }
  void enter() { orbit_sim_switch(&outside_, inside_); }
  void leave() { orbit_sim_switch(&inside_, outside_); }

 private:
  void* inside_ = nullptr;
  void* outside_ = nullptr;
#else
  void reset(void (*main)()) {
    getcontext(&inside_);
    inside_.uc_stack.ss_sp = stack_;
    inside_.uc_stack.ss_size = kStackBytes;
    inside_.uc_link = nullptr;
    makecontext(&inside_, main, 0);
  }
  void enter() { swapcontext(&outside_, &inside_); }
  void leave() { swapcontext(&inside_, &outside_); }

 private:
  ucontext_t inside_ = {}, outside_ = {};
#endif

  static constexpr size_t kStackBytes = 128 * 1024;
  uint8_t* stack_;
};

}  // namespace sim
