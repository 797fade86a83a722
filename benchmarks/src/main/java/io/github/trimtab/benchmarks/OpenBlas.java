package io.github.trimtab.benchmarks;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * OpenBLAS where the system has it: sgemv and sgemm of F32 rows, and the BF16 ones in builds that
 * have them. It runs threads of its own, as many as take part in the benchmark.
 */
@SuppressWarnings("restricted") // native code is what this class is for
final class OpenBlas implements HeadPeer {
  private static final int ROW_MAJOR = 101;
  private static final int PLAIN = 111;
  private static final int TRANSPOSED = 112;

  private final MethodHandle sgemv;
  private final MethodHandle sgemm;
  private final @Nullable MethodHandle sbgemv;
  private final String version;

  private OpenBlas(SymbolLookup symbols, int threads) throws Throwable {
    MemoryLayout[] gemv = {
      JAVA_INT,
      JAVA_INT,
      JAVA_INT,
      JAVA_INT,
      JAVA_FLOAT,
      ADDRESS,
      JAVA_INT,
      ADDRESS,
      JAVA_INT,
      JAVA_FLOAT,
      ADDRESS,
      JAVA_INT
    };
    sgemv = bind(symbols, "cblas_sgemv", FunctionDescriptor.ofVoid(gemv)).orElseThrow();
    sbgemv = bind(symbols, "cblas_sbgemv", FunctionDescriptor.ofVoid(gemv)).orElse(null);
    MemoryLayout[] gemm = {
      JAVA_INT,
      JAVA_INT,
      JAVA_INT,
      JAVA_INT,
      JAVA_INT,
      JAVA_INT,
      JAVA_FLOAT,
      ADDRESS,
      JAVA_INT,
      ADDRESS,
      JAVA_INT,
      JAVA_FLOAT,
      ADDRESS,
      JAVA_INT
    };
    sgemm = bind(symbols, "cblas_sgemm", FunctionDescriptor.ofVoid(gemm)).orElseThrow();
    bind(symbols, "openblas_set_num_threads", FunctionDescriptor.ofVoid(JAVA_INT))
        .orElseThrow()
        .invokeExact(threads);
    var config =
        (MemorySegment)
            bind(symbols, "openblas_get_config", FunctionDescriptor.of(ADDRESS))
                .orElseThrow()
                .invokeExact();
    String[] words = config.reinterpret(Long.MAX_VALUE).getString(0).split(" ", 3);
    version = words.length > 1 ? words[1] : "";
  }

  private static Optional<MethodHandle> bind(
      SymbolLookup symbols, String name, FunctionDescriptor type) {
    return symbols.find(name).map(symbol -> Linker.nativeLinker().downcallHandle(symbol, type));
  }

  /** The system's library, or a sentence in {@code absent}. */
  static Optional<HeadPeer> find(int threads, List<String> absent) {
    SymbolLookup symbols;
    try {
      symbols = SymbolLookup.libraryLookup("libopenblas.so.0", Arena.global());
    } catch (IllegalArgumentException e) {
      absent.add("OpenBLAS: libopenblas.so.0 was not found.");
      return Optional.empty();
    }
    try {
      return Optional.of(new OpenBlas(symbols, threads));
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  @Override
  public String name() {
    return "OpenBLAS " + version;
  }

  @Override
  public boolean takes(DType format, int vectors) {
    return format == DType.F32 || (format == DType.BF16 && vectors == 1 && sbgemv != null);
  }

  @Override
  public Rounds.Body prepare(Task task) {
    MemorySegment hidden = task.hidden().segment();
    MemorySegment logits = task.logits().segment();
    if (task.format() == DType.BF16) {
      MemorySegment rounded = Arena.ofAuto().allocate(hidden.byteSize() / 2);
      for (int i = 0; i < task.columns(); i++) {
        float value = hidden.getAtIndex(JAVA_FLOAT, i);
        rounded.setAtIndex(JAVA_SHORT, i, (short) (Float.floatToRawIntBits(value) >>> 16));
      }
      return set -> gemv(requireBf16(), task, task.copies().get(set), rounded, logits);
    }
    return task.vectors() == 1
        ? set -> gemv(sgemv, task, task.copies().get(set), hidden, logits)
        : set -> gemm(task, task.copies().get(set), hidden, logits);
  }

  private MethodHandle requireBf16() {
    return Optional.ofNullable(sbgemv).orElseThrow();
  }

  private static void gemv(
      MethodHandle function, Task task, WeightRows rows, MemorySegment x, MemorySegment y) {
    int columns = task.columns();
    MemorySegment codes = rows.codes().segment();
    try {
      function.invokeExact(
          ROW_MAJOR, PLAIN, task.rows(), columns, 1f, codes, columns, x, 1, 0f, y, 1);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  /** logits [N,rows] = hidden [N,d] times the rows' transpose. */
  private void gemm(Task task, WeightRows rows, MemorySegment hidden, MemorySegment logits) {
    int columns = task.columns();
    MemorySegment codes = rows.codes().segment();
    try {
      sgemm.invokeExact(
          ROW_MAJOR,
          PLAIN,
          TRANSPOSED,
          task.vectors(),
          task.rows(),
          columns,
          1f,
          hidden,
          columns,
          codes,
          columns,
          0f,
          logits,
          task.rows());
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  @Override
  public void close() {}
}
