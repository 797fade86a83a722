package io.github.trimtab.kernel;

import io.github.trimtab.memory.Place;

/**
 * An operation as a value: its buffers, shapes and options, checked when it is made.
 *
 * <p>What may change from step to step (lengths, capacities, page tables, window positions) lives
 * in buffers, so an operation made once can run any number of times. What is read from such buffers
 * is untrusted: {@link Kernels} states how a value outside its bound is met.
 *
 * <p>Common letters: R rows (batch), H query heads, G key/value heads (G divides H; query head h
 * reads key/value head h / (H/G)), D head dim, N history tokens, M new tokens, W window queries, P
 * window positions. Of heads: V rows of the weight matrix, d elements of a row, k kept rows, N
 * hidden vectors.
 */
public sealed interface Operation
    permits Append,
        Attend,
        ColumnSums,
        Compact,
        Evict,
        Head,
        Pack,
        Quantize,
        Score,
        Select,
        Selectivity,
        Verify {
  /** Where all of the operation's buffers live. */
  Place place();
}
