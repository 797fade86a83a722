// What the checks of all operations share. Each names the argument, its value and what was
// expected, and throws.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "common/shapes.h"
#include "refusal.h"
#include "trimtab.h"

namespace trimtab {

/** A size that may be anything. */
constexpr int64_t ANY = -1;

/** Most queries that kernels number through. */
constexpr int64_t MOST_QUERIES = 1 << 28;

/** Sets of dtypes. */
constexpr uint32_t of(int32_t dtype) { return 1u << dtype; }
constexpr uint32_t FLOATS = of(TRIMTAB_F32) | of(TRIMTAB_F16) | of(TRIMTAB_BF16);
constexpr uint32_t F32 = of(TRIMTAB_F32);
constexpr uint32_t I32 = of(TRIMTAB_I32);

/** A field, and the struct that it is part of where it is part of one. */
struct Name {
  const char* owner;
  const char* field;

  Name() : owner(""), field("") {}
  Name(const char* name) : owner(""), field(name) {}
  Name(const char* struct_name, const char* name) : owner(struct_name), field(name) {}
};

/** A name as it is shown. */
struct FullName {
  explicit FullName(const Name& name);
  char chars[96];
};

/** Throws an INVALID_ARGUMENT that names the argument; the format tells its value and what was
 * expected. */
[[noreturn]] void refuse_argument(const Name& name, const char* format, ...)
    __attribute__((format(printf, 2, 3), cold));

/** Refuses an argument unless `holds`. A macro, so that nothing of the sentence is made where it
 * holds. */
#define TRIMTAB_REQUIRE(holds, name, ...)            \
  do {                                               \
    if (!(holds)) [[unlikely]] {                     \
      ::trimtab::refuse_argument(name, __VA_ARGS__); \
    }                                                \
  } while (false)

/** Whether memory is written by the operation. */
enum class Use { READ, WRITTEN };

/** Memory that an operation touches. */
struct Buffer {
  Name name;
  uintptr_t begin;
  uint64_t bytes;
  Use use;
  /** Of a slab, the bytes of its pages; 0 otherwise. */
  int64_t page_bytes;
};

/** Checks an operation's arguments one by one and gathers the memory that they name. */
class Checks {
 public:
  /** A tensor that must be there, of one of `dtypes` and of a shape whose sizes may be ANY. */
  void tensor(Name name, const trimtab_tensor& tensor, uint32_t dtypes,
              std::initializer_list<int64_t> shape, Use use = Use::READ);

  /** The same for a tensor that may be absent; whether it is there. */
  bool optional(Name name, const trimtab_tensor& tensor, uint32_t dtypes,
                std::initializer_list<int64_t> shape, Use use = Use::READ);

  /** A tensor that must not be there. */
  static void absent(Name name, const trimtab_tensor& tensor, const char* expected);

  /** A tensor whose neighbours along the last dimension lie side by side. */
  static void contiguous(Name name, const trimtab_tensor& tensor);

  /** An F32 result whose last dimension is contiguous. */
  void result(Name name, const trimtab_tensor& tensor, std::initializer_list<int64_t> shape);

  /** Vectors of heads, [rows, heads, tokens, head_dim]. */
  void heads(Name name, const trimtab_tensor& tensor);

  /** Pages whose tables are read; their slab and lengths are used as told. */
  void pages(const char* name, const trimtab_pages& pages, Use slab, Use lengths);

  /** New tokens, with values or without. */
  void new_tokens(const trimtab_new_tokens& fresh, bool values);

  /** Pages and new tokens of which at least one is there, and which agree. */
  void sources(const trimtab_pages& history, const trimtab_new_tokens& fresh, bool values);

  /** Queries and the keys that they may attend to. Returns the key/value heads. */
  int64_t queries_and_keys(const trimtab_tensor& q, const trimtab_pages& history,
                           const trimtab_new_tokens& fresh, bool values);

  /** Pages and new tokens have the same rows, heads and head dim. */
  static void alike(const trimtab_new_tokens& fresh, const char* name, const trimtab_pages& pages);

  /** Fresh pages that survivors of history are written into. */
  void target(const trimtab_pages& target, const trimtab_pages& history);

  /** Weight rows, read or written. */
  void weights(const char* name, const trimtab_weights& weights, Use use);

  /** Queries that attend to one key/value head: so many that 32 bits number them with ease. */
  static void queries_of_head(Name name, int64_t places, int64_t group);

  static void finite(Name name, float value);

  /** Memory of `bytes` bytes by its address, a multiple of a power of two. */
  void memory(Name name, const void* data, uint64_t bytes, uint64_t alignment, Use use,
              int64_t page_bytes = 0);

  /** What is written lies apart from everything else, but for slabs that source and target share.
   */
  void apart() const;

  const Buffer* begin() const { return buffers_; }
  const Buffer* end() const { return buffers_ + count_; }

 private:
  static constexpr int MOST = 24;
  Buffer buffers_[MOST] = {};
  int count_ = 0;
};

}  // namespace trimtab
