package io.github.trimtab.engine.study;

import io.github.trimtab.engine.checkpoint.Checkpoint;
import io.github.trimtab.io.SafetensorsWriter;
import io.github.trimtab.kv.EvictionPolicy;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import io.github.trimtab.scalekv.Budgets;
import io.github.trimtab.scalekv.CapacityTable;
import io.github.trimtab.scalekv.OutputCorrection;
import io.github.trimtab.scalekv.Schedule;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Calibrated budgets of single heads, each with what corrects outputs under it, as a safetensors
 * file holds them: {@code capacities.B} (I32, [scales, layers, heads]), {@code bias.B} (F32,
 * [scales, rows, layers, heads, head_dim]) and, where there is more than biases, {@code down.B}
 * (F16, [scales, layers, heads, 2 head_dim, rank]) and {@code up.B} (F16, [scales, layers, heads,
 * rank, head_dim]) for a mean budget of B tokens, of the last scales of the schedule.
 *
 * @param budgets by mean budget, tokens a layer and head
 */
public record HeadBudgets(SortedMap<Integer, Entry> budgets) {
  private static final String CAPACITIES = "capacities.";
  private static final String BIAS = "bias.";
  private static final String DOWN = "down.";
  private static final String UP = "up.";

  /** Budgets and what makes up for some of what they forget. */
  record Entry(CapacityTable table, OutputCorrection correction) {}

  /** Copies the map. */
  public HeadBudgets {
    budgets = new TreeMap<>(budgets);
  }

  /** Nothing calibrated. */
  public static HeadBudgets none() {
    return new HeadBudgets(new TreeMap<>());
  }

  /** These and those of another file, which go before. */
  public HeadBudgets with(HeadBudgets other) {
    SortedMap<Integer, Entry> all = new TreeMap<>(budgets);
    all.putAll(other.budgets);
    return new HeadBudgets(all);
  }

  /**
   * What was calibrated for a budget.
   *
   * @throws IllegalArgumentException if nothing was
   */
  Entry at(int tokens) {
    Entry entry = budgets.get(tokens);
    if (entry == null) {
      throw new IllegalArgumentException(
          "tokens: " + tokens + ", expected a calibrated budget, one of " + budgets.keySet());
    }
    return entry;
  }

  /** Whether something was calibrated for a budget. */
  public boolean has(int tokens) {
    return budgets.containsKey(tokens);
  }

  /**
   * Keeps of each head what was calibrated for a budget, chosen by all queries so far: the policy
   * {@code sensitivitykv-compensated}, whose pages hold one head.
   *
   * @param rows of one picture, which keep the same tokens
   * @return a policy for one cache
   * @throws IllegalArgumentException if nothing was calibrated
   */
  public EvictionPolicy policy(int tokens, Schedule schedule, int rows) {
    return StudyRuns.accumulated(schedule, at(tokens).table, rows);
  }

  /**
   * What makes up for some of what that policy forgets.
   *
   * @throws IllegalArgumentException if nothing was calibrated
   */
  public OutputCorrection correction(int tokens) {
    return at(tokens).correction;
  }

  /** Writes the file, whole or not at all. */
  public void write(Path file) throws IOException {
    Map<String, Tensor> tensors = new HashMap<>();
    try {
      budgets.forEach((tokens, entry) -> {
        tensors.put(CAPACITIES + tokens, tensor(entry.table));
        OutputCorrection correction = entry.correction;
        int[] shape = correction.shape();
        tensors.put(BIAS + tokens, tensor(DType.F32, correction.biases(), shape));
        int rank = correction.rank();
        if (rank > 0) {
          int[] down = {shape[0], shape[2], shape[3], 2 * shape[4], rank};
          int[] up = {shape[0], shape[2], shape[3], rank, shape[4]};
          tensors.put(DOWN + tokens, tensor(DType.F16, correction.down(), down));
          tensors.put(UP + tokens, tensor(DType.F16, correction.up(), up));
        }
      });
      SafetensorsWriter.write(file, tensors, Map.of());
    } finally {
      tensors.values().forEach(tensor -> tensor.buffer().close());
    }
  }

