package io.github.trimtab.cuda;

import io.github.trimtab.internal.cuda.Addresses;
import io.github.trimtab.kernel.Operation;
import io.github.trimtab.memory.Memory;
import io.github.trimtab.memory.Place;

/** Operations on the default stream of whichever device their buffers live on. */
final class DefaultKernels extends OperationKernels {
  @Override
  void run(Operation op) {
    stream(op.getClass().getSimpleName() + ": buffers", op.place()).run(op, Addresses.own());
  }

  @Override
  public Memory memory(Place place) {
    return stream("place", place).memory();
  }

  private static CudaStream stream(String name, Place place) {
    if (place.isHost()) {
      throw new IllegalArgumentException(
          name + ": host memory, expected memory of a CUDA device on this backend");
    }
    return CudaDevice.of(place.device()).defaultStream();
  }
}
