package io.github.trimtab.engine.cli;

import io.github.trimtab.kernel.Mask;
import io.github.trimtab.kernel.Scoring;
import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The options {@code -s key=value} of an operation. */
final class Settings {
  private static final Map<String, DType> KV_DTYPES = new LinkedHashMap<>();

  static {
    KV_DTYPES.put("f32", DType.F32);
    KV_DTYPES.put("f16", DType.F16);
    KV_DTYPES.put("bf16", DType.BF16);
    KV_DTYPES.put("fp8", DType.FP8_E4M3);
    KV_DTYPES.put("int8", DType.INT8);
  }

  private static final Map<String, DType> ROWS = new LinkedHashMap<>(KV_DTYPES);

  static {
    ROWS.put("int4", DType.INT4);
  }

  private final Map<String, String> values = new HashMap<>();

  /**
   * Splits pairs and refuses keys that the operation does not know.
   *
   * @param pairs {@code key=value} each, no key twice
   * @param keys that the operation knows
   */
  Settings(Collection<String> pairs, Set<String> keys) {
    for (String pair : pairs) {
      int equals = pair.indexOf('=');
      if (equals < 0) {
        throw new BadInputException("-s", pair, "key=value");
      }
      String key = pair.substring(0, equals);
      if (!keys.contains(key)) {
        throw new BadInputException("-s", pair, "one of the keys " + String.join(", ", keys));
      }
      if (values.put(key, pair.substring(equals + 1)) != null) {
        throw new BadInputException("-s", pair, "the key once only");
      }
    }
    // Every operation has one form, which "fast" allows as well as "canonical" does: the value
    // is checked and has no effect.
    choice("precision", "canonical", Map.of("canonical", true, "fast", false));
  }

  /** The scoring options, for keys of {@code headDim} elements. */
  Scoring scoring(int headDim) {
    int poolWidth = integer("pool_width", 5, 1);
    if (poolWidth % 2 == 0) {
      throw bad("pool_width", "an odd number");
    }
    var mode =
        choice("mode", "softmax", Map.of("raw", Scoring.Mode.RAW, "softmax", Scoring.Mode.SOFTMAX));
    var mask = choice("mask", "none", Map.of("none", Mask.NONE, "causal", Mask.CAUSAL));
    if (mask == Mask.CAUSAL && mode == Scoring.Mode.RAW) {
      throw bad("mask", "none, since mode is raw");
    }
    var pooling =
        choice(
            "pool",
            "none",
            Map.of(
                "none", Scoring.Pooling.NONE,
                "max", Scoring.Pooling.MAX,
                "avg", Scoring.Pooling.AVG));
    return new Scoring(mode, scale(headDim), mask, pooling, poolWidth);
  }

  /** What multiplies q.k: by default 1 / sqrt(headDim). */
  float scale(int headDim) {
    if (!values.containsKey("scale")) {
      return (float) (1 / Math.sqrt(headDim));
    }
    try {
      float scale = Float.parseFloat(values.get("scale"));
      if (Float.isFinite(scale)) {
        return scale;
      }
    } catch (NumberFormatException e) {
      // Reported below, as other values that are no finite number.
    }
    throw bad("scale", "a finite number");
  }

  /** The pages' layout, in the keys' own format unless {@code kv_dtype} names another. */
  PageLayout pages(DType keys, int heads, int headDim) {
    DType dtype = values.containsKey("kv_dtype") ? choice("kv_dtype", "", KV_DTYPES) : keys;
    int tokens = choice("page_tokens", "64", Map.of("16", 16, "32", 32, "64", 64, "128", 128));
    return new PageLayout(dtype, tokens, heads, headDim);
  }

  /** The format of weight rows, as {@code given} unless {@code rows} names another. */
  DType rows(DType given) {
    return values.containsKey("rows") ? choice("rows", "", ROWS) : given;
  }

  /** Elements that share a scale, in INT8 and INT4 rows a divisor of the row. */
  int group(DType format, int columns) {
    int group = integer("group", WeightRows.DEFAULT_GROUP, 1);
    if ((format == DType.INT8 || format == DType.INT4) && columns % group != 0) {
      throw new BadInputException(
          "-s group", group, "a divisor of the row's " + columns + " elements");
    }
    return group;
  }

  /** The value of a key out of a few, by default the one that {@code fallback} names. */
  <T> T choice(String key, String fallback, Map<String, T> choices) {
    T choice = choices.get(values.getOrDefault(key, fallback));
    if (choice == null) {
      List<String> expected = choices.keySet().stream().sorted().toList();
      throw bad(key, "one of " + String.join(", ", expected));
    }
    return choice;
  }

  /** The value of a key that must be given: an integer of {@code least} or more. */
  int integer(String key, int least) {
    if (!values.containsKey(key)) {
      throw new BadInputException("-s " + key, "missing", "an integer of " + least + " or more");
    }
    return integer(key, least, least);
  }

  private int integer(String key, int fallback, int least) {
    return integer(key, fallback, least, Integer.MAX_VALUE);
  }

  /**
   * The value of a key, by default {@code fallback}: an integer from {@code least} to {@code most}.
   */
  int integer(String key, int fallback, int least, int most) {
    String given = values.getOrDefault(key, Integer.toString(fallback));
    try {
      int value = Integer.parseInt(given);
      if (value >= least && value <= most) {
        return value;
      }
    } catch (NumberFormatException e) {
      // Reported below, as other values that are out of range.
    }
    throw new BadInputException("-s " + key, given, "an integer from " + least + " to " + most);
  }

  private BadInputException bad(String key, String expected) {
    return new BadInputException("-s " + key, values.getOrDefault(key, "missing"), expected);
  }
}
