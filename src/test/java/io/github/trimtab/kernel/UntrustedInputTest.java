package io.github.trimtab.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.trimtab.Backends;
import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.Tensor;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every index that is read at run time, set outside its bound: the operation throws, names the
 * place, and has written nothing. The same operation runs before and after the damage.
 */
class UntrustedInputTest {
  private static final int ROWS = 2;
  private static final int HEADS = 2;
  private static final int HEAD_DIM = 8;

  static List<String> backends() {
    return TestBackends.NAMES;
  }

  /** Operations over 20 history and up to 10 new tokens a row, in pages of 16 tokens. */
  private static final class Scene {
    final Operands operands = new Operands(new Random(9), false, Operands.Values.NORMAL);
    final PageLayout layout = new PageLayout(DType.F32, 16, 1, HEAD_DIM);
    // History and target are lists of one slab.
    final PagedKv all = operands.empty(layout, ROWS, 2 * HEADS, 32);
    final PagedKv history = part(0);
    final PagedKv target = part(HEADS);
    final Tensor newLengths = operands.ints(10, 4);
    final NewTokens fresh =
        new NewTokens(
            operands.heads(DType.F32, false, ROWS, HEADS, 10, HEAD_DIM),
            operands.heads(DType.F32, false, ROWS, HEADS, 10, HEAD_DIM),
            newLengths);
    final Tensor q = operands.heads(DType.F32, false, ROWS, HEADS, 10, HEAD_DIM);
    final Tensor queryRows = operands.ints(new int[][] {{0, 9, -1}, {3, 3, 2}});
    final Tensor window = operands.ints(new int[][] {{0, 29, -1}, {23, 1, 2}});
    final Tensor scores = operands.result(DType.F32, ROWS, HEADS, 30);
    final Tensor capacity = operands.ints(new int[][] {{12, 3}, {24, 3}});
    final Tensor indices = operands.result(DType.I32, ROWS, HEADS, 28);
    final Tensor queryLengths = operands.ints(10, 4);
    final Tensor parents =
        operands.ints(
            new int[][] {{-1, 0, 1, -1, 3, 3, 5, 6, 0, 8}, {-1, 0, 1, 2, 3, 3, 5, 6, 0, 8}});
    final Tensor out = operands.result(DType.F32, ROWS, HEADS, 10, HEAD_DIM);
    final Tensor lse = operands.result(DType.F32, ROWS, HEADS, 10);

    final Append append = new Append(fresh, target);
    final Score score =
        new Score(q, queryRows, history, fresh, window, Scoring.official(0.5f), scores);
    final Evict evict = new Evict(score, capacity, indices, target);
    final Compact compact = new Compact(history, fresh, indices, target);
    final Attend attend =
        new Attend(q, queryLengths, history, fresh, Mask.TREE, parents, 0.5f, out, lse);
    final Tensor lengths = operands.ints(30, 24);
    final Select select = new Select(scores, lengths, window, capacity, indices);

    Scene() {
      for (int row = 0; row < ROWS; row++) {
        for (int list = 0; list < HEADS; list++) {
          set(history.lengths(), 20, row, list);
          for (int place = 0; place < 28; place++) {
            set(indices, place < 12 ? 2 * place : -1, row, list, place);
          }
        }
      }
      all.slab().segment().fill((byte) 0);
    }

    /** Lists {@code [first, first + HEADS)} of the slab, with a table and lengths of their own. */
    private PagedKv part(int first) {
      Tensor table = operands.result(DType.I32, ROWS, HEADS, 2);
      for (int row = 0; row < ROWS; row++) {
        for (int list = 0; list < HEADS; list++) {
          for (int i = 0; i < 2; i++) {
            long page = all.table().integerAt(all.table().offset(row, first + list, i));
            set(table, (int) page, row, list, i);
          }
        }
      }
      return new PagedKv(
          layout, all.slab(), all.pages(), table, operands.ints(new int[ROWS][HEADS]));
    }

    List<Tensor> written() {
      Tensor slab = Tensor.of(DType.INT8, all.slab(), all.slab().byteSize());
      return List.of(slab, target.lengths(), scores, indices, out, lse);
    }
  }

  private static void set(Tensor tensor, int value, int... at) {
    tensor.setIntegerAt(offset(tensor, at), value);
  }

