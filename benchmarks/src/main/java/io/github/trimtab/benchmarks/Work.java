package io.github.trimtab.benchmarks;

import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** What the calls of a JMH benchmark did, as rates beside theirs. */
@AuxCounters(AuxCounters.Type.OPERATIONS)
@State(Scope.Thread)
public class Work {
  /** Memory that a call must touch. */
  public long bytes;

  /** Floating-point operations, a fused multiply-add as two. */
  public long flops;
}
