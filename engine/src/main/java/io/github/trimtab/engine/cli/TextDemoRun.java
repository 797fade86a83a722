package io.github.trimtab.engine.cli;

import io.github.trimtab.engine.completion.BundledCounts;
import io.github.trimtab.engine.completion.TextModels;
import io.github.trimtab.engine.demo.TextDemo;
import io.github.trimtab.engine.demo.TextReport;
import io.github.trimtab.engine.llama.LlamaBackend;
import io.github.trimtab.engine.llama.PromptPolicy;
import io.github.trimtab.engine.text.StreamingDecoder;
import io.github.trimtab.engine.text.TextTokenizer;
import io.github.trimtab.kv.EvictionPolicy;
import io.github.trimtab.vocab.KeptVocabulary;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Option;

/** The part of {@code demo} that completes Java, and its options. */
final class TextDemoRun {

  private static final int MOST_TOKENS = 1024;

  /** Last tokens of a beginning, which judge the others. */
  private static final int SNAPKV_WINDOW = 16;

  /** A quarter of the head: the share that the paper's headline is about. */
  private static final int SHARE = 4;

  /** Beginnings that no training text had; the first one is shown. */
  private static final List<String> BEGINNINGS =
      List.of(
          """
          package org.example.buffer;

          import java.util.NoSuchElementException;

          /**
           * A ring buffer of a fixed capacity.
           *
           * @param <T> the type of the elements
           */
          public class RingBuffer<T> {

            private final Object[] elements;
            private int size;
            private int head;

            public RingBuffer(int capacity) {
          """,
          """
          package org.example.geo;

          import java.util.Objects;

          /**
           * A point on a sphere.
           */
          public final class GeoPoint {

            private final double latitude;
            private final double longitude;

          """,
          """
          package org.example.config;

          import java.io.IOException;
          import java.io.InputStream;
          import java.util.Properties;

          public class ConfigurationLoader {

            private static final String DEFAULT_FILE = "application.properties";

          """,
          """
          package org.example.queue;

          import java.util.concurrent.locks.Condition;
          import java.util.concurrent.locks.ReentrantLock;

          /**
           * A queue whose consumers wait.
           */
          public class WaitingQueue<E> {

          """);

  @Option(
      names = "--text-model",
      paramLabel = "DIR",
      defaultValue = "${sys:trimtab.home:-.}/models/java-text",
      description = "Folder of the language models (default: ${DEFAULT-VALUE}).")
  private Path folder = Path.of("");

  @Option(
      names = "--tokens",
      paramLabel = "N",
      defaultValue = "192",
      description = "Tokens to write behind each beginning (default: ${DEFAULT-VALUE}).")
  private int tokens;

  @Option(
      names = "--snapkv",
      paramLabel = "N",
      description =
          "Keep N tokens of each beginning's keys and values, by SnapKV (default: all of them).")
  private int snapKv;

  /** Reads models and counts, so that what is missing is said before anything is drawn. */
  Prepared prepare(LlamaBackend on) throws IOException {
    if (tokens < 1 || tokens > MOST_TOKENS) {
      throw new BadInputException("--tokens", tokens, "1 to " + MOST_TOKENS);
    }
    if (snapKv != 0 && (snapKv < 2 || snapKv > MOST_TOKENS)) {
      throw new BadInputException("--snapkv", snapKv, "2 to " + MOST_TOKENS);
    }
    TextModels models = TextModels.load(folder);
    TextTokenizer tokenizer = models.tokenizer(folder);
    int vocabulary = models.target().config().vocabulary();
    BundledCounts counts = new BundledCounts(folder, tokenizer, vocabulary);
    KeptVocabulary kept = counts.keep(counts.read("target-java"), vocabulary / SHARE);
    List<int[]> prompts =
        BEGINNINGS.stream().map(text -> models.encode(tokenizer, text.stripTrailing())).toList();
    EvictionPolicy policy =
        snapKv == 0
            ? null
            : PromptPolicy.snapKv(
                models.target().config(), snapKv, Math.min(SNAPKV_WINDOW, snapKv / 2));
    return new Prepared(new TextDemo(models, on, kept, prompts, tokens, policy), tokenizer);
  }

  /** The demonstration, ready to run. */
  record Prepared(TextDemo demo, TextTokenizer tokenizer) {

    /** Streams the first text, then prints the table and writes it into a folder. */
    void run(PrintWriter out, PrintWriter messages, Path folder) throws IOException {
      TextReport report;
      try (Progress progress = new Progress(messages, demo.steps());
          Shown shown = new Shown(out, progress)) {
        report = new TextReport(demo.run(shown::next, shown::token));
      }
      out.print(report.table());
      out.println("table: " + report.write(folder));
    }

    /** The text on its way to the reader, and the bar beside it. */
    private final class Shown implements AutoCloseable {
      private final PrintWriter out;
      private final Progress progress;
      private final StreamingDecoder decoder = tokenizer.decoder(false);
      private int steps;
      private boolean begun;
      private boolean ended;

      Shown(PrintWriter out, Progress progress) {
        this.out = out;
        this.progress = progress;
      }

      void next(String what) {
        close();
        progress.show(steps++, what);
      }

      void token(int id) {
        if (!begun) {
          begun = true;
          progress.clear();
          out.print(tokenizer.decode(demo.prompts().getFirst(), false));
        }
        out.print(decoder.next(id));
        out.flush();
      }

      /** Ends the text, once. */
      @Override
      public void close() {
        if (begun && !ended) {
          ended = true;
          out.println(decoder.end());
          out.println();
        }
      }
    }
  }
}
