/*
 * Trimtab's kernels for NVIDIA GPUs: the whole C ABI of libtrimtab.
 *
 * Every operation has a params struct that mirrors the Java record of the same name (package
 * io.github.trimtab.kernel), where shapes, meaning and errors are written down; what is said here
 * is what the C side adds. A params struct is filled once and launched any number of times: what
 * changes from step to step lives in device memory.
 *
 *   trimtab_X_workspace  bytes of workspace that X needs for these shapes; needs no device
 *   trimtab_X_check      all of X's checks, those that ask the driver included: that every buffer
 *                        lies on the launch's device and that the stream belongs to it
 *   trimtab_X            checks all but that again, and enqueues X on the launch's stream
 *
 * No function allocates, synchronises, reads device memory, aborts, or throws. But CUDA loads a
 * kernel's code when it is first launched on a device, which may do both: whoever times or captures
 * launches launches each kind once before, or sets CUDA_MODULE_LOADING=EAGER. Each function returns
 * a trimtab_status, 0 for success; a trimtab_error that the caller passes (it may be null) then
 * says in one sentence what was refused, its value and what was expected, and nothing was enqueued.
 * Functions may be called from any thread; each leaves the thread's current device as it was.
 *
 * Structs hold no padding, begin with their size where they are passed by the caller, and are
 * absent when all zero where the record allows null (dtype TRIMTAB_NONE).
 */
#ifndef TRIMTAB_H
#define TRIMTAB_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TRIMTAB_API __attribute__((visibility("default")))

/* Rises with every change of a struct, a function or a meaning. */
#define TRIMTAB_ABI 1

/* Alignment of slabs and workspaces in bytes; that of any other buffer is its element's size. */
#define TRIMTAB_ALIGNMENT 128

/*
 * A workspace begins with counters that must be zero before its first use; every operation leaves
 * them zero, so operations of one stream may share a workspace. The rest may hold anything. An
 * operation needs no workspace at all, or at least this many bytes.
 */
#define TRIMTAB_COUNTER_BYTES 65536

/* ---- Lists that enumerators, exports and names are made of ---- */

/* X(NAME, name): the operations; numbers rise from 1. */
#define TRIMTAB_OPERATIONS(X) \
  X(APPEND, append)           \
  X(SCORE, score)             \
  X(SELECT, select)           \
  X(COMPACT, compact)         \
  X(EVICT, evict)             \
  X(ATTEND, attend)           \
  X(COLUMNSUMS, columnsums)   \
  X(SELECTIVITY, selectivity) \
  X(HEAD, head)               \
  X(QUANTIZE, quantize)       \
  X(PACK, pack)               \
  X(VERIFY, verify)

/* X(NAME, text): what a call returns; numbers rise from 0. */
#define TRIMTAB_STATUSES(X)                                                    \
  X(SUCCESS, "success")                                                        \
  X(INVALID_ARGUMENT, "an argument is not what the operation takes")           \
  X(WRONG_STRUCT, "a struct of another size: header and library differ")       \
  X(WRONG_PLACE, "memory or stream of another place than the launch's device") \
  X(SMALL_WORKSPACE, "the workspace is too small")                             \
  X(NO_DEVICE, "no CUDA device can be used")                                   \
  X(NO_CODE, "the library has no code for the device's architecture")          \
  X(OUT_OF_MEMORY, "out of device memory")                                     \
  X(CUDA_ERROR, "CUDA refused the launch")                                     \
  X(CONTEXT_LOST, "an earlier error destroyed the CUDA context")

