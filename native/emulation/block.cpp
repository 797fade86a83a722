#include "block.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <new>
#include <random>
#include <stdexcept>
#include <vector>

#include "fiber.h"

namespace emulation {

uint3 thread_index, block_index;
dim3 block_size, grid_size;

namespace {

constexpr unsigned WARP = 32;

// A place where threads wait for each other; `generation` counts how often all have come.
struct Meeting {
  const char* what = nullptr;
  unsigned expected = 0, arrived = 0, unread = 0;  // of a warp: masks of lanes; of a block: counts
  unsigned generation = 0;
  uint64_t brought[WARP] = {}, result[WARP] = {};
};

struct Thread {
  uint3 index;
  bool returned = false;
  const Meeting* waits_at = nullptr;
  unsigned generation = 0;
  const char* waits_in = nullptr;  // where it waits for something else, which `ready` tells
  const std::function<bool()>* ready = nullptr;
};

// At most one a lane, since the masks of waiting lanes are disjoint.
struct Warp {
  Meeting meetings[WARP + 1];
};

const std::function<void()>* body;
std::vector<std::unique_ptr<Fiber>> fibers;
std::vector<Thread> threads;
std::vector<Warp> warps;
Meeting barrier;
Meeting numbered[16];
unsigned current;
std::unique_ptr<void, decltype(&std::free)> shared(nullptr, &std::free);
std::string reason;
bool failed;

void run_thread() {
  (*body)();
  threads[current].returned = true;
  Fiber::leave(true);
}

bool can_run(const Thread& thread) {
  if (thread.ready != nullptr) {
    return (*thread.ready)();
  }
  return !thread.returned &&
         (thread.waits_at == nullptr || thread.waits_at->generation != thread.generation);
}

// Gives way until the meeting's generation changes.
void wait_at(const Meeting& meeting) {
  Thread& self = threads[current];
  self.waits_at = &meeting;
  self.generation = meeting.generation;
  Fiber::leave(false);
  self.waits_at = nullptr;
}

void arrange(std::vector<unsigned>& places, std::mt19937_64& random) {
  if (order().kind == Order::FALLING) {
    std::sort(places.begin(), places.end(), std::greater<>());
  } else if (order().kind == Order::RANDOM) {
    std::shuffle(places.begin(), places.end(), random);
  }
}

std::vector<unsigned> numbers(unsigned count) {
  std::vector<unsigned> all(count);
  for (unsigned i = 0; i < count; i++) {
    all[i] = i;
  }
  return all;
}

std::string deadlock() {
  std::map<std::string, std::pair<unsigned, unsigned>> waiting;  // where: first thread, count
  for (unsigned t = 0; t < threads.size(); t++) {
    const Thread& thread = threads[t];
    const char* where = thread.returned           ? "returned"
                        : thread.ready != nullptr ? thread.waits_in
                                                  : thread.waits_at->what;
    auto [place, fresh] = waiting.try_emplace(where, t, 0);
    place->second.second++;
  }
  std::string text = "deadlock:";
  for (const auto& [where, threads_there] : waiting) {
    text += " " + std::to_string(threads_there.second) + " threads " +
            (where == "returned" ? "" : "wait in ") + where + " (the first is " +
            std::to_string(threads_there.first) + ")";
  }
  return text;
}

void run_block(std::mt19937_64& random) {
  unsigned count = block_size.x * block_size.y * block_size.z;
  threads.assign(count, Thread());
  warps.assign((count + WARP - 1) / WARP, Warp());
  barrier = Meeting();
  std::fill(std::begin(numbered), std::end(numbered), Meeting());
  while (fibers.size() < count) {
    fibers.push_back(std::make_unique<Fiber>());
  }
  for (unsigned t = 0; t < count; t++) {
    threads[t].index = {t % block_size.x, t / block_size.x % block_size.y,
                        t / block_size.x / block_size.y};
    fibers[t]->reset(run_thread);
  }
  std::vector<unsigned> places = numbers(count);
  arrange(places, random);
  for (unsigned returned = 0; returned < count && !failed;) {
    bool progress = false;
    for (unsigned t : places) {
      if (!failed && can_run(threads[t])) {
        progress = true;
        current = t;
        thread_index = threads[t].index;
        fibers[t]->enter();
        returned += threads[t].returned;
      }
    }
    if (!progress) {
      failed = true;
      reason = deadlock();
    }
    if (order().kind == Order::RANDOM) {
      arrange(places, random);
    }
  }
  for (const Meeting& meeting : numbered) {
    if (!failed && meeting.arrived != 0) {
      failed = true;
      reason = std::to_string(meeting.arrived) + " threads are counted in " + meeting.what +
               " for nobody, of " + std::to_string(meeting.expected);
    }
  }
}

std::string where(const char* name, uint3 place) {
  return std::string(name) + " (" + std::to_string(place.x) + ", " + std::to_string(place.y) +
         ", " + std::to_string(place.z) + ")";
}

}  // namespace

Order Order::parse(const std::string& text) {
  if (text == "rising") {
    return {RISING, 0};
  }
  if (text == "falling") {
    return {FALLING, 0};
  }
  const std::string random = "random:";
  if (text.rfind(random, 0) == 0 && text.size() > random.size() &&
      text.find_first_not_of("0123456789", random.size()) == std::string::npos) {
    return {RANDOM, std::stoull(text.substr(random.size()))};
  }
  throw std::invalid_argument("TRIMTAB_EMULATION_ORDER: " + text +
                              ", expected rising, falling or random:SEED");
}

Order& order() {
  static Order order = [] {
    const char* text = getenv("TRIMTAB_EMULATION_ORDER");
    return text == nullptr ? Order() : Order::parse(text);
  }();
  return order;
}

void* dynamic_shared() { return shared.get(); }

bool run_grid(const Grid& grid, const std::function<void()>& kernel) {
  body = &kernel;
  failed = false;
  grid_size = grid.blocks;
  block_size = grid.threads;
  std::mt19937_64 random(order().seed);
  std::vector<unsigned> blocks = numbers(grid.blocks.x * grid.blocks.y * grid.blocks.z);
  arrange(blocks, random);
  for (unsigned b : blocks) {
    block_index = {b % grid.blocks.x, b / grid.blocks.x % grid.blocks.y,
                   b / grid.blocks.x / grid.blocks.y};
    // Of exactly the size asked for, so that the address sanitizer sees a step past its end.
    void* memory = nullptr;
    if (posix_memalign(&memory, 128, std::max(grid.shared_bytes, 1u)) != 0) {
      throw std::bad_alloc();
    }
    shared.reset(memory);
    memset(memory, 0x7f, grid.shared_bytes);
    run_block(random);
    if (failed) {
      reason = where("block", block_index) + ": " + reason;
      return false;
    }
  }
  return true;
}

const std::string& failure() { return reason; }

unsigned lane() { return current % WARP; }

void fail(const std::string& message) {
  failed = true;
  reason = where("thread", thread_index) + ": " + message;
  for (;;) {
    Fiber::leave(false);
  }
}

void meet_block(const char* what) {
  barrier.what = what;
  if (++barrier.arrived == threads.size()) {
    barrier.arrived = 0;
    barrier.generation++;
  } else {
    wait_at(barrier);
  }
}

void meet_numbered(const char* what, unsigned number, unsigned count, bool waits) {
  Meeting& meeting = numbered[number];
  if (meeting.arrived != 0 && meeting.expected != count) {
    fail(std::string(what) + " " + std::to_string(number) + " of " + std::to_string(count) +
         " threads, where others wait for " + std::to_string(meeting.expected));
  }
  meeting.what = what;
  meeting.expected = count;
  if (++meeting.arrived == count) {
    meeting.arrived = 0;
    meeting.generation++;
  } else if (waits) {
    wait_at(meeting);
  }
}

void wait_until(const char* what, const std::function<bool()>& ready) {
  if (ready()) {
    return;
  }
  Thread& self = threads[current];
  self.waits_in = what;
  self.ready = &ready;
  Fiber::leave(false);
  self.ready = nullptr;
}

const uint64_t* meet_warp(const char* what, unsigned mask, uint64_t value) {
  unsigned self = 1u << lane();
  if ((mask & self) == 0) {
    fail(std::string(what) + ": the mask leaves out the calling lane " + std::to_string(lane()));
  }
  Meeting* meeting = nullptr;
  for (Meeting& other : warps[current / WARP].meetings) {
    if (other.arrived != 0 && (other.expected & mask) != 0) {
      if (other.expected != mask || strcmp(other.what, what) != 0) {
        fail(std::string("calls ") + what + " while lanes of its mask wait in " + other.what);
      }
      meeting = &other;
      break;
    }
    if (meeting == nullptr && other.arrived == 0 && other.unread == 0) {
      meeting = &other;
    }
  }
  meeting->what = what;
  meeting->expected = mask;
  meeting->arrived |= self;
  meeting->brought[lane()] = value;
  if (meeting->arrived == mask) {
    memcpy(meeting->result, meeting->brought, sizeof meeting->result);
    meeting->arrived = 0;
    meeting->unread = mask;
    meeting->generation++;
  } else {
    wait_at(*meeting);
  }
  meeting->unread &= ~self;
  return meeting->result;
}

}  // namespace emulation
