package io.github.trimtab.engine.cli;

import io.github.trimtab.kernel.Append;
import io.github.trimtab.kernel.Evict;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.Mask;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.kernel.Score;
import io.github.trimtab.kernel.Scoring;
import io.github.trimtab.kernel.Select;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.Tensor;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Fixed inputs through every canonical operation, and a hash of all results of each.
 *
 * <p>Sizes lie off every lane, page and chunk grid; formats, scorings, ragged rows, both sources,
 * ties and NaN all occur. Inputs come from an integer hash, so they are the same everywhere.
 */
final class Selfcheck {
  private static final int ROWS = 2;
  private static final int QUERY_HEADS = 4;
  private static final int HEADS = 2;
  private static final int QUERIES = 5;
  private static final int HISTORY = 77;
  private static final int FRESH = 19;
  private static final int CAPACITY = 40;

  private static final List<DType> PAGES =
      List.of(DType.F32, DType.F16, DType.BF16, DType.FP8_E4M3, DType.INT8);
  private static final List<Integer> HEAD_DIMS = List.of(8, 72, 128, 256);
  private static final List<Scoring> SCORINGS =
      List.of(
          Scoring.official(0.125f),
          Scoring.paper(0.25f),
          new Scoring(Scoring.Mode.SOFTMAX, 1f, Mask.CAUSAL, Scoring.Pooling.NONE, 1),
          new Scoring(Scoring.Mode.RAW, 0.3f, Mask.NONE, Scoring.Pooling.AVG, 3));

  private final Kernels kernels;
  private int seed;

  Selfcheck(Kernels kernels) {
    this.kernels = kernels;
  }

  /** SHA-256 of each canonical operation's results, by the operation's name. */
  static Map<String, String> run(Kernels kernels) {
    Map<String, String> hashes = new LinkedHashMap<>();
    hashes.put("score", new Selfcheck(kernels).kv(false));
    hashes.put("select", new Selfcheck(kernels).select());
    hashes.put("evict", new Selfcheck(kernels).kv(true));
    hashes.put("verify", new SelfcheckVerify(kernels).run());
    hashes.put("head", new SelfcheckHead(kernels).head());
    hashes.put("quantize", new SelfcheckHead(kernels).quantize());
    hashes.put("columnsums", new SelfcheckSoftmax(kernels).columnSums());
    hashes.put("selectivity", new SelfcheckSoftmax(kernels).selectivity());
    return hashes;
  }

