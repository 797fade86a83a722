package io.github.trimtab.kernel;

import java.util.List;

/** The backends that every behaviour is tested on; one that is missing fails its tests. */
final class TestBackends {
  static final List<String> NAMES = List.of("scalar", "vector");

  private TestBackends() {}
}
