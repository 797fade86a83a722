package io.github.trimtab.io;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.UUID;

/**
 * Files that appear whole or not at all: they are written beside their place and then moved there.
 */
public final class WholeFile {
  private WholeFile() {}

  /** Writes a file's content. */
  @FunctionalInterface
  public interface Content {
    /** Writes all of it; the channel is closed by the caller. */
    void writeTo(FileChannel channel) throws IOException;
  }

  /**
   * Writes a file, replacing what was there; through a link, the file that it leads to.
   *
   * @throws IOException if it cannot be written; what was there is left as it was
   */
  public static void write(Path file, Content content) throws IOException {
    if (Files.exists(file) && !Files.isRegularFile(file)) {
      throw new IOException(file + ": not a regular file, expected one or none");
    }
    if (!Files.exists(file) && Files.isSymbolicLink(file)) {
      throw new FileSystemException(
          file.toString(), null, "a link to no file, expected a file, a link to one, or none yet");
    }
    Path absolute = Files.exists(file) ? file.toRealPath() : file.toAbsolutePath();
    Path unfinished =
        absolute.resolveSibling("." + absolute.getFileName() + "." + UUID.randomUUID() + ".tmp");
    try {
      try (FileChannel channel =
          FileChannel.open(unfinished, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
        content.writeTo(channel);
      }
      Files.move(unfinished, absolute, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(unfinished);
    }
  }

  /** The same for text, in UTF-8. */
  public static void write(Path file, String text) throws IOException {
    write(file, text.getBytes(StandardCharsets.UTF_8));
  }

  /** The same for content in memory. */
  public static void write(Path file, byte[] content) throws IOException {
    write(
        file,
        channel -> {
          OutputStream out = Channels.newOutputStream(channel);
          out.write(content);
        });
  }
}
