package io.github.trimtab.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.memory.DType;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every cell of the grid runs. */
class GridTest {
  private static final int SIZE = 32;

  @ParameterizedTest
  @ValueSource(strings = {"scalar", "vector"})
  void everyOperationRunsOnEveryFormat(String backend) {
    for (DType dtype : List.of(DType.F32, DType.F16, DType.BF16, DType.FP8_E4M3, DType.INT8)) {
      var grid = new CacheGrid();
      grid.backend = backend;
      grid.dtype = dtype;
      grid.tokens = SIZE;
      grid.setUp();
      run(
          grid::append,
          grid::scoreRaw,
          grid::scoreSoftmax,
          grid::compact,
          grid::evict,
          grid::attend,
          grid::columnSums,
          grid::selectivity);
      grid.close();
    }
    for (DType format :
        List.of(DType.F32, DType.F16, DType.BF16, DType.FP8_E4M3, DType.INT8, DType.INT4)) {
      var grid = new HeadGrid();
      grid.backend = backend;
      grid.format = format;
      grid.rows = SIZE;
      grid.setUp();
      run(grid::head, grid::headOfEight, grid::quantize, grid::pack);
      grid.close();
    }
    var grid = new ScoreGrid();
    grid.backend = backend;
    grid.size = SIZE;
    grid.setUp();
    run(grid::select, grid::verifyGreedy, grid::verifyChain);
    grid.close();
  }

  @SafeVarargs
  private static void run(Consumer<Work>... benchmarks) {
    for (Consumer<Work> benchmark : benchmarks) {
      var work = new Work();
      benchmark.accept(work);
      assertThat(work.bytes).isPositive();
    }
  }
}
