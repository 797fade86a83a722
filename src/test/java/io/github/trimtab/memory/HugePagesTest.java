package io.github.trimtab.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The JVM of the tests has native access; one of a test's own has not. */
final class HugePagesTest {
  @ParameterizedTest
  @ValueSource(longs = {0, 1, 12_345, HugePages.PAGE})
  void largeBuffersAreAsLargeAsAskedZeroedAndGoneAfterClose(long more) {
    long bytes = HugePages.LEAST + more;
    Buffer buffer = Buffer.allocate(bytes);
    MemorySegment memory = buffer.segment();
    assertThat(buffer.byteSize()).isEqualTo(bytes);
    assertThat(memory.byteSize()).isEqualTo(bytes);
    assertThat(memory.mismatch(MemorySegment.ofArray(new byte[(int) bytes]))).isEqualTo(-1);
    memory.fill((byte) 1);
    assertThat(memory.get(ValueLayout.JAVA_BYTE, bytes - 1)).isEqualTo((byte) 1);
    buffer.close();
    buffer.close();
    assertThatIllegalStateException().isThrownBy(() -> memory.get(ValueLayout.JAVA_BYTE, 0));
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void linuxIsAskedForHugePagesOfExactlyTheBuffer() throws IOException {
    try (Buffer buffer = Buffer.allocate(HugePages.LEAST + 12_345)) {
      long start = buffer.segment().address();
      assertThat(start % HugePages.PAGE).isZero();
      assertThat(isAdvised(start)).isTrue();
      assertThat(isAdvised(start + buffer.byteSize() - 1)).isTrue();
    }
    try (Buffer small = Buffer.allocate(HugePages.LEAST - 1)) {
      assertThat(isAdvised(small.segment().address())).isFalse();
    }
  }

  /** Whether the mapping that holds an address has the flag "hg" (huge pages advised). */
  private static boolean isAdvised(long address) throws IOException {
    boolean inside = false;
    for (String line : Files.readAllLines(Path.of("/proc/self/smaps"))) {
      if (line.matches("[0-9a-f]+-[0-9a-f]+ .*")) {
        String[] range = line.substring(0, line.indexOf(' ')).split("-", 2);
        inside =
            Long.compareUnsigned(Long.parseUnsignedLong(range[0], 16), address) <= 0
                && Long.compareUnsigned(address, Long.parseUnsignedLong(range[1], 16)) < 0;
      } else if (inside && line.startsWith("VmFlags:")) {
        return List.of(line.split(" +", -1)).contains("hg");
      }
    }
    throw new AssertionError("nothing is mapped at " + address);
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void closedBuffersGiveTheirAddressesBack() throws IOException {
    Buffer.allocate(32 << 20).close();
    long before = mappedKilobytes();
    for (int i = 0; i < 32; i++) {
      Buffer.allocate(32 << 20).close();
    }
    // A leak would be 1 GiB; what else the JVM maps meanwhile is far less.
    assertThat(mappedKilobytes() - before).isLessThan(512 << 10);
  }

  private static long mappedKilobytes() throws IOException {
    return Files.readAllLines(Path.of("/proc/self/status")).stream()
        .filter(line -> line.startsWith("VmSize:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
        .findFirst()
        .orElseThrow();
  }

  @ParameterizedTest
  @ValueSource(longs = {1L << 60, Long.MAX_VALUE})
  void tooMuchIsTheOrdinaryError(long bytes) {
    assertThatExceptionOfType(OutOfMemoryError.class).isThrownBy(() -> Buffer.allocate(bytes));
    try (Arena arena = Arena.ofConfined()) {
      assertThat(HugePages.map(bytes, arena)).isEmpty();
    }
  }

  /** A program without native access. */
  static final class Plain {
    private Plain() {}

    /** Prints the sum of a large buffer's first and last byte. */
    public static void main(String[] arguments) {
      try (Buffer buffer = Buffer.allocate(2 * HugePages.LEAST)) {
        MemorySegment memory = buffer.segment();
        memory.set(ValueLayout.JAVA_BYTE, 0, (byte) 3);
        System.out.print(
            memory.get(ValueLayout.JAVA_BYTE, 0)
                + memory.get(ValueLayout.JAVA_BYTE, memory.byteSize() - 1));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"warn", "deny"})
  void withoutNativeAccessNobodyIsWarnedAndNothingFails(String illegalAccess)
      throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xshare:auto",
                "-XX:TieredStopAtLevel=1",
                "--illegal-native-access=" + illegalAccess,
                "-cp",
                System.getProperty("java.class.path"),
                Plain.class.getName())
            .redirectErrorStream(true)
            .start();
    try (InputStream output = process.getInputStream()) {
      assertThat(new String(output.readAllBytes(), StandardCharsets.UTF_8)).isEqualTo("3");
      assertThat(process.waitFor()).isZero();
    }
  }
}
