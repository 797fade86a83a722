package io.github.trimtab.benchmarks;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;

/** The functions of {@code benchmarks/native/peers.cpp}. */
@SuppressWarnings("restricted") // native code is what this class is for
final class CppPeers {
  private final MethodHandle read;
  private final MethodHandle readRows;
  private final MethodHandle copy;
  private final MethodHandle stream;
  private final MethodHandle fma;
  private final MethodHandle topK;

  CppPeers(Path library) {
    SymbolLookup symbols = SymbolLookup.libraryLookup(library, Arena.global());
    read = bind(symbols, "peer_read", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG));
    readRows =
        bind(
            symbols,
            "peer_read_rows",
            FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG));
    copy = bind(symbols, "peer_copy", FunctionDescriptor.ofVoid(ADDRESS, ADDRESS, JAVA_LONG));
    stream = bind(symbols, "peer_stream", FunctionDescriptor.ofVoid(ADDRESS, ADDRESS, JAVA_LONG));
    fma =
        bind(
            symbols,
            "peer_fma",
            FunctionDescriptor.of(JAVA_FLOAT, JAVA_LONG, JAVA_FLOAT, JAVA_FLOAT));
    topK =
        bind(
            symbols,
            "peer_top_k",
            FunctionDescriptor.ofVoid(ADDRESS, JAVA_INT, JAVA_INT, ADDRESS, ADDRESS));
  }

  private static MethodHandle bind(SymbolLookup symbols, String name, FunctionDescriptor type) {
    return Linker.nativeLinker().downcallHandle(symbols.findOrThrow(name), type);
  }

  int read(MemorySegment data) {
    try {
      return (int) read.invokeExact(data, data.byteSize());
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  /** Reads every second row of a matrix. */
  int readRows(MemorySegment data, long rowBytes) {
    try {
      return (int) readRows.invokeExact(data, rowBytes, data.byteSize() / rowBytes / 2);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  void copy(MemorySegment to, MemorySegment from) {
    try {
      copy.invokeExact(to, from, from.byteSize());
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  void stream(MemorySegment to, MemorySegment from) {
    try {
      stream.invokeExact(to, from, from.byteSize());
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  float fma(long loops) {
    try {
      return (float) fma.invokeExact(loops, Ceilings.FACTOR, Ceilings.TERM);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  /** Unordered indices of the highest {@code k} scores; {@code scratch} holds a long a score. */
  void topK(MemorySegment scores, int k, MemorySegment indices, MemorySegment scratch) {
    try {
      topK.invokeExact(scores, (int) (scores.byteSize() / Float.BYTES), k, indices, scratch);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }
}