  private static long offset(Tensor tensor, int... at) {
    return switch (at.length) {
      case 1 -> tensor.offset(at[0]);
      case 2 -> tensor.offset(at[0], at[1]);
      default -> tensor.offset(at[0], at[1], at[2]);
    };
  }

  /** Sets one element, expects the operation to refuse it by name, and puts it back. */
  private static void refuses(
      Scene scene, Consumer<Scene> run, Tensor tensor, int value, String message, int... at) {
    int before = (int) tensor.integerAt(offset(tensor, at));
    set(tensor, value, at);
    List<byte[]> results = scene.written().stream().map(Bits::bytes).toList();
    assertThatThrownBy(() -> run.accept(scene))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(message)
        .hasMessageContaining(", expected ");
    for (int i = 0; i < results.size(); i++) {
      assertThat(Bits.bytes(scene.written().get(i)))
          .as("%s: result %d", message, i)
          .isEqualTo(results.get(i));
    }
    set(tensor, before, at);
  }

  @ParameterizedTest
  @MethodSource("backends")
  void append(String backend) {
    Scene scene = new Scene();
    Kernels kernels = Backends.named(backend).kernels();
    Consumer<Scene> run = s -> kernels.append(s.append);
    Tensor table = scene.target.table();
    Tensor lengths = scene.target.lengths();
    refuses(scene, run, scene.newLengths, 11, "Append: fresh.lengths[0]: 11", 0);
    refuses(scene, run, scene.newLengths, -1, "Append: fresh.lengths[1]: -1", 1);
    refuses(scene, run, lengths, 23, "Append: target.lengths[0, 1]: 23", 0, 1);
    refuses(scene, run, lengths, 29, "Append: target.lengths[1, 0]: 29", 1, 0);
    refuses(scene, run, lengths, -1, "Append: target.lengths[1, 0]: -1", 1, 0);
    refuses(scene, run, lengths, Integer.MAX_VALUE, "target.lengths[1, 1]: 2147483647", 1, 1);
    refuses(scene, run, table, scene.all.pages(), "Append: target.table[0, 0, 0]: 18", 0, 0, 0);
    refuses(scene, run, table, -1, "Append: target.table[1, 1, 0]: -1", 1, 1, 0);
    int other = (int) table.integerAt(table.offset(1, 0, 0));
    refuses(scene, run, table, other, "Append: target.table[1, 1, 0]: " + other, 1, 1, 0);
    run.accept(scene);
    assertThat(lengths.integerAt(lengths.offset(0, 0))).isEqualTo(10);
  }

  private static void refusesSources(Scene scene, Consumer<Scene> run, String op, String prefix) {
    Tensor table = scene.history.table();
    Tensor lengths = scene.history.lengths();
    refuses(scene, run, lengths, 33, op + prefix + "history.lengths[0, 1]: 33", 0, 1);
    refuses(scene, run, lengths, -2, op + prefix + "history.lengths[1, 1]: -2", 1, 1);
    refuses(scene, run, table, 18, op + prefix + "history.table[1, 0, 1]: 18", 1, 0, 1);
    refuses(scene, run, table, -7, op + prefix + "history.table[0, 0, 0]: -7", 0, 0, 0);
    refuses(scene, run, scene.newLengths, 11, op + prefix + "fresh.lengths[0]: 11", 0);
    refuses(scene, run, scene.newLengths, -1, op + prefix + "fresh.lengths[1]: -1", 1);
  }

  private static void refusesScoring(Scene scene, Consumer<Scene> run, String op, String prefix) {
    refusesSources(scene, run, op, prefix);
    refuses(scene, run, scene.queryRows, 10, op + prefix + "queryRows[0, 2]: 10", 0, 2);
    refuses(scene, run, scene.queryRows, -2, op + prefix + "queryRows[1, 0]: -2", 1, 0);
    refuses(scene, run, scene.window, 24, op + prefix + "window[1, 1]: 24", 1, 1);
    refuses(scene, run, scene.window, -2, op + prefix + "window[0, 2]: -2", 0, 2);
    refuses(scene, run, scene.window, 0, op + prefix + "window[0, 2]: 0", 0, 2);
    refuses(scene, run, scene.history.lengths(), 21, "history.lengths[0, 1]: 31", 0, 1);
  }

  @ParameterizedTest
  @MethodSource("backends")
  void score(String backend) {
    Kernels kernels = Backends.named(backend).kernels();
    Scene scene = new Scene();
    refusesScoring(scene, s -> kernels.score(s.score), "Score: ", "");
    kernels.score(scene.score);
  }

