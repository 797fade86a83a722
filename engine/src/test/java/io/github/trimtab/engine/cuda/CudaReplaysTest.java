package io.github.trimtab.engine.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("cuda")
final class CudaReplaysTest {

  @Test
  void workRunsTwiceAndIsReplayedFromThenOn() {
    try (Gpu gpu = Gpus.open();
        DeviceArena memory = new DeviceArena(gpu.stream());
        Replays replays = new Replays(gpu.stream())) {
      var sum = memory.allocate(Float.BYTES);
      long two = memory.copy(new float[] {2});
      List<String> ran = new ArrayList<>();
      float[] value = new float[1];
      for (int i = 0; i < 4; i++) {
        for (String key : List.of("a", "b")) {
          replays.run(
              key,
              () -> {
                ran.add(key);
                gpu.kernels().add(sum.deviceAddress(), two, 1, 1, sum.deviceAddress());
              });
        }
        gpu.stream().memory().download(sum, 0, MemorySegment.ofArray(value));
        assertThat(value[0]).isEqualTo(4 * (i + 1));
      }
      assertThat(ran).containsExactly("a", "b", "a", "b");
      replays.forget();
      replays.run("a", () -> ran.add("again"));
      assertThat(ran).endsWith("again");
    }
  }
}
