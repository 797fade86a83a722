package io.github.trimtab.engine.var;

import io.github.trimtab.engine.checkpoint.Checkpoint;
import io.github.trimtab.engine.math.Convolution;
import io.github.trimtab.engine.math.GroupNorm;
import io.github.trimtab.engine.math.PackedMatrix;
import io.github.trimtab.engine.math.Rows;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Two convolutions behind norms, added to their input (through a 1 x 1 where channels change). */
final class ResidualBlock {

  private final GroupNorm norm1;
  private final Convolution conv1;
  private final GroupNorm norm2;
  private final Convolution conv2;
  private final @Nullable Convolution shortcut;

  ResidualBlock(Checkpoint checkpoint, String name, VarConfig.Tokenizer shape, int in, int out) {
    norm1 = Layers.norm(checkpoint, name + ".norm1", shape, in);
    conv1 = Layers.convolution(checkpoint, name + ".conv1", out, in, 3);
    norm2 = Layers.norm(checkpoint, name + ".norm2", shape, out);
    conv2 = Layers.convolution(checkpoint, name + ".conv2", out, out, 3);
    shortcut =
        in == out ? null : Layers.convolution(checkpoint, name + ".nin_shortcut", out, in, 1);
  }

  /** Replaces the current map of {@code side} x {@code side} pixels. */
  void apply(int side, DecoderBuffers buffers) {
    MemorySegment x = buffers.current();
    MemorySegment inner = buffers.inner();
    MemorySegment y = buffers.next();
    norm1.apply(x, side * side, true, inner);
    conv1.apply(inner, side, side, 1, y, PackedMatrix.Epilogue.NONE);
    norm2.apply(y, side * side, true, inner);
    if (shortcut == null) {
      conv2.apply(inner, side, side, 1, y, sum(y, x));
    } else {
      conv2.apply(inner, side, side, 1, y, PackedMatrix.Epilogue.NONE);
      shortcut.apply(x, side, side, 1, inner, sum(y, inner));
    }
    buffers.swap();
  }

  /** Adds {@code term} to {@code sum} for the pixels just computed. */
  private PackedMatrix.Epilogue sum(MemorySegment sum, MemorySegment term) {
    int channels = conv2.out();
    return (from, to, columnFrom, columnTo) -> {
      long at = (long) from * channels;
      Rows.add(sum, at, term, at, (long) (to - from) * channels);
    };
  }
}
