package io.github.trimtab.engine.cli;

import io.github.trimtab.engine.text.StreamCounter;
import io.github.trimtab.engine.text.TextTokenizer;
import io.github.trimtab.vocab.CountsFile;
import io.github.trimtab.vocab.ParallelCounter;
import io.github.trimtab.vocab.Provenance;
import io.github.trimtab.vocab.TokenCounts;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code vocab count}. */
@Command(
    name = "count",
    description = {
      "Count the tokens of files, folders or standard input.",
      "",
      "Token files are raw little-endian ids (.u16, .bin: two bytes; .i32: four) or .npy; chats are"
          + " .jsonl with messages or conversations, of which the assistant's side counts; anything"
          + " else is text. Chats and text need --tokenizer."
    })
final class VocabCountCommand implements Callable<Integer> {
  private static final Path STANDARD_INPUT = Path.of("-");
  private static final int MIB = 1 << 20;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(
      arity = "0..*",
      paramLabel = "INPUT",
      description = "Files and folders (all files below, in the order of their names); -: stdin.")
  private List<Path> inputs = List.of(STANDARD_INPUT);

  @Option(
      names = "--out",
      required = true,
      paramLabel = "FILE",
      description = "The counts, as text: one for each id.")
  private Path out = Path.of("");

  @Option(
      names = "--format",
      paramLabel = "FORMAT",
      description = "${COMPLETION-CANDIDATES} (default: by each file's ending; stdin has none).")
  private StreamCounter.@Nullable Format format;

  @Option(
      names = "--source",
      paramLabel = "TEXT",
      description = "What the text is, kept with the counts.")
  private String source = "";

  @Option(
      names = "--checkpoint",
      paramLabel = "FILE",
      description =
          "Keep the state here while counting, and go on from it where it exists. It is removed at"
              + " the end.")
  private @Nullable Path checkpoint;

  @Option(
      names = "--every",
      paramLabel = "SECONDS",
      defaultValue = "30",
      description = "Time between checkpoints (default: ${DEFAULT-VALUE}).")
  private int every;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads that count (default: one for each processor).")
  private int threads = Runtime.getRuntime().availableProcessors();

  @Mixin private final Vocabulary vocabulary = new Vocabulary();

  private long nextCheckpoint;

  @Override
  public Integer call() throws IOException {
    if (threads < 1 || threads > 1024) {
      throw new BadInputException("--threads", threads, "1 to 1024");
    }
    if (every < 0) {
      throw new BadInputException("--every", every, "0 or more");
    }
    OutputFile.check(out);
    List<Path> files = files();
    Provenance provenance = vocabulary.required(source);
    List<StreamCounter.Format> formats = files.stream().map(this::formatOf).toList();
    TextTokenizer tokenizer = vocabulary.tokenizer();
    for (int i = 0; i < files.size(); i++) {
      if (formats.get(i).isText() && tokenizer == null) {
        throw new BadInputException(
            "--tokenizer", "missing", "it, for the text of " + files.get(i));
      }
    }
    TokenCounts counts = count(files, formats, provenance, tokenizer);
    CountsFile.write(out, counts);
    if (checkpoint != null) {
      Files.deleteIfExists(checkpoint);
    }
    spec.commandLine()
        .getOut()
        .printf(
            Locale.ROOT,
            "%s: %d tokens, %d of %d ids%n",
            out,
            counts.total(),
            counts.distinct(),
            provenance.vocabularySize());
    return 0;
  }

  private TokenCounts count(
      List<Path> files,
      List<StreamCounter.Format> formats,
      Provenance provenance,
      @Nullable TextTokenizer tokenizer)
      throws IOException {
    String job = files + " " + formats + " " + provenance;
    CountCheckpoint begin =
        checkpoint != null && Files.exists(checkpoint)
            ? CountCheckpoint.read(checkpoint, job, provenance)
            : new CountCheckpoint(
                new TokenCounts(provenance, new long[provenance.vocabularySize()]), 0, 0);
    nextCheckpoint = System.nanoTime() + every * 1_000_000_000L;
    long total = 0;
    for (Path file : files) {
      total += file.equals(STANDARD_INPUT) ? 0 : Files.size(file);
    }
    int totalMib = (int) Math.min(total / MIB + 1, Integer.MAX_VALUE);
    try (var progress = new Progress(spec.commandLine().getErr(), totalMib);
        var counter = new ParallelCounter(begin.counts(), threads)) {
      StreamCounter streams = new StreamCounter(counter, tokenizer);
      long before = 0;
      for (int i = 0; i < files.size(); i++) {
        Path file = files.get(i);
        long size = file.equals(STANDARD_INPUT) ? 0 : Files.size(file);
        if (i >= begin.file()) {
          int place = i;
          long passed = before;
          try (InputStream in = open(file)) {
            streams.count(
                formats.get(i),
                file,
                in,
                i == begin.file() ? begin.bytes() : 0,
                bytes -> {
                  progress.show((int) Math.min((passed + bytes) / MIB, totalMib), file.toString());
                  keep(job, counter, place, bytes);
                });
          }
        }
        before += size;
      }
      return counter.counts();
    }
  }

  /** Writes a checkpoint when its time has come. */
  private void keep(String job, ParallelCounter counter, int file, long bytes) {
    if (checkpoint != null && System.nanoTime() >= nextCheckpoint) {
      try {
        new CountCheckpoint(counter.counts(), file, bytes).write(checkpoint, job);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      nextCheckpoint = System.nanoTime() + every * 1_000_000_000L;
    }
  }

  private static InputStream open(Path file) throws IOException {
    return file.equals(STANDARD_INPUT) ? System.in : Files.newInputStream(file);
  }

  private List<Path> files() throws IOException {
    List<Path> files = new ArrayList<>();
    for (Path input : inputs) {
      if (Files.isDirectory(input)) {
        try (Stream<Path> below = Files.walk(input)) {
          below.filter(Files::isRegularFile).sorted().forEach(files::add);
        }
      } else if (input.equals(STANDARD_INPUT) || Files.exists(input)) {
        files.add(input);
      } else {
        throw new NoSuchFileException(input.toString());
      }
    }
    if (files.isEmpty()) {
      throw new BadInputException("INPUT", inputs, "at least one file");
    }
    return files;
  }

  private StreamCounter.Format formatOf(Path file) {
    if (format != null) {
      return format;
    }
    if (file.equals(STANDARD_INPUT)) {
      throw new BadInputException("--format", "missing", "it, for standard input");
    }
    String name = String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT);
    return switch (name.substring(name.lastIndexOf('.') + 1)) {
      case "u16", "bin" -> StreamCounter.Format.U16;
      case "i32" -> StreamCounter.Format.I32;
      case "npy" -> StreamCounter.Format.NPY;
      case "jsonl" -> StreamCounter.Format.JSONL;
      default -> StreamCounter.Format.TEXT;
    };
  }
}
