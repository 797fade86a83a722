package io.github.trimtab.engine.llama;

import io.github.trimtab.engine.cuda.DeviceArena;
import io.github.trimtab.engine.cuda.Gpu;
import io.github.trimtab.engine.cuda.LlamaKernels;
import io.github.trimtab.engine.cuda.Replays;
import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Memory;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Tokens that run on a device, steps that are alike as one CUDA graph. Nothing here is waited for.
 */
final class CudaStreams implements Streams {

  private final CudaStack stack;
  private final long embedding;
  private final @Nullable CudaJoin join;
  private final Gpu gpu;
  private final Memory memory;
  private final LlamaKernels.Heads heads;
  private final Replays replays;
  private Room room;
  private int count;

  /** Activations of so many tokens; the stream's order guards what is outgrown. */
  private static final class Room implements AutoCloseable {
    private final DeviceArena arena;
    private final int tokens;
    private final Buffer inputs;
    private final Buffer normed;
    private final Buffer attended;
    private final CudaStack.Activations addresses;
    private final long pairs;

    Room(LlamaConfig config, Gpu gpu, int tokens) {
      this.tokens = tokens;
      arena = new DeviceArena(gpu.stream());
      long streams = (long) tokens * config.width() * Float.BYTES;
      int queries = config.heads() * config.headDim();
      int wider = Math.max(config.qkvWidth(), 2 * config.hidden());
      try {
        inputs = arena.allocate(2L * tokens * Integer.BYTES);
        normed = arena.allocate(streams);
        attended = arena.allocate((long) tokens * queries * Float.BYTES);
        addresses =
            new CudaStack.Activations(
                arena.allocate(streams).deviceAddress(),
                normed.deviceAddress(),
                arena.floats((long) tokens * wider),
                attended.deviceAddress(),
                arena.floats((long) tokens * config.hidden()));
        pairs = arena.floats(2L * tokens * config.width());
      } catch (RuntimeException | Error e) {
        arena.close();
        throw e;
      }
    }

    @Override
    public void close() {
      arena.close();
    }
  }

  /**
   * Streams without tokens.
   *
   * @param embedding address of the embeddings [V, d], F32
   * @param join joins embeddings and features, or null
   */
  CudaStreams(CudaStack stack, long embedding, @Nullable CudaJoin join, Gpu gpu) {
    this.stack = stack;
    this.embedding = embedding;
    this.join = join;
    this.gpu = gpu;
    memory = gpu.stream().memory();
    LlamaConfig config = stack.config();
    heads = new LlamaKernels.Heads(config.heads(), config.kvHeads(), config.headDim());
    replays = new Replays(gpu.stream());
    room = new Room(config, gpu, LlamaTarget.CHUNK);
  }

  @Override
  public LlamaConfig config() {
    return stack.config();
  }

  @Override
  public void run(
      int[] tokens, int from, int count, @Nullable Buffer features, BlockAttention attention) {
    int[] positions = attention.positions();
    config().requireTokens(tokens, from, positions);
    if (count > room.tokens) {
      Room larger = new Room(config(), gpu, count);
      replays.forget();
      room.close();
      room = larger;
    }
    this.count = count;
    int[] inputs = new int[2 * count];
    System.arraycopy(tokens, from, inputs, 0, count);
    System.arraycopy(positions, 0, inputs, count, count);
    memory.upload(MemorySegment.ofArray(inputs), room.inputs, 0);
    Object alike = attention.prepare();
    if (alike == null) {
      enqueue(features, attention);
    } else {
      replays.run(alike, () -> enqueue(features, attention));
    }
  }

  /** A step, whose arguments are the same in all steps that the attention calls alike. */
  private void enqueue(@Nullable Buffer features, BlockAttention attention) {
    CudaStack.Activations work = room.addresses;
    long ids = room.inputs.deviceAddress();
    int width = config().width();
    gpu.llamaKernels().gather(embedding, ids, positions(), count, width, work.residual());
    if (join != null) {
      long joined = Objects.requireNonNull(features).deviceAddress();
      join.run(count, work.residual(), joined, room.pairs);
    }
    stack.forward(work, count, layer -> attention.attend(layer, this));
  }

  /** Address of the positions, behind the ids. */
  private long positions() {
    return room.inputs.deviceAddress() + (long) count * Integer.BYTES;
  }

  @Override
  public Tensor normed(int count) {
    return Tensor.of(DType.F32, room.normed, count, config().width());
  }

  @Override
  public void put(HeadsBuffer to, int first) {
    gpu.llamaKernels()
        .turn(
            room.addresses.wide(),
            positions(),
            stack.cosines(),
            stack.sines(),
            to.rows(),
            count / to.rows(),
            heads,
            to.tokens(),
            first,
            to.qkv().deviceAddress());
  }

  @Override
  public void take(HeadsBuffer from, int first) {
    int places = count / from.rows();
    long token = (long) heads.heads() * heads.headDim() * Float.BYTES;
    for (int row = 0; row < from.rows(); row++) {
      long at = ((long) row * from.tokens() + first) * token;
      memory.copy(from.out(), at, room.attended, (long) row * places * token, places * token);
    }
  }

  @Override
  public void close() {
    replays.close();
    room.close();
  }
}
