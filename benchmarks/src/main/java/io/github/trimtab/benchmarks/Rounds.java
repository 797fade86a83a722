package io.github.trimtab.benchmarks;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * Contestants timed in turn, A B C A B C, so that a change of the machine's speed meets all alike.
 *
 * <p>Data is cold: each contestant walks through {@code sets} copies of it, as many as it takes to
 * leave the caches, and no two contestants are near the same copy.
 */
final class Rounds {
  /** Bytes that copies of the data take together, several times any cache. */
  static final long COLD_BYTES = 160_000_000;

  private static final int COLD_ROUNDS = 5;
  private static final int LEAST_ROUNDS = 7;
  private static final int MOST_ROUNDS = 300;

  /** One timed call on one copy of the data. */
  @FunctionalInterface
  interface Body {
    void run(int set);
  }

  private record Contestant(
      String name, long work, Runnable before, Body body, Runnable after, List<Double> seconds) {}

  private final int sets;
  private final List<Contestant> contestants = new ArrayList<>();

  Rounds(int sets) {
    this.sets = sets;
  }

  /** Copies of data of which a call touches {@code bytes}. */
  static int setsFor(long bytes) {
    return (int) Math.max(4, Math.ceilDiv(COLD_BYTES, bytes));
  }

  /**
   * Adds a contestant.
   *
   * @param work bytes or operations of one call: rates and ratios are in terms of it
   */
  Rounds add(String name, long work, Body body) {
    return add(name, work, () -> {}, body, () -> {});
  }

  /** The same between two calls that are not timed. */
  Rounds add(String name, long work, Runnable before, Body body, Runnable after) {
    contestants.add(new Contestant(name, work, before, body, after, new ArrayList<>()));
    return this;
  }

  /** Warms up for {@code seconds}, then measures for as long again. */
  Rounds run(double seconds) {
    return run(seconds, seconds);
  }

  /**
   * Warms up, then measures. The first rounds count for neither: until loops over vectors are
   * compiled, they alone may take longer than the time to warm up.
   */
  Rounds run(double warmUp, double seconds) {
    for (int round = 0; round < COLD_ROUNDS; round++) {
      round(round);
    }
    long start = System.nanoTime();
    for (int round = 0; round < 2 || since(start) < warmUp; round++) {
      round(round);
    }
    contestants.forEach(contestant -> contestant.seconds.clear());
    start = System.nanoTime();
    for (int round = 0;
        round < LEAST_ROUNDS || (round < MOST_ROUNDS && since(start) < seconds);
        round++) {
      round(round);
    }
    return this;
  }

  private void round(int round) {
    for (int i = 0; i < contestants.size(); i++) {
      Contestant contestant = contestants.get(i);
      int set = (round + i * sets / contestants.size()) % sets;
      contestant.before.run();
      long start = System.nanoTime();
      contestant.body.run(set);
      contestant.seconds.add(since(start));
      contestant.after.run();
    }
  }

  private static double since(long nanoTime) {
    return (System.nanoTime() - nanoTime) * 1e-9;
  }

  /** Work a second. */
  Spread rate(String name) {
    return Spread.of(rates(named(name)));
  }

  /** Seconds a call. */
  Spread seconds(String name) {
    return Spread.of(named(name).seconds.stream().mapToDouble(s -> s).toArray());
  }

  /** How many times as fast as {@code other}, round by round. */
  Spread ratio(String name, String other) {
    double[] rates = rates(named(name));
    double[] others = rates(named(other));
    for (int i = 0; i < rates.length; i++) {
      rates[i] /= others[i];
    }
    return Spread.of(rates);
  }

  boolean has(String name) {
    return contestants.stream().anyMatch(contestant -> contestant.name.equals(name));
  }

  /** The one of {@code names} that takes part and is the fastest. */
  String best(String... names) {
    return Stream.of(names)
        .filter(this::has)
        .max(Comparator.comparingDouble(name -> rate(name).median()))
        .orElseThrow();
  }

  private static double[] rates(Contestant contestant) {
    return contestant.seconds.stream().mapToDouble(s -> contestant.work / s).toArray();
  }

  private Contestant named(String name) {
    return contestants.stream().filter(c -> c.name.equals(name)).findFirst().orElseThrow();
  }
}
