#include "checks.h"

#include <climits>
#include <cmath>
#include <cstdarg>
#include <cstdio>

#include "common/page_layout.h"

namespace trimtab {

namespace {

constexpr int64_t MOST_HEADS = 1 << 16;
constexpr int64_t MOST_COLUMNS = 1 << 16;

/** A sentence's piece, made only where something is refused. */
struct Text {
  char chars[256];
};

const char* dtype_name(int32_t dtype) {
  static constexpr const char* NAMES[] = {"none",     "F32",  "F16",  "BF16",
                                          "FP8_E4M3", "INT8", "INT4", "I32"};
  return dtype >= 0 && dtype <= TRIMTAB_I32 ? NAMES[dtype] : "unknown dtype";
}

Text sizes(const int64_t* size, int rank) {
  Text text{};
  int at = snprintf(text.chars, sizeof text.chars, "[");
  for (int i = 0; i < rank; i++) {
    const char* comma = i == 0 ? "" : ", ";
    at += size[i] == ANY
              ? snprintf(text.chars + at, sizeof text.chars - at, "%sany", comma)
              : snprintf(text.chars + at, sizeof text.chars - at, "%s%ld", comma, size[i]);
  }
  snprintf(text.chars + at, sizeof text.chars - at, "]");
  return text;
}

Text dtypes_text(uint32_t dtypes) {
  Text text{};
  int at = 0;
  for (int32_t dtype = TRIMTAB_F32; dtype <= TRIMTAB_I32; dtype++) {
    if (dtypes & of(dtype)) {
      at += snprintf(text.chars + at, sizeof text.chars - at, "%s%s", at == 0 ? "" : ", ",
                     dtype_name(dtype));
    }
  }
  return text;
}

/** Bytes from the first to the end of the last element; -1 where 64 bits do not hold them. */
int64_t extent(const trimtab_tensor& tensor) {
  int64_t last = 0;
  for (int i = 0; i < tensor.rank; i++) {
    if (tensor.size[i] == 0) {
      return 0;
    }
    int64_t distance;
    if (__builtin_mul_overflow(tensor.size[i] - 1, tensor.stride[i], &distance) ||
        __builtin_add_overflow(last, distance, &last)) {
      return -1;
    }
  }
  int64_t bytes;
  if (__builtin_add_overflow(last, 1, &last) ||
      __builtin_mul_overflow(last, bits(tensor.dtype) / 8, &bytes)) {
    return -1;
  }
  return bytes;
}

bool same_shape(const trimtab_tensor& tensor, std::initializer_list<int64_t> shape) {
  if (tensor.rank != static_cast<int32_t>(shape.size())) {
    return false;
  }
  const int64_t* size = tensor.size;
  for (int64_t expected : shape) {
    if (expected != ANY && *size != expected) {
      return false;
    }
    size++;
  }
  return true;
}

/** No element lies where another does: each stride is longer than all smaller ones reach. */
void require_places_apart(const Name& name, const trimtab_tensor& tensor) {
  for (int i = 0; i < tensor.rank; i++) {
    int64_t reach = 0;
    for (int j = 0; j < tensor.rank; j++) {
      bool before =
          tensor.stride[j] < tensor.stride[i] || (tensor.stride[j] == tensor.stride[i] && j < i);
      reach += before ? (tensor.size[j] - 1) * tensor.stride[j] : 0;
    }
    TRIMTAB_REQUIRE(tensor.size[i] == 1 || tensor.stride[i] > reach, name,
                    "stride %ld of dimension %d, expected more than %ld, which smaller strides "
                    "reach, since it is written",
                    tensor.stride[i], i, reach);
  }
}

void require_head_dim(const Name& name, int64_t head_dim) {
  TRIMTAB_REQUIRE(head_dim >= 8 && head_dim <= MOST_HEAD_DIM && head_dim % 8 == 0, name,
                  "%ld elements a head, expected a multiple of 8 from 8 to %d", head_dim,
                  MOST_HEAD_DIM);
}

bool intersect(const Buffer& a, const Buffer& b) {
  return a.bytes > 0 && b.bytes > 0 && a.begin < b.begin + b.bytes && b.begin < a.begin + a.bytes;
}

bool share_slab(const Buffer& a, const Buffer& b) {
  return a.page_bytes != 0 && a.page_bytes == b.page_bytes && a.begin == b.begin;
}

}  // namespace

FullName::FullName(const Name& name) {
  snprintf(chars, sizeof chars, "%s%s%s", name.owner, name.owner[0] == 0 ? "" : ".", name.field);
}

void refuse_argument(const Name& name, const char* format, ...) {
  char sentence[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(sentence, sizeof sentence, format, arguments);
  va_end(arguments);
  refuse(TRIMTAB_INVALID_ARGUMENT, "%s: %s", FullName(name).chars, sentence);
}

void Checks::tensor(Name name, const trimtab_tensor& tensor, uint32_t dtypes,
                    std::initializer_list<int64_t> shape, Use use) {
  bool known = tensor.dtype > TRIMTAB_NONE && tensor.dtype <= TRIMTAB_I32;
  TRIMTAB_REQUIRE(known && (dtypes & of(tensor.dtype)), name, "%s, expected dtype %s",
                  dtype_name(tensor.dtype), dtypes_text(dtypes).chars);
  TRIMTAB_REQUIRE(tensor.rank >= 1 && tensor.rank <= 4, name, "rank %d, expected 1 to 4",
                  tensor.rank);
  for (int i = 0; i < tensor.rank; i++) {
    TRIMTAB_REQUIRE(tensor.size[i] >= 0, name, "size %ld of dimension %d, expected 0 or more",
                    tensor.size[i], i);
    TRIMTAB_REQUIRE(tensor.stride[i] >= 0, name, "stride %ld of dimension %d, expected 0 or more",
                    tensor.stride[i], i);
  }
  TRIMTAB_REQUIRE(same_shape(tensor, shape), name, "shape %s, expected %s",
                  sizes(tensor.size, tensor.rank).chars,
                  sizes(shape.begin(), static_cast<int>(shape.size())).chars);
  int64_t needed = extent(tensor);
  TRIMTAB_REQUIRE(needed >= 0, name,
                  "a shape whose bytes 64 bits do not hold, expected a smaller one");
  TRIMTAB_REQUIRE(static_cast<uint64_t>(needed) <= tensor.bytes, name,
                  "%lu bytes, expected the %ld that its shape spans", tensor.bytes, needed);
  if (use == Use::WRITTEN && needed > 0) {
    require_places_apart(name, tensor);
  }
  memory(name, tensor.data, needed, bits(tensor.dtype) / 8, use);
}

bool Checks::optional(Name name, const trimtab_tensor& tensor, uint32_t dtypes,
                      std::initializer_list<int64_t> shape, Use use) {
  if (!has(tensor)) {
    return false;
  }
  this->tensor(name, tensor, dtypes, shape, use);
  return true;
}

void Checks::absent(Name name, const trimtab_tensor& tensor, const char* expected) {
  TRIMTAB_REQUIRE(!has(tensor), name, "%s, expected %s", dtype_name(tensor.dtype), expected);
}

void Checks::contiguous(Name name, const trimtab_tensor& tensor) {
  int64_t stride = tensor.stride[tensor.rank - 1];
  TRIMTAB_REQUIRE(stride == 1, name, "stride %ld along the last dimension, expected 1", stride);
}

void Checks::result(Name name, const trimtab_tensor& tensor, std::initializer_list<int64_t> shape) {
  this->tensor(name, tensor, F32, shape, Use::WRITTEN);
  contiguous(name, tensor);
}

void Checks::heads(Name name, const trimtab_tensor& tensor) {
  this->tensor(name, tensor, FLOATS, {ANY, ANY, ANY, ANY});
  contiguous(name, tensor);
  TRIMTAB_REQUIRE(tensor.size[0] <= INT_MAX && tensor.size[2] <= INT_MAX, name,
                  "shape [%ld, %ld, %ld, %ld], expected sizes below 2^31", tensor.size[0],
                  tensor.size[1], tensor.size[2], tensor.size[3]);
  TRIMTAB_REQUIRE(tensor.size[1] >= 1 && tensor.size[1] <= MOST_HEADS, name,
                  "%ld heads, expected 1 to %ld", tensor.size[1], MOST_HEADS);
  require_head_dim(name, tensor.size[3]);
}

void Checks::pages(const char* name, const trimtab_pages& pages, Use slab, Use lengths) {
  bool format =
      is_float(pages.dtype) || pages.dtype == TRIMTAB_FP8_E4M3 || pages.dtype == TRIMTAB_INT8;
  TRIMTAB_REQUIRE(format, {name, "dtype"}, "%s, expected F32, F16, BF16, FP8_E4M3 or INT8",
                  dtype_name(pages.dtype));
  int32_t tokens = pages.tokens;
  TRIMTAB_REQUIRE(tokens == 16 || tokens == 32 || tokens == 64 || tokens == 128, {name, "tokens"},
                  "%d, expected 16, 32, 64 or 128 tokens a page", tokens);
  TRIMTAB_REQUIRE(pages.heads >= 1 && pages.heads <= MOST_HEADS, {name, "heads"},
                  "%d, expected 1 to %ld", pages.heads, MOST_HEADS);
  require_head_dim({name, "head_dim"}, pages.head_dim);
  TRIMTAB_REQUIRE(pages.pages >= 0, {name, "pages"}, "%d, expected 0 or more", pages.pages);
  int64_t page = page_bytes(pages);
  int64_t bytes;
  bool overflow = __builtin_mul_overflow(page, pages.pages, &bytes);
  TRIMTAB_REQUIRE(!overflow && static_cast<uint64_t>(bytes) <= pages.slab_bytes, {name, "pages"},
                  "%d of %ld bytes each, expected at most the %lu that the slab holds", pages.pages,
                  page, pages.slab_bytes / page);
  memory({name, "slab"}, pages.slab, bytes, TRIMTAB_ALIGNMENT, slab, page);
  tensor({name, "table"}, pages.table, I32, {ANY, ANY, ANY});
  const int64_t* size = pages.table.size;
  TRIMTAB_REQUIRE(size[0] <= INT_MAX && size[1] <= MOST_HEADS, {name, "table"},
                  "shape [%ld, %ld, %ld], expected fewer than 2^31 rows and at most 65536 lists",
                  size[0], size[1], size[2]);
  TRIMTAB_REQUIRE(size[1] == 1 || pages.heads == 1, {name, "table"},
                  "%ld lists a row, expected 1, since a page holds %d heads", size[1], pages.heads);
  TRIMTAB_REQUIRE(size[2] <= INT_MAX / tokens, {name, "table"},
                  "shape [%ld, %ld, %ld], expected fewer than 2^31 tokens a list", size[0], size[1],
                  size[2]);
  tensor({name, "lengths"}, pages.lengths, I32, {size[0], size[1]}, lengths);
}

void Checks::new_tokens(const trimtab_new_tokens& fresh, bool values) {
  heads({"fresh", "k"}, fresh.k);
  const int64_t* size = fresh.k.size;
  if (values) {
    tensor({"fresh", "v"}, fresh.v, of(fresh.k.dtype), {size[0], size[1], size[2], size[3]});
    contiguous({"fresh", "v"}, fresh.v);
  }
  optional({"fresh", "lengths"}, fresh.lengths, I32, {size[0]});
}

void Checks::sources(const trimtab_pages& history, const trimtab_new_tokens& fresh, bool values) {
  TRIMTAB_REQUIRE(has(history) || has(fresh), "history, fresh",
                  "absent, expected at least one source of keys");
  if (has(history)) {
    pages("history", history, Use::READ, Use::READ);
  }
  if (has(fresh)) {
    new_tokens(fresh, values);
  }
  if (has(history) && has(fresh)) {
    alike(fresh, "history", history);
  }
}

int64_t Checks::queries_and_keys(const trimtab_tensor& q, const trimtab_pages& history,
                                 const trimtab_new_tokens& fresh, bool values) {
  heads("q", q);
  sources(history, fresh, values);
  bool paged = has(history);
  int64_t rows = paged ? history.table.size[0] : fresh.k.size[0];
  int64_t heads = paged ? heads_of(history) : fresh.k.size[1];
  int64_t head_dim = paged ? history.head_dim : fresh.k.size[3];
  TRIMTAB_REQUIRE(heads >= 1, {"history", "table"}, "no list, expected one a row or one a head");
  TRIMTAB_REQUIRE(
      q.size[0] == rows && q.size[1] % heads == 0 && q.size[3] == head_dim, "q",
      "shape [%ld, %ld, %ld, %ld], expected %ld rows, a multiple of %ld heads, and head dim "
      "%ld as the keys have",
      q.size[0], q.size[1], q.size[2], q.size[3], rows, heads, head_dim);
  return heads;
}

void Checks::alike(const trimtab_new_tokens& fresh, const char* name, const trimtab_pages& pages) {
  const int64_t* size = fresh.k.size;
  TRIMTAB_REQUIRE(
      size[0] == pages.table.size[0] && size[1] == heads_of(pages) && size[3] == pages.head_dim,
      {"fresh", "k"},
      "shape [%ld, %ld, %ld, %ld], expected rows, heads and head dim of %s: %ld, %ld, %d", size[0],
      size[1], size[2], size[3], name, pages.table.size[0], heads_of(pages), pages.head_dim);
}

void Checks::target(const trimtab_pages& target, const trimtab_pages& history) {
  pages("target", target, Use::WRITTEN, Use::WRITTEN);
  TRIMTAB_REQUIRE(!has(history) || (target.table.size[0] == history.table.size[0] &&
                                    heads_of(target) == heads_of(history) &&
                                    target.head_dim == history.head_dim),
                  "target", "%ld rows, %ld heads, head dim %d, expected those of history",
                  target.table.size[0], heads_of(target), target.head_dim);
}

void Checks::weights(const char* name, const trimtab_weights& weights, Use use) {
  bool scaled = is_quantized(weights.format);
  bool nibbles = weights.format == TRIMTAB_INT4;
  TRIMTAB_REQUIRE(scaled || is_float(weights.format), {name, "format"},
                  "%s, expected F32, F16, BF16, FP8_E4M3, INT8 or INT4",
                  dtype_name(weights.format));
  tensor({name, "codes"}, weights.codes, of(nibbles ? TRIMTAB_INT8 : weights.format), {ANY, ANY},
         use);
  contiguous({name, "codes"}, weights.codes);
  int64_t rows = weights.codes.size[0];
  int64_t stored = weights.codes.size[1];
  TRIMTAB_REQUIRE(rows <= INT_MAX, {name, "codes"}, "%ld rows, expected fewer than 2^31", rows);
  TRIMTAB_REQUIRE(stored >= 1 && stored <= MOST_COLUMNS / (nibbles ? 2 : 1), {name, "codes"},
                  "%ld a row, expected 1 to 65536 elements", stored);
  if (!scaled) {
    absent({name, "scales"}, weights.scales, "none, since the rows need none");
    return;
  }
  tensor({name, "scales"}, weights.scales, of(TRIMTAB_BF16) | of(TRIMTAB_F16), {rows, ANY}, use);
  contiguous({name, "scales"}, weights.scales);
  int64_t groups = weights.scales.size[1];
  int64_t columns = stored * (nibbles ? 2 : 1);
  TRIMTAB_REQUIRE(groups >= 1 && columns % groups == 0, {name, "scales"},
                  "%ld a row, expected groups that divide %ld elements", groups, columns);
  TRIMTAB_REQUIRE(weights.format != TRIMTAB_FP8_E4M3 || groups == 1, {name, "scales"},
                  "%ld a row, expected one, since the rows are FP8_E4M3", groups);
}

void Checks::queries_of_head(Name name, int64_t places, int64_t group) {
  TRIMTAB_REQUIRE(places <= MOST_QUERIES / group, name,
                  "%ld queries in %ld heads each, expected at most 2^28 a key/value head", places,
                  group);
}

void Checks::finite(Name name, float value) {
  TRIMTAB_REQUIRE(std::isfinite(value), name, "%g, expected a finite number",
                  static_cast<double>(value));
}

void Checks::memory(Name name, const void* data, uint64_t bytes, uint64_t alignment, Use use,
                    int64_t page_bytes) {
  auto begin = reinterpret_cast<uintptr_t>(data);
  TRIMTAB_REQUIRE(data != nullptr || bytes == 0, name, "null, expected the address of %lu bytes",
                  bytes);
  TRIMTAB_REQUIRE((begin & (alignment - 1)) == 0, name, "address %#lx, expected a multiple of %lu",
                  begin, alignment);
  TRIMTAB_REQUIRE(begin + bytes >= begin, name,
                  "address %#lx and %lu bytes, expected less than the address space", begin, bytes);
  buffers_[count_++] = {name, begin, bytes, use, page_bytes};
}

void Checks::apart() const {
  for (const Buffer& written : *this) {
    if (written.use == Use::READ) {
      continue;
    }
    for (const Buffer& other : *this) {
      TRIMTAB_REQUIRE(
          &other == &written || !intersect(written, other) || share_slab(written, other),
          written.name, "overlaps %s, expected memory apart, since it is written",
          FullName(other.name).chars);
    }
  }
}

}  // namespace trimtab
