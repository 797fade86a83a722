package io.github.trimtab.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.trimtab.Backends;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every number that a verification reads, set to what it must not be: it throws, names the place
 * and has written nothing. Shapes are refused when the operation is made.
 */
class VerifyUntrustedInputTest {
  private static final float[] ROW = {0.5f, 0f, 0.25f, 0.25f};
  private static final float[] DRAFT = {0.75f, 0f, 0.25f};

  private final Tensor target = rows(ROW, 2, 3, 4);
  private final Tensor draft = rows(DRAFT, 2, 2, 3);
  private final Tensor ids = Tensor.wrap(new int[] {2, 1, 0}, 3);
  private final Tensor tokens = Tensor.wrap(new int[] {2, 0, 0, 2}, 2, 2);
  private final Tensor parents = Tensor.wrap(new int[] {-1, -1, -1, 0}, 2, 2);
  private final Tensor acceptU = Tensor.wrap(new float[] {0, 0.5f, 0.9f, 0}, 2, 2);
  private final Tensor sampleU = Tensor.wrap(new float[] {0, 0.5f}, 2);
  private final Tensor rowU = Tensor.wrap(new float[6], 2, 3);
  private final Tensor emitted = Tensor.wrap(new int[] {7, 7, 7, 7, 7, 7}, 2, 3);
  private final Tensor accepted = Tensor.wrap(new int[] {7, 7}, 2);
  private final Tensor one = Tensor.wrap(new int[] {7, 7}, 2, 1);
  private final Tensor flatTarget = rows(ROW, 2, 4);
  private final Tensor flatDraft = rows(DRAFT, 2, 3);

  private final Verify chain =
      new Verify.Chain(target, draft, ids, tokens, acceptU, sampleU, emitted, accepted);
  private final Verify greedy = new Verify.Greedy(target, tokens, emitted, accepted);
  private final Verify tree = new Verify.Tree(target, parents, tokens, rowU, emitted, accepted);
  private final Verify multiRound =
      new Verify.MultiRound(flatTarget, flatDraft, ids, tokens, acceptU, sampleU, one, accepted);

  private static Tensor rows(float[] row, long... shape) {
    Tensor tensor = Tensor.allocate(DType.F32, shape);
    for (int i = 0; i < tensor.elements(); i++) {
      tensor.setFloatAt(4L * i, row[i % row.length]);
    }
    return tensor;
  }

  static List<String> backends() {
    return TestBackends.NAMES;
  }

  private void refuses(String backend, Verify op, String message) {
    List<Tensor> results = List.of(emitted, accepted, one);
    List<byte[]> before = results.stream().map(Bits::bytes).toList();
    assertThatThrownBy(() -> Backends.named(backend).kernels().verify(op))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("Verify: " + message)
        .hasMessageContaining(", expected ");
    for (int i = 0; i < results.size(); i++) {
      assertThat(Bits.bytes(results.get(i))).as(message).isEqualTo(before.get(i));
    }
  }

  private void refusesFloat(
      String backend, Verify op, Tensor tensor, int place, float value, String message) {
    float before = tensor.floatAt(4L * place);
    tensor.setFloatAt(4L * place, value);
    refuses(backend, op, message);
    tensor.setFloatAt(4L * place, before);
  }

  private void refusesInt(
      String backend, Verify op, Tensor tensor, int place, int value, String message) {
    long before = tensor.integerAt(4L * place);
    tensor.setIntegerAt(4L * place, value);
    refuses(backend, op, message);
    tensor.setIntegerAt(4L * place, before);
  }

  @ParameterizedTest
  @MethodSource("backends")
  void probabilities(String backend) {
    for (Verify op : List.of(chain, greedy, tree)) {
      refusesFloat(backend, op, target, 23, -0.25f, "target[1, 2, 3]: -0.25");
      refusesFloat(backend, op, target, 5, Float.NaN, "target[0, 1, 1]: NaN");
      refusesFloat(backend, op, target, 8, 0.5011f, "target[0, 2]: sum: 1.001");
      refusesFloat(backend, op, target, 0, Float.POSITIVE_INFINITY, "target[0, 0]: sum: Infinity");
      refusesFloat(backend, op, target, 0, 0.4989f, "target[0, 0]: sum: 0.9989");
    }
    refusesFloat(backend, multiRound, flatTarget, 4, Float.NaN, "target[1, 0]: NaN");
    refusesFloat(backend, multiRound, flatTarget, 4, 0, "target[1]: sum: 0.5");
    refusesFloat(backend, multiRound, flatDraft, 4, -1e-9f, "draft[1, 1]: -1.0E-9");
    refusesFloat(backend, chain, draft, 10, -1e-9f, "draft[1, 1, 1]: -1.0E-9");
    refusesFloat(backend, chain, draft, 10, 0.1f, "draft[1, 1]: sum: 1.1");
  }

