// What a warp of attention of few lines on sm_90a does with tiles in shared memory. Its products
// have keys, or columns of values, as rows and lines as columns, which come by eight: where lines
// are few, tensor cores, exponentials and registers are spent on little else.
#pragma once

#include "attend/decode_operands.cuh"
#include "attend/decode_sums.cuh"

namespace trimtab {

/** A warp at a piece of work. */
template <class S>
class DecodeLines : DecodeSums<S> {
  using Base = DecodeSums<S>;
  using Base::a_;
  using Base::c;
  using Base::g;
  using Base::lane;
  using Base::LINE_TILES;
  using Base::warp;
  using Base::work_;

 public:
  __device__ DecodeLines(const AttendArguments& a, BlockWork& work, DecodeShared<S>& shared,
                         unsigned char* panels)
      : Base(a, work), shared_(shared), panels_(panels) {}

  /** `first`: the number of the piece's first tile among all of the block's. */
  __device__ __forceinline__ void run(int32_t first) {
    if (this->is_beyond()) return;
    load_queries();
    const DecodeTiles<S> tiles(work_.tokens);
    int32_t i = Base::team_warp();
    auto attend_until = [&](auto kind, int32_t end) {
      for (; i < end; i += S::TEAM_WARPS) attend(kind, tiles.at(i), first + i);
    };
    // Codes and numbers each in a loop of their own, which takes fewer registers.
    if constexpr (S::PACKED) {
      if (a_.op.history.dtype == TRIMTAB_FP8_E4M3) {
        attend_until(DecodeCodes<formats::Fp8>(), tiles.paged());
      } else {
        attend_until(DecodeCodes<formats::Int8>(), tiles.paged());
      }
      this->settle();
      for (auto& two : units_) two[0] = two[1] = this->unit();
    }
    attend_until(DecodeNumbers<S::HALF>(), tiles.count());
    this->join(shared_, reinterpret_cast<float*>(panels_ + S::STAGES * S::STAGE_BYTES));
  }

 private:
  static constexpr int STEPS = S::COLUMNS / 32;

  __device__ __forceinline__ uint4 query(int tile, int step) const {
    return this->query_words(this->query_from(8 * tile + g()), 32 * step + 8 * c());
  }

  __device__ __forceinline__ void load_queries() {
#pragma unroll
    for (int l = 0; l < LINE_TILES; l++) {
      const char* from = this->query_from(8 * l + g());
#pragma unroll
      for (int step = 0; step < STEPS; step++) {
        queries_[l][step] = this->query_words(from, 32 * step + 8 * c());
      }
      if constexpr (S::TO_HALF) {
        float unit = halve(queries_[l]);
#pragma unroll
        for (int i = 0; i < 2; i++) {
          units_[l][i] = __shfl_sync(ALL_LANES, unit, 4 * (2 * c() + i));
        }
      } else {
        units_[l][0] = units_[l][1] = this->unit();
      }
    }
    if (a_.op.mask != TRIMTAB_MASK_TREE) return;
    if (lane() < S::LINES) shared_.ancestors[warp()][lane()] = this->ancestors_of_line(lane());
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
    return this->unit() * float_of((BIAS - TOP + exponent) << 23);
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
    // What was in this place before may be another warp's. Until that warp has left it, a parity
    // may mean the tile before that one, which has surely left: the last copies that this warp
    // knows of, of its own last tile or of the last piece, began behind it.
    shared_.emptied[place].wait(parity ^ 1);
    shared_.filled[0][place].wait(parity);
    multiply_keys(kind, keys, x);
    if constexpr (Kind::CODES) {
      Base::template each_key<KEY_TILES>([&](int k, int h) {
        float scale = from_bf16(shared_.scales[place][0][16 * k + 8 * h + g()]);
#pragma unroll
        for (int l = 0; l < LINE_TILES; l++) x[l][k][2 * h] *= scale, x[l][k][2 * h + 1] *= scale;
      });
    }
    if (!this->whole(tile, 16 * KEY_TILES, 0)) hide_unseen<KEY_TILES>(tile, x);
    shared_.filled[1][place].wait(parity);
    float scales[KEY_TILES][2] = {};
    float largest = 0;
    if constexpr (Kind::CODES) {
      Base::template each_key<KEY_TILES>([&](int k, int h) {
        int key = 16 * k + 8 * h + g();
        scales[k][h] = key < tile.count ? from_bf16(shared_.scales[place][1][key]) : 0.f;
        largest = fmaxf(largest, fabsf(scales[k][h]));
      });
    }
    this->template weigh<Kind::CODES>(units_, largest, x);
    uint32_t weights[LINE_TILES][KEY_TILES][2];
    float lift = this->lift();
    Base::template each_key<KEY_TILES>([&](int k, int h) {
      float factor = Kind::CODES ? scales[k][h] * lift : 1.f;
#pragma unroll
      for (int l = 0; l < LINE_TILES; l++) {
        weights[l][k][h] = transposed(
            round_pair<Kind::HALF>(x[l][k][2 * h] * factor, x[l][k][2 * h + 1] * factor));
      }
    });
    if (tile.count < 16 * KEY_TILES) {
      add_values<true>(kind, values, tile.count, weights);
    } else {
      add_values<false>(kind, values, tile.count, weights);
    }
    // Each lane for its own reads, which the next copy must not overtake.
    shared_.emptied[place].arrive();
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
        Base::template each_key<KEY_TILES>([&](int k, int h) {
          if ((seen >> (16 * k + 8 * h) & 1) == 0) x[l][k][2 * h + i] = -infinity();
        });
      }
    }
  }

  /** Adds a tile's values. PARTIAL: those from `count` on are no token's and count as zeros, since
   * tensor cores multiply them by 0. */
  template <bool PARTIAL, class Kind, int KEY_TILES>
  __device__ __forceinline__ void add_values(Kind, const unsigned char* values, int count,
                                             const uint32_t (&weights)[LINE_TILES][KEY_TILES][2]) {
#pragma unroll
    for (int k = 0; k < KEY_TILES; k++) {
#pragma unroll
      for (int t = 0; t < Base::COLUMN_TILES; t += 2) {
        uint32_t a[2][4];
        Kind::template values<typename S::template Place<Kind::CODES>, S::PACKED>(
            values + 16 * k * PANEL_PITCH, 16 * t, a);
#pragma unroll
        for (int i = 0; i < 2; i++) {
#pragma unroll
          for (int h = 0; PARTIAL && h < 2; h++) {
            int key = 16 * k + 8 * h + 2 * c();
            uint32_t kept = key + 1 < count ? ~0u : key < count ? 0xffffu : 0u;
            a[i][2 * h] &= kept, a[i][2 * h + 1] &= kept;
          }
#pragma unroll
          for (int l = 0; l < LINE_TILES; l++) {
            multiply_add<Kind::HALF>(this->out_[l][t + i], a[i], weights[l][k]);
          }
        }
      }
    }
  }

  DecodeShared<S>& shared_;
  unsigned char* const panels_;
  uint4 queries_[LINE_TILES][STEPS]; /* b of two multiplications a step */
  float units_[LINE_TILES][2];       /* what logits become powers of two by */
};

}  // namespace trimtab
