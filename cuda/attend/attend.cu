// Which of attention's kernels runs, and how tokens are split. Neither depends on the number of
// rows or on the device's size: a row's result is the same alone and in any batch.
//
//   lines of a key/value head   a block takes                                  tokens of a split
//   1 to 32                     16 lines, its warps share the keys             512 or more
//   33 to 512                   128 lines, 64 beyond 128 columns, 16 of codes  2048
//   more                        the same                                       all
//
// On sm_90, up to 128 columns, blocks take 128 lines by warpgroups from 65 lines on where there are
// no codes (hopper.cuh), and 8 or 16 lines where there are up to 32 or codes (decode.cuh), unless
// tensors cannot be mapped; tokens are split as above.
//
// Of few lines, 128 blocks share a row's tokens, however many those are, or fewer: they begin and
// end together, and a part more is time in which no tokens are read. 2048 make 256 blocks of a tree
// of 64 nodes over 32768 tokens of 8 heads with 4 query heads each. Parts cost 4 bytes a column
// written and read.
//
// Everything else, and every device before sm_80, takes the plain form: formats that differ or are
// F32, tensors that cannot be read 16 bytes at a time.
#include "attend/attend.cuh"

#include <algorithm>
#include <type_traits>

#include "attend/kernels.cuh"
#include "attend/partials.cuh"

namespace trimtab {

namespace {

constexpr int FEW_SPLIT = 512, MANY_SPLIT = 2048;
constexpr int FEW_BLOCKS = 128;  // of a row of few lines

/** Whether tensor cores multiply these formats and copies of 16 bytes reach everything. */
bool fits_tiles(const trimtab_attend_params& params) {
  int32_t dtype = params.q.dtype;
  int64_t head_dim = params.q.size[3];
  if ((dtype != TRIMTAB_F16 && dtype != TRIMTAB_BF16) || !wide(params.q) || params.scale == 0) {
    return false;
  }
  const trimtab_new_tokens& fresh = params.fresh;
  if (has(fresh) && (fresh.k.dtype != dtype || !wide(fresh.k) || !wide(fresh.v))) return false;
  const trimtab_pages& history = params.history;
  return !has(history) || history.dtype == dtype ||
         (is_quantized(history.dtype) && head_dim % 16 == 0);
}

AttendArguments arguments_of(const trimtab_attend_params& params) {
  AttendArguments a{};
  a.op = params;
  const int64_t* size = params.q.size;
  a.heads = static_cast<int32_t>(key_heads(params.history, params.fresh));
  a.group = static_cast<int32_t>(size[1] / a.heads);
  int64_t lines = size[2] * a.group;
  a.splits = 1;
  a.split_tokens = INT32_MAX;
  // Beyond this many there is no memory for the results of a row.
  a.lines = static_cast<int32_t>(std::min<int64_t>(lines, INT32_MAX / 2));
  if (lines > MOST_SPLIT_LINES || !fits_tiles(params)) return a;
  int64_t tokens = has(params.fresh) ? params.fresh.k.size[2] : 0;
  if (has(params.history)) tokens += params.history.table.size[2] * params.history.tokens;
  bool few = lines <= FEW_LINES;
  int split = few ? FEW_SPLIT : MANY_SPLIT;
  if (tokens <= split) return a;
  a.split_tokens = split;
  a.split_step = std::max(params.history.tokens, 64);
  a.splits = static_cast<int32_t>((std::min<int64_t>(tokens, INT32_MAX) + split - 1) / split);
  if (few) a.splits = std::min(a.splits, std::max(FEW_BLOCKS / a.heads, 2));
  return a;
}

bool launch_tiles(const AttendArguments& a, cudaStream_t stream, cudaError_t* error) {
  Limits device{};
  *error = limits(&device);
  if (*error != cudaSuccess) return true;
  bool half = a.op.q.dtype == TRIMTAB_F16;
  bool packed = is_quantized(a.op.history.dtype);
  auto by_formats = [&](auto form) {
    constexpr std::true_type yes;
    constexpr std::false_type no;
    return half ? packed ? form(yes, yes) : form(yes, no) : packed ? form(no, yes) : form(no, no);
  };
  if (packed || a.lines <= FEW_LINES) {
    bool launched = by_formats([&](auto half, auto packed) {
      return launch_decode<half, packed>(a, device, stream, error);
    });
    if (launched) return true;
  }
  if (!packed && a.lines >= HOPPER_LINES &&
      (half ? launch_hopper<true>(a, device, stream, error)
            : launch_hopper<false>(a, device, stream, error))) {
    return true;
  }
  return by_formats(
      [&](auto half, auto packed) { return launch_tiles<half, packed>(a, device, stream, error); });
}

}  // namespace

uint64_t workspace_attend(const trimtab_attend_params& params) {
  AttendArguments a = arguments_of(params);
  return a.splits > 1 ? Partials::bytes(a) : 0;
}

cudaError_t launch_attend(const trimtab_attend_params& params, cudaStream_t stream) {
  const int64_t* size = params.q.size;
  if (size[0] * size[1] * size[2] == 0) return cudaSuccess;
  AttendArguments a = arguments_of(params);
  cudaError_t error = cudaSuccess;
  if (!fits_tiles(params) || !launch_tiles(a, stream, &error)) return launch_plain(a, stream);
  return error == cudaSuccess && a.splits > 1 ? launch_combine(a, stream) : error;
}

}  // namespace trimtab
