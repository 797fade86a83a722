package io.github.trimtab.cuda;

import io.github.trimtab.internal.cuda.Addresses;
import io.github.trimtab.kernel.Operation;
import io.github.trimtab.memory.Memory;
import io.github.trimtab.memory.Place;

/** Operations on the default stream of whichever device their buffers live on. */
final class DefaultKernels extends OperationKernels {
  @Override
  void run(Operation op) {
    Place place = op.place();
    if (place.isHost()) {
      throw refusal(op.getClass().getSimpleName() + ": buffers");
    }
    stream(place).run(op, Addresses.own());
  }

  @Override
  public Memory memory(Place place) {
    if (place.isHost()) {
      throw refusal("place");
    }
    return stream(place).memory();
  }

  private static CudaStream stream(Place place) {
    return CudaDevice.of(place.device()).defaultStream();
  }

  private static IllegalArgumentException refusal(String name) {
    return new IllegalArgumentException(
        name + ": host memory, expected memory of a CUDA device on this backend");
  }
}
