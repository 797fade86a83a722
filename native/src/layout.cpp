// The layout of every struct of trimtab.h. A field that is missing here fails to compile: fields
// must lie end to end.
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdio>

#include "trimtab.h"

namespace {

struct Field {
  const char* name;
  size_t offset;
  size_t size;
};

template <size_t N>
constexpr bool end_to_end(const Field (&fields)[N], size_t size) {
  size_t end = 0;
  for (const Field& field : fields) {
    if (field.offset != end) {
      return false;
    }
    end += field.size;
  }
  return end == size;
}

/** Text that counts what it does not hold. */
class Writer {
 public:
  Writer(char* text, uint64_t bytes) : text_(text), bytes_(text == nullptr ? 0 : bytes) {}

  [[gnu::format(printf, 2, 3)]] void print(const char* format, ...) {
    bool room = at_ < bytes_;
    va_list arguments;
    va_start(arguments, format);
    int written =
        vsnprintf(room ? text_ + at_ : nullptr, room ? bytes_ - at_ : 0, format, arguments);
    va_end(arguments);
    at_ += static_cast<uint64_t>(written);
  }

  uint64_t size() const { return at_ + 1; }

 private:
  char* text_;
  uint64_t bytes_;
  uint64_t at_ = 0;
};

#define F(name) \
  { #name, offsetof(Struct, name), sizeof(Struct::name) }
#define LAYOUT(type, ...)                                                 \
  void type##_layout(Writer& writer) {                                    \
    using Struct = type;                                                  \
    static constexpr Field FIELDS[] = {__VA_ARGS__};                      \
    static_assert(end_to_end(FIELDS, sizeof(Struct)));                    \
    writer.print("struct " #type " %zu\n", sizeof(Struct));               \
    for (const Field& field : FIELDS) {                                   \
      writer.print("%s %zu %zu\n", field.name, field.offset, field.size); \
    }                                                                     \
  }

LAYOUT(trimtab_launch, F(struct_size), F(device), F(stream))
LAYOUT(trimtab_error, F(struct_size), F(status), F(operation), F(cuda), F(text))
LAYOUT(trimtab_status_word, F(operation), F(argument), F(problem), F(reserved), F(index), F(value),
       F(low), F(high))
LAYOUT(trimtab_common, F(struct_size), F(reserved), F(status), F(workspace), F(workspace_bytes))
LAYOUT(trimtab_tensor, F(data), F(bytes), F(size), F(stride), F(dtype), F(rank))
LAYOUT(trimtab_pages, F(slab), F(slab_bytes), F(dtype), F(tokens), F(heads), F(head_dim), F(pages),
       F(reserved), F(table), F(lengths))
LAYOUT(trimtab_new_tokens, F(k), F(v), F(lengths))
LAYOUT(trimtab_weights, F(format), F(reserved), F(codes), F(scales))
LAYOUT(trimtab_head_rows, F(weight), F(ids), F(count), F(packed), F(vocabulary))
LAYOUT(trimtab_scoring, F(q), F(query_rows), F(history), F(fresh), F(window), F(scores), F(mode),
       F(mask), F(pooling), F(pool_width), F(scale), F(reserved))
LAYOUT(trimtab_append_params, F(common), F(fresh), F(target))
LAYOUT(trimtab_score_params, F(common), F(scoring))
LAYOUT(trimtab_select_params, F(common), F(scores), F(lengths), F(window), F(capacity), F(indices))
LAYOUT(trimtab_compact_params, F(common), F(history), F(fresh), F(indices), F(target))
LAYOUT(trimtab_evict_params, F(common), F(scoring), F(capacity), F(indices), F(target))
LAYOUT(trimtab_attend_params, F(common), F(q), F(query_lengths), F(history), F(fresh), F(parents),
       F(out), F(lse), F(mask), F(scale))
LAYOUT(trimtab_columnsums_params, F(common), F(q), F(query_lengths), F(history), F(fresh), F(sums),
       F(mask), F(scale))
LAYOUT(trimtab_selectivity_params, F(common), F(q), F(query_lengths), F(history), F(fresh),
       F(index), F(top), F(scale))
LAYOUT(trimtab_head_params, F(common), F(hidden), F(rows), F(logits), F(ids), F(values),
       F(log_sum_exp))
LAYOUT(trimtab_quantize_params, F(common), F(weight), F(rows))
LAYOUT(trimtab_pack_params, F(common), F(from), F(ids), F(to))
LAYOUT(trimtab_verify_params, F(common), F(target), F(draft), F(ids), F(tokens), F(accept_u),
       F(sample_u), F(parents), F(emitted), F(accepted), F(method), F(reserved))
LAYOUT(trimtab_device, F(struct_size), F(device), F(major), F(minor), F(processors), F(clusters),
       F(driver_version), F(runtime_version), F(memory_bytes), F(l2_bytes), F(name))

}  // namespace

uint64_t trimtab_layout(char* text, uint64_t bytes) {
  Writer writer(text, bytes);
  trimtab_launch_layout(writer);
  trimtab_error_layout(writer);
  trimtab_status_word_layout(writer);
  trimtab_common_layout(writer);
  trimtab_tensor_layout(writer);
  trimtab_pages_layout(writer);
  trimtab_new_tokens_layout(writer);
  trimtab_weights_layout(writer);
  trimtab_head_rows_layout(writer);
  trimtab_scoring_layout(writer);
  trimtab_append_params_layout(writer);
  trimtab_score_params_layout(writer);
  trimtab_select_params_layout(writer);
  trimtab_compact_params_layout(writer);
  trimtab_evict_params_layout(writer);
  trimtab_attend_params_layout(writer);
  trimtab_columnsums_params_layout(writer);
  trimtab_selectivity_params_layout(writer);
  trimtab_head_params_layout(writer);
  trimtab_quantize_params_layout(writer);
  trimtab_pack_params_layout(writer);
  trimtab_verify_params_layout(writer);
  trimtab_device_layout(writer);
  return writer.size();
}
