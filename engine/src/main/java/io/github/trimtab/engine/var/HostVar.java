package io.github.trimtab.engine.var;

import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;

/** A model on the host. */
record HostVar(VarModel model, Kernels kernels) implements VarBackend {

  @Override
  public PagePool pool(PageLayout layout, int pages) {
    return new PagePool(layout, pages);
  }

  @Override
  public Rollout guided() {
    return Rollout.guided(model);
  }

  @Override
  public void close() {}
}
