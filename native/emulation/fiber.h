// A stack of its own to run a function on, and the switch to and from it.
#pragma once

#include <cstddef>

namespace emulation {

class Fiber {
 public:
  static constexpr size_t STACK_BYTES = 128 * 1024;

  Fiber();
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // Prepares the fiber to run `entry`, which never returns, from its beginning; what ran on it
  // before is forgotten.
  void reset(void (*entry)());
  // Runs the fiber until it calls leave().
  void enter();
  // From inside a fiber: goes back to where enter() was called. The last leave() of a fiber says
  // so.
  static void leave(bool last);

 private:
  char* stack;
  void* pointer = nullptr;
  void* fake_stack = nullptr;  // the address sanitizer's
};

}  // namespace emulation
