package io.github.trimtab.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.trimtab.Backends;
import io.github.trimtab.CudaDevices;
import io.github.trimtab.memory.Buffer;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * A kernel that destroys its device's context, which the emulation can be told to do. In a process
 * of its own, since that device is lost to the process.
 */
@Tag("cuda")
final class LostContextTest {
  /** Prints the exception of each call. */
  static final class Child {
    private Child() {}

    /** Loses device 0 with its first launch. */
    @SuppressWarnings("MustBeClosedChecker") // closed below, as one of the calls
    public static void main(String[] arguments) {
      CudaDevices.backend();
      CudaStream stream = CudaDevice.of(0).newStream();
      CudaStream other = CudaDevice.of(0).newStream();
      Buffer buffer = CudaDevice.of(0).allocate(64);
      Lists lists = new Lists(stream.memory());
      CudaOperation prepared = stream.prepare(lists.append());
      lists.setFresh(1);
      report(() -> stream.kernels().append(lists.append()));
      report(() -> lists.keys());
      report(stream::synchronize);
      report(prepared::enqueue);
      report(other::synchronize);
      report(() -> CudaDevice.of(0).allocate(64));
      report(() -> Backends.named("cuda").kernels().append(lists.append()));
      report(lists::close);
      report(buffer::close);
      report(stream::close);
      CudaDevice second = CudaDevice.of(1);
      try (CudaStream alive = second.newStream();
          Lists more = new Lists(alive.memory())) {
        more.setFresh(2);
        alive.kernels().append(more.append());
        System.out.println(more.keys()[0]);
      }
    }

    private static void report(Runnable call) {
      try {
        call.run();
        System.out.println("fine");
      } catch (CudaException e) {
        System.out.println(e.getClass().getSimpleName() + ": " + e.getMessage());
      }
    }
  }

  private static List<String> child() throws IOException, InterruptedException {
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:TieredStopAtLevel=1",
            "--enable-native-access=ALL-UNNAMED",
            "-Dtrimtab.cuda.library=" + System.getProperty("trimtab.cuda.library"),
            "-Dtrimtab.cuda.driver=" + System.getProperty("trimtab.cuda.driver"),
            "-cp",
            System.getProperty("java.class.path"),
            Child.class.getName());
    builder.environment().put("TRIMTAB_EMULATION_FAILS", "1");
    Process process = builder.redirectErrorStream(true).start();
    try (InputStream output = process.getInputStream()) {
      String text = new String(output.readAllBytes(), StandardCharsets.UTF_8);
      assertThat(process.waitFor()).as(text).isZero();
      return text.lines()
          .filter(line -> !line.startsWith("emulation: ") && !line.startsWith("WARNING: "))
          .toList();
    }
  }

  @Test
  void anErrorIsReportedOnceWithTheOperationAndThenTheContextIsLost()
      throws IOException, InterruptedException {
    assumeTrue(
        CudaDevices.backend().device().contains("(emulation"), "only the emulation can be broken");
    String lost =
        "ContextLostException: the context of cuda:0 is lost since cuStreamSynchronize after"
            + " Append: CUDA_ERROR_LAUNCH_FAILED (719): unspecified launch failure";
    assertThat(child())
        .containsExactly(
            "fine",
            "CudaException: cuStreamSynchronize after Append on cuda:0: CUDA_ERROR_LAUNCH_FAILED"
                + " (719): unspecified launch failure; the device's context is lost",
            lost,
            lost,
            lost,
            lost,
            lost,
            "fine",
            "fine",
            "fine",
            "2000.0");
  }
}
