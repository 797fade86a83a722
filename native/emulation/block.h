// One thread block of a launch, its threads as fibers of one host thread.
//
// A fiber runs until it waits (a barrier, a warp's exchange) or returns; then the next one that can
// go on runs, in the order that `Order` names. So a read that misses its barrier sees what it
// should not in at least one order.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

struct uint3 {
  unsigned x, y, z;
};

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

namespace emulation {

// The order in which blocks, and the threads of a block, are run.
struct Order {
  enum Kind { RISING, FALLING, RANDOM } kind = RISING;
  uint64_t seed = 0;

  // "rising", "falling" or "random:SEED"; anything else is refused with an exception.
  static Order parse(const std::string& text);
};

// What the environment variable TRIMTAB_EMULATION_ORDER says, rising without one; tests may set it.
Order& order();

struct Grid {
  dim3 blocks, threads;
  unsigned shared_bytes;
};

// Where the running fiber is: what threadIdx, blockIdx, blockDim and gridDim read.
extern uint3 thread_index, block_index;
extern dim3 block_size, grid_size;

// The block's dynamic shared memory, filled with 0x7f before each block runs.
void* dynamic_shared();

// Runs a kernel's body for all threads of all blocks; false when it went wrong, with the reason in
// failure().
bool run_grid(const Grid& grid, const std::function<void()>& body);

// What went wrong in the last launch that failed.
const std::string& failure();

// For the running fiber: waits until all threads of the block are here.
void meet_block(const char* what);

// For the running fiber: is counted at the block's barrier of that number and, if it `waits`, goes
// on with the last of `count` threads.
void meet_numbered(const char* what, unsigned number, unsigned count, bool waits);

// For the running fiber: waits until `ready()`, which other threads bring about.
void wait_until(const char* what, const std::function<bool()>& ready);

// For the running fiber: waits until the lanes of `mask` are here and returns what each of them
// brought.
const uint64_t* meet_warp(const char* what, unsigned mask, uint64_t value);

unsigned lane();

// Ends the launch with a message; does not return to the fiber.
[[noreturn]] void fail(const std::string& message);

}  // namespace emulation
