package io.github.trimtab.engine.var;

import io.github.trimtab.engine.checkpoint.Checkpoint;
import io.github.trimtab.engine.checkpoint.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A loaded model: configuration, class names, transformer, tokenizer. Immutable, any thread. */
public final class VarModel {

  private final VarConfig config;
  private final List<String> classNames;
  private final Transformer transformer;
  private final Tokenizer tokenizer;
  private final Decoder decoder;

  private VarModel(
      VarConfig config, List<String> classNames, Checkpoint transformer, Checkpoint tokenizer) {
    this.config = config;
    this.classNames = classNames;
    this.transformer = new Transformer(config, transformer);
    this.tokenizer = new Tokenizer(config, tokenizer);
    this.decoder = new Decoder(config, tokenizer);
  }

  /**
   * Loads a model.
   *
   * @param folder holds {@code config.json}, {@code classes.json}, {@code transformer.safetensors}
   *     and {@code tokenizer.safetensors}
   * @throws IllegalArgumentException naming the file and the key or tensor that does not fit
   */
  public static VarModel load(Path folder) throws IOException {
    VarConfig config = VarConfig.read(folder.resolve("config.json"));
    List<String> names = classNames(folder.resolve("classes.json"), config.classes());
    try (Checkpoint transformer = new Checkpoint(folder.resolve("transformer.safetensors"));
        Checkpoint tokenizer = new Checkpoint(folder.resolve("tokenizer.safetensors"))) {
      return new VarModel(config, names, transformer, tokenizer);
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
