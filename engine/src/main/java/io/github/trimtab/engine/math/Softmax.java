package io.github.trimtab.engine.math;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** Softmax over runs of off-heap logits, F32. Indices count floats. */
public final class Softmax {

  private Softmax() {}

  /** Logarithm of the sum of e to the power of each of {@code count} logits. */
  public static double logSumExp(MemorySegment logits, long at, int count) {
    int bound = Lanes.SPECIES.loopBound(count);
    float largest = largest(logits, at, count);
    FloatVector sums = FloatVector.zero(Lanes.SPECIES);
    for (int i = 0; i < bound; i += Lanes.COUNT) {
      sums = sums.add(Lanes.exp(Lanes.load(logits, at + i).sub(largest)));
    }
    double sum = Lanes.sum(sums);
    for (int i = bound; i < count; i++) {
      sum += Math.exp((double) Lanes.get(logits, at + i) - largest);
    }
    return largest + Math.log(sum);
  }

  /**
   * Writes the probability of each of {@code count} logits.
   *
   * @param logSumExp of these logits
   */
  public static void probabilities(
      MemorySegment logits, long at, int count, double logSumExp, float[] target, int targetAt) {
    int bound = Lanes.SPECIES.loopBound(count);
    float shift = (float) logSumExp;
    for (int i = 0; i < bound; i += Lanes.COUNT) {
      Lanes.exp(Lanes.load(logits, at + i).sub(shift)).intoArray(target, targetAt + i);
    }
    for (int i = bound; i < count; i++) {
      target[targetAt + i] = (float) Math.exp(Lanes.get(logits, at + i) - logSumExp);
    }
  }

  /** The mean of {@code count} logits under given probabilities. */
  public static double mean(
      float[] probabilities, int probabilitiesAt, MemorySegment logits, long at, int count) {
    int bound = Lanes.SPECIES.loopBound(count);
    FloatVector sums = FloatVector.zero(Lanes.SPECIES);
    for (int i = 0; i < bound; i += Lanes.COUNT) {
      FloatVector p = FloatVector.fromArray(Lanes.SPECIES, probabilities, probabilitiesAt + i);
      sums = Lanes.load(logits, at + i).fma(p, sums);
    }
    double sum = Lanes.sum(sums);
    for (int i = bound; i < count; i++) {
      sum += (double) probabilities[probabilitiesAt + i] * Lanes.get(logits, at + i);
    }
    return sum;
  }

  /** The place of the largest of {@code count} logits, the first of equals. */
  public static int argmax(MemorySegment logits, long at, int count) {
    float largest = largest(logits, at, count);
    int place = 0;
    while (place < count - 1 && Lanes.get(logits, at + place) != largest) {
      place++;
    }
    return place;
  }

  private static float largest(MemorySegment logits, long at, int count) {
    int bound = Lanes.SPECIES.loopBound(count);
    FloatVector most = Lanes.broadcast(Float.NEGATIVE_INFINITY);
    for (int i = 0; i < bound; i += Lanes.COUNT) {
      most = most.max(Lanes.load(logits, at + i));
    }
    float largest = most.reduceLanes(VectorOperators.MAX);
    for (int i = bound; i < count; i++) {
      largest = Math.max(largest, Lanes.get(logits, at + i));
    }
    return largest;
  }
}
