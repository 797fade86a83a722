package io.github.trimtab.benchmarks;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BOOLEAN;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.util.Objects.requireNonNull;

import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * ggml's CPU library, whose path the property {@value #PROPERTY} gives (libggml-cpu.so, the base
 * library beside it): one matrix product a graph, planned beforehand, on threads of its own.
 */
@SuppressWarnings("restricted") // native code is what this class is for
final class Ggml implements HeadPeer {
  static final String PROPERTY = "trimtab.ggml";

  /** {@code enum ggml_type}: rows of INT8 and INT4 are blocks of 32 with an F16 scale. */
  private static final Map<DType, Integer> TYPES =
      Map.of(DType.F32, 0, DType.BF16, 30, DType.INT8, 8, DType.INT4, 2);

  private static final int F32 = 0;
  private static final long SPARE_BYTES = 16 << 20;

  private static final MemoryLayout INIT =
      MemoryLayout.structLayout(
          JAVA_LONG.withName("mem_size"),
          ADDRESS.withName("mem_buffer"),
          JAVA_BOOLEAN.withName("no_alloc"),
          MemoryLayout.paddingLayout(7));

  /** {@code ggml_cplan}; only its first three fields are touched. */
  private static final MemoryLayout PLAN =
      MemoryLayout.structLayout(
          JAVA_LONG.withName("work_size"),
          ADDRESS.withName("work_data"),
          JAVA_INT.withName("n_threads"),
          MemoryLayout.paddingLayout(4),
          ADDRESS.withName("threadpool"),
          ADDRESS.withName("abort_callback"),
          ADDRESS.withName("abort_callback_data"),
          JAVA_BOOLEAN.withName("use_ref"),
          MemoryLayout.paddingLayout(7));

  private record Graph(MemorySegment graph, MemorySegment plan, MemorySegment result) {}

  private final Arena arena = Arena.ofShared();
  private final List<MemorySegment> contexts = new ArrayList<>();
  private final SymbolLookup symbols;
  private final int threads;
  private final MethodHandle compute;

  private Ggml(Path library, int threads) {
    this.symbols = SymbolLookup.libraryLookup(library, Arena.global());
    this.threads = threads;
    this.compute = bind("ggml_graph_compute", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS));
    // Fills the tables that kernels look half precision up in.
    call("ggml_cpu_init", FunctionDescriptor.ofVoid());
  }

  /** The library of the property, or a sentence in {@code absent}. */
  static Optional<HeadPeer> find(int threads, List<String> absent) {
    String path = System.getProperty(PROPERTY, "");
    if (path.isEmpty()) {
      absent.add("ggml: no path to its CPU library was given (TRIMTAB_GGML).");
      return Optional.empty();
    }
    return Optional.of(new Ggml(Path.of(path), threads));
  }

  @Override
  public String name() {
    return "ggml";
  }

  @Override
  public boolean takes(DType format, int vectors) {
    return TYPES.containsKey(format);
  }

  @Override
  public Rounds.Body prepare(Task task) {
    List<Graph> graphs = task.copies().stream().map(copy -> graph(task, copy)).toList();
    MemorySegment logits = task.logits().segment();
    return set -> {
      Graph graph = graphs.get(set);
      try {
        int status = (int) compute.invokeExact(graph.graph, graph.plan);
        if (status != 0) {
          throw new IllegalStateException("ggml_graph_compute returned " + status);
        }
      } catch (Throwable e) {
        throw new AssertionError(e);
      }
      logits.copyFrom(graph.result);
    };
  }

  /** ggml lays a matrix out as we do, rows after rows: its result is [vectors][rows]. */
  private Graph graph(Task task, WeightRows copy) {
    int type = Optional.ofNullable(TYPES.get(task.format())).orElseThrow();
    long columns = task.columns();
    long rows = task.rows();
    var size = FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_LONG);
    long rowBytes = (long) requireNonNull(call("ggml_row_size", size, type, columns));
    MemorySegment init = arena.allocate(INIT);
    init.set(JAVA_LONG, 0, rows * rowBytes + SPARE_BYTES);
    MemorySegment context = pointer("ggml_init", FunctionDescriptor.of(ADDRESS, INIT), init);
    contexts.add(context);
    var tensor = FunctionDescriptor.of(ADDRESS, ADDRESS, JAVA_INT, JAVA_LONG, JAVA_LONG);
    MemorySegment weight = pointer("ggml_new_tensor_2d", tensor, context, type, columns, rows);
    MemorySegment hidden =
        pointer("ggml_new_tensor_2d", tensor, context, F32, columns, (long) task.vectors());
    fill(task, copy, type, data(weight, rows * rowBytes));
    data(hidden, task.hidden().segment().byteSize()).copyFrom(task.hidden().segment());
    MemorySegment product =
        pointer(
            "ggml_mul_mat",
            FunctionDescriptor.of(ADDRESS, ADDRESS, ADDRESS, ADDRESS),
            context,
            weight,
            hidden);
    MemorySegment graph =
        pointer("ggml_new_graph", FunctionDescriptor.of(ADDRESS, ADDRESS), context);
    call("ggml_build_forward_expand", FunctionDescriptor.ofVoid(ADDRESS, ADDRESS), graph, product);
    return new Graph(graph, plan(graph), data(product, task.logits().segment().byteSize()));
  }

  private void fill(Task task, WeightRows copy, int type, MemorySegment to) {
    if (task.format().isFloat()) {
      to.copyFrom(copy.codes().segment());
      return;
    }
    call(
        "ggml_quantize_chunk",
        FunctionDescriptor.of(
            JAVA_LONG, JAVA_INT, ADDRESS, ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS),
        type,
        task.source().segment(),
        to,
        0L,
        (long) task.rows(),
        (long) task.columns(),
        MemorySegment.NULL);
  }

  private MemorySegment plan(MemorySegment graph) {
    MethodHandle function =
        bind("ggml_graph_plan", FunctionDescriptor.of(PLAN, ADDRESS, JAVA_INT, ADDRESS));
    try {
      var plan =
          (MemorySegment) function.invokeWithArguments(arena, graph, threads, MemorySegment.NULL);
      long bytes = plan.get(JAVA_LONG, 0);
      plan.set(ADDRESS, Long.BYTES, arena.allocate(Math.max(bytes, 1), 64));
      return plan;
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  private MemorySegment data(MemorySegment tensor, long bytes) {
    return pointer("ggml_get_data", FunctionDescriptor.of(ADDRESS, ADDRESS), tensor)
        .reinterpret(bytes);
  }

  private MemorySegment pointer(String name, FunctionDescriptor type, Object... arguments) {
    return (MemorySegment) requireNonNull(call(name, type, arguments));
  }

  private @Nullable Object call(String name, FunctionDescriptor type, Object... arguments) {
    try {
      return bind(name, type).invokeWithArguments(arguments);
    } catch (Throwable e) {
      throw new AssertionError(name, e);
    }
  }

  private MethodHandle bind(String name, FunctionDescriptor type) {
    return Linker.nativeLinker().downcallHandle(symbols.findOrThrow(name), type);
  }

  @Override
  public void close() {
    contexts.forEach(context -> call("ggml_free", FunctionDescriptor.ofVoid(ADDRESS), context));
    arena.close();
  }
}
