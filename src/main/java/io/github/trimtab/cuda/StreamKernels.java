package io.github.trimtab.cuda;

import io.github.trimtab.internal.cuda.Addresses;
import io.github.trimtab.kernel.Operation;
import io.github.trimtab.memory.Memory;
import io.github.trimtab.memory.Place;

/** Operations on one stream, over memory of its device. */
final class StreamKernels extends OperationKernels {
  private final CudaStream stream;

  StreamKernels(CudaStream stream) {
    this.stream = stream;
  }

  @Override
  void run(Operation op) {
    requirePlace(op, stream.device());
    stream.run(op, Addresses.own());
  }

  @Override
  public Memory memory(Place place) {
    if (!place.equals(stream.device().place())) {
      throw new IllegalArgumentException(
          "place: " + place + ", expected " + stream.device().place() + " on this stream");
    }
    return stream.memory();
  }

  static void requirePlace(Operation op, CudaDevice device) {
    if (!op.place().equals(device.place())) {
      throw new IllegalArgumentException(
          op.getClass().getSimpleName()
              + ": buffers on "
              + op.place()
              + ", expected memory on "
              + device.place());
    }
  }
}
