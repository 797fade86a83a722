package io.github.trimtab.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.trimtab.Backends;
import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.util.Arrays;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Heads that are refused: when they are made, or for what their buffers say when they run. */
class HeadInputTest {
  private static final int VOCABULARY = 600;
  private static final int KEPT = 400;

  static List<String> backends() {
    return TestBackends.NAMES;
  }

  private final Tensor hidden = Tensor.wrap(new float[8], 1, 8);
  private final WeightRows matrix =
      WeightRows.of(Tensor.wrap(new float[VOCABULARY * 8], VOCABULARY, 8));

  private static void refused(ThrowingCallable call, String... texts) {
    assertThatThrownBy(call)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContainingAll(texts);
  }

  @ParameterizedTest
  @MethodSource("backends")
  void idsAndCountsOutOfBounds(String backend) {
    Kernels kernels = Backends.named(backend).kernels();
    int[] ids = new int[KEPT];
    for (boolean ascending : new boolean[] {true, false}) {
      for (boolean packed : new boolean[] {true, false}) {
        for (int i = 0; i < KEPT; i++) {
          ids[i] = ascending ? i : KEPT - 1 - i;
        }
        int[] count = {KEPT};
        HeadRows rows =
            new HeadRows(matrix, Tensor.wrap(ids, KEPT), Tensor.wrap(count, 1), packed, VOCABULARY);
        float[] written = new float[KEPT];
        Head head = Head.logits(hidden, rows, Tensor.wrap(written, 1, KEPT));
        for (int place : new int[] {0, 1, 200, KEPT - 1}) {
          for (int bad : new int[] {-1, VOCABULARY, Integer.MIN_VALUE, Integer.MAX_VALUE}) {
            int good = ids[place];
            ids[place] = bad;
            refusedUnwritten(
                kernels,
                head,
                written,
                "Head: rows.ids[" + place + "]: " + bad + ", expected 0 to 599");
            ids[place] = good;
          }
          int good = ids[place];
          int other = place == 200 ? 3 : 200;
          ids[place] = ids[other];
          refusedUnwritten(kernels, head, written, "Head: rows.ids[", "]: " + ids[other], "differ");
          ids[place] = good;
        }
        for (int bad : new int[] {-1, KEPT + 1, Integer.MAX_VALUE}) {
          count[0] = bad;
          refusedUnwritten(
              kernels, head, written, "Head: rows.count[0]: " + bad + ", expected 0 to 400");
        }
        // What lies past the count is not read.
        count[0] = 5;
        ids[6] = -7;
        kernels.head(head);
        assertThat(written[4]).isZero();
        assertThat(written[5]).isEqualTo(Float.NEGATIVE_INFINITY);
      }
    }
  }

  private static void refusedUnwritten(
      Kernels kernels, Head head, float[] written, String... texts) {
    Arrays.fill(written, 7f);
    refused(() -> kernels.head(head), texts);
    assertThat(written).containsOnly(7f);
  }

  @ParameterizedTest
  @MethodSource("backends")
  void closedBuffersAndRowsToPack(String backend) {
    Kernels kernels = Backends.named(backend).kernels();
    WeightRows closed = WeightRows.allocate(DType.INT8, 4, 8, 4);
    closed.codes().buffer().close();
    Head head = Head.logits(hidden, HeadRows.all(closed), Tensor.wrap(new float[4], 1, 4));
    assertThatThrownBy(() -> kernels.head(head))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("Head: rows.weight.codes is closed");

    float[] written = new float[16];
    WeightRows to = WeightRows.of(Tensor.wrap(written, 2, 8));
    Pack pack = new Pack(matrix, Tensor.wrap(new int[] {0, VOCABULARY}, 2), to);
    refused(() -> kernels.pack(pack), "Pack: ids[1]: 600, expected 0 to 599");
  }

