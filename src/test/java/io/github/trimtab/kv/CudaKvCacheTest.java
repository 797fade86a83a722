package io.github.trimtab.kv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.trimtab.Backends;
import io.github.trimtab.CudaDevices;
import io.github.trimtab.cuda.CudaDevice;
import io.github.trimtab.cuda.CudaStream;
import io.github.trimtab.cuda.DeviceMemoryException;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.Mask;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.Scoring;
import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Memory;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;
import io.github.trimtab.memory.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A cache in pages of a device holds what a cache on the host holds after the same steps. */
@Tag("cuda")
final class CudaKvCacheTest {
  private static final int HEADS = 2;
  private static final int ROWS = 2;
  private static final int LAYERS = 2;
  private static final int[] WINDOW = {3, 11, 19};

  @BeforeAll
  static void requireDevice() {
    CudaDevices.backend();
  }

  /** A step's tensors in the memory of a cache; kept open until the scenario ends. */
  private static final class Given implements AutoCloseable {
    private final Memory memory;
    private final List<Buffer> buffers = new ArrayList<>();

    Given(Memory memory) {
      this.memory = memory;
    }

    Tensor queries(int count, long seed) {
      return in(Fixture.queries(ROWS, 2 * HEADS, count, seed));
    }

    NewTokens tokens(int first, int count) {
      return in(Fixture.tokens(ROWS, HEADS, first, count));
    }

    NewTokens ragged(int first, int count, int... lengths) {
      return in(Fixture.ragged(HEADS, first, count, lengths));
    }

    private NewTokens in(NewTokens host) {
      Tensor lengths = host.lengths();
      return new NewTokens(in(host.k()), in(host.values()), lengths == null ? null : in(lengths));
    }

    private Tensor in(Tensor host) {
      Buffer copy = memory.allocate(host.buffer().byteSize());
      buffers.add(copy);
      memory.upload(host.segment(), copy, 0);
      return Tensor.of(host.dtype(), copy, host.shape());
    }

    @Override
    public void close() {
      buffers.forEach(Buffer::close);
    }
  }

  @ParameterizedTest
  @CsvSource({"RAW, 2", "SOFTMAX, 2", "RAW, 1", "SOFTMAX, 1"})
  void contentsAreThoseOfTheHost(Scoring.Mode mode, int headsOfPage) {
    Scoring scoring = mode == Scoring.Mode.RAW ? Scoring.official(0.4f) : Scoring.paper(0.4f);
    PageLayout layout = new PageLayout(DType.F32, 16, headsOfPage, Fixture.DIM);
    List<Float> expected;
    try (PagePool pool = new PagePool(layout, 200)) {
      expected = run(Backends.named("scalar").kernels(), pool, scoring);
    }
    CudaDevice device = CudaDevice.of(0);
    try (CudaStream stream = device.newStream();
        PagePool pool = device.pool(layout, 200)) {
      assertThat(run(stream.kernels(), pool, scoring).equals(expected)).isTrue();
      assertThat(pool.used()).isZero();
    }
  }

  private static List<Float> run(Kernels kernels, PagePool pool, Scoring scoring) {
    try (KvCache cache = new KvCache(kernels, pool, LAYERS, ROWS, HEADS, 60);
        Given given = new Given(cache.memory())) {
      Retention scored = new Retention.Scored(WINDOW, WINDOW, scoring, 23);
      for (int step = 0; step < 3; step++) {
        for (int layer = 0; layer < LAYERS; layer++) {
          Tensor q = given.queries(20, step + 10L * layer);
          cache.store(layer, q, given.tokens(20 * step, 20), scored);
        }
      }
      List<Float> contents = new ArrayList<>(Fixture.contents(cache));
      // Rows that share pages, ragged growth into a shared page, and each kind of forgetting.
      cache.share(0, 1);
      cache.append(0, given.ragged(100, 5, 5, 2));
      cache.store(1, null, given.tokens(200, 7), new Retention.Ends(4, 15));
      contents.addAll(Fixture.contents(cache));
      cache.truncate(1, 9);
      cache.append(0, given.tokens(300, 2));
      contents.addAll(Fixture.contents(cache));
      cache.clear(0);
      cache.append(1, given.tokens(400, 17));
      contents.addAll(Fixture.contents(cache));
      return contents;
    }
  }

