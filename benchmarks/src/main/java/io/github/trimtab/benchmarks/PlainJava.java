package io.github.trimtab.benchmarks;

import io.github.trimtab.memory.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** What one writes in Java without the Vector API: four sums, so that additions overlap. */
final class PlainJava implements HeadPeer {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT;

  @Override
  public String name() {
    return "plain Java loop";
  }

  @Override
  public boolean takes(DType format, int vectors) {
    return vectors == 1 && (format == DType.F32 || format == DType.BF16);
  }

  @Override
  public Rounds.Body prepare(Task task) {
    float[] x = task.hidden().segment().toArray(FLOAT);
    MemorySegment logits = task.logits().segment();
    Workers workers = task.workers();
    int pieces = workers.pieces();
    return set -> {
      MemorySegment codes = task.copies().get(set).codes().segment();
      workers.run(
          pieces,
          piece -> {
            long end = (long) task.rows() * (piece + 1) / pieces;
            for (long row = (long) task.rows() * piece / pieces; row < end; row++) {
              float dot =
                  task.format() == DType.F32
                      ? dot(codes, row * x.length, x)
                      : dotBf16(codes, row * x.length, x);
              logits.setAtIndex(FLOAT, row, dot);
            }
          });
    };
  }

  private static float dot(MemorySegment codes, long from, float[] x) {
    float a = 0, b = 0, c = 0, d = 0;
    for (int i = 0; i < x.length; i += 4) {
      a += codes.getAtIndex(FLOAT, from + i) * x[i];
      b += codes.getAtIndex(FLOAT, from + i + 1) * x[i + 1];
      c += codes.getAtIndex(FLOAT, from + i + 2) * x[i + 2];
      d += codes.getAtIndex(FLOAT, from + i + 3) * x[i + 3];
    }
    return a + b + (c + d);
  }

  private static float dotBf16(MemorySegment codes, long from, float[] x) {
    float a = 0, b = 0, c = 0, d = 0;
    for (int i = 0; i < x.length; i += 4) {
      a += widened(codes, from + i) * x[i];
      b += widened(codes, from + i + 1) * x[i + 1];
      c += widened(codes, from + i + 2) * x[i + 2];
      d += widened(codes, from + i + 3) * x[i + 3];
    }
    return a + b + (c + d);
  }

  private static float widened(MemorySegment codes, long at) {
    return Float.intBitsToFloat(codes.getAtIndex(SHORT, at) << 16);
  }

  @Override
  public void close() {}
}
