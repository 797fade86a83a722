package io.github.trimtab.engine.cli;

import io.github.trimtab.engine.text.ModelIds;
import io.github.trimtab.engine.text.TextTokenizer;
import io.github.trimtab.vocab.Provenance;
import java.io.IOException;
import java.nio.file.Path;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options by which a command learns what token ids mean. */
final class Vocabulary {
  @Option(
      names = "--vocab-size",
      paramLabel = "V",
      description =
          "Ids of the vocabulary, the rows of the target's head; padding included (default: the"
              + " tokenizer's).")
  private @Nullable Integer size;

  @Option(
      names = "--tokenizer",
      paramLabel = "FILE",
      description = "The target's tokenizer.json, or the folder that holds it.")
  private @Nullable Path path;

  private @Nullable TextTokenizer tokenizer;

  /** The tokenizer, or null if none was given. */
  @Nullable TextTokenizer tokenizer() throws IOException {
    if (tokenizer == null && path != null) {
      tokenizer = TextTokenizer.read(path);
    }
    return tokenizer;
  }

  /** What the options say about ids; null where they say nothing. */
  @Nullable Provenance provenance(String source) throws IOException {
    TextTokenizer read = tokenizer();
    if (read == null) {
      return size == null ? null : checked(source, "", size);
    }
    if (size != null && size < read.vocabularySize()) {
      throw new BadInputException(
          "--vocab-size", size, "at least the tokenizer's " + read.vocabularySize());
    }
    return checked(source, read.sha256(), size == null ? read.vocabularySize() : size);
  }

  private static Provenance checked(String source, String hash, int size) {
    if (size < 1 || size > Provenance.MOST_IDS) {
      throw new BadInputException("--vocab-size", size, "1 to " + Provenance.MOST_IDS);
    }
    return new Provenance(source, hash, size);
  }

  /** The same, for commands that cannot do without. */
  Provenance required(String source) throws IOException {
    Provenance provenance = provenance(source);
    if (provenance == null) {
      throw new BadInputException("--vocab-size", "missing", "it or --tokenizer");
    }
    return provenance;
  }

  /** Ids that a draft head must not lose; none without a tokenizer. */
  BitSet protectedIds() throws IOException {
    TextTokenizer read = tokenizer();
    return read == null || path == null ? new BitSet() : ModelIds.protectedIds(path, read);
  }

  /** Ids that have a token; all without a tokenizer. */
  BitSet ids(int vocabularySize) throws IOException {
    TextTokenizer read = tokenizer();
    BitSet all = new BitSet();
    all.set(0, vocabularySize);
    return read == null ? all : read.ids();
  }
}