  @Test
  void policiesThatReadScoresKeepTheSameTokens() {
    PageLayout layout = new PageLayout(DType.F32, 16, 1, Fixture.DIM);
    List<Float> expected;
    try (PagePool pool = new PagePool(layout, 200)) {
      expected = heavyHitters(Backends.named("scalar").kernels(), pool);
    }
    CudaDevice device = CudaDevice.of(0);
    try (CudaStream stream = device.newStream();
        PagePool pool = device.pool(layout, 200)) {
      assertThat(heavyHitters(stream.kernels(), pool)).isEqualTo(expected);
    }
  }

  private static List<Float> heavyHitters(Kernels kernels, PagePool pool) {
    try (KvCache cache = new KvCache(kernels, pool, 1, ROWS, HEADS, 40);
        Given given = new Given(cache.memory())) {
      EvictionPolicy policy = new H2o(9, 5, 0.5f, Mask.CAUSAL);
      policy.store(cache, 0, 0, given.queries(18, 1), given.tokens(0, 18));
      policy.store(cache, 0, 1, given.queries(6, 2), given.ragged(18, 6, 6, 3));
      policy.store(cache, 0, 2, given.queries(1, 3), given.tokens(24, 1));
      return Fixture.contents(cache);
    }
  }

  @Test
  void cachesOfTwoStreamsDoNotShareAPoolWhosePagesAreInUse() {
    PageLayout layout = new PageLayout(DType.F32, 16, HEADS, Fixture.DIM);
    CudaDevice device = CudaDevice.of(0);
    try (CudaStream stream = device.newStream();
        CudaStream other = device.newStream();
        PagePool pool = device.pool(layout, 20);
        KvCache first = new KvCache(stream.kernels(), pool, 1, ROWS, HEADS, 16);
        KvCache second = new KvCache(other.kernels(), pool, 1, ROWS, HEADS, 16);
        Given given = new Given(first.memory())) {
      NewTokens tokens = given.tokens(0, 5);
      first.append(0, tokens);
      int used = pool.used();
      assertThatIllegalArgumentException()
          .isThrownBy(() -> second.append(0, tokens))
          .withMessageContaining("in use on another stream");
      assertThat(pool.used()).isEqualTo(used);
      first.clear();
      stream.synchronize();
      second.append(0, tokens);
      other.synchronize();
      assertThat(pool.used()).isEqualTo(used);
    }
  }

  @Test
  void tooLittleMemoryForAStepLeavesCacheAndPoolAtWork() {
    int heads = 64;
    PageLayout layout = new PageLayout(DType.F32, 16, heads, Fixture.DIM);
    CudaDevice device = CudaDevice.of(0);
    try (CudaStream stream = device.newStream();
        PagePool pool = device.pool(layout, 4);
        KvCache cache = new KvCache(stream.kernels(), pool, 1, 1, heads, 32);
        Given given = new Given(cache.memory())) {
      cache.append(0, given.in(Fixture.tokens(1, heads, 0, 5)));
      List<Float> before = Fixture.contents(cache);
      // One key in the place of 2^30, so that their scores exceed any device.
      long[] shape = {1, heads, 1 << 30, Fixture.DIM};
      Tensor key = given.in(Fixture.tokens(1, heads, 5, 1)).k();
      Tensor keys = Tensor.strided(DType.F32, key.buffer(), 0, shape, new long[] {0, 0, 0, 1});
      Tensor q = given.in(Fixture.queries(1, heads, 1, 1));
      NewTokens many = new NewTokens(keys, null, null);
      assertThatThrownBy(() -> cache.columnSums(0, q, null, many, Mask.NONE, 1))
          .isInstanceOf(DeviceMemoryException.class)
          .hasMessageContaining("bytes on cuda:0");
      assertThat(Fixture.contents(cache)).isEqualTo(before);
      cache.append(0, given.in(Fixture.tokens(1, heads, 5, 12)));
      stream.synchronize();
      assertThat(Fixture.held(cache, 0, 0, 63)).hasSize(17).startsWith(0, 1).endsWith(16);
      assertThat(pool.used()).isEqualTo(2);
    }
  }

  @Test
  void poolAndKernelsOfDifferentPlacesAreRefused() {
    PageLayout layout = new PageLayout(DType.F32, 16, 1, Fixture.DIM);
    CudaDevice device = CudaDevice.of(0);
    try (CudaStream stream = device.newStream();
        PagePool onHost = new PagePool(layout, 4);
        PagePool onDevice = device.pool(layout, 4)) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> new KvCache(stream.kernels(), onHost, 1, 1, 1, 16))
          .withMessageContaining("host, expected cuda:0");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> new KvCache(Backends.named("scalar").kernels(), onDevice, 1, 1, 1, 16))
          .withMessageContaining("cuda:0, expected host memory");
    }
  }
}
