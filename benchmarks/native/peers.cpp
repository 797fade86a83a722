// What the CPU benchmark compares with, in C++: ceilings and a top-k by the standard library.
// Compiled by benchmarks/run for the machine at hand and called from Java, one slice a thread.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>

#if defined(__AVX__)
#include <immintrin.h>
#endif

namespace {
// GCC and Clang vectors: 256 bits to read memory, which wider ones do no faster; the widest to multiply.
using Ints = std::uint32_t __attribute__((vector_size(32)));
#if defined(__AVX512F__)
using Floats = float __attribute__((vector_size(64)));
#else
using Floats = float __attribute__((vector_size(32)));
#endif
}  // namespace

extern "C" {

// Sum of all 32-bit words modulo 2^32; data aligned to 32 bytes, bytes a multiple of 128.
std::uint32_t peer_read(const void* data, std::int64_t bytes) {
  const Ints* words = static_cast<const Ints*>(data);
  Ints a{}, b{}, c{}, d{};
  for (std::int64_t i = 0; i < bytes / 32; i += 4) {
    a += words[i];
    b += words[i + 1];
    c += words[i + 2];
    d += words[i + 3];
  }
  a += b + c + d;
  std::uint32_t sum = 0;
  for (int lane = 0; lane < 8; lane++) sum += a[lane];
  return sum;
}

// The same over every second row of a matrix, `rows` of them, of whole cache lines. Four rows side
// by side wait for memory together; half-way a word of each of the next four, summed twice, lets
// the processor begin to read there. Of tiles of one to twelve rows, with such touches, prefetches
// or neither, this one read rows of 2 and 4 KiB fastest, and those of 8 KiB as fast as any.
std::uint32_t peer_read_rows(const void* data, std::int64_t row_bytes, std::int64_t rows) {
  constexpr int kRows = 4;
  const std::int64_t words = row_bytes / 32, half = words / 4 * 2;
  const Ints* matrix = static_cast<const Ints*>(data);
  Ints sums[kRows]{}, touched{};
  std::int64_t row = 0;
  for (; row + kRows <= rows; row += kRows) {
    const Ints* tile = matrix + 2 * row * words;
    const Ints* next = row + 2 * kRows <= rows ? tile + 2 * kRows * words : tile;
    for (std::int64_t i = 0; i < words; i += 2) {
      if (i == half) {
        for (int k = 0; k < kRows; k++) touched += next[2 * k * words];
      }
#pragma GCC unroll 4
      for (int k = 0; k < kRows; k++)
        sums[k] += tile[2 * k * words + i] + tile[2 * k * words + i + 1];
    }
  }
  for (; row < rows; row++) {
    for (std::int64_t i = 0; i < words; i++) sums[0] += matrix[2 * row * words + i];
  }
  sums[0] += sums[1] + sums[2] + sums[3] + touched;
  std::uint32_t sum = 0;
  for (int lane = 0; lane < 8; lane++) sum += sums[0][lane];
  return sum;
}

void peer_copy(void* to, const void* from, std::int64_t bytes) {
  std::memcpy(to, from, static_cast<std::size_t>(bytes));
}

// Stores past the caches, which Java cannot ask for; a plain copy where the machine has none. Aligned as for peer_read.
void peer_stream(void* to, const void* from, std::int64_t bytes) {
#if defined(__AVX__)
  for (std::int64_t i = 0; i < bytes / 32; i++) {
    _mm256_stream_si256(static_cast<__m256i*>(to) + i, _mm256_load_si256(static_cast<const __m256i*>(from) + i));
  }
  _mm_sfence();
#else
  peer_copy(to, from, bytes);
#endif
}

// 12 independent chains of fused multiply-adds. A loop is 192 floating-point operations; wider vectors take two at once.
float peer_fma(std::int64_t loops, float factor, float term) {
  constexpr int kChains = 12;
  Floats sums[kChains];
  const Floats x = factor - Floats{}, y = term - Floats{};
  for (auto& sum : sums) sum = y;
  for (std::int64_t i = 0; i < loops; i += sizeof(Floats) / 32) {
#pragma GCC unroll 12
    for (int j = 0; j < kChains; j++) sums[j] = sums[j] * x + y;
  }
  Floats all{};
  for (const auto& sum : sums) all += sum;
  return all[0];
}

// Indices of the k highest of n scores, in no order; ties: the lower index. No score is NaN. scratch: n words.
void peer_top_k(const float* scores, std::int32_t n, std::int32_t k, std::int32_t* indices, std::uint64_t* scratch) {
  for (std::int32_t i = 0; i < n; i++) {
    std::uint32_t bits;
    std::memcpy(&bits, scores + i, sizeof bits);
    bits ^= bits >> 31 ? 0xffffffffu : 0x80000000u;
    scratch[i] = static_cast<std::uint64_t>(bits) << 32 | ~static_cast<std::uint32_t>(i);
  }
  std::nth_element(scratch, scratch + k - 1, scratch + n, std::greater<>());
  for (std::int32_t i = 0; i < k; i++) indices[i] = static_cast<std::int32_t>(~static_cast<std::uint32_t>(scratch[i]));
}

}  // extern "C"
