package io.github.trimtab.memory;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * A strided view of a buffer: a dtype, an offset in bytes, sizes and strides.
 *
 * <p>A tensor owns nothing and copies nothing. Views ({@link #narrow}, {@link #permute}) share the
 * buffer, so an engine hands its own memory to an operation as it lies. The factories check that
 * every element lies inside the buffer. Tensors hold whole-byte formats only, not {@link
 * DType#INT4}.
 *
 * <p>Threads: immutable itself; see {@link Buffer} for what it refers to.
 */
public final class Tensor {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;

  private final DType dtype;
  private final Buffer buffer;
  private final long offset;
  private final long[] shape;
  private final long[] strides;
  private final long extent;
  private final long elements;

  private Tensor(DType dtype, Buffer buffer, long offset, long[] shape, long[] strides) {
    this.dtype = dtype;
    this.buffer = buffer;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
    this.extent = extent(dtype, shape, strides);
    this.elements = extent == 0 ? 0 : elements(dtype, shape);
    if (offset < 0 || extent > buffer.byteSize() - offset) {
      throw new IllegalArgumentException(
          "shape: "
              + describe()
              + " needs bytes ["
              + offset
              + ", "
              + (offset + extent)
              + "), but the buffer has "
              + buffer.byteSize());
    }
  }

  /** A contiguous tensor, last dimension fastest, at the start of {@code buffer}. */
  public static Tensor of(DType dtype, Buffer buffer, long... shape) {
    return at(0, dtype, buffer, shape);
  }

  /** A contiguous tensor, last dimension fastest, from byte {@code offset} of {@code buffer} on. */
  public static Tensor at(long offset, DType dtype, Buffer buffer, long... shape) {
    return strided(dtype, buffer, offset, shape, contiguousStrides(checkedShape(shape)));
  }

  /**
   * A tensor with given strides.
   *
   * @param offset of the first element in bytes
   * @param shape sizes, 0 or more each
   * @param strides distances in elements, 0 or more each
   */
  public static Tensor strided(
      DType dtype, Buffer buffer, long offset, long[] shape, long[] strides) {
    if (dtype == DType.INT4) {
      throw new IllegalArgumentException("dtype: INT4, expected a format of whole bytes");
    }
    checkedShape(shape);
    if (strides.length != shape.length || Arrays.stream(strides).anyMatch(s -> s < 0)) {
      throw new IllegalArgumentException(
          "strides: "
              + Arrays.toString(strides)
              + ", expected "
              + shape.length
              + " values of 0 or more");
    }
    return new Tensor(dtype, buffer, offset, shape.clone(), strides.clone());
  }

  /**
   * A contiguous tensor over freshly allocated, zeroed host memory, which {@code buffer().close()}
   * frees.
   */
  public static Tensor allocate(DType dtype, long... shape) {
    long[] strides = contiguousStrides(checkedShape(shape));
    return strided(dtype, Buffer.allocate(extent(dtype, shape, strides)), 0, shape, strides);
  }

  /** A contiguous F32 tensor over the caller's array, without a copy. */
  public static Tensor wrap(float[] values, long... shape) {
    return of(DType.F32, Buffer.wrap(MemorySegment.ofArray(values)), shape);
  }

  /** A contiguous I32 tensor over the caller's array, without a copy. */
  public static Tensor wrap(int[] values, long... shape) {
    return of(DType.I32, Buffer.wrap(MemorySegment.ofArray(values)), shape);
  }

  private static long[] checkedShape(long[] shape) {
    for (long size : shape) {
      if (size < 0) {
        throw new IllegalArgumentException(
            "shape: " + Arrays.toString(shape) + ", expected sizes of 0 or more");
      }
    }
    return shape;
  }

  private static long[] contiguousStrides(long[] shape) {
    long[] strides = new long[shape.length];
    long stride = 1;
    try {
      for (int i = shape.length - 1; i >= 0; i--) {
        strides[i] = stride;
        stride = Math.multiplyExact(stride, Math.max(shape[i], 1));
      }
    } catch (ArithmeticException e) {
      throw overflow(shape);
    }
    return strides;
  }

  /** Bytes from the first to the end of the last element. */
  private static long extent(DType dtype, long[] shape, long[] strides) {
    long last = 0;
    try {
      for (int i = 0; i < shape.length; i++) {
        if (shape[i] == 0) {
          return 0;
        }
        last = Math.addExact(last, Math.multiplyExact(shape[i] - 1, strides[i]));
      }
      return dtype.bytes(Math.addExact(last, 1));
    } catch (ArithmeticException e) {
      throw overflow(shape);
    }
  }

  /** Strides of 0 repeat elements: what is copied element by element must have a size as well. */
  private static long elements(DType dtype, long[] shape) {
    long bits = dtype.bits();
    try {
      for (long size : shape) {
        bits = Math.multiplyExact(bits, size);
      }
    } catch (ArithmeticException e) {
      throw overflow(shape);
    }
    return bits / dtype.bits();
  }

  private static IllegalArgumentException overflow(long[] shape) {
    return new IllegalArgumentException(
        "shape: "
            + Arrays.toString(shape)
            + ", expected fewer elements than a 64-bit address reaches");
  }

  /** Element format. */
  public DType dtype() {
    return dtype;
  }

  /** The buffer behind the view. */
  public Buffer buffer() {
    return buffer;
  }

  /** Where the memory lives. */
  public Place place() {
    return buffer.place();
  }

  /** Number of dimensions. */
  public int rank() {
    return shape.length;
  }

  /** Size of dimension {@code dim}. */
  public long size(int dim) {
    return shape[dim];
  }

  /** Distance of neighbours along {@code dim} in elements. */
  public long stride(int dim) {
    return strides[dim];
  }

  /** A copy of the sizes. */
  public long[] shape() {
    return shape.clone();
  }

  /** Number of elements. */
  public long elements() {
    return elements;
  }

  /** Offset of the first element in bytes. */
  public long offset() {
    return offset;
  }

  /** Offset in bytes of the element (i). */
  public long offset(long i) {
    return offset + dtype.bits() / 8 * (i * strides[0]);
  }

  /** Offset in bytes of the element (i, j). */
  public long offset(long i, long j) {
    return offset + dtype.bits() / 8 * (i * strides[0] + j * strides[1]);
  }

  /** Offset in bytes of the element (i, j, k). */
  public long offset(long i, long j, long k) {
    return offset + dtype.bits() / 8 * (i * strides[0] + j * strides[1] + k * strides[2]);
  }

  /** Offset in bytes of the element (i, j, k, l). */
  public long offset(long i, long j, long k, long l) {
    return offset
        + dtype.bits() / 8 * (i * strides[0] + j * strides[1] + k * strides[2] + l * strides[3]);
  }

  /** The host memory of the whole buffer; offsets of this tensor index it. */
  public MemorySegment segment() {
    return buffer.segment();
  }

  /** Reads the F32, F16 or BF16 element at a byte offset, widened exactly. */
  public float floatAt(long byteOffset) {
    MemorySegment segment = buffer.segment();
    return switch (dtype) {
      case F32 -> segment.get(FLOAT, byteOffset);
      case F16 -> FloatFormats.fromF16(segment.get(SHORT, byteOffset));
      case BF16 -> FloatFormats.fromBf16(segment.get(SHORT, byteOffset));
      default ->
          throw new IllegalStateException(dtype + " elements are not plain floating-point numbers");
    };
  }

  /** Writes the F32, F16 or BF16 element at a byte offset, rounded to nearest even. */
  public void setFloatAt(long byteOffset, float value) {
    MemorySegment segment = buffer.segment();
    switch (dtype) {
      case F32 -> segment.set(FLOAT, byteOffset, value);
      case F16 -> segment.set(SHORT, byteOffset, FloatFormats.toF16(value));
      case BF16 -> segment.set(SHORT, byteOffset, FloatFormats.toBf16(value));
      default ->
          throw new IllegalStateException(dtype + " elements are not plain floating-point numbers");
    }
  }

  /** Reads the I32 or I64 element at a byte offset. */
  public long integerAt(long byteOffset) {
    MemorySegment segment = buffer.segment();
    return switch (dtype) {
      case I32 -> segment.get(INT, byteOffset);
      case I64 -> segment.get(LONG, byteOffset);
      default -> throw new IllegalStateException(dtype + " elements are not integers");
    };
  }

  /** Writes the I32 or I64 element at a byte offset. */
  public void setIntegerAt(long byteOffset, long value) {
    MemorySegment segment = buffer.segment();
    switch (dtype) {
      case I32 -> segment.set(INT, byteOffset, Math.toIntExact(value));
      case I64 -> segment.set(LONG, byteOffset, value);
      default -> throw new IllegalStateException(dtype + " elements are not integers");
    }
  }

  /**
   * The view of {@code length} places of dimension {@code dim} from {@code start}.
   *
   * @throws IllegalArgumentException if there is no such dimension, or no such range in it
   */
  public Tensor narrow(int dim, long start, long length) {
    if (dim < 0 || dim >= shape.length) {
      throw new IllegalArgumentException(
          "dim: " + dim + ", expected one of the " + shape.length + " dimensions, from 0 on");
    }
    if (start < 0 || length < 0 || start > shape[dim] - length) {
      throw new IllegalArgumentException(
          "start, length: "
              + start
              + ", "
              + length
              + ", expected a range inside [0, "
              + shape[dim]
              + ")");
    }
    long[] narrowed = shape.clone();
    narrowed[dim] = length;
    // A view without elements begins anywhere: where this begins, which the buffer holds.
    boolean empty = extent == 0 || length == 0;
    long skip = empty ? 0 : start * strides[dim] * (dtype.bits() / 8);
    return new Tensor(dtype, buffer, offset + skip, narrowed, strides.clone());
  }

  /**
   * The view with dimensions in another order: dimension i of the result is {@code dims[i]} of
   * this.
   */
  public Tensor permute(int... dims) {
    long[] sizes = new long[dims.length];
    long[] steps = new long[dims.length];
    boolean[] seen = new boolean[shape.length];
    for (int i = 0; i < dims.length; i++) {
      if (dims.length != shape.length || dims[i] < 0 || dims[i] >= shape.length || seen[dims[i]]) {
        throw new IllegalArgumentException(
            "dims: "
                + Arrays.toString(dims)
                + ", expected each of 0.."
                + (shape.length - 1)
                + " once");
      }
      seen[dims[i]] = true;
      sizes[i] = shape[dims[i]];
      steps[i] = strides[dims[i]];
    }
    return new Tensor(dtype, buffer, offset, sizes, steps);
  }

  /** Whether the elements lie next to each other in row-major order. */
  public boolean isContiguous() {
    long expected = 1;
    for (int i = shape.length - 1; i >= 0; i--) {
      if (shape[i] != 1 && strides[i] != expected) {
        return false;
      }
      expected *= shape[i];
    }
    return true;
  }

  /**
   * Whether the byte ranges that two tensors span share memory (their elements may still
   * interleave).
   */
  public boolean overlaps(Tensor other) {
    return buffer.overlaps(offset, extent, other.buffer, other.offset, other.extent);
  }

  private String describe() {
    return dtype + Arrays.toString(shape);
  }

  @Override
  public String toString() {
    return describe() + " on " + place();
  }
}
