package io.github.trimtab.benchmarks;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import java.util.stream.Stream;

/**
 * What the machine can do at all, in Java and in C++ where there is a compiler: the better of the
 * two is the ceiling, so that a slow loop flatters nobody.
 */
final class Ceilings {
  static final String JAVA_READ = "memory read, Java";
  static final String CPP_READ = "memory read, C++";
  static final String CPP_READ_ROWS = "memory read of every second row, C++";
  static final String JAVA_COPY = "memory copy, Java";
  static final String CPP_COPY = "memory copy, C";
  static final String CPP_STREAM = "memory copy past the caches, C++";
  static final String JAVA_FMA = "multiply-add peak, Java";
  static final String CPP_FMA = "multiply-add peak, C++";

  /** Operands for which chains of fused multiply-adds stay normal numbers for ever. */
  static final float FACTOR = 0.5f;

  static final float TERM = 0.25f;

  private static final long FLOPS_PER_LOOP = 12 * 8 * 2;
  private static final long ALIGNMENT = 128;

  /** Results go here, so that no loop is removed as useless. */
  private static volatile double sink;

  private final Workers workers;
  private final Optional<CppPeers> cpp;

  Ceilings(Workers workers, Optional<CppPeers> cpp) {
    this.workers = workers;
    this.cpp = cpp;
  }

  /** Reads {@code data.apply(set)} once, front to back. */
  void addRead(Rounds rounds, long bytes, IntFunction<MemorySegment> data) {
    rounds.add(
        JAVA_READ, bytes, set -> slices(data.apply(set), piece -> sink = JavaLoops.read(piece)));
    cpp.ifPresent(peers ->
        rounds.add(
            CPP_READ, bytes, set -> slices(data.apply(set), piece -> sink = peers.read(piece))));
  }

  /** Reads every second row of {@code matrix.apply(set)}, where there is C++. */
  void addReadRows(Rounds rounds, long bytes, long rowBytes, IntFunction<MemorySegment> matrix) {
    cpp.ifPresent(peers ->
        rounds.add(
            CPP_READ_ROWS,
            bytes,
            set ->
                slices(
                    matrix.apply(set),
                    2 * rowBytes,
                    piece -> sink = peers.readRows(piece, rowBytes))));
  }

  /** Copies as many bytes as {@code to} has. */
  void addCopy(
      Rounds rounds, long bytes, IntFunction<MemorySegment> from, IntFunction<MemorySegment> to) {
    rounds.add(JAVA_COPY, bytes, set -> slices(from.apply(set), to.apply(set), JavaLoops::copy));
    cpp.ifPresent(peers -> {
      rounds.add(CPP_COPY, bytes, set -> slices(from.apply(set), to.apply(set), peers::copy));
      rounds.add(CPP_STREAM, bytes, set -> slices(from.apply(set), to.apply(set), peers::stream));
    });
  }

  /** Multiplies and adds in registers, about {@code flops} floating-point operations in all. */
  void addFma(Rounds rounds, long flops) {
    int pieces = workers.pieces();
    long loops = flops / FLOPS_PER_LOOP / pieces;
    long done = loops * pieces * FLOPS_PER_LOOP;
    rounds.add(JAVA_FMA, done, set -> workers.run(pieces, i -> sink = JavaLoops.fma(loops)));
    cpp.ifPresent(peers ->
        rounds.add(CPP_FMA, done, set -> workers.run(pieces, i -> sink = peers.fma(loops))));
  }

  /** The forms of a ceiling as far as they ran, as figures. */
  List<Figure> figures(Rounds rounds, double unit, String unitName, String... forms) {
    return Stream.of(forms)
        .filter(rounds::has)
        .map(name ->
            new Figure(
                Figure.Group.CEILING,
                name,
                "",
                workers.threads(),
                unitName,
                rounds.rate(name).times(1 / unit),
                null))
        .toList();
  }

  private void slices(MemorySegment data, Consumer<MemorySegment> body) {
    slices(data, ALIGNMENT, body);
  }

  private void slices(MemorySegment data, long block, Consumer<MemorySegment> body) {
    int pieces = workers.pieces();
    workers.run(pieces, i -> body.accept(piece(data, block, i, pieces)));
  }

  private void slices(
      MemorySegment from, MemorySegment to, BiConsumer<MemorySegment, MemorySegment> body) {
    int pieces = workers.pieces();
    workers.run(
        pieces,
        i -> body.accept(piece(to, ALIGNMENT, i, pieces), piece(from, ALIGNMENT, i, pieces)));
  }

  /** The {@code i}th of equal slices, each of whole blocks. */
  private static MemorySegment piece(MemorySegment data, long block, int i, int pieces) {
    long blocks = data.byteSize() / block;
    long start = blocks * i / pieces * block;
    return data.asSlice(start, blocks * (i + 1) / pieces * block - start);
  }
}
