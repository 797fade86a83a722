// The emulation itself: what it must find, and that streams put work off.
#include <gtest/gtest.h>

#include <algorithm>

#include "common/boxes.cuh"
#include "common/launch.cuh"

extern "C" {
int cuDevicePrimaryCtxRetain(struct CUctx_st** context, int device);
int cuDevicePrimaryCtxRelease_v2(int device);
int cuCtxPushCurrent_v2(struct CUctx_st* context);
int cuCtxPopCurrent_v2(struct CUctx_st** context);
int cuStreamCreate(cudaStream_t* stream, unsigned flags);
int cuStreamDestroy_v2(cudaStream_t stream);
int cuStreamSynchronize(cudaStream_t stream);
int cuStreamBeginCapture_v2(cudaStream_t stream, unsigned mode);
int cuStreamEndCapture(cudaStream_t stream, struct CUgraph_st** graph);
int cuGraphInstantiateWithFlags(struct CUgraphExec_st** executable, struct CUgraph_st* graph,
                                unsigned long long flags);
int cuGraphLaunch(struct CUgraphExec_st* executable, cudaStream_t stream);
int cuGraphDestroy(struct CUgraph_st* graph);
int cuGraphExecDestroy(struct CUgraphExec_st* executable);
}

namespace trimtab::test {
namespace {

/** What a kernel leaves out. */
enum Missing { NOTHING, BARRIER, SOME_THREADS, SOME_LANES };

__global__ void reverse(int* values, Missing missing) {
  TRIMTAB_DYNAMIC_SHARED(bytes);
  int* shared = reinterpret_cast<int*>(bytes);
  int thread = static_cast<int>(threadIdx.x);
  int last = static_cast<int>(blockDim.x) - 1;
  shared[thread] = values[thread];
  if (missing == NOTHING || (missing == SOME_THREADS && thread > 0)) __syncthreads();
  if (missing != SOME_LANES || thread % 32 < 31) __shfl_sync(0xffffffffu, thread, 0);
  values[thread] = shared[last - thread];
}

/** The status of a launch, and whether the values came back reversed. */
struct Outcome {
  cudaError_t error;
  bool reversed;
};

Outcome run_reverse(Missing missing, emulation::Order order) {
  constexpr int THREADS = 64;
  emulation::order() = order;
  CUctx_st* context = nullptr;
  cuDevicePrimaryCtxRetain(&context, 0);
  int* values = nullptr;
  EXPECT_EQ(cudaMallocHost(&values, THREADS * sizeof(int)), cudaSuccess);
  for (int i = 0; i < THREADS; i++) values[i] = i;
  Grid grid{dim3(1), dim3(THREADS), THREADS * sizeof(int)};
  EXPECT_EQ(launch(reverse, grid, nullptr, values, missing), cudaSuccess);
  Outcome outcome{cudaDeviceSynchronize(), true};
  for (int i = 0; i < THREADS; i++) outcome.reversed &= values[i] == THREADS - 1 - i;
  cuDevicePrimaryCtxRelease_v2(0);  // forgets the error
  cudaGetLastError();
  EXPECT_EQ(cudaFreeHost(values), cudaSuccess);
  emulation::order() = {};
  return outcome;
}

const emulation::Order ORDERS[] = {
    {emulation::Order::RISING, 0}, {emulation::Order::FALLING, 0}, {emulation::Order::RANDOM, 3}};

TEST(Emulation, RunsInEveryOrder) {
  for (emulation::Order order : ORDERS) {
    Outcome outcome = run_reverse(NOTHING, order);
    EXPECT_EQ(outcome.error, cudaSuccess);
    EXPECT_TRUE(outcome.reversed);
  }
}

TEST(Emulation, AMissingBarrierShows) {
  bool shows = false;
  for (emulation::Order order : ORDERS) shows |= !run_reverse(BARRIER, order).reversed;
  EXPECT_TRUE(shows);
}

TEST(Emulation, ThreadsThatMissABarrierAreNamed) {
  EXPECT_EQ(run_reverse(SOME_THREADS, {}).error, cudaErrorLaunchFailure);
  EXPECT_NE(emulation::failure().find("__syncthreads"), std::string::npos) << emulation::failure();
}

TEST(Emulation, LanesThatMissAnExchangeAreNamed) {
  EXPECT_EQ(run_reverse(SOME_LANES, {}).error, cudaErrorLaunchFailure);
  EXPECT_NE(emulation::failure().find("2 threads returned"), std::string::npos)
      << emulation::failure();
}

/** What one warp leaves out that fills shared memory for another one, which lets it go on then. */
enum Forgotten { NONE, FILLED, LET_GO, WAITED };

__global__ void hand_over(int* values, Forgotten forgotten) {
  __shared__ Barrier filled;
  TRIMTAB_DYNAMIC_SHARED(bytes);
  int* shared = reinterpret_cast<int*>(bytes);
  int thread = static_cast<int>(threadIdx.x);
  if (thread == 0) filled.begin(32);
  __syncthreads();
  for (uint32_t round = 0; round < 3; round++) {
    if (thread < 32) {
      shared[thread] = values[thread] + 1;
      if (forgotten != FILLED) filled.arrive();
      if (forgotten != WAITED) meet(1, 64);
    } else {
      filled.wait(round % 2);
      values[thread - 32] = shared[63 - thread];
      if (forgotten != LET_GO) pass(1, 64);
    }
  }
}

std::string run_hand_over(Forgotten forgotten, emulation::Order order) {
  emulation::order() = order;
  CUctx_st* context = nullptr;
  cuDevicePrimaryCtxRetain(&context, 0);
  int* values = nullptr;
  EXPECT_EQ(cudaMallocHost(&values, 32 * sizeof(int)), cudaSuccess);
  for (int i = 0; i < 32; i++) values[i] = i;
  Grid grid{dim3(1), dim3(64), 32 * sizeof(int)};
  EXPECT_EQ(launch(hand_over, grid, nullptr, values, forgotten), cudaSuccess);
  std::string outcome = cudaDeviceSynchronize() == cudaSuccess ? "" : emulation::failure();
  // Reversed three times.
  for (int i = 0; i < 32 && outcome.empty(); i++) {
    if (values[i] != 31 - i + 3) outcome = "wrong values";
  }
  cuDevicePrimaryCtxRelease_v2(0);
  cudaGetLastError();
  EXPECT_EQ(cudaFreeHost(values), cudaSuccess);
  emulation::order() = {};
  return outcome;
}

TEST(Emulation, ThreadsHandOver) {
  for (emulation::Order order : ORDERS) {
    EXPECT_EQ(run_hand_over(NONE, order), "");
    EXPECT_NE(run_hand_over(FILLED, order).find("32 threads wait in mbarrier"), std::string::npos);
    EXPECT_NE(run_hand_over(LET_GO, order).find("32 threads wait in bar.sync"), std::string::npos);
    EXPECT_NE(run_hand_over(WAITED, order), "");
  }
}

/** Copies a box of 4 rows to where its panel begins, as so many bytes. */
__global__ void copy_a_box(BoxMap map, int32_t row, uint32_t bytes, uint16_t* to) {
  __shared__ Barrier filled;
  alignas(1024) __shared__ uint16_t panel[4 * 64];
  int thread = static_cast<int>(threadIdx.x);
  if (thread == 0) filled.begin(1);
  __syncthreads();
  if (thread == 0) {
    filled.arrive_before(bytes);
    copy_box(panel, map, {0, row, 1, 0}, filled);
  }
  filled.wait(0);
  for (int i = thread; i < 4 * 64; i += 32) to[i] = panel[i];
}

TEST(Emulation, BoxesAreSwizzledAndTheirBytesCounted) {
  constexpr int COLUMNS = 40, ROWS = 6;
  CUctx_st* context = nullptr;
  cuDevicePrimaryCtxRetain(&context, 0);
  uint16_t *from = nullptr, *to = nullptr;
  ASSERT_EQ(cudaMallocHost(&from, 2 * ROWS * COLUMNS * 2), cudaSuccess);
  ASSERT_EQ(cudaMallocHost(&to, 4 * 64 * 2), cudaSuccess);
  for (int i = 0; i < 2 * ROWS * COLUMNS; i++) from[i] = static_cast<uint16_t>(i + 1);
  BoxTensor tensor{from, {COLUMNS, ROWS, 2, 1}, {2 * COLUMNS, 2 * ROWS * COLUMNS, 1024}};
  BoxMap map{};
  ASSERT_TRUE(map_boxes(tensor, 4, 256, &map));
  for (int first : {-1, 1, 3}) {
    EXPECT_EQ(launch(copy_a_box, {dim3(1), dim3(32)}, nullptr, map, first, 512, to), cudaSuccess);
    ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess) << emulation::failure();
    for (int i = 0; i < 4 * 64; i++) {
      int row = first + i / 64;
      int column = (i % 64 / 8 ^ i / 64) * 8 + i % 8;
      bool inside = row >= 0 && row < ROWS && column < COLUMNS;
      EXPECT_EQ(to[i], inside ? from[(ROWS + row) * COLUMNS + column] : 0) << first << ' ' << i;
    }
  }
  EXPECT_EQ(launch(copy_a_box, {dim3(1), dim3(32)}, nullptr, map, 0, 511, to), cudaSuccess);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorLaunchFailure);
  EXPECT_NE(emulation::failure().find("wait in mbarrier"), std::string::npos);
  cuDevicePrimaryCtxRelease_v2(0);
  cudaGetLastError();
  tensor.stride[0] = 2 * COLUMNS + 8;
  EXPECT_FALSE(map_boxes(tensor, 4, 256, &map));
  tensor.stride[0] = uint64_t{1} << 40;
  EXPECT_FALSE(map_boxes(tensor, 4, 256, &map));
  cudaFreeHost(from);
  cudaFreeHost(to);
}

