// Weight rows of tests: bits on the device, and the numbers that they stand for.
#pragma once

#include <cmath>
#include <vector>

#include "device_memory.h"
#include "random.h"

namespace trimtab::test {

inline float bits_to_float(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

inline uint32_t float_to_bits(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

/** The number that an element's bits stand for, before scaling. */
inline float number_of(int32_t format, uint32_t bits) {
  switch (format) {
    case TRIMTAB_F32:
      return bits_to_float(bits);
    case TRIMTAB_BF16:
      return bits_to_float(bits << 16);
    case TRIMTAB_F16:
    case TRIMTAB_FP8_E4M3: {
      bool half = format == TRIMTAB_F16;
      int mantissa_bits = half ? 10 : 3;
      int exponent = static_cast<int>(half ? bits >> 10 & 31 : bits >> 3 & 15);
      int mantissa = static_cast<int>(half ? bits & 1023 : bits & 7);
      int bias = half ? 15 : 7;
      float sign = (half ? bits >> 15 : bits >> 7) & 1 ? -1.f : 1.f;
      if (half && exponent == 31) return sign * (mantissa == 0 ? INFINITY : NAN);
      if (!half && exponent == 15 && mantissa == 7) return NAN;
      if (exponent == 0) return sign * std::ldexp(mantissa, 1 - bias - mantissa_bits);
      return sign * std::ldexp((1 << mantissa_bits) + mantissa, exponent - bias - mantissa_bits);
    }
    case TRIMTAB_INT8:
      return static_cast<float>(static_cast<int8_t>(bits));
    default:
      return static_cast<float>(static_cast<int>(bits & 15) - (bits & 8 ? 16 : 0));
  }
}

inline bool is_plain(int32_t format) { return format <= TRIMTAB_BF16; }

inline size_t bits_of_format(int32_t format) {
  return format == TRIMTAB_F32 ? 32 : is_plain(format) ? 16 : format == TRIMTAB_INT4 ? 4 : 8;
}

/** Random bits of a format whose numbers lie within about [-1, 1] and are never special. */
inline uint32_t random_bits(int32_t format, Random& random) {
  switch (format) {
    case TRIMTAB_F32:
      return float_to_bits(2 * random.uniform() - 1);
    case TRIMTAB_BF16:
      return float_to_bits(2 * random.uniform() - 1) >> 16;
    case TRIMTAB_F16:
      return static_cast<uint32_t>(random.below(0x3c00)) | (random.below(2) ? 0x8000u : 0);
    case TRIMTAB_FP8_E4M3:
      return static_cast<uint32_t>(random.below(0x7f)) | (random.below(2) ? 0x80u : 0);
    case TRIMTAB_INT8:
      return static_cast<uint32_t>(random.below(255) - 127) & 0xff;
    default:
      return static_cast<uint32_t>(random.below(15) - 7) & 15;
  }
}

/** Packs elements' bits; rows of INT4 elements have an even number of them. */
inline std::vector<unsigned char> packed_bits(int32_t format, const std::vector<uint32_t>& bits) {
  size_t width = bits_of_format(format);
  std::vector<unsigned char> bytes((bits.size() * width + 7) / 8);
  for (size_t i = 0; i < bits.size(); i++) {
    if (width == 4) {
      bytes[i / 2] |= static_cast<unsigned char>((bits[i] & 15) << 4 * (i % 2));
    } else {
      memcpy(&bytes[i * width / 8], &bits[i], width / 8);
    }
  }
  return bytes;
}

/** Rows [rows, columns] of random weights; `groups` scales a row where they are quantised, random
   or of given bits in turn. */
class Weights {
 public:
  Weights(int32_t format, int rows, int columns, int groups, int32_t scale_dtype, uint64_t seed,
          size_t offset = 0, const std::vector<uint32_t>& scales = {})
      : Weights(format, rows, columns, groups, scale_dtype, Random(seed), offset, scales) {}

  trimtab_weights params() const {
    trimtab_weights weights{};
    weights.format = format_;
    bool nibbles = format_ == TRIMTAB_INT4;
    weights.codes =
        codes_.tensor(nibbles ? TRIMTAB_INT8 : format_, {rows_, nibbles ? columns_ / 2 : columns_});
    weights.codes.bytes = codes_.values().size();
    if (groups_ > 0) weights.scales = scales_.tensor(scale_dtype_, {rows_, groups_});
    return weights;
  }

  /** The weight in a row and a column. */
  float operator()(int row, int column) const {
    return scaled(bits_[place(row, column)], scale_bits_, row, column);
  }

  /** The same from what the device holds now. */
  float now(int row, int column) const {
    std::vector<unsigned char> bytes = codes_.values();
    std::vector<uint16_t> scales = scales_.values();
    size_t width = bits_of_format(format_);
    uint32_t bits = 0;
    memcpy(&bits, &bytes[place(row, column) * width / 8], (width + 7) / 8);
    if (width == 4) bits = bits >> 4 * (place(row, column) % 2) & 15;
    return scaled(bits, {scales.begin(), scales.end()}, row, column);
  }

 private:
  Weights(int32_t format, int rows, int columns, int groups, int32_t scale_dtype, Random random,
          size_t offset, const std::vector<uint32_t>& scales)
      : format_(format),
        rows_(rows),
        columns_(columns),
        groups_(is_plain(format) ? 0 : groups),
        scale_dtype_(scale_dtype),
        bits_(random_elements(format, static_cast<size_t>(rows) * columns, random)),
        scale_bits_(scales_of(static_cast<size_t>(rows) * groups_, scale_dtype, random, scales)),
        codes_(packed_bits(format, bits_), offset),
        scales_(std::vector<uint16_t>(scale_bits_.begin(), scale_bits_.end())) {}

  size_t place(int row, int column) const { return static_cast<size_t>(row) * columns_ + column; }

  float scaled(uint32_t bits, const std::vector<uint32_t>& scales, int row, int column) const {
    float code = number_of(format_, bits);
    if (groups_ == 0) return code;
    int group = column / (columns_ / groups_);
    return code * number_of(scale_dtype_, scales[static_cast<size_t>(row) * groups_ + group]);
  }

  static std::vector<uint32_t> random_elements(int32_t format, size_t count, Random& random) {
    std::vector<uint32_t> bits(count);
    for (uint32_t& element : bits) element = random_bits(format, random);
    return bits;
  }

  static std::vector<uint32_t> scales_of(size_t count, int32_t dtype, Random& random,
                                         const std::vector<uint32_t>& given) {
    std::vector<uint32_t> bits(count);
    for (size_t i = 0; i < count; i++) {
      bits[i] = given.empty() ? random_bits(dtype, random) & 0x7fff : given[i % given.size()];
    }
    return bits;
  }

  int32_t format_;
  int rows_;
  int columns_;
  int groups_;
  int32_t scale_dtype_;
  std::vector<uint32_t> bits_;
  std::vector<uint32_t> scale_bits_;
  OnDevice<unsigned char> codes_;
  OnDevice<uint16_t> scales_;
};

}  // namespace trimtab::test
