/**
 * Kernels that cut what an inference engine must hold and read: a paged key/value cache that
 * forgets by measured attention, and draft heads cut to what is said.
 *
 * <p>Start at {@link io.github.trimtab.Backends} to choose a backend.
 */
module io.github.trimtab {
  requires static jdk.incubator.vector;
  requires static transitive org.jspecify;
  requires com.fasterxml.jackson.core;

  exports io.github.trimtab;
  exports io.github.trimtab.cuda;
  exports io.github.trimtab.io;
  exports io.github.trimtab.kernel;
  exports io.github.trimtab.kv;
  exports io.github.trimtab.memory;
  exports io.github.trimtab.scalekv;
  exports io.github.trimtab.speculative;
  exports io.github.trimtab.vocab;
}
