#include "boxes.h"

#include <cstring>

#include "block.h"
#include "driver.h"

namespace {

// What stands in a CUtensorMap here: 16-bit numbers in four dimensions, boxes of 128 bytes and up
// to 256 rows.
struct Map {
  const char* data;
  uint64_t size[4], stride[4];
  uint32_t rows;
};
static_assert(sizeof(Map) <= 128);

constexpr int UINT16 = 1, SWIZZLE_128B = 3;
constexpr int UNITS = 8;

}  // namespace

// Refuses what the driver refuses, and what no kernel asks for.
int cuTensorMapEncodeTiled(void* to, int type, uint32_t rank, void* data, const uint64_t* size,
                           const uint64_t* stride, const uint32_t* box, const uint32_t* step,
                           int interleave, int swizzle, int, int fill) {
  Map map{static_cast<const char*>(data), {}, {2}, box[1]};
  bool good = type == UINT16 && rank == 4 && interleave == 0 && swizzle == SWIZZLE_128B &&
              fill == 0 && reinterpret_cast<uintptr_t>(to) % 64 == 0 &&
              reinterpret_cast<uintptr_t>(data) % 16 == 0 && box[0] == 64 && box[1] >= 1 &&
              box[1] <= 256 && box[2] == 1 && box[3] == 1;
  for (int i = 0; i < 4; i++) {
    map.size[i] = size[i];
    good &= size[i] >= 1 && size[i] <= uint64_t{1} << 32 && step[i] == 1;
    if (i > 0) map.stride[i] = stride[i - 1];
    good &= i == 0 || (map.stride[i] % 16 == 0 && map.stride[i] < uint64_t{1} << 40);
  }
  if (!good) return emulation::INVALID_VALUE;
  memset(to, 0, 128);
  memcpy(to, &map, sizeof map);
  return emulation::SUCCESS;
}

namespace emulation {

uint32_t copy_box(void* shared, const void* from, const int32_t (&at)[4]) {
  Map map;
  memcpy(&map, from, sizeof map);
  auto address = reinterpret_cast<uintptr_t>(shared);
  if (address % 128 != 0) fail("a box is copied to an address that is no multiple of 128");
  bool inside = true;
  const char* outer = map.data;
  for (int i = 2; i < 4; i++) {
    inside &= at[i] >= 0 && static_cast<uint64_t>(at[i]) < map.size[i];
    outer += static_cast<uint64_t>(at[i]) * map.stride[i];
  }
  for (uint32_t row = 0; row < map.rows; row++, address += 128) {
    int64_t i = int64_t{at[1]} + row;
    bool row_inside = inside && i >= 0 && static_cast<uint64_t>(i) < map.size[1];
    for (int n = 0; n < 8 * UNITS; n++) {
      int64_t column = int64_t{at[0]} + n;
      bool there = row_inside && column >= 0 && static_cast<uint64_t>(column) < map.size[0];
      auto* to = reinterpret_cast<char*>((address + 2 * n) ^ (address / 128 % UNITS * 16));
      if (there) {
        memcpy(to, outer + i * map.stride[1] + 2 * column, 2);
      } else {
        memset(to, 0, 2);
      }
    }
  }
  return map.rows * 128;
}

}  // namespace emulation
