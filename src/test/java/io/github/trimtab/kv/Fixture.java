package io.github.trimtab.kv;

import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.Memory;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Tokens whose contents say which token they are, and readers of what F32 pages hold. */
final class Fixture {
  static final int DIM = 8;

  private Fixture() {}

  /**
   * Tokens numbered from {@code first}: the key of a token is {@code 1000 * row + 100 * head} plus
   * its number in the first element and noise behind it, and its value the negative of that.
   */
  static NewTokens tokens(int rows, int heads, int first, int count) {
    Random random = new Random(first);
    float[] keys = new float[rows * heads * count * DIM];
    for (int i = 0; i < keys.length; i++) {
      keys[i] = random.nextFloat() - 0.5f;
    }
    for (int row = 0; row < rows; row++) {
      for (int head = 0; head < heads; head++) {
        for (int token = 0; token < count; token++) {
          int at = ((row * heads + head) * count + token) * DIM;
          keys[at] = id(row, head, first + token);
        }
      }
    }
    float[] values = keys.clone();
    for (int i = 0; i < values.length; i++) {
      values[i] = -values[i];
    }
    return new NewTokens(
        Tensor.wrap(keys, rows, heads, count, DIM), Tensor.wrap(values, rows, heads, count, DIM));
  }

  /** The same with ragged lengths. */
  static NewTokens ragged(int heads, int first, int count, int... lengths) {
    NewTokens all = tokens(lengths.length, heads, first, count);
    return new NewTokens(all.k(), all.v(), Tensor.wrap(lengths.clone(), lengths.length));
  }

  static float id(int row, int head, int token) {
    return 100_000 * row + 10_000 * head + token;
  }

  static Tensor queries(int rows, int heads, int count, long seed) {
    Random random = new Random(seed);
    float[] q = new float[rows * heads * count * DIM];
    for (int i = 0; i < q.length; i++) {
      // The first element of a key is its number: leave it out of the scores.
      q[i] = i % DIM == 0 ? 0 : random.nextFloat() - 0.5f;
    }
    return Tensor.wrap(q, rows, heads, count, DIM);
  }

  /** The token numbers that a layer holds of a row's head, checked to be whole keys and values. */
  static List<Integer> held(KvCache cache, int layer, int row, int head) {
    List<Integer> numbers = new ArrayList<>();
    PagedKv view = onHost(cache, layer);
    for (int token = 0; token < cache.tokens(layer, row, head); token++) {
      for (int d = 0; d < DIM; d++) {
        if (key(view, row, head, token, d) != -value(view, row, head, token, d)) {
          throw new AssertionError("key and value of different tokens at " + token);
        }
      }
      numbers.add((int) (key(view, row, head, token, 0) - id(row, head, 0)));
    }
    return numbers;
  }

  /** What the first elements of values say. */
  static List<Integer> numbersInValues(KvCache cache, int layer, int row, int head) {
    List<Integer> numbers = new ArrayList<>();
    PagedKv view = onHost(cache, layer);
    for (int token = 0; token < cache.tokens(layer, row, head); token++) {
      numbers.add((int) value(view, row, head, token, 0));
    }
    return numbers;
  }

  /** All contents of a cache in reading order, whatever its pages. */
  static List<Float> contents(KvCache cache) {
    List<Float> contents = new ArrayList<>();
    for (int row = 0; row < cache.rows(); row++) {
      contents.addAll(contents(cache, row));
    }
    return contents;
  }

  /** The same of one row. */
  static List<Float> contents(KvCache cache, int row) {
    List<Float> contents = new ArrayList<>();
    for (int layer = 0; layer < cache.layers(); layer++) {
      PagedKv view = onHost(cache, layer);
      for (int head = 0; head < cache.heads(); head++) {
        contents.add((float) cache.tokens(layer, row, head));
        for (int token = 0; token < cache.tokens(layer, row, head); token++) {
          for (int d = 0; d < DIM; d++) {
            contents.add(key(view, row, head, token, d));
            contents.add(value(view, row, head, token, d));
          }
        }
      }
    }
    return contents;
  }

  /** The pages of a layer where Java can read them. */
  private static PagedKv onHost(KvCache cache, int layer) {
    PagedKv view = cache.view(layer);
    return cache.memory().place().isHost()
        ? view
        : new PagedKv(
            view.layout(),
            onHost(cache.memory(), view.slab()),
            view.pages(),
            onHost(cache.memory(), view.table()),
            onHost(cache.memory(), view.lengths()));
  }

  private static Tensor onHost(Memory memory, Tensor tensor) {
    long[] strides = new long[tensor.rank()];
    Arrays.setAll(strides, tensor::stride);
    Buffer copy = onHost(memory, tensor.buffer());
    return Tensor.strided(tensor.dtype(), copy, tensor.offset(), tensor.shape(), strides);
  }

  private static Buffer onHost(Memory memory, Buffer buffer) {
    MemorySegment copy = Arena.ofAuto().allocate(buffer.byteSize());
    memory.download(buffer, 0, copy);
    return Buffer.wrap(copy);
  }

  private static float key(PagedKv view, int row, int head, int token, int d) {
    return element(view, row, head, token, d, view.layout().keys(view.headInPage(head)));
  }

  private static float value(PagedKv view, int row, int head, int token, int d) {
    return element(view, row, head, token, d, view.layout().values(view.headInPage(head)));
  }

  private static float element(PagedKv view, int row, int head, int token, int d, long part) {
    PageLayout layout = view.layout();
    Tensor table = view.table();
    long page = table.integerAt(table.offset(row, view.list(head), token / layout.tokens()));
    long at =
        page * layout.pageBytes()
            + part
            + token % layout.tokens() * layout.tokenBytes()
            + (long) d * Float.BYTES;
    return view.slab().segment().get(ValueLayout.JAVA_FLOAT, at);
  }
}