/* X(NAME, text): buffers whose contents kernels distrust; numbers rise from 1. */
#define TRIMTAB_ARGUMENTS(X)            \
  X(HISTORY_TABLE, "history.table")     \
  X(HISTORY_LENGTHS, "history.lengths") \
  X(FRESH_LENGTHS, "fresh.lengths")     \
  X(TARGET_TABLE, "target.table")       \
  X(TARGET_LENGTHS, "target.lengths")   \
  X(QUERY_LENGTHS, "queryLengths")      \
  X(QUERY_ROWS, "queryRows")            \
  X(WINDOW, "window")                   \
  X(CAPACITY, "capacity")               \
  X(INDICES, "indices")                 \
  X(LENGTHS, "lengths")                 \
  X(PARENTS, "parents")                 \
  X(ROWS_IDS, "rows.ids")               \
  X(ROWS_COUNT, "rows.count")           \
  X(IDS, "ids")                         \
  X(TARGET, "target")                   \
  X(DRAFT, "draft")                     \
  X(TOKENS, "tokens")                   \
  X(ACCEPT_U, "acceptU")                \
  X(SAMPLE_U, "sampleU")

/* X(NAME, text): what is wrong with a value; numbers rise from 1. */
#define TRIMTAB_PROBLEMS(X)                                              \
  X(OUTSIDE, "outside its bounds")                                       \
  X(REPEATED, "there before, where all must differ")                     \
  X(UNEQUAL, "not as many as head 0 has, whose list it shares")          \
  X(NEGATIVE, "a probability that is negative or no number")             \
  X(SUM, "a row of probabilities whose sum is further than 1e-3 from 1") \
  X(NOT_KEPT, "a token that is none of the kept ids")                    \
  X(UNDRAWN, "a token whose draft probability is 0")

enum {
  TRIMTAB_OPERATION_NONE = 0,
#define TRIMTAB_X(NAME, name) TRIMTAB_OPERATION_##NAME,
  TRIMTAB_OPERATIONS(TRIMTAB_X)
#undef TRIMTAB_X
};

typedef int32_t trimtab_status;
enum {
#define TRIMTAB_X(NAME, text) TRIMTAB_##NAME,
  TRIMTAB_STATUSES(TRIMTAB_X)
#undef TRIMTAB_X
};

enum {
  TRIMTAB_ARGUMENT_NONE = 0,
#define TRIMTAB_X(NAME, text) TRIMTAB_ARGUMENT_##NAME,
  TRIMTAB_ARGUMENTS(TRIMTAB_X)
#undef TRIMTAB_X
};

enum {
  TRIMTAB_PROBLEM_NONE = 0,
#define TRIMTAB_X(NAME, text) TRIMTAB_PROBLEM_##NAME,
  TRIMTAB_PROBLEMS(TRIMTAB_X)
#undef TRIMTAB_X
};

/* Element formats; NONE marks an absent tensor. */
enum {
  TRIMTAB_NONE = 0,
  TRIMTAB_F32,
  TRIMTAB_F16,
  TRIMTAB_BF16,
  TRIMTAB_FP8_E4M3,
  TRIMTAB_INT8,
  TRIMTAB_INT4,
  TRIMTAB_I32
};

enum { TRIMTAB_MASK_NONE = 0, TRIMTAB_MASK_CAUSAL, TRIMTAB_MASK_TREE };
enum { TRIMTAB_MODE_RAW = 0, TRIMTAB_MODE_SOFTMAX };
enum { TRIMTAB_POOLING_NONE = 0, TRIMTAB_POOLING_MAX, TRIMTAB_POOLING_AVG };
enum {
  TRIMTAB_VERIFY_CHAIN = 0,
  TRIMTAB_VERIFY_GREEDY,
  TRIMTAB_VERIFY_TREE,
  TRIMTAB_VERIFY_MULTI_ROUND
};

/* ---- What calls share ---- */

/* Where an operation runs. */
typedef struct trimtab_launch {
  uint32_t struct_size;
  int32_t device; /* ordinal */
  void* stream;   /* CUstream of the device's primary context; null: the legacy default stream */
} trimtab_launch;

/* What went wrong. */
typedef struct trimtab_error {
  uint32_t struct_size;
  trimtab_status status;
  uint32_t operation; /* TRIMTAB_OPERATION_NONE outside an operation */
  int32_t cuda;       /* cudaError_t, 0 where CUDA was not involved */
  char text[1008];    /* UTF-8, ends with a zero byte */
} trimtab_error;