TEST(Emulation, RefusesShapesThatNoDeviceRuns) {
  int* values = nullptr;
  for (Grid grid : {Grid{dim3(0), dim3(32)}, Grid{dim3(1), dim3(1025)},
                    Grid{dim3(1, 65536), dim3(32)}, Grid{dim3(1), dim3(32), 1 << 20}}) {
    EXPECT_EQ(launch(reverse, grid, nullptr, values, NOTHING), cudaErrorInvalidConfiguration);
  }
}

TEST(Emulation, OrdersAreParsed) {
  EXPECT_EQ(emulation::Order::parse("random:12").seed, 12u);
  for (const char* text : {"", "random:", "random:x", "Rising"}) {
    EXPECT_THROW(emulation::Order::parse(text), std::invalid_argument) << text;
  }
}

TEST(Emulation, WorkWaitsUntilSomebodyWaits) {
  int *from = nullptr, *to = nullptr;
  ASSERT_EQ(cudaMalloc(&from, sizeof(int)), cudaSuccess);
  ASSERT_EQ(cudaMallocHost(&to, sizeof(int)), cudaSuccess);
  *to = 5;
  cudaMemsetAsync(from, 0, sizeof(int), nullptr);
  cudaMemcpyAsync(to, from, sizeof(int), cudaMemcpyDeviceToHost, nullptr);
  EXPECT_EQ(*to, 5);
  EXPECT_EQ(cudaStreamSynchronize(nullptr), cudaSuccess);
  EXPECT_EQ(*to, 0);
  cudaFree(from);
  cudaFreeHost(to);
}

