package io.github.trimtab.engine.cli;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Text files that options name. */
final class TextFile {
  private TextFile() {}

  /** All of a file's text; what is no UTF-8 is the option's fault. */
  static String read(String option, Path file) throws IOException {
    try {
      return Files.readString(file);
    } catch (CharacterCodingException e) {
      throw new BadInputException(option, file, "a file of text in UTF-8");
    }
  }
}
