package io.github.trimtab.engine.text;

import io.github.trimtab.io.NpyFile;
import io.github.trimtab.vocab.ParallelCounter;
import io.github.trimtab.vocab.TokenCounter;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/** Counts the tokens of streams, of any length in the memory of a few pieces. */
public final class StreamCounter {
  private static final int PIECE_BYTES = 1 << 18;

  /** Running text goes to the tokenizer in small pieces, which it takes about twice as fast. */
  private static final int TEXT_PIECE_BYTES = 1 << 12;

  /** What a stream holds. */
  public enum Format {
    /** Token ids of two bytes, little endian, unsigned. */
    U16,
    /** Token ids of four bytes, little endian. */
    I32,
    /** Token ids in a .npy file. */
    NPY,
    /** A chat a line, of which the assistant's texts count. */
    JSONL,
    /** Text in UTF-8. */
    TEXT;

    /** Whether tokens must be made of it first. */
    public boolean isText() {
      return this == JSONL || this == TEXT;
    }
  }

  private final ParallelCounter counter;
  private final @Nullable TextTokenizer tokenizer;

  /**
   * Counts into a counter.
   *
   * @param tokenizer for text, else null
   */
  public StreamCounter(ParallelCounter counter, @Nullable TextTokenizer tokenizer) {
    this.counter = counter;
    this.tokenizer = tokenizer;
  }

  /**
   * Counts a stream from a position on. When it returns, the last pieces may still be under way.
   *
   * @param name names the stream in messages
   * @param in the stream from its begin
   * @param passed bytes to skip, as an earlier call told them to {@code atCut}
   * @param atCut is told after each piece how many bytes were passed
   * @throws IllegalArgumentException if the stream is not of the format, or has an id outside the
   *     vocabulary
   */
  public void count(Format format, Path name, InputStream in, long passed, LongConsumer atCut)
      throws IOException {
    switch (format) {
      case U16 -> elements(2, name, in, passed, atCut);
      case I32 -> elements(4, name, in, passed, atCut);
      case NPY -> {
        NpyFile.Header header = NpyFile.readHeader(name, in);
        long bytes = elements(header.elementBytes(), name, in, passed, atCut);
        if (bytes != expectedBytes(name, header)) {
          throw new IllegalArgumentException(
              name + ": " + bytes + " bytes of data, expected " + expectedBytes(name, header));
        }
      }
      case JSONL ->
          pieces(
              new Chunks(name.toString(), skipped(in, passed), passed, PIECE_BYTES, Chunks::lines),
              name,
              this::countChats,
              atCut);
      case TEXT ->
          pieces(
              new Chunks(
                  name.toString(), skipped(in, passed), passed, TEXT_PIECE_BYTES, Chunks::text),
              name,
              this::countText,
              atCut);
    }
  }

  private static long expectedBytes(Path name, NpyFile.Header header) {
    try {
      long bytes = header.elementBytes();
      for (long size : header.shape()) {
        bytes = Math.multiplyExact(bytes, size);
      }
      return bytes;
    } catch (ArithmeticException e) {
      throw new IllegalArgumentException(
          name + ": shape " + header.shape() + ", expected fewer than 2^63 bytes", e);
    }
  }

  private static InputStream skipped(InputStream in, long bytes) throws IOException {
    in.skipNBytes(bytes);
    return in;
  }

  private long elements(int width, Path name, InputStream in, long passed, LongConsumer atCut)
      throws IOException {
    Chunks chunks =
        new Chunks(
            name.toString(), skipped(in, passed), passed, PIECE_BYTES, Chunks.elements(width));
    pieces(
        chunks,
        name,
        (piece, into) -> {
          if (piece.length % width != 0) {
            throw new IllegalArgumentException("ends within a token of " + width + " bytes");
          }
          into.add(piece, piece.length, width);
        },
        atCut);
    return chunks.position();
  }

  @FunctionalInterface
  private interface PieceCounter {
    void count(byte[] piece, TokenCounter into);
  }

  private void pieces(Chunks chunks, Path name, PieceCounter work, LongConsumer atCut)
      throws IOException {
    long begin = chunks.position();
    for (byte[] piece = chunks.next(); piece != null; piece = chunks.next()) {
      byte[] bytes = piece;
      long from = begin;
      counter.submit(into -> {
        try {
          work.count(bytes, into);
        } catch (IllegalArgumentException e) {
          throw new IllegalArgumentException(
              name + ", after byte " + from + ": " + e.getMessage(), e);
        }
      });
      begin = chunks.position();
      atCut.accept(begin);
    }
  }

  private void countText(byte[] piece, TokenCounter into) {
    into.add(tokens(new String(piece, StandardCharsets.UTF_8)));
  }

  private void countChats(byte[] piece, TokenCounter into) {
    new String(piece, StandardCharsets.UTF_8)
        .lines()
        .filter(line -> !line.isBlank())
        .flatMap(line -> ChatLines.assistantTexts(line).stream())
        .forEach(text -> into.add(tokens(text)));
  }

  private int[] tokens(String text) {
    if (tokenizer == null) {
      throw new IllegalArgumentException("text without a tokenizer, expected one");
    }
    return tokenizer.encode(text, false);
  }
}
