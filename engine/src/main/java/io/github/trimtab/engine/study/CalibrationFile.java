package io.github.trimtab.engine.study;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.github.trimtab.engine.checkpoint.JsonObject;
import io.github.trimtab.scalekv.HeadMass;
import io.github.trimtab.scalekv.Schedule;
import io.github.trimtab.scalekv.SelectivityIndex;
import io.github.trimtab.scalekv.Sensitivity;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;

/** What {@code scalekv calibrate} measured of a model, as its JSON file holds it. */
public final class CalibrationFile {

  private final int maps;
  private final long seed;
  private final List<Integer> tops;
  private final double[][][] selectivity;
  private final List<Integer> tokens;
  private final double[][][] layerRise;
  private final double[][][] headRise;
  private final double[][][] headMass;

  /**
   * Takes what was measured.
   *
   * @param maps how many maps were measured
   * @param seed of their noise
   * @param tops each K' of the selectivity index, the one to use first
   * @param selectivity the index, [K'][layer][scale]
   * @param tokens to which one layer's or head's history was cut at every scale, rising
   * @param layerRise of the divergence when one layer is cut, nats a token, [cut][layer][scale]
   * @param headRise the same when one head is cut, [cut][layer x heads + head][scale]
   * @param headMass attention of each head to each earlier scale, [layer][head][scale]
   */
  CalibrationFile(
      int maps,
      long seed,
      List<Integer> tops,
      double[][][] selectivity,
      List<Integer> tokens,
      double[][][] layerRise,
      double[][][] headRise,
      double[][][] headMass) {
    this.maps = maps;
    this.seed = seed;
    this.tops = List.copyOf(tops);
    this.selectivity = selectivity;
    this.tokens = List.copyOf(tokens);
    this.layerRise = layerRise;
    this.headRise = headRise;
    this.headMass = headMass;
  }

  /** Seed of the maps' noise. */
  public long seed() {
    return seed;
  }

  /** Each K' of the selectivity index, the one to use first. */
  public List<Integer> tops() {
    return tops;
  }

  /** Tokens to which one layer's history was cut, rising. */
  public List<Integer> tokens() {
    return tokens;
  }

  /** The selectivity index of the first K', [layer][scale]. */
  public double[][] selectivity() {
    return selectivity[0];
  }

  /** Nats lost at each cut, [cut][layer][scale]. */
  public double[][][] layerRise() {
    return layerRise;
  }

  /**
   * The selectivity index as the library takes it.
   *
   * @param which of the K', from 0
   */
  public SelectivityIndex index(int which) {
    double[][] values = selectivity[which];
    SelectivityIndex index = new SelectivityIndex(values[0].length, values.length);
    for (int layer = 0; layer < values.length; layer++) {
      for (int scale = 0; scale < values[layer].length; scale++) {
        index.add(scale + 1, layer, values[layer][scale]);
      }
    }
    return index;
  }

  /** Attention of each head to each earlier scale. */
  public HeadMass mass() {
    return new HeadMass(headMass);
  }

  /** The layers' sensitivity as the library takes it. */
  public Sensitivity layers(Schedule schedule) {
    return sensitivity(schedule, layerRise);
  }

  /** The heads' sensitivity as the library takes it, as if each head were a layer. */
  public Sensitivity heads(Schedule schedule) {
    return sensitivity(schedule, headRise);
  }

  /**
   * Cuts were to the same tokens at every scale, and are wanted as the same shares of each scale's
   * history, so they are interpolated in the logarithm of the tokens.
   */
  private Sensitivity sensitivity(Schedule schedule, double[][][] rise) {
    int scales = schedule.scales();
    double whole = schedule.history(scales - 1);
    double[] shares = new double[tokens.size()];
    double[][][] byShare = new double[tokens.size()][rise[0].length][scales];
    for (int cut = 0; cut < tokens.size(); cut++) {
      shares[cut] = tokens.get(cut) / whole;
      for (int part = 0; part < rise[0].length; part++) {
        for (int scale = 0; scale < scales; scale++) {
          int history = schedule.history(scale);
          byShare[cut][part][scale] = at(rise, part, scale, shares[cut] * history, history);
        }
      }
    }
    return new Sensitivity(shares, byShare);
  }

