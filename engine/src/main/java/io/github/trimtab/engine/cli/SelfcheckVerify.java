package io.github.trimtab.engine.cli;

import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.Verify;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;

/** Fixed verifications of every method, over vocabularies off every lane and chunk grid. */
final class SelfcheckVerify {
  private static final List<Integer> VOCABULARIES = List.of(19, 257, 1000, 4099);
  private static final int ROWS = 16;
  private static final int DRAFTED = 4;

  private final Kernels kernels;
  private final Selfcheck inputs;
  private final MessageDigest digest = Selfcheck.sha256();

  SelfcheckVerify(Kernels kernels) {
    this.kernels = kernels;
    this.inputs = new Selfcheck(kernels);
  }

  String run() {
    VOCABULARIES.forEach(this::verify);
    return HexFormat.of().formatHex(digest.digest());
  }

  private void verify(int vocabulary) {
    int kept = vocabulary / 3;
    Tensor ids = Tensors.zeros(DType.I32, kept);
    for (int j = 0; j < kept; j++) {
      ids.setIntegerAt(ids.offset(j), j * 2L % vocabulary);
    }
    Tensor target = rows(vocabulary, ROWS, DRAFTED + 1, vocabulary);
    Tensor draft = rows(kept, ROWS, DRAFTED, kept);
    Tensor tokens = tokens(ids);
    Tensor acceptU = uniforms(ROWS, DRAFTED);
    Tensor sampleU = uniforms(ROWS);
    Tensor emitted = Tensors.zeros(DType.I32, ROWS, DRAFTED + 1);
    Tensor accepted = Tensors.zeros(DType.I32, ROWS);
    Tensor first = Tensors.zeros(DType.I32, ROWS, 1);
    Tensor parents = Tensors.zeros(DType.I32, ROWS, DRAFTED);
    for (int i = 0; i < ROWS * DRAFTED; i++) {
      parents.setIntegerAt(4L * i, i % DRAFTED < 2 ? -1 : i % 2);
    }
    run(new Verify.Chain(target, draft, ids, tokens, acceptU, sampleU, emitted, accepted));
    run(new Verify.Greedy(target, tokens, emitted, accepted));
    run(new Verify.Tree(target, parents, tokens, uniforms(ROWS, DRAFTED + 1), emitted, accepted));
    Tensor lastTarget = flat(target, DRAFTED, vocabulary);
    Tensor lastDraft = flat(draft, DRAFTED - 1, kept);
    run(
        new Verify.MultiRound(
            lastTarget, lastDraft, ids, tokens, acceptU, sampleU, first, accepted));
  }

  private void run(Verify op) {
    kernels.verify(op);
    Selfcheck.update(digest, op.emitted());
    Selfcheck.update(digest, op.accepted());
  }

  /** Rows (i, place) of a tensor [ROWS, places, n]. */
  private static Tensor flat(Tensor rows, int place, int n) {
    return Tensor.strided(
        DType.F32,
        rows.buffer(),
        rows.offset(0, place),
        new long[] {ROWS, n},
        new long[] {rows.stride(0), 1});
  }

  /** Whole numbers, most of them small, divided by their sum. */
  private Tensor rows(int n, long... shape) {
    Tensor rows = Tensors.zeros(DType.F32, shape);
    for (long start = 0; start < rows.elements(); start += n) {
      int[] weights = new int[n];
      long sum = 0;
      for (int id = 0; id < n; id++) {
        int hash = inputs.hash();
        weights[id] = 1 + (hash >>> 8 >>> (hash & 15));
        sum += weights[id];
      }
      for (int id = 0; id < n; id++) {
        rows.setFloatAt((start + id) * Float.BYTES, (float) ((double) weights[id] / sum));
      }
    }
    return rows;
  }

  /** Kept ids of which those of one row differ. */
  private Tensor tokens(Tensor ids) {
    int kept = (int) ids.size(0);
    Tensor tokens = Tensors.zeros(DType.I32, ROWS, DRAFTED);
    for (int row = 0; row < ROWS; row++) {
      int start = (inputs.hash() >>> 1) % kept;
      for (int i = 0; i < DRAFTED; i++) {
        tokens.setIntegerAt(tokens.offset(row, i), ids.integerAt(ids.offset((start + i) % kept)));
      }
    }
    return tokens;
  }

  private Tensor uniforms(long... shape) {
    Tensor uniforms = Tensors.zeros(DType.F32, shape);
    for (long i = 0; i < uniforms.elements(); i++) {
      uniforms.setFloatAt(i * Float.BYTES, (inputs.hash() >>> 8) * 0x1p-24f);
    }
    return uniforms;
  }
}
