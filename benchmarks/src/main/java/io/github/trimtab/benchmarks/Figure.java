package io.github.trimtab.benchmarks;

import org.jspecify.annotations.Nullable;

/**
 * One measured number, and what it is compared with.
 *
 * @param group which table it belongs to
 * @param name what was measured
 * @param shape on what
 * @param threads how many took part; 0 where a GPU's did
 * @param unit of the value
 * @param value median and quartiles
 * @param peer what ran in turn with it, or null
 */
public record Figure(
    Group group,
    String name,
    String shape,
    int threads,
    String unit,
    Spread value,
    @Nullable Peer peer) {
  /** The tables. */
  public enum Group {
    /** What the machine can do at all. */
    CEILING,
    /** An operation against a ceiling or a peer. */
    SPEED,
    /** An operation against other libraries. */
    PEER,
    /** The vector backend against the scalar one. */
    SCALAR,
    /** Bytes of keys and values that an image holds, against those of a cache without pages. */
    BYTES,
    /** Tokens counted a second, and in how much memory. */
    COUNT,
    /** Time and allocation of a call on tiny data. */
    CALL,
    /** Eviction against cached tokens; of this and the other studies the shape is a number. */
    TOKENS,
    /** Heads against their rows. */
    ROWS,
    /** Heads against their vectors. */
    VECTORS,
    /** Both against threads. */
    THREADS,
    /** Published drafters' heads against the rows kept. */
    DRAFT
  }

  /**
   * A ceiling or another implementation, measured in the same rounds.
   *
   * @param name what it is
   * @param value its own figure, in the unit of the figure that it belongs to
   * @param ratio how many times as fast as it the figure is: of each round, then median and
   *     quartiles
   */
  public record Peer(String name, Spread value, Spread ratio) {}

  /**
   * The rate of a contestant against another of the same rounds.
   *
   * @param one what the unit stands for, 1e9 for giga
   */
  static Figure rate(
      String name,
      String shape,
      int threads,
      String unit,
      double one,
      Rounds rounds,
      String of,
      String peer) {
    return new Figure(
        Group.SPEED,
        name,
        shape,
        threads,
        unit,
        rounds.rate(of).times(1 / one),
        new Peer(peer, rounds.rate(peer).times(1 / one), rounds.ratio(of, peer)));
  }

  /**
   * The time of a contestant on a GPU beside another library's in the same rounds.
   *
   * @param scale from seconds of a call to the unit
   */
  static Figure beside(
      String name, String shape, String unit, double scale, Rounds rounds, String of, String peer) {
    return new Figure(
        Group.PEER,
        name,
        shape,
        0,
        unit,
        rounds.seconds(of).times(scale),
        new Peer(peer, rounds.seconds(peer).times(scale), rounds.ratio(of, peer)));
  }
}