/*
 * Device memory, or managed memory, where kernels note a bad value that they met, the first one to
 * arrive. All zero: none. Whoever reads it, after a synchronisation, zeroes it. Nothing was read or
 * written through the bad value; results that depend on it are unspecified.
 */
typedef struct trimtab_status_word {
  uint32_t operation; /* 0: no bad value */
  uint32_t argument;
  uint32_t problem;
  uint32_t reserved;
  int64_t index; /* place in the argument, all dimensions flattened, the last one fastest */
  int64_t value; /* the value; of a float, its binary32 bits */
  int64_t low;   /* bounds of problem OUTSIDE, both included */
  int64_t high;
} trimtab_status_word;

/* What every params struct begins with. */
typedef struct trimtab_common {
  uint32_t struct_size;        /* of the whole params struct */
  uint32_t reserved;           /* 0 */
  trimtab_status_word* status; /* required: every operation notes bad values there */
  void* workspace;             /* device memory; null where the operation needs none */
  uint64_t workspace_bytes;
} trimtab_common;

/* A strided tensor; [from rank on] sizes and strides are not read. */
typedef struct trimtab_tensor {
  void* data;        /* device address of the first element */
  uint64_t bytes;    /* that may be touched from there on */
  int64_t size[4];   /* 0 or more */
  int64_t stride[4]; /* in elements, 0 or more */
  int32_t dtype;
  int32_t rank; /* 1 to 4 */
} trimtab_tensor;

/* PagedKv: pages of [K|V][head]{tokens x head_dim codes, tokens x BF16 scale where quantised}. */
typedef struct trimtab_pages {
  void* slab;
  uint64_t slab_bytes;
  int32_t dtype;    /* F32, F16, BF16, FP8_E4M3, INT8; NONE: absent */
  int32_t tokens;   /* of a page: 16, 32, 64, 128 */
  int32_t heads;    /* of a page */
  int32_t head_dim; /* multiple of 8 from 8 to 256 */
  int32_t pages;    /* of the slab */
  int32_t reserved;
  trimtab_tensor table;   /* [R,L,T] I32 */
  trimtab_tensor lengths; /* [R,L] I32 */
} trimtab_pages;

/* NewTokens; absent where k is. */
typedef struct trimtab_new_tokens {
  trimtab_tensor k;       /* [R,G,M,D] */
  trimtab_tensor v;       /* like k, or absent where only keys are read */
  trimtab_tensor lengths; /* [R] I32, or absent: all M */
} trimtab_new_tokens;

/* WeightRows. */
typedef struct trimtab_weights {
  int32_t format; /* F32, F16, BF16, FP8_E4M3, INT8, INT4 */
  int32_t reserved;
  trimtab_tensor codes;  /* [V,d]; INT4: INT8 [V,d/2] */
  trimtab_tensor scales; /* [V,groups] BF16 or F16, or absent */
} trimtab_weights;

/*
 * HeadRows. A head begins to copy them while the kernel before it ends, if that lets the head's
 * begin early (programmatic dependent launch): such a kernel must not write them. None here does.
 */
typedef struct trimtab_head_rows {
  trimtab_weights weight;
  trimtab_tensor ids;   /* [k] I32, or absent: every row */
  trimtab_tensor count; /* [1] I32, or absent: all k */
  int32_t packed;       /* 0 or 1 */
  int32_t vocabulary;
} trimtab_head_rows;

/* What Score and Evict score, and how. */
typedef struct trimtab_scoring {
  trimtab_tensor q;          /* [R,H,Q,D] */
  trimtab_tensor query_rows; /* [R,W] I32, or absent: all Q */
  trimtab_pages history;     /* or absent */
  trimtab_new_tokens fresh;  /* or absent; Score reads no values */
  trimtab_tensor window;     /* [R,P] I32, or absent */
  trimtab_tensor scores;     /* result [R,G,T] F32 */
  int32_t mode;
  int32_t mask;
  int32_t pooling;
  int32_t pool_width;
  float scale;
  int32_t reserved;
} trimtab_scoring;

