package io.github.trimtab.cuda;

import static io.github.trimtab.internal.cuda.bindings.cuda_h.*;
import static io.github.trimtab.internal.cuda.bindings.trimtab_h.*;

import io.github.trimtab.internal.cuda.bindings.trimtab_status_word;
import io.github.trimtab.memory.Buffer;
import java.lang.foreign.MemorySegment;

/** Where the kernels of a stream note the first bad value that they meet in an index buffer. */
final class StatusWord implements AutoCloseable {
  private final Buffer word;
  private final Buffer copy;

  StatusWord(CudaDevice device) {
    this.word = device.allocate(trimtab_status_word.sizeof());
    try {
      this.copy = device.pinned(trimtab_status_word.sizeof());
    } catch (RuntimeException | Error e) {
      word.close();
      throw e;
    }
  }

  long address() {
    return word.deviceAddress();
  }

  /** Enqueues the copy that {@link #report} reads once the stream was waited for. */
  void enqueueRead(CudaStream stream) {
    stream.call(
        "cuMemcpyDtoHAsync",
        () -> cuMemcpyDtoHAsync_v2(copy.segment(), address(), copy.byteSize(), stream.pointer()));
  }

  /** Throws what the copy says, and enqueues the word's return to zero. */
  void report(CudaStream stream) {
    MemorySegment found = copy.segment();
    int operation = trimtab_status_word.operation(found);
    if (operation == 0) {
      return;
    }
    stream.call(
        "cuMemsetD8Async",
        () -> cuMemsetD8Async(address(), (byte) 0, word.byteSize(), stream.pointer()));
    throw new IllegalArgumentException(message(operation, found));
  }

  private static String message(int operation, MemorySegment found) {
    int problem = trimtab_status_word.problem(found);
    long value = trimtab_status_word.value(found);
    boolean real =
        problem == TRIMTAB_PROBLEM_NEGATIVE()
            || problem == TRIMTAB_PROBLEM_SUM()
            || problem == TRIMTAB_PROBLEM_UNDRAWN();
    return trimtab_operation_name(operation).getString(0)
        + ": "
        + trimtab_argument_name(trimtab_status_word.argument(found)).getString(0)
        + ", element "
        + trimtab_status_word.index(found)
        + ": "
        + (real ? String.valueOf(Float.intBitsToFloat((int) value)) : String.valueOf(value))
        + ", "
        + (problem == TRIMTAB_PROBLEM_OUTSIDE()
            ? "expected "
                + trimtab_status_word.low(found)
                + " to "
                + trimtab_status_word.high(found)
            : trimtab_problem_text(problem).getString(0));
  }

  @Override
  public void close() {
    word.close();
    copy.close();
  }
}
