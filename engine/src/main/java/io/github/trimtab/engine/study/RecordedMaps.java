package io.github.trimtab.engine.study;

import io.github.trimtab.io.Safetensors;
import io.github.trimtab.memory.Tensor;
import io.github.trimtab.scalekv.Schedule;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The maps of held-out pictures that a model's {@code reference.safetensors} holds. */
final class RecordedMaps {

  private RecordedMaps() {}

  /**
   * Reads all maps.
   *
   * @param file has {@code labels} [pictures] and {@code tokens} [pictures, all scales' tokens]
   */
  static List<TokenMaps> read(Path file, Schedule schedule) throws IOException {
    try (Safetensors reference = Safetensors.open(file)) {
      Tensor labels = reference.tensor("labels");
      Tensor tokens = reference.tensor("tokens");
      if (labels.rank() != 1
          || tokens.rank() != 2
          || tokens.size(0) != labels.size(0)
          || tokens.size(1) != schedule.totalTokens()) {
        throw new IllegalArgumentException(
            file
                + ": tensors labels and tokens: "
                + labels
                + ", "
                + tokens
                + ", expected [pictures] and [pictures, "
                + schedule.totalTokens()
                + "]");
      }
      List<TokenMaps> maps = new ArrayList<>();
      for (int picture = 0; picture < labels.size(0); picture++) {
        List<int[]> codes = new ArrayList<>();
        for (int scale = 0; scale < schedule.scales(); scale++) {
          int[] map = new int[schedule.tokens(scale)];
          int row = picture;
          int first = schedule.history(scale);
          Arrays.setAll(map, i -> (int) tokens.integerAt(tokens.offset(row, first + i)));
          codes.add(map);
        }
        maps.add(new TokenMaps(Math.toIntExact(labels.integerAt(labels.offset(picture))), codes));
      }
      return maps;
    }
  }
}
