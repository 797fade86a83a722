// What a warp of attention of few lines on sm_90a does with tiles in shared memory. Its products
// have keys, or columns of values, as rows and lines as columns, which come by eight: where lines
// are few, tensor cores, exponentials and registers are spent on little else.
#pragma once

#include "attend/block.cuh"
#include "attend/decode_shape.cuh"
#include "attend/half_codes.cuh"
#include "common/fast.cuh"
#include "common/mma.cuh"

namespace trimtab {

/** Keys and values of 16 bits as they are; HALF: F16, else BF16. */
template <bool HALF_>
struct DecodeNumbers {
  static constexpr bool CODES = false;
  static constexpr bool HALF = HALF_;
  static constexpr int BYTES = 2;

  /** Eight neighbours. */
  static __device__ __forceinline__ uint4 keys(const unsigned char* from) {
    return *reinterpret_cast<const uint4*>(from);
  }
};

/** Codes, which become F16. */
template <class Format>
struct DecodeCodes {
  static constexpr bool CODES = true;
  static constexpr bool HALF = true;
  static constexpr int BYTES = 1;

  static __device__ __forceinline__ uint4 keys(const unsigned char* from) {
    auto words = *reinterpret_cast<const uint2*>(from);
    uint4 numbers;
    HalfCodes<Format>::pairs(words.x, numbers.x, numbers.y);
    HalfCodes<Format>::pairs(words.y, numbers.z, numbers.w);
    return numbers;
  }

  /** From codes (row, column), (row, column + 1), (row + 1, column), (row + 1, column + 1): the
   * numbers of each column. */
  static __device__ __forceinline__ void columns(uint32_t word, uint32_t& first, uint32_t& second) {
    HalfCodes<Format>::pairs(swap_middle(word), first, second);
  }
};

/** A warp at a piece of work. */
template <class S>
class DecodeLines : BlockLines {
 public:
  __device__ DecodeLines(const AttendArguments& a, BlockWork& work, DecodeShared<S>& shared,
                         unsigned char* panels)
      : BlockLines(a, work), shared_(shared), panels_(panels) {
#pragma unroll
    for (auto& two : max_) two[0] = two[1] = -infinity();
  }

  /** `before`: the tiles of the block's pieces before this one, to which this one's are added. */
  __device__ __forceinline__ void run(int32_t& before) {
    if (is_beyond()) return;
    load_queries();
    const DecodeTiles<S> tiles(work_.tokens);
    int32_t i = warp();
    auto attend_until = [&](auto kind, int32_t end) {
      for (; i < end; i += S::WARPS) attend(kind, tiles.at(i), before + i);
    };
    // Codes and numbers each in a loop of their own, which takes fewer registers.
    if constexpr (S::PACKED) {
      if (a_.op.history.dtype == TRIMTAB_FP8_E4M3) {
        attend_until(DecodeCodes<formats::Fp8>(), tiles.paged());
      } else {
        attend_until(DecodeCodes<formats::Int8>(), tiles.paged());
      }
      settle();
    }
    attend_until(DecodeNumbers<S::HALF>(), tiles.count());
    join();
    before += tiles.count();
  }

 private:
  static constexpr int LINE_TILES = S::LINES / 8;
  static constexpr int COLUMN_TILES = S::COLUMNS / 16;
  static constexpr int STEPS = S::COLUMNS / 32;

  /** How far logits, in units of log2, may be above what weights are relative to. */
  static constexpr float SLACK = 4;
  /** Of codes, weights times scales are brought to at most 2^(SLACK + LIFT), that F16 holds. */
  static constexpr int LIFT = 11;
  static constexpr int LEAST_SCALE = -110; /* exponent; of smaller scales weights lose digits */

  static __device__ __forceinline__ int lane() { return static_cast<int>(threadIdx.x) % LANES; }
  static __device__ __forceinline__ int warp() { return static_cast<int>(threadIdx.x) / LANES; }
  static __device__ __forceinline__ int g() { return lane() / 4; }
  static __device__ __forceinline__ int c() { return lane() % 4; }

  /** Over lanes that differ in g. */
  static __device__ __forceinline__ float max_of(float x) {
#pragma unroll
    for (int o = 4; o < LANES; o *= 2) x = fmaxf(x, __shfl_xor_sync(ALL_LANES, x, o));
    return x;
  }
  static __device__ __forceinline__ float sum_of(float x) {
#pragma unroll
    for (int o = 4; o < LANES; o *= 2) x += __shfl_xor_sync(ALL_LANES, x, o);
    return x;
  }
  /** 2 to the power n, 0 where that is too small. */
  static __device__ __forceinline__ float power(int n) { return float_of(max(n + 127, 0) << 23); }

