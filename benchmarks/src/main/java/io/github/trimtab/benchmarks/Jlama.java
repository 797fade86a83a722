package io.github.trimtab.benchmarks;

import com.github.tjake.jlama.tensor.AbstractTensor;
import com.github.tjake.jlama.tensor.BFloat16BufferTensor;
import com.github.tjake.jlama.tensor.FloatBufferTensor;
import com.github.tjake.jlama.tensor.Q4ByteBufferTensor;
import com.github.tjake.jlama.tensor.TensorShape;
import com.github.tjake.jlama.tensor.operations.NativeSimdTensorOperations;
import com.github.tjake.jlama.tensor.operations.PanamaTensorOperations;
import com.github.tjake.jlama.tensor.operations.TensorOperations;
import com.github.tjake.jlama.util.MachineSpec;
import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;

/**
 * Jlama's kernels, those in C and those on the Vector API: F32 vectors with F32 and BF16 rows, and
 * vectors rounded to 8 bits with rows of 4 bits. Rows are split over the benchmark's threads.
 */
final class Jlama implements HeadPeer {
  /**
   * Rows of a piece are a multiple of this: where they are not one of 5, the kernels in C leave the
   * last row's logits of some of 8 vectors unwritten. So the last piece overlaps the one before.
   */
  private static final int TILES = 60;

  private final String name;
  private final TensorOperations operations;

  private Jlama(String name, TensorOperations operations) {
    this.name = name;
    this.operations = operations;
  }

  static HeadPeer panama() {
    return new Jlama("Jlama, Vector API", new PanamaTensorOperations(MachineSpec.VECTOR_TYPE));
  }

  /** The kernels in C, or a sentence in {@code absent} where there is no build for the machine. */
  static Optional<HeadPeer> find(List<String> absent) {
    try {
      return Optional.of(new Jlama("Jlama, C", new NativeSimdTensorOperations()));
    } catch (LinkageError | RuntimeException e) {
      absent.add("Jlama's kernels in C: no build for this machine loads.");
      return Optional.empty();
    }
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public boolean takes(DType format, int vectors) {
    return format == DType.F32 || format == DType.BF16 || format == DType.INT4;
  }

  @Override
  public Rounds.Body prepare(Task task) {
    AbstractTensor<?, ?> hidden = floats(task.hidden());
    FloatBufferTensor logits = floats(task.logits());
    List<? extends AbstractTensor<?, ?>> copies =
        task.copies().stream().map(copy -> rows(copy, task.source())).toList();
    Workers workers = task.workers();
    int length = Math.max(TILES, task.rows() / workers.pieces() / TILES * TILES);
    int pieces = Math.ceilDiv(task.rows(), length);
    return set -> {
      AbstractTensor<?, ?> vectors =
          task.format() == DType.INT4
              ? operations.quantize(
                  hidden, com.github.tjake.jlama.safetensors.DType.I8, 0, task.columns())
              : hidden;
      workers.run(
          pieces,
          piece ->
              operations.dotProductChunk(
                  logits,
                  vectors,
                  copies.get(set),
                  0,
                  task.columns(),
                  Math.min(piece * length, task.rows() - length),
                  length));
    };
  }

  private static AbstractTensor<?, ?> rows(WeightRows copy, Tensor source) {
    return switch (copy.format()) {
      case F32 -> floats(copy.codes());
      case BF16 ->
          new BFloat16BufferTensor(
              "rows", bytes(copy.codes()).asShortBuffer(), shape(copy.codes()), false);
      default -> new Q4ByteBufferTensor(floats(source));
    };
  }

  private static FloatBufferTensor floats(Tensor tensor) {
    return new FloatBufferTensor(bytes(tensor).asFloatBuffer(), shape(tensor), false);
  }

  private static ByteBuffer bytes(Tensor tensor) {
    return tensor.segment().asByteBuffer().order(ByteOrder.nativeOrder());
  }

  private static TensorShape shape(Tensor tensor) {
    return TensorShape.of((int) tensor.size(0), (int) tensor.size(1));
  }

  @Override
  public void close() {}
}
