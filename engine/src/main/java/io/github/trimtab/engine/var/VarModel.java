package io.github.trimtab.engine.var;

import io.github.trimtab.engine.checkpoint.Checkpoint;
import io.github.trimtab.engine.checkpoint.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** A loaded model: configuration, class names, transformer, tokenizer. Immutable, any thread. */
public final class VarModel {

  private static final String TRANSFORMER = "transformer.safetensors";
  private static final String TOKENIZER = "tokenizer.safetensors";

  private final Path folder;
  private final VarConfig config;
  private final List<String> classNames;
  private final Transformer transformer;
  private final Tokenizer tokenizer;
  private final Decoder decoder;

  private VarModel(
      Path folder,
      VarConfig config,
      List<String> classNames,
      Checkpoint transformer,
      Checkpoint tokenizer) {
    this.folder = folder;
    this.config = config;
    this.classNames = classNames;
    this.transformer = new Transformer(config, new TransformerWeights(config, transformer));
    this.tokenizer = new Tokenizer(config, new TokenizerWeights(config, tokenizer));
    this.decoder = new Decoder(config, tokenizer);
  }

  /**
   * Loads a model.
   *
   * @param folder holds {@code transformer.safetensors} and {@code tokenizer.safetensors}; {@code
   *     config.json}, without which they must be official ones ({@link OfficialVar}); and {@code
   *     classes.json}, without which an official model's classes are called by their numbers
   * @throws IllegalArgumentException naming the file and the key or tensor that does not fit
   */
  public static VarModel load(Path folder) throws IOException {
    Path file = folder.resolve("config.json");
    try (Checkpoint transformer = new Checkpoint(folder.resolve(TRANSFORMER));
        Checkpoint tokenizer = new Checkpoint(folder.resolve(TOKENIZER))) {
      boolean official = Files.notExists(file);
      VarConfig config =
          official ? OfficialVar.config(transformer, tokenizer) : VarConfig.read(file);
      Path classes = folder.resolve("classes.json");
      List<String> names =
          official && Files.notExists(classes)
              ? IntStream.range(0, config.classes()).mapToObj(String::valueOf).toList()
              : classNames(classes, config.classes());
      return new VarModel(folder, config, names, transformer, tokenizer);
    }
  }

  private static List<String> classNames(Path file, int count) throws IOException {
    List<String> names = new ArrayList<>();
    for (JsonObject entry : JsonObject.read(file).objects("classes")) {
      names.add(entry.text("name"));
    }
    if (names.size() != count) {
      throw new IllegalArgumentException(
          file + ": classes: " + names.size() + " entries, expected " + count);
    }
    return List.copyOf(names);
  }

  /** The shape of the model. */
  public VarConfig config() {
    return config;
  }

  /** The name of each class. */
  public List<String> classNames() {
    return classNames;
  }

  /** Reads the transformer's weights again, for another place than the host. */
  TransformerWeights transformerWeights() throws IOException {
    try (Checkpoint checkpoint = new Checkpoint(folder.resolve(TRANSFORMER))) {
      return new TransformerWeights(config, checkpoint);
    }
  }

  /** Reads the tokenizer's weights again, for another place than the host. */
  TokenizerWeights tokenizerWeights() throws IOException {
    try (Checkpoint checkpoint = new Checkpoint(folder.resolve(TOKENIZER))) {
      return new TokenizerWeights(config, checkpoint);
    }
  }

  Transformer transformer() {
    return transformer;
  }

  Tokenizer tokenizer() {
    return tokenizer;
  }

  Decoder decoder() {
    return decoder;
  }
}
