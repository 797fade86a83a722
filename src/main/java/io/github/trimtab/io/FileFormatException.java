package io.github.trimtab.io;

import java.io.IOException;
import java.nio.file.Path;

/**
 * A file does not follow its format; the message names the file, the place, its value and what was
 * expected.
 */
public final class FileFormatException extends IOException {
  private static final long serialVersionUID = 1;

  FileFormatException(Path file, String complaint) {
    super(file + ": " + complaint);
  }
}
