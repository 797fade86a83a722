// A block of attention on tensor cores: its lines, the tokens they attend to, and where results go.
#pragma once

#include "attend/partials.cuh"
#include "attend/tokens.cuh"

namespace trimtab {

/** Some lines of a row's key/value head, and a split of its tokens. */
struct Piece {
  int32_t first_line, head, row, split;
};

/** What a block is to do, in shared memory. */
struct BlockWork {
  TokenTable tokens;
  int32_t first_line, split;
  int32_t valid; /* queries of the row */
};

/** The lines of a block, numbered from its first. */
class BlockLines {
 public:
  __device__ __forceinline__ BlockLines(const AttendArguments& a, BlockWork& work)
      : a_(a), work_(work) {}

  /** The piece of work of that many lines with a number. */
  __device__ __forceinline__ Piece piece(int32_t lines, int32_t index) const {
    // What takes longest comes first and what may be short last, so that little is left to wait
    // for: under a causal mask the last lines of a head, of splits the last one.
    int32_t tiles = (a_.lines + lines - 1) / lines;
    int32_t tile = take(index, tiles);
    if (a_.op.mask == TRIMTAB_MASK_CAUSAL) tile = tiles - 1 - tile;
    int32_t head = take(index, a_.heads);
    int32_t row = take(index, static_cast<int32_t>(a_.op.q.size[0]));
    return {tile * lines, head, row, index};
  }

  /** Finds what a piece of work of that many lines is, but not where its tokens lie. One thread
   * calls, before a barrier. */
  __device__ void find(int32_t lines, const Piece& piece) {
    Notes notes{a_.op.common.status, TRIMTAB_OPERATION_ATTEND};
    TokenTable& tokens = work_.tokens;
    work_.first_line = piece.first_line;
    work_.split = piece.split;
    tokens.head = piece.head;
    tokens.row = piece.row;
    TokenCounts counts =
        tokens_of(a_.op.history, a_.op.fresh, tokens.row, tokens.head, INT32_MAX, notes);
    work_.valid = valid_queries(a_.op.q, a_.op.query_lengths, tokens.row, notes);
    tokens.history = counts.history;
    tokens.fresh = counts.fresh;
    // The end of what any of the lines sees.
    int32_t end = query_of(0) < work_.valid ? counts.all() : 0;
    if (end > 0 && a_.op.mask == TRIMTAB_MASK_CAUSAL) {
      int32_t last = min(query_of(lines - 1), work_.valid - 1);
      end = counts.history + min(counts.fresh, last + 1);
    }
    int64_t split_tokens = split_tokens_of(a_, counts.all());
    int64_t begin = work_.split * split_tokens;
    tokens.begin = static_cast<int32_t>(min(begin, int64_t{INT32_MAX}));
    tokens.end = static_cast<int32_t>(min(begin + split_tokens, int64_t{end}));
  }

  /** A warp fetches the queries of a piece of up to 16 lines of up to 256 bytes. */
  __device__ __forceinline__ void fetch_queries(int lines, const Piece& piece) const {
    int half = static_cast<int>(threadIdx.x) % 2;
    int line = static_cast<int>(threadIdx.x) % LANES / 2;
    int32_t number = piece.first_line + line;
    if (line >= lines || number >= a_.lines || 64 * half >= a_.op.q.size[3]) return;
    fetch_early(vector_of(a_.op.q, piece.row, piece.head * a_.group + number % a_.group,
                          number / a_.group) +
                128 * half);
  }

  /** Finds what a block of that many lines is to do, and where tokens lie. */
  __device__ void find(int32_t lines) {
    find(lines, piece(lines, static_cast<int32_t>(blockIdx.x)));
    find_places(a_.op, work_.tokens);
  }

  /** Whether the block is of a split that the row does not have. */
  __device__ __forceinline__ bool is_beyond() const {
    const TokenTable& tokens = work_.tokens;
    return work_.split > 0 && tokens.begin >= tokens.history + tokens.fresh;
  }

  __device__ __forceinline__ bool exists(int line) const {
    return work_.first_line + line < a_.lines;
  }
  __device__ __forceinline__ int32_t query_of(int line) const {
    return (work_.first_line + line) / a_.group;
  }
  __device__ __forceinline__ int32_t query_head_of(int line) const {
    return work_.tokens.head * a_.group + (work_.first_line + line) % a_.group;
  }
  __device__ __forceinline__ bool is_valid(int line) const {
    return exists(line) && query_of(line) < work_.valid;
  }

  /** What logits of queries as they are become powers of two by. */
  __device__ __forceinline__ float unit() const { return fabsf(a_.op.scale) * 1.4426950408889634f; }

  /** Eight neighbours of a line's query, with the sign of the scale; 0 where there is none. */
  __device__ __forceinline__ uint4 query_words(int line, int column) const {
    return query_words(query_from(line), column);
  }

