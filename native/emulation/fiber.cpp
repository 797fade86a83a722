#include "fiber.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstring>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#else
#define __sanitizer_start_switch_fiber(...)
#define __sanitizer_finish_switch_fiber(...)
#endif

#if !defined(__x86_64__)
#error "the emulation switches stacks on x86-64 only"
#endif

// Saves the registers that a call must keep, stores the stack pointer in *from, and goes on at
// `to`.
extern "C" void emulation_switch(void** from, void* to);
asm(R"(
.text
.hidden emulation_switch
.globl emulation_switch
.type emulation_switch, @function
emulation_switch:
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
.size emulation_switch, .-emulation_switch
)");

namespace emulation {
namespace {

constexpr size_t GUARD_BYTES = 4096;

void* outside;  // stack pointer of the caller of enter()
Fiber* running;
void (*entry_point)();
[[maybe_unused]] const void* outside_stack;
[[maybe_unused]] size_t outside_bytes;

void begin() {
  __sanitizer_finish_switch_fiber(nullptr, &outside_stack, &outside_bytes);
  entry_point();
}

}  // namespace

Fiber::Fiber() {
  void* memory = mmap(nullptr, STACK_BYTES, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    throw std::bad_alloc();
  }
  stack = static_cast<char*>(memory);
  mprotect(stack, GUARD_BYTES, PROT_NONE);
}

Fiber::~Fiber() { munmap(stack, STACK_BYTES); }

void Fiber::reset(void (*entry)()) {
  entry_point = entry;
  // As emulation_switch leaves a stack: six registers, then the address that `ret` takes, then an
  // aligned place for a caller.
  uint64_t* top = reinterpret_cast<uint64_t*>(stack + STACK_BYTES);
  *--top = 0;
  *--top = reinterpret_cast<uint64_t>(&begin);
  top -= 6;
  memset(top, 0, 6 * sizeof(uint64_t));
  pointer = top;
  fake_stack = nullptr;
}

void Fiber::enter() {
  running = this;
  [[maybe_unused]] void* fake = nullptr;
  __sanitizer_start_switch_fiber(&fake, stack + GUARD_BYTES, STACK_BYTES - GUARD_BYTES);
  emulation_switch(&outside, pointer);
  __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
}

void Fiber::leave([[maybe_unused]] bool last) {
  Fiber* self = running;
  __sanitizer_start_switch_fiber(last ? nullptr : &self->fake_stack, outside_stack, outside_bytes);
  emulation_switch(&self->pointer, outside);
  __sanitizer_finish_switch_fiber(self->fake_stack, &outside_stack, &outside_bytes);
}

}  // namespace emulation