  /** Scores or evicts in every page format with every scoring, and with every head dim. */
  private String kv(boolean evict) {
    MessageDigest digest = sha256();
    for (int format = 0; format < PAGES.size(); format++) {
      DType pages = PAGES.get(format);
      DType given = pages.isFloat() ? pages : DType.BF16;
      for (int i = 0; i < SCORINGS.size(); i++) {
        int headDim = HEAD_DIMS.get((format + i) % HEAD_DIMS.size());
        var layout = new PageLayout(pages, 16, HEADS, headDim);
        kv(evict, layout, given, SCORINGS.get(i), digest);
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private void kv(
      boolean evict, PageLayout layout, DType given, Scoring scoring, MessageDigest digest) {
    int tokens = HISTORY + FRESH;
    int headDim = layout.headDim();
    Tensor q = floats(given, ROWS, QUERY_HEADS, QUERIES, headDim);
    Tensor window = Tensor.wrap(new int[] {3, 80, 79, 0, 60, 59}, ROWS, 3);
    Tensor scores = Tensors.zeros(DType.F32, ROWS, HEADS, tokens);
    try (Pages pages = new Pages(layout, ROWS, HISTORY, CAPACITY)) {
      PagedKv source = pages.list(HISTORY);
      kernels.append(new Append(tokens(given, headDim, HISTORY, HISTORY, 64), source));
      NewTokens fresh = tokens(given, headDim, FRESH, FRESH - 2, FRESH);
      var score = new Score(q, null, source, fresh, window, scoring, scores);
      if (!evict) {
        kernels.score(score);
        update(digest, scores);
        return;
      }
      PagedKv target = pages.list(CAPACITY);
      Tensor capacity = Tensor.wrap(new int[] {CAPACITY, CAPACITY - 7}, ROWS, 1);
      Tensor indices = Tensors.zeros(DType.I32, ROWS, HEADS, CAPACITY);
      kernels.evict(new Evict(score, capacity, indices, target));
      update(digest, indices);
      update(digest, pages.keys(target, CAPACITY, DType.F32));
      update(digest, pages.values(target, CAPACITY, DType.F32));
    }
  }

  /** Selects among scores full of ties, zeros of both signs, infinities and NaN. */
  private String select() {
    MessageDigest digest = sha256();
    for (int tokens : List.of(1, 31, 257, 4099)) {
      for (int capacity : List.of(1, (tokens + 1) / 2, tokens)) {
        Tensor scores = Tensors.zeros(DType.F32, ROWS, HEADS, tokens);
        for (long i = 0; i < scores.elements(); i++) {
          scores.setFloatAt(i * Float.BYTES, oddScore(hash()));
        }
        Tensor lengths = Tensor.wrap(new int[] {tokens, (2 * tokens + 2) / 3}, ROWS);
        Tensor window = Tensor.wrap(new int[] {0, -1}, ROWS, 1);
        Tensor capacities = Tensor.wrap(new int[] {capacity, capacity}, ROWS, 1);
        Tensor indices = Tensors.zeros(DType.I32, ROWS, HEADS, capacity);
        kernels.select(new Select(scores, lengths, window, capacities, indices));
        update(digest, indices);
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static float oddScore(int hash) {
    return switch (hash & 15) {
      case 0 -> Float.NaN;
      case 1 -> Float.NEGATIVE_INFINITY;
      case 2 -> Float.POSITIVE_INFINITY;
      case 3 -> -0f;
      case 4 -> 0f;
      default -> (hash >> 4) % 64 * 0.125f;
    };
  }

  /** Keys and values of which {@code first} and {@code second} are valid in the two rows. */
  private NewTokens tokens(DType dtype, int headDim, int count, int first, int second) {
    Tensor lengths = Tensor.wrap(new int[] {first, second}, ROWS);
    Tensor k = floats(dtype, ROWS, HEADS, count, headDim);
    Tensor v = floats(dtype, ROWS, HEADS, count, headDim);
    return new NewTokens(k, v, lengths);
  }

  /** Numbers in [-1, 1) of 24 bits, rounded to the dtype. */
  Tensor floats(DType dtype, long... shape) {
    Tensor tensor = Tensors.zeros(dtype, shape);
    int bytes = dtype.bits() / 8;
    for (long i = 0; i < tensor.elements(); i++) {
      tensor.setFloatAt(i * bytes, (hash() >> 8) * 0x1p-23f);
    }
    return tensor;
  }

  /** The next of a fixed sequence of well-mixed integers. */
  int hash() {
    int x = seed++ * 0x9e3779b9;
    x = (x ^ (x >>> 16)) * 0x7feb352d;
    x = (x ^ (x >>> 15)) * 0x846ca68b;
    return x ^ (x >>> 16);
  }

  static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every Java platform has it
    }
  }

  /** Adds the elements of a contiguous I32 or F32 tensor, all NaN alike, as little-endian bits. */
  static void update(MessageDigest digest, Tensor tensor) {
    for (long i = 0; i < tensor.elements(); i++) {
      int bits =
          tensor.dtype() == DType.F32
              ? Float.floatToIntBits(tensor.floatAt(i * Float.BYTES))
              : (int) tensor.integerAt(i * Integer.BYTES);
      for (int shift = 0; shift < Integer.SIZE; shift += Byte.SIZE) {
        digest.update((byte) (bits >>> shift));
      }
    }
  }
}