TEST(Emulation, CapturedWorkRunsAtEachReplay) {
  CUctx_st* context = nullptr;
  CUgraph_st* graph = nullptr;
  CUgraphExec_st* executable = nullptr;
  cudaStream_t stream = nullptr;
  ASSERT_EQ(cuDevicePrimaryCtxRetain(&context, 1), 0);
  ASSERT_EQ(cuCtxPushCurrent_v2(context), 0);
  ASSERT_EQ(cuStreamCreate(&stream, 1), 0);
  int* value = nullptr;
  ASSERT_EQ(cudaMallocHost(&value, sizeof(int)), cudaSuccess);
  *value = 0;
  ASSERT_EQ(cuStreamBeginCapture_v2(stream, 1), 0);
  EXPECT_EQ(cudaMemsetAsync(value, 1, sizeof(int), stream), cudaSuccess);
  void* refused = nullptr;
  EXPECT_EQ(cudaMalloc(&refused, 8), cudaErrorStreamCaptureUnsupported);
  ASSERT_EQ(cuStreamEndCapture(stream, &graph), 0);
  ASSERT_EQ(cuGraphInstantiateWithFlags(&executable, graph, 0), 0);
  EXPECT_EQ(cuStreamSynchronize(stream), 0);
  EXPECT_EQ(*value, 0);
  for (int replay = 0; replay < 2; replay++) {
    *value = 0;
    EXPECT_EQ(cuGraphLaunch(executable, stream), 0);
    EXPECT_EQ(cuStreamSynchronize(stream), 0);
    EXPECT_EQ(*value, 0x01010101);
  }
  cuGraphExecDestroy(executable);
  cuGraphDestroy(graph);
  cuStreamDestroy_v2(stream);
  cudaGetLastError();
  cudaFreeHost(value);
  cuCtxPopCurrent_v2(nullptr);
  cuDevicePrimaryCtxRelease_v2(1);
}

}  // namespace
}  // namespace trimtab::test
