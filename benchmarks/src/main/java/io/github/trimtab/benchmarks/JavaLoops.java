package io.github.trimtab.benchmarks;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** The ceilings as plain Vector API loops, one slice a thread. */
final class JavaLoops {
  // Wider loads read memory no faster; sums of products are twice as fast where the machine has
  // whole 512-bit units.
  private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_256;
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  private static final ByteOrder ORDER = ByteOrder.nativeOrder();

  private static final long COPY_BLOCK = 1 << 20;

  private JavaLoops() {}

  /** Sum of all 32-bit words; a multiple of 128 bytes. */
  static int read(MemorySegment data) {
    IntVector a = IntVector.zero(INTS);
    IntVector b = a;
    IntVector c = a;
    IntVector d = a;
    for (long i = 0; i < data.byteSize(); i += 128) {
      a = a.add(IntVector.fromMemorySegment(INTS, data, i, ORDER));
      b = b.add(IntVector.fromMemorySegment(INTS, data, i + 32, ORDER));
      c = c.add(IntVector.fromMemorySegment(INTS, data, i + 64, ORDER));
      d = d.add(IntVector.fromMemorySegment(INTS, data, i + 96, ORDER));
    }
    return a.add(b).add(c.add(d)).reduceLanes(VectorOperators.ADD);
  }

  /** Ordinary stores: in blocks, since some virtual machines store past the caches from 2.5 MiB. */
  static void copy(MemorySegment to, MemorySegment from) {
    for (long at = 0; at < from.byteSize(); at += COPY_BLOCK) {
      MemorySegment.copy(from, at, to, at, Math.min(COPY_BLOCK, from.byteSize() - at));
    }
  }

  /**
   * 12 independent chains of fused multiply-adds.
   *
   * @param loops rounds of 8 lanes of each chain; wider vectors need fewer
   */
  static float fma(long loops) {
    FloatVector x = FloatVector.broadcast(FLOATS, Ceilings.FACTOR);
    FloatVector y = FloatVector.broadcast(FLOATS, Ceilings.TERM);
    FloatVector a = y, b = y, c = y, d = y, e = y, f = y, g = y, h = y, i = y, j = y, k = y, l = y;
    long rounds = loops * 8 / FLOATS.length();
    for (long n = 0; n < rounds; n++) {
      a = a.fma(x, y);
      b = b.fma(x, y);
      c = c.fma(x, y);
      d = d.fma(x, y);
      e = e.fma(x, y);
      f = f.fma(x, y);
      g = g.fma(x, y);
      h = h.fma(x, y);
      i = i.fma(x, y);
      j = j.fma(x, y);
      k = k.fma(x, y);
      l = l.fma(x, y);
    }
    FloatVector first = a.add(b).add(c).add(d).add(e).add(f);
    FloatVector second = g.add(h).add(i).add(j).add(k).add(l);
    return first.add(second).reduceLanes(VectorOperators.ADD);
  }
}
