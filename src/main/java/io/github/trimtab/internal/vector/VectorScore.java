package io.github.trimtab.internal.vector;

import io.github.trimtab.internal.host.HostChecks;
import io.github.trimtab.internal.host.KvAccess;
import io.github.trimtab.internal.vector.Workspace.Aligned;
import io.github.trimtab.internal.vector.Workspace.Floats;
import io.github.trimtab.internal.vector.Workspace.Ints;
import io.github.trimtab.kernel.Mask;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.kernel.Score;
import io.github.trimtab.kernel.Scoring;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/**
 * Scores tokens by the attention of a window of queries.
 *
 * <p>Raw mode is one pass over the keys at the speed of memory: a task takes a range of a list's
 * tokens for all heads of its pages and reads the key part of each page from end to end. Logits go
 * straight to the result; a second phase pools each head in place. Softmax mode ({@link
 * SoftmaxScore}) takes a head a task.
 */
final class VectorScore {
  /** Tokens of a list in one task of the scan. */
  private static final int SCAN = 512;

  /** Formats for which queries are put in place differently. */
  private static final List<DType> ARRANGED = List.of(DType.F32, DType.BF16);

  /** New tokens read for one head before the next, where heads lie side by side in a token. */
  private static final int INTERLEAVED = 8;

  private VectorScore() {}

  static void run(Score op, Workers workers, Workspace shared) {
    HostChecks.check(op);
    scan(op, workers, shared);
    workers.run(
        op,
        op.rows() * op.heads(),
        shared,
        (score, index, _, own) -> finish(score, index / score.heads(), index % score.heads(), own));
  }

  /** The phase before {@link #finish}: logits of raw mode; nothing in softmax mode. */
  static void scan(Score op, Workers workers, Workspace shared) {
    if (op.scoring().mode() == Scoring.Mode.RAW) {
      sumQueries(op, shared);
      workers.run(op, op.rows() * scansOfRow(op), shared, VectorScore::scanTask);
    }
  }

  /** Completes the scores of a head. */
  static void finish(Score op, int row, int head, Workspace own) {
    if (op.scores().size(2) == 0) {
      return;
    }
    int tokens = KvAccess.tokens(op.history(), op.fresh(), row, head);
    float[] scores = own.floats(Floats.SCORES, Dots.room(tokens));
    MemorySegment out = op.scores().segment();
    long offset = op.scores().offset(row, head);
    if (op.scoring().mode() == Scoring.Mode.RAW) {
      MemorySegment.copy(out, ValueLayout.JAVA_FLOAT_UNALIGNED, offset, scores, 0, tokens);
    } else {
      softmax(op, row, head, scores, own);
    }
    Pooling.pool(op.scoring(), op.window(), row, scores, tokens, own);
    MemorySegment.copy(scores, 0, out, ValueLayout.JAVA_FLOAT_UNALIGNED, offset, tokens);
    for (long t = tokens; t < op.scores().size(2); t++) {
      out.set(ValueLayout.JAVA_FLOAT_UNALIGNED, offset + 4 * t, Float.NEGATIVE_INFINITY);
    }
  }

  private static void softmax(Score op, int row, int head, float[] scores, Workspace own) {
    int[] places = own.ints(Ints.CHOSEN, op.queries());
    int present = 0;
    for (int w = 0; w < op.queries(); w++) {
      places[present] = KvAccess.query(op, row, w);
      present += places[present] >= 0 ? 1 : 0;
    }
    Scoring scoring = op.scoring();
    SoftmaxScore.head(
        op.q(),
        places,
        present,
        op.group(),
        op.history(),
        op.fresh(),
        row,
        head,
        scoring.mask() == Mask.CAUSAL,
        scoring.scale(),
        scores,
        own);
  }

  /**
   * Sums the queries of each row and head into {@link Floats#QUERIES}, padded, and puts the sums in
   * place for keys that are read where they lie.
   */
  private static void sumQueries(Score op, Workspace shared) {
    int headDim = (int) op.q().size(3);
    int padded = Dots.padded(headDim);
    int size = op.rows() * op.heads() * padded;
    float[] sums = shared.zeroFloats(Floats.QUERIES, size);
    MemorySegment arranged = shared.alignedFloats(Aligned.QUERIES, 2 * size);
    float[] query = shared.zeroFloats(Floats.ROW, padded);
    for (int row = 0; row < op.rows(); row++) {
      for (int head = 0; head < op.heads(); head++) {
        int at = query(op, row, head);
        for (int w = 0; w < op.queries(); w++) {
          int place = KvAccess.query(op, row, w);
          for (int member = 0; place >= 0 && member < op.group(); member++) {
            Source.tensor(op.q(), row, head * op.group() + member, place, 1, query, 0, padded);
            for (int d = 0; d < padded; d += Lanes.COUNT) {
              FloatVector sum = Lanes.load(sums, at + d).add(Lanes.load(query, d));
              sum.intoArray(sums, at + d);
            }
          }
        }
        for (DType dtype : ARRANGED) {
          StreamDots.arrange(dtype, sums, at, padded, arranged, arranged(op, dtype, row, head));
        }
      }
    }
  }

  /** Where the sum of a head's queries begins in {@link Floats#QUERIES}. */
  private static int query(Score op, int row, int head) {
    return (row * op.heads() + head) * Dots.padded((int) op.q().size(3));
  }