/* ---- The operations ---- */

typedef struct trimtab_append_params {
  trimtab_common common;
  trimtab_new_tokens fresh;
  trimtab_pages target;
} trimtab_append_params;

typedef struct trimtab_score_params {
  trimtab_common common;
  trimtab_scoring scoring;
} trimtab_score_params;

typedef struct trimtab_select_params {
  trimtab_common common;
  trimtab_tensor scores;   /* [R,G,N] F32 */
  trimtab_tensor lengths;  /* [R] or [R,G] I32, or absent: all N */
  trimtab_tensor window;   /* [R,P] I32, or absent */
  trimtab_tensor capacity; /* [R,1] or [R,G] I32 */
  trimtab_tensor indices;  /* result [R,G,C] I32 */
} trimtab_select_params;

typedef struct trimtab_compact_params {
  trimtab_common common;
  trimtab_pages history;    /* or absent */
  trimtab_new_tokens fresh; /* or absent */
  trimtab_tensor indices;   /* [R,G,C] I32 */
  trimtab_pages target;
} trimtab_compact_params;

typedef struct trimtab_evict_params {
  trimtab_common common;
  trimtab_scoring scoring;
  trimtab_tensor capacity; /* [R,L] I32, L the target's lists a row */
  trimtab_tensor indices;  /* result [R,G,C] I32 */
  trimtab_pages target;
} trimtab_evict_params;

typedef struct trimtab_attend_params {
  trimtab_common common;
  trimtab_tensor q;             /* [R,H,M,D] */
  trimtab_tensor query_lengths; /* [R] I32, or absent: all M */
  trimtab_pages history;        /* or absent */
  trimtab_new_tokens fresh;     /* or absent */
  trimtab_tensor parents;       /* [R,M] I32, mask TREE only */
  trimtab_tensor out;           /* result [R,H,M,D] F32 */
  trimtab_tensor lse;           /* result [R,H,M] F32, or absent */
  int32_t mask;
  float scale;
} trimtab_attend_params;

typedef struct trimtab_columnsums_params {
  trimtab_common common;
  trimtab_tensor q;             /* [R,H,M,D] */
  trimtab_tensor query_lengths; /* [R] I32, or absent: all M */
  trimtab_pages history;        /* or absent */
  trimtab_new_tokens fresh;     /* or absent; values are not read */
  trimtab_tensor sums;          /* result [R,G,T] F32 */
  int32_t mask;
  float scale;
} trimtab_columnsums_params;

typedef struct trimtab_selectivity_params {
  trimtab_common common;
  trimtab_tensor q;             /* [R,H,M,D] */
  trimtab_tensor query_lengths; /* [R] I32, or absent: all M */
  trimtab_pages history;        /* or absent */
  trimtab_new_tokens fresh;     /* values are not read */
  trimtab_tensor index;         /* result [3] F32 */
  int32_t top;
  float scale;
} trimtab_selectivity_params;

typedef struct trimtab_head_params {
  trimtab_common common;
  trimtab_tensor hidden; /* [N,d] F32, F16, BF16; N from 1 to 64 */
  trimtab_head_rows rows;
  trimtab_tensor logits;      /* result [N,k] F32, or absent */
  trimtab_tensor ids;         /* result [N,T] I32, or absent */
  trimtab_tensor values;      /* result [N,T] F32, with ids */
  trimtab_tensor log_sum_exp; /* result [N] F32, or absent */
} trimtab_head_params;

typedef struct trimtab_quantize_params {
  trimtab_common common;
  trimtab_tensor weight; /* [V,d] F32, F16, BF16 */
  trimtab_weights rows;  /* result */
} trimtab_quantize_params;

