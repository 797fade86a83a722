package io.github.trimtab.kv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.trimtab.Backends;
import io.github.trimtab.kernel.Mask;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.Scoring;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;
import io.github.trimtab.memory.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class H2oTest {
  private static final int HEADS = 2;
  private static final int HEAVY = 6;
  private static final int RECENT = 5;

  private final PagePool pool = new PagePool(new PageLayout(DType.F32, 16, 1, Fixture.DIM), 40);
  private final KvCache cache =
      new KvCache(Backends.named("scalar").kernels(), pool, 1, 2, HEADS, HEAVY + RECENT);
  private H2o policy = new H2o(HEAVY, RECENT, 0.7f, Mask.NONE);

  @AfterEach
  void close() {
    cache.close();
    assertThat(pool.used()).isZero();
    pool.close();
  }

  /** A head by the paper: all keys are remembered, and each token's sum. */
  private static final class Head {
    private final List<double[]> keys = new ArrayList<>();
    private final List<Double> sums = new ArrayList<>();
    private final List<Integer> numbers = new ArrayList<>();
    private final int capacity;
    private final int recent;

    Head(int capacity, int recent) {
      this.capacity = capacity;
      this.recent = recent;
    }

    void look(double[][] queries, double[][] fresh, int first) {
      for (int i = 0; i < fresh.length; i++) {
        keys.add(fresh[i]);
        sums.add(0.0);
        numbers.add(first + i);
      }
      for (double[] query : queries) {
        double[] weights = keys.stream().mapToDouble(key -> weight(query, key)).toArray();
        double total = 0;
        for (double weight : weights) {
          total += weight;
        }
        for (int i = 0; i < weights.length; i++) {
          sums.set(i, sums.get(i) + weights[i] / total);
        }
      }
    }

    void forget() {
      while (keys.size() > capacity) {
        int worst = 0;
        for (int i = 0; i < keys.size() - recent; i++) {
          worst = sums.get(i) < sums.get(worst) ? i : worst;
        }
        for (List<?> list : List.of(keys, sums, numbers)) {
          list.subList(worst, worst + 1).clear();
        }
      }
    }

    private static double weight(double[] query, double[] key) {
      double dot = 0;
      for (int d = 0; d < query.length; d++) {
        dot += query[d] * key[d];
      }
      return Math.exp(0.7 * dot);
    }
  }

  private final Head[][] heads = new Head[2][HEADS];
  private boolean together;

  private void forgetAll() {
    for (Head[] row : heads) {
      for (int head = 0; head < HEADS; head++) {
        row[head] = new Head(HEAVY + RECENT, RECENT);
      }
    }
  }

  /** One step of the policy and of the plain model beside it. */
  private void step(int step, int count, long seed) {
    Tensor q = Fixture.queries(2, HEADS, count, seed);
    Tensor k = Fixture.queries(2, HEADS, count, seed + 1);
    Tensor v = Tensor.wrap(new float[2 * HEADS * count * Fixture.DIM], 2, HEADS, count, 8);
    int first = 100 * step;
    for (int row = 0; row < 2; row++) {
      for (int head = 0; head < HEADS; head++) {
        for (int i = 0; i < count; i++) {
          v.setFloatAt(v.offset(row, head, i, 0), first + i);
        }
        heads[row][head].look(vectors(q, row, head), vectors(k, row, head), first);
      }
    }
    for (int head = 0; head < HEADS; head++) {
      if (together) {
        Head one = heads[0][head];
        Head other = heads[1][head];
        for (int i = 0; i < one.sums.size(); i++) {
          double mean = (one.sums.get(i) + other.sums.get(i)) / 2;
          one.sums.set(i, mean);
          other.sums.set(i, mean);
        }
      }
      heads[0][head].forget();
      heads[1][head].forget();
    }
    policy.store(cache, 0, step, q, new NewTokens(k, v));
    for (int row = 0; row < 2; row++) {
      for (int head = 0; head < HEADS; head++) {
        assertThat(Fixture.numbersInValues(cache, 0, row, head))
            .isEqualTo(heads[row][head].numbers);
      }
    }
  }

  private static double[][] vectors(Tensor tensor, int row, int head) {
    double[][] vectors = new double[(int) tensor.size(2)][Fixture.DIM];
    for (int i = 0; i < vectors.length; i++) {
      for (int d = 0; d < Fixture.DIM; d++) {
        vectors[i][d] = tensor.floatAt(tensor.offset(row, head, i, d));
      }
    }
    return vectors;
  }

  @Test
  void sumsFollowTheirTokensAndANewPictureStartsAnew() {
    for (int picture = 0; picture < 3; picture++) {
      forgetAll();
      for (int step = 0; step < 6; step++) {
        step(step, 3 + 2 * step, 1000L * picture + 10L * step);
      }
      // The tokens are of several steps: more than the newest map is remembered.
      assertThat(heads[0][0].numbers.stream().map(number -> number / 100).distinct().count())
          .isGreaterThan(1);
      assertThat(heads[0][0].numbers).isNotEqualTo(heads[1][1].numbers);
      cache.clear();
    }
  }

  @Test
  void headsKeepAsManyAsAnotherPolicySays() {
    int[] capacities = {3, 9};
    Retention unequal = new Retention.Scored(new int[0], new int[0], Scoring.paper(1), capacities);
    policy = new H2o((layer, step, newTokens) -> unequal, 0, 0.7f, Mask.NONE);
    for (Head[] row : heads) {
      Arrays.setAll(row, head -> new Head(capacities[head], 0));
    }
    for (int step = 0; step < 5; step++) {
      step(step, 2 + 3 * step, 70 + 10L * step);
    }
    assertThat(heads[0][0].numbers).hasSize(3);
    assertThat(heads[0][1].numbers).hasSize(9);
    assertThatThrownBy(() -> new H2o((layer, step, newTokens) -> unequal, -1, 1, Mask.NONE))
        .hasMessage("recent: -1, expected 0 or more");
  }

  @Test
  void rowsThatChooseTogetherKeepWhatTheirMeanSumsSay() {
    policy = policy.together(2);
    together = true;
    for (int picture = 0; picture < 2; picture++) {
      forgetAll();
      for (int step = 0; step < 6; step++) {
        step(step, 3 + 2 * step, 1000L * picture + 10L * step);
        assertThat(heads[0][0].numbers).isEqualTo(heads[1][0].numbers);
      }
      cache.clear();
    }
  }

  @Test
  void rowsThatCannotChooseTogetherAreRefused() {
    assertThatThrownBy(() -> policy.together(0)).hasMessage("rows: 0, expected 1 or more");
    Tensor q = Fixture.queries(2, HEADS, 4, 5);
    NewTokens fresh = Fixture.tokens(2, HEADS, 0, 4);
    assertThatThrownBy(() -> policy.together(3).store(cache, 0, 0, q, fresh))
        .hasMessage("rows of the cache: 2, expected a multiple of the 3 that choose together");
    int[] apart = {0, EvictionPolicy.IDLE};
    assertThatThrownBy(() -> policy.together(2).store(cache, 0, apart, q, fresh))
        .hasMessage("row 1: step -1, 0 new tokens, 0 held, expected 0, 4, 0 as row 0 has");
    assertThat(pool.used()).isZero();
  }

  @Test
  void aRowThatSharesAnothersTokensSharesItsSums() {
    forgetAll();
    step(0, 9, 1);
    cache.share(0, 1);
    Tensor q = Fixture.queries(2, HEADS, 4, 5);
    NewTokens fresh = Fixture.tokens(2, HEADS, 0, 4);
    policy.share(cache, 0, 1);
    policy.store(cache, 0, 1, q, fresh);
    assertThat(cache.tokens(0, 1)).isEqualTo(HEAVY + RECENT);
  }

  @Test
  void tokensThatItDidNotStoreAreRefused() {
    cache.append(0, Fixture.tokens(2, HEADS, 0, 3));
    Tensor q = Fixture.queries(2, HEADS, 4, 5);
    assertThatThrownBy(() -> policy.store(cache, 0, 0, q, Fixture.tokens(2, HEADS, 3, 4)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("tokens of layer 0, row 0: 3, expected the 0 that this policy stored");
    assertThat(cache.tokens(0, 0)).isEqualTo(3);
    assertThatThrownBy(() -> new H2o(-1, 2, 1, Mask.NONE)).hasMessageContaining("heavy, recent");
    assertThatThrownBy(() -> policy.store(cache, 0, new int[1], q, Fixture.tokens(2, HEADS, 3, 4)))
        .hasMessage("steps: 1, expected one for each of 2 rows");
    assertThatThrownBy(() -> policy.store(cache, 0, new int[2], q, Fixture.tokens(2, 3, 3, 4)))
        .hasMessageContaining("expected 2 rows of 2 heads");
  }

  @Test
  void aFailedStepLeavesTheSumsAsTheyWere() {
    forgetAll();
    step(0, 8, 3);
    int[] rest = pool.acquire(pool.free());
    Tensor q = Fixture.queries(2, HEADS, 12, 5);
    NewTokens fresh = Fixture.tokens(2, HEADS, 0, 12);
    assertThatThrownBy(() -> policy.store(cache, 0, 1, q, fresh)).hasMessageContaining("wanted");
    for (int page : rest) {
      pool.release(page);
    }
    step(1, 12, 9);
  }
}