  /** Where it lies for keys of a format. */
  private static long arranged(Score op, DType dtype, int row, int head) {
    return 4L * query(op, dtype == DType.BF16 ? op.rows() + row : row, head);
  }

  private static int scansOfRow(Score op) {
    PagedKv history = op.history();
    return (history == null ? 0 : history.lists() * historyScans(history)) + freshScans(op.fresh());
  }

  private static int historyScans(PagedKv history) {
    return Math.ceilDiv(history.capacity(), SCAN);
  }

  private static int freshScans(@Nullable NewTokens fresh) {
    return fresh == null ? 0 : Math.ceilDiv(fresh.capacity(), SCAN);
  }

  private static void scanTask(Score op, int index, Workspace shared, Workspace own) {
    int row = index / scansOfRow(op);
    int scan = index % scansOfRow(op);
    float[] queries = shared.floats(Floats.QUERIES, 0);
    PagedKv history = op.history();
    if (history != null) {
      int scans = historyScans(history);
      if (scan < history.lists() * scans) {
        scanHistory(op, history, row, scan / scans, scan % scans * SCAN, queries, shared, own);
        return;
      }
      scan -= history.lists() * scans;
    }
    NewTokens fresh = op.fresh();
    if (fresh != null) {
      scanFresh(op, fresh, row, scan * SCAN, queries, shared, own);
    }
  }

  /** Scores up to {@link #SCAN} tokens of a list, all its heads, page after page. */
  private static void scanHistory(
      Score op,
      PagedKv history,
      int row,
      int list,
      int from,
      float[] queries,
      Workspace shared,
      Workspace own) {
    PageLayout layout = history.layout();
    int length = KvAccess.at(history.lengths(), row, list);
    int end = Math.min(length, from + SCAN);
    int pageTokens = layout.tokens();
    int firstHead = history.lists() == 1 ? 0 : list;
    int heads = layout.heads();
    long tokenBytes = layout.tokenBytes();
    long headBytes = heads == 1 ? 0 : layout.keys(1) - layout.keys(0);
    long scalesAfterCodes = layout.scalesAfterCodes();
    int padded = Dots.padded(layout.headDim());
    int query = query(op, row, firstHead);
    long arranged = arranged(op, layout.dtype(), row, firstHead);
    MemorySegment slab = history.slab().segment();
    float factor = op.scoring().scale() / op.group();
    // Results wait in cache: writing them between the keys would disturb the stream of reads.
    float[] dots = own.floats(Floats.LOGITS, Dots.room(heads * SCAN));
    for (int t = from; t < end; t += pageTokens) {
      int n = Math.min(pageTokens, end - t);
      long codes = KvAccess.page(history, row, list, t / pageTokens) + layout.keys(0);
      for (int h = 0; h < heads; h++) {
        Dots.keys(
            layout.dtype(),
            slab,
            codes,
            tokenBytes,
            codes + scalesAfterCodes,
            n,
            layout.headDim(),
            queries,
            query + h * padded,
            shared.alignedFloats(Aligned.QUERIES, 0),
            arranged + 4L * h * padded,
            factor,
            dots,
            h * SCAN + t - from,
            own);
        codes += headBytes;
      }
    }
    for (int h = 0; h < heads; h++) {
      store(op, row, firstHead + h, from, dots, h * SCAN, Math.max(end - from, 0));
    }
  }

  /** Scores up to {@link #SCAN} new tokens of a row, in the order in which they lie in memory. */
  private static void scanFresh(
      Score op,
      NewTokens fresh,
      int row,
      int from,
      float[] queries,
      Workspace shared,
      Workspace own) {
    Tensor k = fresh.k();
    int headDim = fresh.headDim();
    int end = Math.min(KvAccess.newTokens(fresh, row), from + SCAN);
    int block = k.stride(1) < k.stride(2) ? INTERLEAVED : SCAN;
    int span = k.stride(1) < k.stride(2) ? INTERLEAVED : SCAN;
    MemorySegment segment = k.segment();
    long stride = k.stride(2) * (k.dtype().bits() / 8);
    float factor = op.scoring().scale() / op.group();
    float[] dots = own.floats(Floats.LOGITS, Dots.room(SCAN));
    for (int start = from; start < end; start += span) {
      int stop = Math.min(end, start + span);
      for (int head = 0; head < op.heads(); head++) {
        int history = KvAccess.historyTokens(op.history(), row, head);
        for (int t = start; t < stop; t += block) {
          int n = Math.min(block, stop - t);
          Dots.keys(
              k.dtype(),
              segment,
              k.offset(row, head, t),
              stride,
              0,
              n,
              headDim,
              queries,
              query(op, row, head),
              shared.alignedFloats(Aligned.QUERIES, 0),
              arranged(op, k.dtype(), row, head),
              factor,
              dots,
              0,
              own);
          store(op, row, head, history + t, dots, 0, n);
        }
      }
    }
  }

  private static void store(
      Score op, int row, int head, int token, float[] dots, int index, int n) {
    if (n > 0) {
      Tensor scores = op.scores();
      long offset = scores.offset(row, head, token);
      MemorySegment.copy(
          dots, index, scores.segment(), ValueLayout.JAVA_FLOAT_UNALIGNED, offset, n);
    }
  }
}
