package io.github.trimtab.engine.var;

import io.github.trimtab.engine.checkpoint.Checkpoint;
import io.github.trimtab.engine.image.Picture;
import io.github.trimtab.engine.math.Convolution;
import io.github.trimtab.engine.math.GroupNorm;
import io.github.trimtab.engine.math.PackedMatrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/** The tokenizer's decoder: residual blocks, each resolution twice the one before. Immutable. */
final class Decoder {

  private static final int COLOURS = 3;

  private final int grid;
  private final Convolution postQuant;
  private final Convolution first;
  private final List<ResidualBlock> middle;
  private final List<MapAttention> middleAttention;
  private final List<Level> levels = new ArrayList<>();
  private final GroupNorm lastNorm;
  private final Convolution last;
  private final long maximumFloats;

  /**
   * One resolution: residual blocks, each with attention behind it if there is any, then the step
   * to the next one, which the finest lacks.
   */
  private record Level(
      List<ResidualBlock> blocks, List<MapAttention> attention, List<Convolution> doubling) {}

  Decoder(VarConfig config, Checkpoint checkpoint) {
    VarConfig.Tokenizer shape = config.tokenizer();
    List<Integer> channels = shape.channels();
    int dim = shape.codeDim();
    grid = config.grid();
    postQuant = Layers.convolution(checkpoint, "post_quant_conv", dim, dim, 3);
    first = Layers.convolution(checkpoint, "decoder.conv_in", channels.getLast(), dim, 3);
    middle =
        List.of(
            block(checkpoint, "decoder.mid.block_1", shape, channels.getLast(), channels.getLast()),
            block(
                checkpoint, "decoder.mid.block_2", shape, channels.getLast(), channels.getLast()));
    middleAttention = attention(checkpoint, "decoder.mid.attn_1", shape, channels.getLast());
    int in = channels.getLast();
    long side = grid;
    long floats = side * side * Math.max(shape.attention() ? 3 * in : in, dim);
    for (int i = channels.size() - 1; i >= 0; i--) {
      String name = "decoder.up." + i;
      int out = channels.get(i);
      List<ResidualBlock> blocks = new ArrayList<>();
      List<MapAttention> attention = new ArrayList<>();
      for (int j = 0; j < shape.blocks(); j++) {
        blocks.add(block(checkpoint, name + ".block." + j, shape, j == 0 ? in : out, out));
        if (i == channels.size() - 1) {
          attention.addAll(attention(checkpoint, name + ".attn." + j, shape, out));
        }
      }
      floats = Math.max(floats, side * side * Math.max(in, out));
      List<Convolution> doubling = new ArrayList<>();
      if (i > 0) {
        doubling.add(Layers.convolution(checkpoint, name + ".upsample.conv", out, out, 3));
        side *= 2;
      }
      levels.add(new Level(blocks, attention, doubling));
      in = out;
    }
    maximumFloats = floats;
    lastNorm = Layers.norm(checkpoint, "decoder.norm_out", shape, in);
    last = Layers.convolution(checkpoint, "decoder.conv_out", COLOURS, in, 3);
  }

  private static ResidualBlock block(
      Checkpoint checkpoint, String name, VarConfig.Tokenizer shape, int in, int out) {
    return new ResidualBlock(checkpoint, name, shape, in, out);
  }

  /** The attention of this name, if the tokenizer has any. */
  private static List<MapAttention> attention(
      Checkpoint checkpoint, String name, VarConfig.Tokenizer shape, int channels) {
    return shape.attention()
        ? List.of(new MapAttention(checkpoint, name, shape, channels))
        : List.of();
  }

  /** Memory for one picture on its way through the layers. */
  DecoderBuffers buffers() {
    return new DecoderBuffers(maximumFloats);
  }

  /** Draws a sum of contributions [grid, grid, codeDim]. */
  Picture decode(float[] sum, DecoderBuffers buffers) {
    int side = grid;
    MemorySegment.copy(sum, 0, buffers.current(), ValueLayout.JAVA_FLOAT, 0, sum.length);
    convolve(postQuant, side, 1, buffers);
    convolve(first, side, 1, buffers);
    middle.getFirst().apply(side, buffers);
    for (MapAttention attention : middleAttention) {
      attention.apply(side, buffers);
    }
    middle.getLast().apply(side, buffers);
    for (Level level : levels) {
      for (int i = 0; i < level.blocks.size(); i++) {
        level.blocks.get(i).apply(side, buffers);
        if (!level.attention.isEmpty()) {
          level.attention.get(i).apply(side, buffers);
        }
      }
      for (Convolution doubling : level.doubling) {
        side *= 2;
        convolve(doubling, side, 2, buffers);
      }
    }
    lastNorm.apply(buffers.current(), side * side, true, buffers.current());
    convolve(last, side, 1, buffers);
    float[] pixels = new float[side * side * COLOURS];
    MemorySegment.copy(buffers.current(), ValueLayout.JAVA_FLOAT, 0, pixels, 0, pixels.length);
    return Picture.of(side, side, pixels);
  }

  private static void convolve(
      Convolution convolution, int side, int zoom, DecoderBuffers buffers) {
    convolution.apply(
        buffers.current(), side, side, zoom, buffers.next(), PackedMatrix.Epilogue.NONE);
    buffers.swap();
  }
}
