package io.github.trimtab.engine.completion;

import io.github.trimtab.engine.llama.EagleModel;
import io.github.trimtab.engine.llama.LlamaModel;
import io.github.trimtab.engine.text.TextTokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * A target and two drafters for it, which share a tokenizer.
 *
 * @param target whose text is wanted
 * @param draft a small model of its own
 * @param eagle a block that reads the target's features, embedding and head
 */
public record TextModels(LlamaModel target, LlamaModel draft, EagleModel eagle) {

  /**
   * Loads models.
   *
   * @param folder holds the folders {@code target}, {@code draft} and {@code eagle}
   * @throws IllegalArgumentException naming the file and what does not fit
   */
  public static TextModels load(Path folder) throws IOException {
    LlamaModel target = LlamaModel.load(folder.resolve("target"));
    LlamaModel draft = LlamaModel.load(folder.resolve("draft"));
    int vocabulary = target.config().vocabulary();
    if (draft.config().vocabulary() != vocabulary) {
      throw new IllegalArgumentException(
          folder.resolve("draft")
              + ": vocab_size: "
              + draft.config().vocabulary()
              + ", expected "
              + vocabulary
              + " as the target's");
    }
    EagleModel eagle = EagleModel.load(folder.resolve("eagle"), target);
    return new TextModels(target, draft, eagle);
  }

  /**
   * Reads the models' tokenizer.
   *
   * @param folder holds {@code tokenizer.json}
   * @throws IllegalArgumentException if it has ids that the models do not know
   */
  public TextTokenizer tokenizer(Path folder) throws IOException {
    TextTokenizer tokenizer = TextTokenizer.read(folder);
    if (tokenizer.vocabularySize() > target.config().vocabulary()) {
      throw new IllegalArgumentException(
          folder
              + ": tokenizer.json: "
              + tokenizer.vocabularySize()
              + " tokens, expected at most the target's "
              + target.config().vocabulary());
    }
    return tokenizer;
  }

  /** The ids of a text, behind the token that texts begin with. */
  public int[] encode(TextTokenizer tokenizer, String text) {
    int[] ids = tokenizer.encode(text, false);
    int begin = target.config().begin();
    return begin < 0 ? ids : IntStream.concat(IntStream.of(begin), Arrays.stream(ids)).toArray();
  }
}
