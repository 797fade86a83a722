package consumer;

import io.github.trimtab.Backend;
import io.github.trimtab.Backends;
import io.github.trimtab.kernel.Select;
import io.github.trimtab.memory.Tensor;
import java.util.Arrays;

/** Selects tokens on the best backend, which must be the one that the caller expects here. */
public final class Main {
  private Main() {}

  /** Takes the name of the expected backend. */
  public static void main(String[] args) {
    Backend backend = Backends.bestOnHost();
    if (!backend.name().equals(args[0])) {
      throw new AssertionError("expected " + args[0] + ", got " + Backends.all());
    }
    for (Backend other : Backends.all()) {
      System.out.println(other);
    }
    Tensor scores = Tensor.wrap(new float[] {1, 5, 2, 5, 3, 4}, 1, 1, 6);
    Tensor window = Tensor.wrap(new int[] {0}, 1, 1);
    Tensor capacity = Tensor.wrap(new int[] {4}, 1, 1);
    int[] kept = new int[4];
    backend
        .kernels()
        .select(new Select(scores, null, window, capacity, Tensor.wrap(kept, 1, 1, 4)));
    if (!Arrays.equals(kept, new int[] {0, 1, 3, 5})) {
      throw new AssertionError("kept " + Arrays.toString(kept));
    }
  }
}
