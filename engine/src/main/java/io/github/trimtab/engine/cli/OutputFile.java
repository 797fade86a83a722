package io.github.trimtab.engine.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** A file that a command writes last: whether it can is asked first, before any work is done. */
final class OutputFile {
  private OutputFile() {}

  /** Refuses what {@code --out} names where no file can appear. */
  static void check(Path out) {
    Path folder = out.toAbsolutePath().getParent();
    if (folder == null || !Files.isDirectory(folder)) {
      throw new BadInputException("--out", out, "a file in a folder that exists");
    }
    boolean leadsNowhere = Files.isSymbolicLink(out) && !Files.exists(out);
    if (leadsNowhere || (Files.exists(out) && !Files.isRegularFile(out))) {
      throw new BadInputException("--out", out, "a regular file, or none yet");
    }
    if (!Files.isWritable(folder)) {
      throw new BadInputException("--out", out, "a folder that may be written");
    }
  }

  /** The same for a folder of results, which is made where there is none. */
  static void checkFolder(Path out) {
    if (Files.exists(out) && !Files.isDirectory(out)) {
      throw new BadInputException("--out", out, "a folder, or none yet");
    }
  }

  /** Makes a folder of results where there is none. */
  static void makeFolder(Path out) throws IOException {
    try {
      Files.createDirectories(out);
    } catch (NoSuchFileException e) {
      throw new BadInputException("--out", out, "a place where a folder can be made");
    }
  }
}