typedef struct trimtab_pack_params {
  trimtab_common common;
  trimtab_weights from;
  trimtab_tensor ids; /* [k] I32 */
  trimtab_weights to; /* result */
} trimtab_pack_params;

typedef struct trimtab_verify_params {
  trimtab_common common;
  trimtab_tensor target;   /* [B,g+1,V] F32; MULTI_ROUND: [B,V] */
  trimtab_tensor draft;    /* [B,g,k] F32; MULTI_ROUND: [B,k]; CHAIN and MULTI_ROUND only */
  trimtab_tensor ids;      /* [k] I32; with draft */
  trimtab_tensor tokens;   /* [B,g] I32 */
  trimtab_tensor accept_u; /* [B,g] F32; with draft */
  trimtab_tensor sample_u; /* [B] F32; TREE: [B,g+1]; GREEDY: absent */
  trimtab_tensor parents;  /* [B,g] I32; TREE only */
  trimtab_tensor emitted;  /* result [B,g+1] I32; MULTI_ROUND: [B,1] */
  trimtab_tensor accepted; /* result [B] I32 */
  int32_t method;
  int32_t reserved;
} trimtab_verify_params;

#define TRIMTAB_X(NAME, name)                                                                     \
  TRIMTAB_API trimtab_status trimtab_##name##_workspace(const trimtab_##name##_params* params,    \
                                                        uint64_t* bytes, trimtab_error* error);   \
  TRIMTAB_API trimtab_status trimtab_##name##_check(                                              \
      const trimtab_##name##_params* params, const trimtab_launch* launch, trimtab_error* error); \
  TRIMTAB_API trimtab_status trimtab_##name(const trimtab_##name##_params* params,                \
                                            const trimtab_launch* launch, trimtab_error* error);
TRIMTAB_OPERATIONS(TRIMTAB_X)
#undef TRIMTAB_X

/* Launches a kernel that does nothing: what the way to the device costs by itself. */
TRIMTAB_API trimtab_status trimtab_noop(const trimtab_launch* launch, trimtab_error* error);

/* ---- What the library says about itself and the machine ---- */

/* TRIMTAB_ABI of the library. */
TRIMTAB_API int32_t trimtab_abi_version(void);

/* Version and what it was built for, in one line. */
TRIMTAB_API const char* trimtab_build(void);

/* The names in the lists above; null for a number outside them. */
TRIMTAB_API const char* trimtab_status_text(trimtab_status status);
TRIMTAB_API const char* trimtab_operation_name(uint32_t operation);
TRIMTAB_API const char* trimtab_argument_name(uint32_t argument);
TRIMTAB_API const char* trimtab_problem_text(uint32_t problem);

/*
 * Writes the layout of every struct of this header as the library was compiled: lines
 * "struct NAME SIZE", each followed by lines "NAME OFFSET SIZE" of its fields. Returns the bytes
 * of the whole text with its zero byte; no more than `bytes` are written, ended by a zero byte.
 */
TRIMTAB_API uint64_t trimtab_layout(char* text, uint64_t bytes);

/* Number of CUDA devices; NO_DEVICE with the reason where there is no driver or no device. */
TRIMTAB_API trimtab_status trimtab_device_count(int32_t* count, trimtab_error* error);

typedef struct trimtab_device {
  uint32_t struct_size;
  int32_t device; /* ordinal */
  int32_t major;  /* compute capability */
  int32_t minor;
  int32_t processors;     /* streaming multiprocessors */
  int32_t clusters;       /* 1: thread block clusters */
  int32_t driver_version; /* 13000 for 13.0 */
  int32_t runtime_version;
  uint64_t memory_bytes;
  uint64_t l2_bytes;
  char name[256];
} trimtab_device;

/* Fills `info`; NO_CODE with the architectures of the library where none fits the device. */
TRIMTAB_API trimtab_status trimtab_device_info(int32_t device, trimtab_device* info,
                                               trimtab_error* error);

#ifdef __cplusplus
}
#endif

#endif
