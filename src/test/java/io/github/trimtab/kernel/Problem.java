package io.github.trimtab.kernel;

import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Sources of one operation, drawn from every axis that kernels distinguish: page and input formats,
 * page sizes, head dims, head groups, lists a row or a head, ragged lengths, one source or two,
 * interleaved tensors, heap and off-heap memory, ordinary, tying and special values. Token counts
 * sit on and off the grids of lanes, pages and chunks.
 */
final class Problem {
  private static final DType[] INPUTS = {DType.F32, DType.F16, DType.BF16};
  private static final DType[] PAGES = {
    DType.F32, DType.F16, DType.BF16, DType.FP8_E4M3, DType.INT8
  };
  private static final List<Operands.Values> VALUES = List.of(Operands.Values.values());
  private static final List<Scoring.Pooling> POOLINGS = List.of(Scoring.Pooling.values());
  private static final int[] TOKENS = {
    0, 1, 2, 7, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 300, 515, 1100
  };
  private static final int MOST_ELEMENTS = 150_000;
  private static final int[] HEAD_DIMS = {8, 16, 24, 32, 40, 64, 72, 96, 128, 136, 192, 248, 256};

  final int seed;
  final Random random;
  final Operands operands;
  final Operands.Values values;
  final int rows;
  final int heads;
  final int group;
  final int headDim;
  final boolean perHead;
  final boolean interleaved;
  final DType input;
  final PageLayout layout;
  final @Nullable PagedKv history;
  final @Nullable NewTokens fresh;

  Problem(int seed) {
    this(seed, VALUES.get(seed % VALUES.size()));
  }

  Problem(int seed, Operands.Values values) {
    this.seed = seed;
    this.values = values;
    // The generator's first draws of neighbouring seeds are alike, so spread them.
    random = new Random(seed * 0x9E3779B97F4A7C15L);
    boolean heap = random.nextBoolean();
    operands = new Operands(random, heap, values);
    rows = 1 + random.nextInt(3);
    heads = 1 + random.nextInt(4);
    group = 1 + random.nextInt(4);
    headDim = pick(HEAD_DIMS);
    perHead = random.nextBoolean();
    interleaved = random.nextBoolean();
    input = INPUTS[random.nextInt(INPUTS.length)];
    layout = layout(PAGES[seed % PAGES.length], perHead);
    int sources = random.nextInt(4);
    history = sources == 0 ? null : history();
    fresh = sources == 1 ? null : fresh(pickTokens(), random.nextBoolean());
  }

  static Stream<Problem> all(int count) {
    return IntStream.range(0, count).mapToObj(Problem::new);
  }

  private int pick(int[] choices) {
    return choices[random.nextInt(choices.length)];
  }

  /** A count of tokens; the longest only for small batches and heads, to keep the tests quick. */
  private int pickTokens() {
    int tokens = pick(TOKENS);
    return rows * heads * headDim * tokens > MOST_ELEMENTS ? tokens % 130 : tokens;
  }

  private PageLayout layout(DType dtype, boolean headPages) {
    return new PageLayout(dtype, 16 << random.nextInt(4), headPages ? 1 : heads, headDim);
  }

  private PagedKv history() {
    int[][] lengths = new int[rows][perHead ? heads : 1];
    int common = pickTokens();
    boolean ragged = random.nextBoolean();
    for (int[] row : lengths) {
      for (int list = 0; list < row.length; list++) {
        row[list] = ragged ? pickTokens() : common;
      }
    }
    return operands.filled(layout, lengths);
  }

  private NewTokens fresh(int tokens, boolean ragged) {
    Tensor k = operands.heads(input, interleaved, rows, heads, tokens, headDim);
    Tensor v = operands.heads(input, interleaved, rows, heads, tokens, headDim);
    int[] lengths = random.ints(rows, 0, tokens + 1).toArray();
    return new NewTokens(k, v, ragged ? operands.ints(lengths) : null);
  }

  /** New tokens as many as queries, as causal and tree masks want them. */
  Problem withFresh(int tokens) {
    return new Problem(this, fresh(tokens, random.nextBoolean()));
  }

  private Problem(Problem other, NewTokens fresh) {
    seed = other.seed;
    values = other.values;
    random = other.random;
    operands = other.operands;
    rows = other.rows;
    heads = other.heads;
    group = other.group;
    headDim = other.headDim;
    perHead = other.perHead;
    interleaved = other.interleaved;
    input = other.input;
    layout = other.layout;
    history = other.history;
    this.fresh = fresh;
  }

