package io.github.trimtab.benchmarks;

import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUstream;

/**
 * The numbers behind JCuda's objects, which it shows to its own classes alone, and prints: {@code
 * CUstream[nativePointer=0x7f00]}, {@code CUdeviceptr[nativePointer=0x7f00,byteOffset=256]}.
 */
final class JCudaHandles {
  private static final Pattern STREAM = Pattern.compile("nativePointer=0x(?<address>[0-9a-f]+)]");
  private static final Pattern POINTER =
      Pattern.compile("nativePointer=0x(?<address>[0-9a-f]+),byteOffset=(?<offset>-?\\d+)]");

  private JCudaHandles() {}

  static long of(CUstream stream) {
    return address(match(STREAM, stream));
  }

  /** The address that a pointer stands for, its offset included. */
  static long of(CUdeviceptr pointer) {
    MatchResult found = match(POINTER, pointer);
    return address(found) + Long.parseLong(found.group("offset"));
  }

  private static MatchResult match(Pattern pattern, Object handle) {
    return pattern.matcher(handle.toString()).results().findFirst().orElseThrow();
  }

  private static long address(MatchResult found) {
    return Long.parseUnsignedLong(found.group("address"), 16);
  }
}