  __device__ __forceinline__ uint4 query(int tile, int step) const {
    return query_words(query_from(8 * tile + g()), 32 * step + 8 * c());
  }

  __device__ __forceinline__ void load_queries() {
#pragma unroll
    for (int l = 0; l < LINE_TILES; l++) {
      const char* from = query_from(8 * l + g());
#pragma unroll
      for (int step = 0; step < STEPS; step++) {
        queries_[l][step] = query_words(from, 32 * step + 8 * c());
      }
      if constexpr (S::TO_HALF) {
        float unit = halve(queries_[l]);
#pragma unroll
        for (int i = 0; i < 2; i++) {
          units_[l][i] = __shfl_sync(ALL_LANES, unit, 4 * (2 * c() + i));
        }
      }
    }
    if (a_.op.mask != TRIMTAB_MASK_TREE) return;
    if (lane() < S::LINES) shared_.ancestors[warp()][lane()] = ancestors_of_line(lane());
    __syncwarp();
  }

  /**
   * Makes F16 of a BF16 line by a power of two that brings the largest number near 2^15: exact but
   * for numbers below 2^-32 of that one, which lose what is below 2^-39 of it. The unit of its
   * logits, with that power taken back.
   */
  __device__ __forceinline__ float halve(uint4 (&query)[STEPS]) const {
    auto each = [&](auto body) {
#pragma unroll
      for (uint4& q : query) body(q.x), body(q.y), body(q.z), body(q.w);
    };
    uint32_t largest = 0;
    each([&](uint32_t pair) { largest = max(largest, max(pair & 0x7fffu, pair >> 16 & 0x7fffu)); });
    largest = max(largest, __shfl_xor_sync(ALL_LANES, largest, 1));
    largest = max(largest, __shfl_xor_sync(ALL_LANES, largest, 2));
    constexpr uint32_t BIAS = 127, TOP = BIAS + 14;
    uint32_t exponent = max(largest >> 7, 15u);
    if (exponent == 255) exponent = TOP;  // Infinite or no number.
    float power = float_of((BIAS + TOP - exponent) << 23);
    each([&](uint32_t& pair) {
      pair = round_pair<true>(number_in<false>(pair, 0) * power, number_in<false>(pair, 1) * power);
    });
    return unit() * float_of((BIAS - TOP + exponent) << 23);
  }

  template <class Kind>
  __device__ __forceinline__ float unit_of(Kind, int l, int i) const {
    return S::TO_HALF && Kind::CODES ? units_[l][i] : unit();
  }

  /** Goes past a tile that is of a number among all of the block's. */
  template <class Kind>
  __device__ __forceinline__ void attend(Kind kind, const Tile& tile, int32_t number) {
    constexpr int KEY_TILES = S::template Keys<Kind::CODES> / 16;
    int place = number % S::STAGES;
    uint32_t parity = number / S::STAGES % 2;
    unsigned char* keys = panels_ + place * S::STAGE_BYTES;
    unsigned char* values = keys + S::TILE_BYTES;
    float x[LINE_TILES][KEY_TILES][4] = {};
    // What was there before is another warp's: until that has left, a parity may mean a copy
    // before.
    shared_.emptied[place].wait(parity ^ 1);
    shared_.filled[0][place].wait(parity);
    multiply_keys(kind, keys, x);
    if constexpr (Kind::CODES) {
      each_key<KEY_TILES>([&](int k, int h) {
        float scale = from_bf16(shared_.scales[place][0][16 * k + 8 * h + g()]);
#pragma unroll
        for (int l = 0; l < LINE_TILES; l++) x[l][k][2 * h] *= scale, x[l][k][2 * h + 1] *= scale;
      });
    }
    if (!whole(tile, 16 * KEY_TILES, 0)) hide_unseen<KEY_TILES>(tile, x);
    shared_.filled[1][place].wait(parity);
    float scales[KEY_TILES][2] = {};
    float largest = 0;
    if constexpr (Kind::CODES) {
      each_key<KEY_TILES>([&](int k, int h) {
        int key = 16 * k + 8 * h + g();
        scales[k][h] = key < tile.count ? from_bf16(shared_.scales[place][1][key]) : 0.f;
        largest = fmaxf(largest, fabsf(scales[k][h]));
      });
    }
    weigh<KEY_TILES>(kind, largest, x);
    uint32_t weights[LINE_TILES][KEY_TILES][2];
    float lift = power(LIFT - scale_);
    each_key<KEY_TILES>([&](int k, int h) {
      float factor = Kind::CODES ? scales[k][h] * lift : 1.f;
#pragma unroll
      for (int l = 0; l < LINE_TILES; l++) {
        weights[l][k][h] = transposed(
            round_pair<Kind::HALF>(x[l][k][2 * h] * factor, x[l][k][2 * h + 1] * factor));
      }
    });
    if (tile.count < 16 * KEY_TILES) clear_values<Kind>(values, tile.count, 16 * KEY_TILES);
    add_values(kind, values, weights);
    __syncwarp();
    if (lane() == 0) shared_.emptied[place].arrive();
  }