  private static Tensor tensor(CapacityTable table) {
    Tensor tensor =
        Tensor.allocate(DType.I32, table.scales().size(), table.layers(), table.heads());
    long at = 0;
    for (int scale : table.scales()) {
      for (int layer = 0; layer < table.layers(); layer++) {
        for (int head = 0; head < table.heads(); head++, at += Integer.BYTES) {
          tensor.setIntegerAt(at, table.capacity(scale, layer, head));
        }
      }
    }
    return tensor;
  }

  private static Tensor tensor(DType format, float[] values, int[] shape) {
    Tensor tensor = Tensor.allocate(format, Arrays.stream(shape).asLongStream().toArray());
    long bytes = format.bytes(1);
    for (int i = 0; i < values.length; i++) {
      tensor.setFloatAt(i * bytes, values[i]);
    }
    return tensor;
  }

  /**
   * Reads a file that {@link #write} made.
   *
   * @param scales of the schedule
   * @throws IllegalArgumentException naming file and tensor, where it has another form
   */
  public static HeadBudgets read(Path file, int scales) throws IOException {
    SortedMap<Integer, Entry> budgets = new TreeMap<>();
    try (Checkpoint checkpoint = new Checkpoint(file)) {
      for (String name : checkpoint.names()) {
        if (name.matches("capacities\\.[1-9][0-9]{0,8}")) {
          String tokens = name.substring(CAPACITIES.length());
          budgets.put(Integer.valueOf(tokens), entry(checkpoint, tokens, scales));
        }
      }
    }
    return new HeadBudgets(budgets);
  }

  private static Entry entry(Checkpoint checkpoint, String tokens, int scales) {
    String name = CAPACITIES + tokens;
    String expected = "[1 to " + scales + " scales, layers, heads]";
    int[] shape = checkpoint.shape(name, 3, expected);
    if (shape[0] > scales) {
      throw checkpoint.bad(name, shape[0] + " scales", expected);
    }
    Tensor tensor = checkpoint.tensor(name, format -> format == DType.I32, "I32", shape);
    Map<Integer, int[][]> rows = new TreeMap<>();
    long at = tensor.offset();
    for (int scale = scales - shape[0]; scale < scales; scale++) {
      int[][] row = new int[shape[1]][shape[2]];
      for (int[] layer : row) {
        for (int head = 0; head < layer.length; head++, at += Integer.BYTES) {
          layer[head] = (int) tensor.integerAt(at);
          if (layer[head] < 0) {
            throw checkpoint.bad(name, layer[head], "0 to " + Budgets.UNLIMITED);
          }
        }
      }
      rows.put(scale + 1, row);
    }
    int[] biased = checkpoint.shape(BIAS + tokens, 5, "[scales, rows, layers, heads, head_dim]");
    if (biased[0] != shape[0] || biased[2] != shape[1] || biased[3] != shape[2]) {
      throw checkpoint.bad(
          BIAS + tokens, checkpoint.tensor(BIAS + tokens), "scales, layers and heads of " + name);
    }
    float[] down = {};
    float[] up = {};
    if (checkpoint.contains(UP + tokens)) {
      expected = "[scales, layers, heads, rank, head_dim]";
      int rank = checkpoint.shape(UP + tokens, 5, expected)[3];
      down = checkpoint.values(DOWN + tokens, shape[0], shape[1], shape[2], 2 * biased[4], rank);
      up = checkpoint.values(UP + tokens, shape[0], shape[1], shape[2], rank, biased[4]);
    }
    OutputCorrection correction =
        new OutputCorrection(
            scales - shape[0],
            biased[1],
            biased[2],
            biased[3],
            biased[4],
            checkpoint.values(BIAS + tokens, biased),
            down,
            up);
    return new Entry(new CapacityTable(shape[1], shape[2], rows), correction);
  }
}