  @ParameterizedTest
  @MethodSource("backends")
  void uniforms(String backend) {
    for (float u : new float[] {1f, -0.1f, Float.NaN, Float.POSITIVE_INFINITY}) {
      refusesFloat(backend, chain, acceptU, 3, u, "acceptU[1, 1]: " + u);
      refusesFloat(backend, chain, sampleU, 1, u, "sampleU[1]: " + u);
      refusesFloat(backend, multiRound, acceptU, 2, u, "acceptU[1, 0]: " + u);
      refusesFloat(backend, multiRound, sampleU, 0, u, "sampleU[0]: " + u);
      refusesFloat(backend, tree, rowU, 5, u, "sampleU[1, 2]: " + u);
    }
  }

  @ParameterizedTest
  @MethodSource("backends")
  void tokensIdsAndParents(String backend) {
    for (Verify op : List.of(chain, greedy, tree, multiRound)) {
      refusesInt(backend, op, tokens, 3, 4, "tokens[1, 1]: 4, expected 0 to 3");
      refusesInt(backend, op, tokens, 0, -1, "tokens[0, 0]: -1, expected 0 to 3");
    }
    for (Verify op : List.of(chain, multiRound)) {
      refusesInt(backend, op, tokens, 0, 3, "tokens[0, 0]: 3, expected one of the kept ids");
      refusesInt(backend, op, tokens, 0, 1, "tokens[0, 0]: 1, expected a token of draft");
      refusesInt(backend, op, ids, 1, 4, "ids[1]: 4, expected 0 to 3");
      refusesInt(backend, op, ids, 1, Integer.MIN_VALUE, "ids[1]: -2147483648");
      refusesInt(backend, op, ids, 2, 2, "ids[2]: 2, expected ids that all differ");
    }
    refusesInt(backend, multiRound, tokens, 1, 2, "tokens[0, 1]: 2, expected siblings that differ");
    refusesInt(backend, tree, tokens, 1, 2, "tokens[0, 1]: 2, expected siblings that differ");
    refusesInt(backend, tree, parents, 1, 1, "parents[0, 1]: 1, expected -1 to 0");
    refusesInt(backend, tree, parents, 0, -2, "parents[0, 0]: -2");
    for (Verify op : List.of(chain, greedy, tree, multiRound)) {
      Backends.named(backend).kernels().verify(op);
    }
  }

  @ParameterizedTest
  @MethodSource("backends")
  void closedBuffers(String backend) {
    target.buffer().close();
    assertThatThrownBy(() -> Backends.named(backend).kernels().verify(greedy))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("Verify: target is closed");
  }

  private static void refused(String message, Runnable making) {
    assertThatIllegalArgumentException()
        .isThrownBy(making::run)
        .withMessageContaining(message)
        .withMessageContaining(", expected ");
  }

  @Test
  void shapes() {
    refused("target: F32[2, 4]", () -> new Verify.Greedy(flatTarget, tokens, emitted, accepted));
    refused(
        "target: F32[2, 3, 4]",
        () -> new Verify.Greedy(target, Tensor.wrap(new int[6], 2, 3), emitted, accepted));
    refused("tokens: F32", () -> new Verify.Greedy(target, acceptU, emitted, accepted));
    refused("emitted: I32[2, 1]", () -> new Verify.Greedy(target, tokens, one, accepted));
    refused("accepted: I32[2, 1]", () -> new Verify.Greedy(target, tokens, emitted, one));
    refused("memory apart", () -> new Verify.Greedy(target, tokens, emitted, emittedRow()));
    refused(
        "stride 1", () -> new Verify.Greedy(target.permute(0, 2, 1), tokens, emitted, accepted));
    refused(
        "draft: F32[2, 3]",
        () ->
            new Verify.Chain(target, flatDraft, ids, tokens, acceptU, sampleU, emitted, accepted));
    refused(
        "acceptU: F32[2]",
        () -> new Verify.Chain(target, draft, ids, tokens, sampleU, sampleU, emitted, accepted));
    refused(
        "sampleU: F32[2, 2]",
        () -> new Verify.Chain(target, draft, ids, tokens, acceptU, acceptU, emitted, accepted));
    refused(
        "ids: I32[2, 2]",
        () -> new Verify.Chain(target, draft, tokens, tokens, acceptU, sampleU, emitted, accepted));
    refused(
        "parents: I32[2, 3]",
        () -> new Verify.Tree(target, emitted, tokens, rowU, emitted, accepted));
    refused(
        "sampleU: F32[2, 2]",
        () -> new Verify.Tree(target, parents, tokens, acceptU, emitted, accepted));
    refused(
        "emitted: I32[2, 3]",
        () ->
            new Verify.MultiRound(
                flatTarget, flatDraft, ids, tokens, acceptU, sampleU, emitted, accepted));
  }

  private Tensor emittedRow() {
    return Tensor.of(DType.I32, emitted.buffer(), 2);
  }
}