  /** Calls for the upper (h = 0) and lower key of this thread in each tile of 16. */
  template <int KEY_TILES, class Body>
  static __device__ __forceinline__ void each_key(Body body) {
#pragma unroll
    for (int k = 0; k < KEY_TILES; k++) {
#pragma unroll
      for (int h = 0; h < 2; h++) body(k, h);
    }
  }

  template <class Kind, int KEY_TILES>
  __device__ __forceinline__ void multiply_keys(Kind, const unsigned char* keys,
                                                float (&x)[LINE_TILES][KEY_TILES][4]) const {
    using Place = typename S::template Place<Kind::CODES>;
    // A thread's columns of two multiplications are eight neighbours, of queries and keys alike.
#pragma unroll
    for (int step = 0; step < STEPS; step++) {
      uint4 q[LINE_TILES];
#pragma unroll
      for (int l = 0; l < LINE_TILES; l++) {
        q[l] = S::TO_HALF && !Kind::CODES ? query(l, step) : queries_[l][step];
      }
      const unsigned char* from = keys + Place::of(g(), Kind::BYTES * (32 * step + 8 * c()));
#pragma unroll
      for (int k = 0; k < KEY_TILES; k++) {
        uint4 upper = Kind::keys(from + 16 * k * PANEL_PITCH);
        uint4 lower = Kind::keys(from + (16 * k + 8) * PANEL_PITCH);
#pragma unroll
        for (int l = 0; l < LINE_TILES; l++) {
          multiply_add<Kind::HALF>(x[l][k], {upper.x, lower.x, upper.y, lower.y}, {q[l].x, q[l].y});
          multiply_add<Kind::HALF>(x[l][k], {upper.z, lower.z, upper.w, lower.w}, {q[l].z, q[l].w});
        }
      }
    }
  }

  template <int KEY_TILES>
  __device__ __forceinline__ void hide_unseen(const Tile& tile,
                                              float (&x)[LINE_TILES][KEY_TILES][4]) const {
#pragma unroll
    for (int l = 0; l < LINE_TILES; l++) {
#pragma unroll
      for (int i = 0; i < 2; i++) {
        int line = 8 * l + 2 * c() + i;
        uint64_t ancestors =
            a_.op.mask == TRIMTAB_MASK_TREE ? shared_.ancestors[warp()][line] : uint64_t{0};
        uint64_t seen = this->seen(tile, 0, line, ancestors) >> g();
        each_key<KEY_TILES>([&](int k, int h) {
          if ((seen >> (16 * k + 8 * h) & 1) == 0) x[l][k][2 * h + i] = -infinity();
        });
      }
    }
  }

  /** Makes weights of logits, -inf where a key is not seen. `scale`: the largest of the thread's
   * values, of codes. */
  template <int KEY_TILES, class Kind>
  __device__ __forceinline__ void weigh(Kind kind, float scale,
                                        float (&x)[LINE_TILES][KEY_TILES][4]) {
    float tops[LINE_TILES][2];
    bool rises = Kind::CODES && scale > power(scale_);
#pragma unroll
    for (int l = 0; l < LINE_TILES; l++) {
#pragma unroll
      for (int i = 0; i < 2; i++) {
        float top = -infinity();
        each_key<KEY_TILES>([&](int k, int h) { top = fmaxf(top, x[l][k][2 * h + i]); });
        tops[l][i] = top * unit_of(kind, l, i);
        rises |= tops[l][i] > max_[l][i] + SLACK;
      }
    }
    // Seldom once some keys were seen.
    if (__any_sync(ALL_LANES, rises)) rise(tops, Kind::CODES ? scale : 0.f);
#pragma unroll
    for (int l = 0; l < LINE_TILES; l++) {
#pragma unroll
      for (int i = 0; i < 2; i++) {
        // Where every logit so far is -inf, nothing weighs anything yet.
        float base = max_[l][i] == -infinity() ? 0.f : max_[l][i];
        float unit = unit_of(kind, l, i);
        float added = 0.f;
        each_key<KEY_TILES>([&](int k, int h) {
          float& weight = x[l][k][2 * h + i];
          weight = fast_exp2(fma(weight, unit, -base));
          added += weight;
        });
        sum_[l][i] += added;
      }
    }
  }