  /** The rise at any number of tokens of a history. */
  private double at(double[][][] rise, int part, int scale, double wanted, int history) {
    int lower = 0;
    while (lower + 1 < tokens.size() && tokens.get(lower + 1) <= wanted) {
      lower++;
    }
    if (wanted >= history || tokens.get(lower) >= history) {
      return 0;
    }
    boolean measured = lower + 1 < tokens.size() && tokens.get(lower + 1) < history;
    double high = measured ? tokens.get(lower + 1) : history;
    double end = measured ? rise[lower + 1][part][scale] : 0;
    double start = rise[lower][part][scale];
    double fraction = Math.log(wanted / tokens.get(lower)) / Math.log(high / tokens.get(lower));
    return start + fraction * (end - start);
  }

  /** The JSON text, with a newline at the end. */
  public String format() {
    StringWriter text = new StringWriter();
    try (JsonGenerator json = new JsonFactory().createGenerator(text)) {
      json.useDefaultPrettyPrinter();
      json.writeStartObject();
      json.writeNumberField("maps", maps);
      json.writeNumberField("seed", seed);
      json.writeFieldName("top_k_prime");
      json.writeArray(tops.stream().mapToInt(Integer::intValue).toArray(), 0, tops.size());
      json.writeArrayFieldStart("layers");
      int layers = layerRise[0].length;
      int heads = headRise[0].length / layers;
      for (int layer = 0; layer < layers; layer++) {
        json.writeStartObject();
        json.writeArrayFieldStart("selectivity");
        for (int i = 0; i < tops.size(); i++) {
          json.writeStartObject();
          json.writeNumberField("top_k_prime", tops.get(i));
          StudyResults.numbers(json, "index", selectivity[i][layer]);
          json.writeEndObject();
        }
        json.writeEndArray();
        cuts(json, layerRise, layer);
        json.writeArrayFieldStart("heads");
        for (int head = 0; head < heads; head++) {
          json.writeStartObject();
          StudyResults.numbers(json, "mass", headMass[layer][head]);
          cuts(json, headRise, layer * heads + head);
          json.writeEndObject();
        }
        json.writeEndArray();
        json.writeEndObject();
      }
      json.writeEndArray();
      json.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return text.append('\n').toString();
  }

  private void cuts(JsonGenerator json, double[][][] rise, int part) throws IOException {
    json.writeArrayFieldStart("cuts");
    for (int cut = 0; cut < tokens.size(); cut++) {
      json.writeStartObject();
      json.writeNumberField("tokens", tokens.get(cut));
      StudyResults.numbers(json, "rise_nats", rise[cut][part]);
      json.writeEndObject();
    }
    json.writeEndArray();
  }

  /**
   * Reads a file that {@link #format} made.
   *
   * @throws IllegalArgumentException naming file and key, where it has another form
   */
  public static CalibrationFile read(Path file) throws IOException {
    JsonObject json = JsonObject.read(file);
    List<JsonObject> layers = json.objects("layers");
    List<JsonObject> heads =
        layers.stream().flatMap(layer -> layer.objects("heads").stream()).toList();
    return new CalibrationFile(
        json.integer("maps"),
        (long) json.number("seed"),
        json.integers("top_k_prime"),
        table(layers, "selectivity", "index"),
        layers.getFirst().objects("cuts").stream().map(cut -> cut.integer("tokens")).toList(),
        table(layers, "cuts", "rise_nats"),
        table(heads, "cuts", "rise_nats"),
        layers.stream()
            .map(layer ->
                layer.objects("heads").stream()
                    .map(head -> head.numbers("mass"))
                    .toArray(double[][]::new))
            .toArray(double[][][]::new));
  }

  /** Values of an array's entries, [entry][part][scale]. */
  private static double[][][] table(List<JsonObject> parts, String entries, String values) {
    double[][][] table = new double[parts.getFirst().objects(entries).size()][parts.size()][];
    for (int part = 0; part < parts.size(); part++) {
      List<JsonObject> own = parts.get(part).objects(entries);
      for (int entry = 0; entry < table.length; entry++) {
        table[entry][part] = own.get(entry).numbers(values);
      }
    }
    return table;
  }
}