  int tokens(int row, int head) {
    return PageReader.length(history, row, head) + PageReader.length(fresh, row);
  }

  int mostTokens() {
    int most = 0;
    for (int row = 0; row < rows; row++) {
      for (int head = 0; head < heads; head++) {
        most = Math.max(most, tokens(row, head));
      }
    }
    return most;
  }

  int leastTokens(int row) {
    return IntStream.range(0, heads).map(head -> tokens(row, head)).min().orElse(0);
  }

  Tensor queries(int count) {
    return operands.heads(input, interleaved, rows, heads * group, count, headDim);
  }

  /** Different positions of each row, at most {@code most} and some of them absent; or null. */
  @Nullable Tensor window(int most) {
    if (random.nextInt(4) == 0) {
      return null;
    }
    int[][] window = new int[rows][most];
    for (int row = 0; row < rows; row++) {
      Arrays.fill(window[row], -1);
      List<Integer> positions = new ArrayList<>();
      for (int t = 0; t < leastTokens(row); t++) {
        positions.add(t);
      }
      Collections.shuffle(positions, random);
      for (int p = 0; p < Math.min(most, positions.size()); p++) {
        if (random.nextInt(5) > 0) {
          window[row][p] = positions.get(p);
        }
      }
    }
    return operands.ints(window);
  }

  /** Which queries form the window, some absent; or null for all. */
  @Nullable Tensor queryRows(int queries) {
    if (random.nextBoolean()) {
      return null;
    }
    int[][] places = new int[rows][1 + random.nextInt(5)];
    for (int[] row : places) {
      for (int w = 0; w < row.length; w++) {
        row[w] = random.nextInt(queries + 1) - 1;
      }
    }
    return operands.ints(places);
  }

  Scoring scoring() {
    float scale = (float) (1 / Math.sqrt(headDim));
    Scoring.Mode mode = random.nextBoolean() ? Scoring.Mode.RAW : Scoring.Mode.SOFTMAX;
    Mask mask = mode == Scoring.Mode.SOFTMAX && random.nextBoolean() ? Mask.CAUSAL : Mask.NONE;
    Scoring.Pooling pooling = POOLINGS.get(random.nextInt(POOLINGS.size()));
    int width = new int[] {1, 3, 5, 5, 7, 33}[random.nextInt(6)];
    return new Scoring(mode, scale, mask, pooling, width);
  }

  Score score() {
    int queries = 1 + random.nextInt(17);
    Tensor scores = operands.result(DType.F32, rows, heads, mostTokens() + random.nextInt(9));
    return new Score(
        queries(queries), queryRows(queries), history, fresh, window(16), scoring(), scores);
  }

  /** Capacities of {@code lists} lists a row, at least the window and at most {@code most}. */
  Tensor capacity(int lists, @Nullable Tensor window, int most) {
    int[][] capacity = new int[rows][lists];
    for (int row = 0; row < rows; row++) {
      int least = 0;
      for (int p = 0; window != null && p < window.size(1); p++) {
        least += window.integerAt(window.offset(row, p)) >= 0 ? 1 : 0;
      }
      for (int list = 0; list < lists; list++) {
        capacity[row][list] = least + random.nextInt(most - least + 1);
      }
    }
    return operands.ints(capacity);
  }

  Evict evict() {
    Score score = score();
    int most = 16 + random.nextInt(mostTokens() + 8);
    int lists = perHead ? heads : 1;
    return new Evict(
        score,
        capacity(lists, score.window(), most),
        operands.result(DType.I32, rows, heads, most),
        target(most));
  }

  /** Empty lists of a page format drawn anew, in a slab of their own. */
  PagedKv target(int tokens) {
    DType dtype = random.nextBoolean() ? layout.dtype() : PAGES[random.nextInt(PAGES.length)];
    return operands.empty(layout(dtype, perHead), rows, perHead ? heads : 1, tokens);
  }

  @Override
  public String toString() {
    return "seed %d: %d rows, %d x %d heads of %d, %s input, %s pages, %s, history %s, new %s"
        .formatted(
            seed,
            rows,
            heads,
            group,
            headDim,
            input,
            layout.dtype(),
            values,
            history == null ? "none" : history.capacity(),
            fresh == null ? "none" : fresh.capacity());
  }
}