  /** Lets weights be relative to the largest logits, and those of codes to the largest scale. */
  __device__ __forceinline__ void rise(const float (&tops)[LINE_TILES][2], float scale) {
    float factor = 1.f;
    if constexpr (S::PACKED) {
      // The power of two that is no smaller.
      auto reached = static_cast<int>((bits_of(max_of(scale)) + 0x7fffffu) >> 23) - 127;
      reached = max(reached, scale_);
      factor = power(scale_ - reached);
      scale_ = reached;
    }
#pragma unroll
    for (int l = 0; l < LINE_TILES; l++) {
      float kept[2];
#pragma unroll
      for (int i = 0; i < 2; i++) {
        float reached = fmaxf(max_[l][i], max_of(tops[l][i]));
        kept[i] = fast_exp2(max_[l][i] - (reached == -infinity() ? 0.f : reached));
        max_[l][i] = reached;
        sum_[l][i] *= kept[i];
      }
      multiply_out(l, kept[0] * factor, kept[1] * factor);
    }
  }

  /** Multiplies sums of values of a thread's two lines. */
  __device__ __forceinline__ void multiply_out(int l, float first, float second) {
#pragma unroll
    for (int t = 0; t < COLUMN_TILES; t++) {
#pragma unroll
      for (int h = 0; h < 2; h++) out_[l][t][2 * h] *= first, out_[l][t][2 * h + 1] *= second;
    }
  }

  /** Makes sums of codes' values what they are. */
  __device__ __forceinline__ void settle() {
    float factor = power(scale_ - LIFT);
#pragma unroll
    for (int l = 0; l < LINE_TILES; l++) multiply_out(l, factor, factor);
  }

  /** Clears values that are no token's, as tensor cores multiply them by 0. */
  template <class Kind>
  __device__ __forceinline__ void clear_values(unsigned char* values, int count, int keys) const {
    using Place = typename S::template Place<Kind::CODES>;
    constexpr int UNITS = S::COLUMNS * Kind::BYTES / 16;
    for (int i = count * UNITS + lane(); i < keys * UNITS; i += LANES) {
      *reinterpret_cast<uint4*>(values + Place::of(i / UNITS, i % UNITS * 16)) =
          make_uint4(0, 0, 0, 0);
    }
    publish_to_tensor_cores();  // Boxes come here again.
    __syncwarp();
  }

  template <class Kind, int KEY_TILES>
  __device__ __forceinline__ void add_values(Kind, const unsigned char* values,
                                             const uint32_t (&weights)[LINE_TILES][KEY_TILES][2]) {
#pragma unroll
    for (int k = 0; k < KEY_TILES; k++) {
#pragma unroll
      for (int t = 0; t < COLUMN_TILES; t += 2) {
        uint32_t a[2][4];
        read_values<Kind>(values + 16 * k * PANEL_PITCH, 16 * t, a);
#pragma unroll
        for (int i = 0; i < 2; i++) {
#pragma unroll
          for (int l = 0; l < LINE_TILES; l++) {
            multiply_add<Kind::HALF>(out_[l][t + i], a[i], weights[l][k]);
          }
        }
      }
    }
  }

