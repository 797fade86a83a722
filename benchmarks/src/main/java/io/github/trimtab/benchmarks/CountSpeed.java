package io.github.trimtab.benchmarks;

import io.github.trimtab.engine.text.StreamCounter;
import io.github.trimtab.engine.text.StreamCounter.Format;
import io.github.trimtab.engine.text.TextTokenizer;
import io.github.trimtab.vocab.ParallelCounter;
import io.github.trimtab.vocab.Provenance;
import io.github.trimtab.vocab.TokenCounts;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.AbstractList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Counting of tokens as {@code trimtab vocab count} does it. The threads of a figure are those that
 * count; one more reads.
 */
final class CountSpeed {
  private static final int BLOCK_IDS = 1_000_000;
  private static final int GPT2_IDS = 50_257;
  private static final int LLAMA3_IDS = 128_256;
  private static final long FILE_BYTES = 300_000_000;
  private static final long TEXT_BYTES = 5_000_000;
  private static final long STREAM_BYTES = 10_000_000_000L;
  private static final String RATE = "million tokens/s";

  private final int threads;

  CountSpeed(int threads) {
    this.threads = threads;
  }

  /** Tokens a second from files that were just written, and so need not come from a disk. */
  List<Figure> files(double seconds) throws IOException {
    TextTokenizer tokenizer = TextTokenizer.read(Path.of("models/java-text"));
    return List.of(
        file("16-bit ids", Format.U16, ids(2, GPT2_IDS), FILE_BYTES, GPT2_IDS, null, seconds),
        file("32-bit ids", Format.I32, ids(4, LLAMA3_IDS), FILE_BYTES, LLAMA3_IDS, null, seconds),
        file(
            "Java text",
            Format.TEXT,
            sources(),
            TEXT_BYTES,
            tokenizer.vocabularySize(),
            tokenizer,
            seconds));
  }

  private Figure file(
      String content,
      Format format,
      byte[] block,
      long bytes,
      int vocabulary,
      @Nullable TextTokenizer tokenizer,
      double seconds)
      throws IOException {
    Path file = Files.createTempFile("trimtab-count", null);
    try {
      Files.copy(repeated(block, bytes), file, StandardCopyOption.REPLACE_EXISTING);
      long tokens = count(format, Files.newInputStream(file), vocabulary, tokenizer);
      var rounds = new Rounds(1);
      rounds.add(
          "count",
          tokens,
          set -> {
            try {
              count(format, Files.newInputStream(file), vocabulary, tokenizer);
            } catch (IOException e) {
              throw new UncheckedIOException(e);
            }
          });
      Spread rate = rounds.run(seconds).rate("count").times(1e-6);
      return figure(
          "file of %s, %d MB, vocabulary of %d"
              .formatted(content, Files.size(file) / 1_000_000, vocabulary),
          RATE,
          rate);
    } finally {
      Files.delete(file);
    }
  }

  /** A long stream once, and the most memory that this process ever had resident. */
  List<Figure> stream() throws IOException {
    byte[] block = ids(4, LLAMA3_IDS);
    long start = System.nanoTime();
    long tokens = count(Format.I32, repeated(block, STREAM_BYTES), LLAMA3_IDS, null);
    double seconds = (System.nanoTime() - start) * 1e-9;
    if (tokens != STREAM_BYTES / 4) {
      throw new IllegalStateException("tokens: " + tokens + ", expected " + STREAM_BYTES / 4);
    }
    String peak = Machine.field(Files.readString(Path.of("/proc/self/status")), "VmHWM");
    double kib = Double.parseDouble(peak.replace(" kB", ""));
    String shape = "stream of 32-bit ids, 10 GB, vocabulary of " + LLAMA3_IDS;
    return List.of(
        figure(shape, RATE, once(tokens * 1e-6 / seconds)),
        figure(shape + ", peak memory of the process", "MB", once(kib * 1024 * 1e-6)));
  }

  private Figure figure(String shape, String unit, Spread value) {
    return new Figure(Figure.Group.COUNT, "count", shape, threads, unit, value, null);
  }

  private static Spread once(double value) {
    return new Spread(value, value, value);
  }

  private long count(
      Format format, InputStream stream, int vocabulary, @Nullable TextTokenizer tokenizer)
      throws IOException {
    var zero = new TokenCounts(new Provenance("", "", vocabulary), new long[vocabulary]);
    try (stream;
        var counter = new ParallelCounter(zero, threads)) {
      new StreamCounter(counter, tokenizer).count(format, Path.of("-"), stream, 0, passed -> {});
      return counter.counts().total();
    }
  }

  /** Ids that occur about as often as words do: the more seldom the higher they are. */
  private static byte[] ids(int width, int vocabulary) {
    var random = new Random(1);
    ByteBuffer ids = ByteBuffer.allocate(width * BLOCK_IDS).order(ByteOrder.LITTLE_ENDIAN);
    while (ids.hasRemaining()) {
      int id = (int) Math.pow(vocabulary, random.nextDouble()) - 1;
      if (width == 2) {
        ids.putShort((short) id);
      } else {
        ids.putInt(id);
      }
    }
    return ids.array();
  }

  /** This repository's own sources. */
  private static byte[] sources() throws IOException {
    var text = new ByteArrayOutputStream();
    try (Stream<Path> files = Files.walk(Path.of("src/main/java"))) {
      for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
        text.writeBytes(Files.readAllBytes(file));
      }
    }
    return text.toByteArray();
  }

  /** A block again and again, until there are {@code bytes} or more. */
  private static InputStream repeated(byte[] block, long bytes) {
    return new SequenceInputStream(
        Collections.enumeration(
            new AbstractList<InputStream>() {
              @Override
              public InputStream get(int index) {
                return new ByteArrayInputStream(block);
              }

              @Override
              public int size() {
                return Math.toIntExact(Math.ceilDiv(bytes, block.length));
              }
            }));
  }
}
