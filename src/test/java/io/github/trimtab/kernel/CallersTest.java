package io.github.trimtab.kernel;

import io.github.trimtab.Backends;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/**
 * Operations of several threads at once, each over memory of its own, return what they do alone.
 */
final class CallersTest {
  private static final int CALLERS = 8;
  private static final int ROUNDS = 10;

  private final Kernels scalar = Backends.named("scalar").kernels();
  private final Kernels vector = Backends.named("vector").kernels();

  @Test
  void manyCallersAtOnceGetTheBitsOfOne() throws InterruptedException, ExecutionException {
    CyclicBarrier start = new CyclicBarrier(CALLERS);
    try (var pool = Executors.newFixedThreadPool(CALLERS)) {
      List<Future<?>> callers = new ArrayList<>();
      for (int caller = 0; caller < CALLERS; caller++) {
        int seed = 1000 + caller;
        callers.add(
            pool.submit(() -> {
              compare(new Problem(seed), start);
              return null;
            }));
      }
      for (Future<?> caller : callers) {
        caller.get();
      }
    }
  }

  private void compare(Problem drawn, CyclicBarrier start) throws Exception {
    Problem problem = drawn.mostTokens() == 0 ? drawn.withFresh(33) : drawn;
    boolean special = problem.values == Operands.Values.SPECIAL;
    Score score = problem.score();
    scalar.score(score);
    Evict evict = problem.evict();
    Evict expected = Copies.of(evict);
    scalar.evict(expected);
    start.await(); // so that all of them borrow workspaces and workers at once
    for (int round = 0; round < ROUNDS; round++) {
      Score scored = Copies.of(score);
      vector.score(scored);
      Bits.assertSameFloats(scored.scores(), score.scores(), problem.toString());
      Evict evicted = Copies.of(evict);
      vector.evict(evicted);
      Bits.assertSameBytes(evicted.indices(), expected.indices(), problem.toString());
      Bits.assertSamePages(evicted.target(), expected.target(), special, problem.toString());
    }
  }
}
