package io.github.trimtab.engine.var;

import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;

/** Where a model runs: its arithmetic, its cache's operations and the memory of both. */
public interface VarBackend extends AutoCloseable {

  /** On the host. */
  static VarBackend host(VarModel model, Kernels kernels) {
    return new HostVar(model, kernels);
  }

  /** The model. */
  VarModel model();

  /** The operations of its caches. */
  Kernels kernels();

  /** A pool of pages for its caches. */
  PagePool pool(PageLayout layout, int pages);

  /** A rollout with guidance, whose caches are made of the above. */
  Rollout guided();

  @Override
  void close();
}
