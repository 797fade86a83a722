package io.github.trimtab.memory;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/**
 * Host memory that asks Linux for pages of 2 MiB.
 *
 * <p>Who reads cold memory waits for page tables too, where rows that lie apart are each on another
 * page of 4 KiB. Most systems give large pages to whoever asks by {@code madvise}, and they must be
 * asked before memory is first written: Java's allocator has written it by then, so this maps
 * memory of its own.
 *
 * <p>Besides the CUDA backend this is the one class that calls native functions, three of the C
 * library. It does so only where the library has been given native access, so that a program that
 * did not ask for it sees no warning of the JVM.
 */
@SuppressWarnings("restricted") // see above
final class HugePages {
  /** Bytes of a page, and the alignment of memory made of them. */
  static final long PAGE = 2 << 20;

  /** Smaller memory has too few whole pages in it to be worth a mapping. */
  static final long LEAST = 2 * PAGE;

  private static final boolean LINUX =
      System.getProperty("os.name").equals("Linux") && ADDRESS.byteSize() == Long.BYTES;

  // From sys/mman.h, alike on all processors for which there is a JDK.
  private static final int READ_AND_WRITE = 1 | 2;
  private static final int PRIVATE_AND_ANONYMOUS = 0x02 | 0x20;
  private static final int HUGE_PAGES = 14;
  private static final long FAILED = -1;

  private HugePages() {}

  /**
   * Zeroed memory aligned to {@link #PAGE} that is unmapped with its arena. Addresses around it are
   * reserved for the alignment, memory is not. On which pages it then lies is the system's choice,
   * and never an error.
   *
   * @return nothing for small memory, without native access, and where there is not as much memory
   */
  static Optional<MemorySegment> map(long bytes, Arena arena) {
    if (!LINUX || bytes < LEAST || !HugePages.class.getModule().isNativeAccessEnabled()) {
      return Optional.empty();
    }
    long reserved = bytes + PAGE;
    try {
      MemorySegment mapping =
          (MemorySegment)
              C.MMAP.invokeExact(
                  MemorySegment.NULL, reserved, READ_AND_WRITE, PRIVATE_AND_ANONYMOUS, -1, 0L);
      if (mapping.address() == FAILED) {
        return Optional.empty();
      }
      MemorySegment memory =
          MemorySegment.ofAddress((mapping.address() + PAGE - 1) & -PAGE)
              .reinterpret(bytes, arena, _ -> unmap(mapping, reserved));
      int _ = (int) C.MADVISE.invokeExact(memory, bytes, HUGE_PAGES);
      // Pages come when they are first written: now, not in the middle of an operation.
      return Optional.of(memory.fill((byte) 0));
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError(e); // functions in C throw nothing
    }
  }

  private static void unmap(MemorySegment mapping, long bytes) {
    try {
      int _ = (int) C.MUNMAP.invokeExact(mapping, bytes);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  /** The C library's functions, bound on first use. */
  private static final class C {
    static final MethodHandle MMAP =
        bind(
            "mmap",
            FunctionDescriptor.of(
                ADDRESS, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG));
    static final MethodHandle MADVISE =
        bind("madvise", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));
    static final MethodHandle MUNMAP =
        bind("munmap", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG));

    private C() {}

    private static MethodHandle bind(String name, FunctionDescriptor type) {
      Linker linker = Linker.nativeLinker();
      return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), type);
    }
  }
}