  private static void refusesCapacity(Scene scene, Consumer<Scene> run, String op) {
    refuses(scene, run, scene.capacity, 29, op + "capacity[0, 0]: 29", 0, 0);
    refuses(scene, run, scene.capacity, 1, op + "capacity[0, 1]: 1", 0, 1);
    refuses(scene, run, scene.capacity, 2, op + "capacity[1, 1]: 2", 1, 1);
    refuses(scene, run, scene.capacity, -1, op + "capacity[1, 0]: -1", 1, 0);
  }

  @ParameterizedTest
  @MethodSource("backends")
  void select(String backend) {
    Scene scene = new Scene();
    Kernels kernels = Backends.named(backend).kernels();
    Consumer<Scene> run = s -> kernels.select(s.select);
    refuses(scene, run, scene.lengths, 31, "Select: lengths[0, 0]: 31", 0);
    refuses(scene, run, scene.lengths, -1, "Select: lengths[1, 0]: -1", 1);
    refuses(scene, run, scene.lengths, 23, "Select: window[1, 0]: 23", 1);
    refuses(scene, run, scene.window, 30, "Select: window[0, 1]: 30", 0, 1);
    refuses(scene, run, scene.window, 29, "Select: window[0, 2]: 29", 0, 2);
    refusesCapacity(scene, run, "Select: ");
    run.accept(scene);
  }

  private static void refusesTarget(Scene scene, Consumer<Scene> run, String op) {
    Tensor table = scene.target.table();
    refuses(scene, run, table, 18, op + "target.table[0, 0, 0]: 18", 0, 0, 0);
    refuses(scene, run, table, -1, op + "target.table[1, 1, 0]: -1", 1, 1, 0);
    int other = (int) table.integerAt(table.offset(0, 1, 0));
    refuses(scene, run, table, other, op + "target.table[1, 0, 0]: " + other, 1, 0, 0);
    int source = (int) scene.history.table().integerAt(scene.history.table().offset(0, 0, 1));
    refuses(scene, run, table, source, op + "target.table[1, 0, 0]: " + source, 1, 0, 0);
  }

  @ParameterizedTest
  @MethodSource("backends")
  void compact(String backend) {
    Kernels kernels = Backends.named(backend).kernels();
    Scene scene = new Scene();
    Consumer<Scene> run = s -> kernels.compact(s.compact);
    refusesSources(scene, run, "Compact: ", "");
    refusesTarget(scene, run, "Compact: ");
    refuses(scene, run, scene.indices, 24, "Compact: indices[1, 0, 11]: 24", 1, 0, 11);
    refuses(scene, run, scene.indices, -2, "Compact: indices[1, 1, 0]: -2", 1, 1, 0);
    refuses(scene, run, scene.indices, 5, "Compact: indices[0, 1, 20]: 5", 0, 1, 20);
    run.accept(scene);
  }

  @ParameterizedTest
  @MethodSource("backends")
  void evict(String backend) {
    Kernels kernels = Backends.named(backend).kernels();
    Scene scene = new Scene();
    Consumer<Scene> run = s -> kernels.evict(s.evict);
    refusesScoring(scene, run, "Evict: ", "score.");
    refusesCapacity(scene, run, "Evict: ");
    refusesTarget(scene, run, "Evict: ");
    run.accept(scene);
  }

  @ParameterizedTest
  @MethodSource("backends")
  void attend(String backend) {
    Kernels kernels = Backends.named(backend).kernels();
    Scene scene = new Scene();
    Consumer<Scene> run = s -> kernels.attend(s.attend);
    refusesSources(scene, run, "Attend: ", "");
    refuses(scene, run, scene.queryLengths, 11, "Attend: queryLengths[0]: 11", 0);
    refuses(scene, run, scene.queryLengths, -1, "Attend: queryLengths[1]: -1", 1);
    refuses(scene, run, scene.parents, 5, "Attend: parents[0, 5]: 5", 0, 5);
    refuses(scene, run, scene.parents, -2, "Attend: parents[1, 3]: -2", 1, 3);
    refuses(scene, run, scene.parents, 0, "Attend: parents[0, 0]: 0", 0, 0);
    run.accept(scene);
  }