  /** Where a line's query begins; null where there is none. */
  __device__ __forceinline__ const char* query_from(int line) const {
    if (!is_valid(line)) return nullptr;
    return vector_of(a_.op.q, work_.tokens.row, query_head_of(line), query_of(line));
  }
  __device__ __forceinline__ uint4 query_words(const char* from, int column) const {
    // Reads something in any case, so that several reads may be under way.
    bool there = from != nullptr && column < static_cast<int32_t>(a_.op.q.size[3]);
    const char* at = there ? from + 2 * column : static_cast<const char*>(a_.op.q.data);
    uint4 words = *reinterpret_cast<const uint4*>(at);
    uint32_t flip = a_.op.scale < 0 ? 0x80008000u : 0u;
    uint32_t keep = there ? ~0u : 0u;
    words.x = (words.x ^ flip) & keep, words.y = (words.y ^ flip) & keep;
    words.z = (words.z ^ flip) & keep, words.w = (words.w ^ flip) & keep;
    return words;
  }

  /** Under a tree mask: a bit for each new token that a line's query sees. */
  __device__ __forceinline__ uint64_t ancestors_of_line(int line) const {
    Notes notes{a_.op.common.status, TRIMTAB_OPERATION_ATTEND};
    if (a_.op.mask != TRIMTAB_MASK_TREE) return 0;
    return is_valid(line) ? ancestors_of(a_.op, work_.tokens.row, query_of(line), notes) : 0;
  }

  /** Of 64 of the tokens of a tile from a number on, those that a line sees. */
  __device__ __forceinline__ uint64_t seen(const Tile& tile, int from, int line,
                                           uint64_t ancestors) const {
    uint64_t seen = lower_bits(tile.count - from);
    if (tile.paged) return seen;
    return seen & seen_of_fresh(a_.op.mask, query_of(line), ancestors, tile.first + from,
                                work_.tokens.fresh);
  }

  /** Whether lines from `first` on see all of a tile of that many keys. */
  __device__ __forceinline__ bool whole(const Tile& tile, int keys, int first) const {
    if (tile.count < keys) return false;
    if (tile.paged || a_.op.mask == TRIMTAB_MASK_NONE) return true;
    return a_.op.mask == TRIMTAB_MASK_CAUSAL && tile.first + keys - 1 <= query_of(first);
  }

 protected:
  /** Takes the innermost of the numbers that an index is made of, which is often 0 of 1: divisions
   * are slow. */
  static __device__ __forceinline__ int32_t take(int32_t& index, int32_t count) {
    if (count == 1) return 0;
    int32_t inner = index % count;
    index /= count;
    return inner;
  }

  const AttendArguments& a_;
  BlockWork& work_;
  friend class LineOutput;
};

/** One line's result: final where the block has all tokens, else a part for combine(). */
class LineOutput {
 public:
  /** `first`: of the threads that hold the line. */
  __device__ __forceinline__ LineOutput(const BlockLines& lines, int line, uint64_t ancestors,
                                        PartialSum sum, bool first)
      : columns_(static_cast<int32_t>(lines.a_.op.q.size[3])) {
    const AttendArguments& a = lines.a_;
    const TokenTable& tokens = lines.work_.tokens;
    int32_t head = lines.query_head_of(line);
    int32_t query = lines.query_of(line);
    if (a.splits > 1) {
      Partials partials(a);
      int64_t part = partials.first(tokens.row, head, query) + lines.work_.split;
      to_ = partials.out(part);
      factor_ = 1.f;
      seen_ = true;
      if (first) partials.sum(part) = sum;
    } else {
      to_ = out_of(a.op, tokens.row, head, query);
      factor_ = 1.f / sum.sum;
      TokenCounts counts{tokens.history, tokens.fresh};
      seen_ = lines.is_valid(line) && sees_any(a.op, counts, query, ancestors);
      if (first && has(a.op.lse)) {
        row_of(a.op.lse, tokens.row, head)[query] = seen_ ? log_sum(sum) : -infinity();
      }
    }
  }

  __device__ __forceinline__ void put(int column, float out) const {
    if (column < columns_) to_[column] = seen_ ? out * factor_ : 0.f;
  }

  /** Two neighbours, the first of an even column. */
  __device__ __forceinline__ void put(int column, float first, float second) const {
    if (reinterpret_cast<uintptr_t>(to_) % sizeof(float2) != 0) {
      put(column, first);
      put(column + 1, second);
    } else if (column < columns_) {
      *reinterpret_cast<float2*>(to_ + column) =
          seen_ ? make_float2(first * factor_, second * factor_) : make_float2(0.f, 0.f);
    }
  }

 private:
  const int32_t columns_;
  float* to_;
  float factor_;
  bool seen_; /* whether the line sees anything */
};

}  // namespace trimtab