  @Test
  void rowsThatDoNotFit() {
    Tensor codes = Tensor.allocate(DType.INT8, 4, 6);
    Tensor scales = Tensor.allocate(DType.BF16, 4, 4);
    refused(() -> new WeightRows(DType.INT8, codes, scales), "scales:", "groups that divide 6");
    refused(() -> new WeightRows(DType.INT8, codes, null), "scales: null");
    refused(() -> new WeightRows(DType.FP8_E4M3, codes, scales), "codes:", "FP8_E4M3");
    refused(() -> new WeightRows(DType.I32, codes, null), "format: I32");
    refused(
        () -> new WeightRows(DType.INT8, codes, Tensor.allocate(DType.F32, 4, 2)),
        "scales:",
        "BF16 or F16");
    refused(() -> WeightRows.of(Tensor.allocate(DType.F32, 4, 0)), "codes:", "1 to 65536");
    refused(
        () -> WeightRows.of(Tensor.allocate(DType.F32, 3, 4).permute(1, 0)), "codes:", "stride");
    refused(() -> WeightRows.allocate(DType.INT8, 4, 6, 4), "group: 4", "divisor");
    refused(() -> WeightRows.allocate(DType.INT4, 4, 5, 5), "columns: 5", "even");
    refused(() -> WeightRows.allocate(DType.INT8, -1, 6, 6), "rows: -1");
    assertThatThrownBy(() -> matrix.read(VOCABULARY, new float[8]))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> matrix.read(0, new float[7]))
        .isInstanceOf(IndexOutOfBoundsException.class);
  }

  @Test
  void headsThatDoNotFit() {
    Tensor ids = Tensor.wrap(new int[3], 3);
    Tensor device = Tensor.of(DType.I32, Buffer.ofDevicePointer(0, 4096, 12), 3);
    HeadRows rows = HeadRows.gathered(matrix, ids);
    Tensor logits = Tensor.wrap(new float[3], 1, 3);
    refused(() -> HeadRows.gathered(matrix, device), "ids:", "host");
    refused(() -> HeadRows.gathered(matrix, Tensor.wrap(new int[4], 2, 2)), "ids:", "1 dimension");
    refused(() -> HeadRows.gathered(matrix, ids, Tensor.wrap(new int[2], 2)), "count:");
    refused(() -> new HeadRows(matrix, ids, null, false, 9), "vocabulary: 9");
    refused(() -> new HeadRows(matrix, null, null, true, 600), "ids: null");
    refused(
        () -> HeadRows.packed(matrix, Tensor.wrap(new int[601], 601), 900), "ids:", "at most 600");
    refused(
        () -> Head.logits(Tensor.wrap(new float[7], 1, 7), rows, logits), "hidden:", "8 elements");
    refused(
        () -> Head.logits(Tensor.wrap(new float[65 * 8], 65, 8), rows, logits),
        "hidden:",
        "1 to 64 vectors");
    refused(() -> Head.logits(hidden, rows, Tensor.wrap(new float[4], 1, 4)), "logits:", "[1, 3]");
    refused(() -> new Head(hidden, rows, null, null, null, null), "at least one result");
    refused(() -> new Head(hidden, rows, logits, ids, null, null), "values: null");
    refused(
        () ->
            Head.top(hidden, rows, Tensor.wrap(new int[4], 1, 4), Tensor.wrap(new float[4], 1, 4)),
        "ids:",
        "1 to 3");
    refused(() -> Head.logits(hidden, rows, hidden.narrow(1, 0, 3)), "logits:", "apart");
    refused(
        () -> Head.logits(hidden, rows, matrix.codes().narrow(0, 0, 1).narrow(1, 0, 3)),
        "logits:",
        "apart");
    refused(() -> new Quantize(matrix.codes(), matrix), "rows: F32");
    refused(
        () -> new Quantize(hidden, WeightRows.allocate(DType.INT8, 2, 8, 8)), "weight:", "[2, 8]");
    refused(() -> new Pack(matrix, ids, matrix), "to:", "3 rows");
    refused(
        () -> new Pack(matrix, ids, WeightRows.of(matrix.codes().narrow(0, 0, 3))), "to:", "apart");
    refused(
        () -> new Pack(matrix, ids, WeightRows.allocate(DType.INT8, 3, 8, 8)), "to:", "like those");
  }
}