  @ParameterizedTest
  @MethodSource("backends")
  void headsThatShareAListKeepEquallyMany(String backend) {
    Operands operands = new Operands(new Random(9), true, Operands.Values.NORMAL);
    Kernels kernels = Backends.named(backend).kernels();
    PageLayout shared = new PageLayout(DType.BF16, 16, HEADS, HEAD_DIM);
    PagedKv target = operands.empty(shared, 1, 1, 16);
    PagedKv history =
        operands.filled(new PageLayout(DType.BF16, 16, 1, HEAD_DIM), new int[][] {{9, 5}});
    Tensor indices = operands.result(DType.I32, 1, HEADS, 3);
    int[][] kept = {{0, 1, 2}, {0, 1, -1}};
    for (int head = 0; head < HEADS; head++) {
      for (int place = 0; place < 3; place++) {
        set(indices, kept[head][place], 0, head, place);
      }
    }
    assertThatThrownBy(() -> kernels.compact(new Compact(history, null, indices, target)))
        .hasMessageContaining("Compact: indices[0, 1]: 2, expected as many tokens as head 0");
    Tensor q = operands.heads(DType.F32, false, 1, HEADS, 1, HEAD_DIM);
    Tensor scores = operands.result(DType.F32, 1, HEADS, 9);
    Score score = new Score(q, null, history, null, null, Scoring.paper(1), scores);
    Tensor results = operands.result(DType.I32, 1, HEADS, 7);
    Evict evict = new Evict(score, operands.ints(new int[][] {{7}}), results, target);
    assertThatThrownBy(() -> kernels.evict(evict))
        .hasMessageContaining("Evict: score.history.lengths[0, 1]: 5");
    assertThat(target.lengths().integerAt(0)).isZero();
  }

  @ParameterizedTest
  @MethodSource("backends")
  void survivorsThatDoNotFitTheTargetsTable(String backend) {
    Operands operands = new Operands(new Random(9), false, Operands.Values.NORMAL);
    Kernels kernels = Backends.named(backend).kernels();
    PageLayout layout = new PageLayout(DType.INT8, 16, 1, HEAD_DIM);
    PagedKv history = operands.filled(layout, new int[][] {{40}});
    Score score =
        new Score(
            operands.heads(DType.F32, false, 1, 1, 1, HEAD_DIM),
            null,
            history,
            null,
            null,
            Scoring.official(1),
            operands.result(DType.F32, 1, 1, 40));
    Evict evict =
        new Evict(
            score,
            operands.ints(new int[][] {{17}}),
            operands.result(DType.I32, 1, 1, 20),
            operands.empty(layout, 1, 1, 16));
    assertThatThrownBy(() -> kernels.evict(evict))
        .hasMessageContaining("Evict: target.table[0, 0]: 16, expected pages for 17 tokens");
  }

  @ParameterizedTest
  @MethodSource("backends")
  void closedBuffersAndDeviceMemory(String backend) {
    Kernels kernels = Backends.named(backend).kernels();
    Tensor q = Tensor.allocate(DType.F32, 1, 1, 2, HEAD_DIM);
    Tensor k = Tensor.allocate(DType.F32, 1, 1, 3, HEAD_DIM);
    Tensor out = Tensor.allocate(DType.F32, 1, 1, 2, HEAD_DIM);
    NewTokens fresh = new NewTokens(k, k);
    Attend attend = new Attend(q, null, null, fresh, Mask.NONE, null, 1, out, null);
    kernels.attend(attend);
    k.buffer().close();
    assertThatThrownBy(() -> kernels.attend(attend))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("Attend: fresh.k is closed");
    Buffer device = Buffer.ofDevicePointer(0, 4096, 1 << 20);
    Tensor there = Tensor.of(DType.F32, device, 1, 1, 2, HEAD_DIM);
    Tensor result =
        Tensor.strided(DType.F32, device, 1 << 19, there.shape(), new long[] {16, 16, 8, 1});
    NewTokens away =
        new NewTokens(
            Tensor.strided(DType.F32, device, 1 << 18, there.shape(), new long[] {16, 16, 8, 1}),
            Tensor.strided(DType.F32, device, 1 << 17, there.shape(), new long[] {16, 16, 8, 1}));
    Attend onDevice = new Attend(there, null, null, away, Mask.NONE, null, 1, result, null);
    assertThatThrownBy(() -> kernels.attend(onDevice))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("Attend: buffers on cuda:0, expected host memory");
  }
}