  /**
   * Values of 16 keys and 32 columns as a of multiply_add() for two tiles of 16 columns. With pages
   * of codes rows g and g + 8 are columns 2 g and 2 g + 1, as codes come by nature.
   */
  template <class Kind>
  static __device__ __forceinline__ void read_values(const unsigned char* values, int column,
                                                     uint32_t (&a)[2][4]) {
    using Place = typename S::template Place<Kind::CODES>;
    if constexpr (Kind::CODES) {
      uint32_t words[4];
      read_transposed(values + Place::of(lane() % 16, column + lane() / 16 * 16), words);
#pragma unroll
      for (int i = 0; i < 4; i++) {
        Kind::columns(words[i], a[i / 2][i % 2 * 2], a[i / 2][i % 2 * 2 + 1]);
      }
    } else if constexpr (S::PACKED) {
#pragma unroll
      for (int i = 0; i < 4; i++) {
        int row = i % 2 * 8 + 2 * c();
        int byte = 2 * (column + i / 2 * 16) + 4 * g();
        uint32_t upper = *reinterpret_cast<const uint32_t*>(values + Place::of(row, byte));
        uint32_t lower = *reinterpret_cast<const uint32_t*>(values + Place::of(row + 1, byte));
        a[i / 2][i % 2 * 2] = (upper & 0xffffu) | lower << 16;
        a[i / 2][i % 2 * 2 + 1] = upper >> 16 | (lower & 0xffff0000u);
      }
    } else {
#pragma unroll
      for (int i = 0; i < 2; i++) {
        int row = lane() / 16 * 8 + lane() % 8;
        read_transposed(values + Place::of(row, 2 * (column + 16 * i) + lane() / 8 % 2 * 16), a[i]);
      }
    }
  }

  /** Adds the warps' parts of eight lines at a time, in the order of the warps. */
  __device__ __forceinline__ void join() {
    auto* parts = reinterpret_cast<float*>(panels_ + S::STAGES * S::STAGE_BYTES);
#pragma unroll
    for (int l = 0; l < LINE_TILES; l++) {
      if (!exists(8 * l)) break;
      leave_part(l, parts + warp() * S::PART);
      meet(S::ATTENDING, S::WARPS * LANES);
      join_parts(l, parts);
      meet(S::ATTENDING, S::WARPS * LANES);
    }
  }

  __device__ __forceinline__ void leave_part(int l, float* part) const {
#pragma unroll
    for (int i = 0; i < 2; i++) {
      float sum = sum_of(sum_[l][i]);
      if (g() == 0) shared_.sums[warp()].of[2 * c() + i] = {max_[l][i], sum};
      if (!exists(8 * l + 2 * c() + i)) continue;
      float* to = part + (2 * c() + i) * S::PART_PITCH;
#pragma unroll
      for (int t = 0; t < COLUMN_TILES; t++) {
        float upper = out_[l][t][i], lower = out_[l][t][2 + i];
        if constexpr (S::PACKED) {
          *reinterpret_cast<float2*>(to + 16 * t + 2 * g()) = make_float2(upper, lower);
        } else {
          to[16 * t + g()] = upper;
          to[16 * t + 8 + g()] = lower;
        }
      }
    }
  }

  __device__ __forceinline__ void join_parts(int l, const float* parts) const {
    constexpr int PAIRS = S::COLUMNS / 2;
    int lines = min(a_.lines - work_.first_line - 8 * l, 8);
    for (int i = warp() * LANES + lane(); i < lines * PAIRS; i += S::WARPS * LANES) {
      int line = i / PAIRS;
      int column = i % PAIRS * 2;
      PartialSum all{-infinity(), 0.f};
#pragma unroll
      for (const auto& sums : shared_.sums) all.max = fmaxf(all.max, sums.of[line].max);
      float2 out{0.f, 0.f};
#pragma unroll
      for (int w = 0; w < S::WARPS; w++) {
        const PartialSum& sum = shared_.sums[w].of[line];
        float weight = weight_of(sum, all.max);
        all.sum = fma(sum.sum, weight, all.sum);
        auto two =
            *reinterpret_cast<const float2*>(parts + w * S::PART + line * S::PART_PITCH + column);
        out.x = fma(two.x, weight, out.x);
        out.y = fma(two.y, weight, out.y);
      }
      line += 8 * l;
      LineOutput(*this, line, ancestors_of_line(line), all, column == 0).put(column, out.x, out.y);
    }
  }

  DecodeShared<S>& shared_;
  unsigned char* const panels_;
  uint4 queries_[LINE_TILES][STEPS]; /* b of two multiplications a step */
  float units_[LINE_TILES][2];       /* of logits of codes, where queries were made F16 for them */
  float out_[LINE_TILES][COLUMN_TILES][4] = {}; /* sums of values: rows columns, columns lines */
  float max_[LINE_TILES][2];      /* what weights of lines 2 c and 2 c + 1 are relative to */
  float sum_[LINE_TILES][2] = {}; /* of this thread's keys */
  int scale_ = LEAST_SCALE;       /* exponent that weights of codes are relative to */
};

}  // namespace trimtab
