package io.github.trimtab.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.benchmarks.ImageMemory.Held;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class ImagePlanTest {

  @Test
  void theFileForTheProgramsHoldsThePlans() throws IOException {
    Path file = Path.of("native/gpu/images.txt");
    assertThat(Files.readString(file))
        .as("written by java -cp benchmarks.jar %s FILE", ImagePlan.class.getName())
        .isEqualTo(ImagePlan.file());
  }

  @Test
  void poolsCountWholePagesOfTheModel() {
    ImagePlan small =
        ImagePlan.all().stream()
            .filter(plan -> plan.name().equals("VAR-d30, 2 rows, 4 % kept"))
            .findFirst()
            .orElseThrow();
    long page = 64 * 2 * 30 * 64 * Short.BYTES;
    Held held = ImageMemory.held(small);
    // 17 tokens of each layer and row lie in one page; a layer that forgets holds a second one.
    assertThat(held.atRest()).isEqualTo(30 * 2 * page);
    assertThat(held.peak()).isEqualTo((30 * 2 + 2) * page);
    // While it attends to the largest map, nothing is forgotten.
    long map = 256 * page / 64;
    assertThat(held.withNewMap()).isEqualTo(30 * 2 * page + 2 * map);
  }
}
