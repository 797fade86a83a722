package io.github.trimtab.engine.cli;

import io.github.trimtab.vocab.CountsFile;
import io.github.trimtab.vocab.DraftCost;
import io.github.trimtab.vocab.KeptFile;
import io.github.trimtab.vocab.KeptVocabulary;
import io.github.trimtab.vocab.Provenance;
import io.github.trimtab.vocab.TokenCounts;
import io.github.trimtab.vocab.Trim;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.function.IntToDoubleFunction;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code vocab trim}. */
@Command(
    name = "trim",
    description = {
      "Choose the ids that a draft head keeps, from counts.",
      "",
      "With --tokenizer all added tokens (ends of text and turns, template and tool tokens), single"
          + " bytes and the ids that the model's configuration names are kept, and padding never"
          + " is."
    })
final class VocabTrimCommand implements Callable<Integer> {
  /** One of the ways to choose a size. */
  private static final class Size {
    @Option(names = "--top-k", paramLabel = "K", description = "Keep the K most frequent ids.")
    private @Nullable Integer topK;

    @Option(
        names = "--mass",
        paramLabel = "SHARE",
        description = "Keep the fewest ids that hold this share of the tokens, such as 0.97.")
    private @Nullable Double mass;

    @Option(
        names = "--drop",
        paramLabel = "N",
        description = "Drop ids that occur fewer than N times.")
    private @Nullable Long drop;

    @Option(
        names = "--auto",
        description =
            "Choose the size of the highest expected speed: by weights (MBSU), or by measured times"
                + " with --latency.")
    @SuppressWarnings("UnusedVariable") // it is what is left when the others are not given
    private boolean auto;
  }

  /** What the automatic choice needs to know. */
  private static final class Auto {
    @Option(
        names = "--acceptance",
        paramLabel = "A",
        defaultValue = "0.7",
        description =
            "Probability that a draft token of the full head is accepted (default:"
                + " ${DEFAULT-VALUE}).")
    private double acceptance;

    @Option(
        names = "--gamma",
        paramLabel = "N",
        defaultValue = "3",
        description = "Draft tokens a round (default: ${DEFAULT-VALUE}).")
    private int gamma;

    @Option(
        names = "--draft-weights",
        paramLabel = "N",
        description = "Weights of the draft model with its full head.")
    private @Nullable Long draftWeights;

    @Option(names = "--target-weights", paramLabel = "N", description = "Weights of the target.")
    private @Nullable Long targetWeights;

    @Option(names = "--width", paramLabel = "N", description = "Weights of a head's row.")
    private @Nullable Integer width;

    @Option(
        names = "--latency",
        paramLabel = "FILE",
        description = "Measured times of the head: a line `rows seconds` each, rows rising.")
    private @Nullable Path latency;

    @Option(
        names = "--draft-seconds",
        paramLabel = "S",
        description = "With --latency: what the rest of a draft step takes.")
    private double draftSeconds;

    @Option(
        names = "--target-seconds",
        paramLabel = "S",
        description = "With --latency: what a target step takes.")
    private @Nullable Double targetSeconds;

    @Option(
        names = "--held-out",
        paramLabel = "COUNTS",
        description = "Counts of other text, to judge sizes by (default: the same counts).")
    private @Nullable Path heldOut;
  }

  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(paramLabel = "COUNTS", description = "A file of counts that `vocab count` wrote.")
  private Path counts = Path.of("");

  @Option(
      names = "--out",
      required = true,
      paramLabel = "FILE",
      description = "The kept vocabulary: .pt, .safetensors, .gguf, .json or .npy.")
  private Path out = Path.of("");

  @ArgGroup(multiplicity = "1")
  private Size size = new Size();

  @ArgGroup(exclusive = false, heading = "With --auto:%n")
  private Auto auto = new Auto();

  @Option(
      names = "--protect",
      split = ",",
      paramLabel = "ID",
      description = "More ids to keep, whatever their count.")
  private List<Integer> more = List.of();

  @Option(
      names = "--tile",
      paramLabel = "N",
      defaultValue = "128",
      description = "Round the size up to a multiple of this (default: ${DEFAULT-VALUE}).")
  private int tile;

  @Mixin private final Vocabulary vocabulary = new Vocabulary();

  @Override
  public Integer call() throws IOException {
    OutputFile.check(out);
    PrintWriter messages = spec.commandLine().getErr();
    TokenCounts counted = CountsFile.read(counts);
    Provenance given = vocabulary.provenance("");
    if (given != null) {
      counted = CountsFile.read(counts, given);
    }
    int ids = counted.provenance().vocabularySize();
    BitSet isProtected = vocabulary.protectedIds();
    for (int id : more) {
      if (id < 0 || id >= ids) {
        throw new BadInputException("--protect", id, "0 to " + (ids - 1));
      }
      isProtected.set(id);
    }
    Trim trim = new Trim(counted, vocabulary.ids(ids), isProtected, tile);
    KeptVocabulary kept = choose(trim, counted);
    KeptFile.write(out, kept);
    if (vocabulary.tokenizer() == null && more.isEmpty()) {
      messages.println("no --tokenizer: special ids are not protected and padding is not known");
    }
    spec.commandLine()
        .getOut()
        .printf(
            Locale.ROOT,
            "%s: %s, %.4f of the tokens%n",
            out,
            kept,
            counted.total() == 0 ? 1 : (double) counted.covered(kept) / counted.total());
    return 0;
  }

  private KeptVocabulary choose(Trim trim, TokenCounts counted) throws IOException {
    if (size.topK != null) {
      return trim.topK(size.topK);
    }
    if (size.mass != null) {
      return trim.mass(size.mass);
    }
    if (size.drop != null) {
      return trim.dropRarest(size.drop);
    }
    TokenCounts heldOut =
        auto.heldOut == null ? counted : CountsFile.read(auto.heldOut, counted.provenance());
    return trim.automatic(
        heldOut, auto.acceptance, auto.gamma, cost(counted.provenance().vocabularySize()));
  }

  private IntToDoubleFunction cost(int vocabularySize) throws IOException {
    if (auto.latency != null) {
      if (auto.targetSeconds == null) {
        throw new BadInputException("--target-seconds", "missing", "it with --latency");
      }
      return latencies(auto.latency, auto.draftSeconds, auto.targetSeconds);
    }
    if (auto.draftWeights == null || auto.targetWeights == null || auto.width == null) {
      throw new BadInputException(
          "--auto", "no costs", "--latency, or --draft-weights, --target-weights and --width");
    }
    return DraftCost.ofWeights(auto.draftWeights, auto.targetWeights, vocabularySize, auto.width);
  }

  private static IntToDoubleFunction latencies(Path file, double body, double target)
      throws IOException {
    List<String> lines =
        TextFile.read("--latency", file)
            .lines()
            .map(String::strip)
            .filter(line -> !line.isEmpty() && !line.startsWith("#"))
            .toList();
    int[] rows = new int[lines.size()];
    double[] seconds = new double[lines.size()];
    for (int i = 0; i < rows.length; i++) {
      String[] words = lines.get(i).split("\\s+", -1);
      try {
        rows[i] = Integer.parseInt(words[0]);
        seconds[i] = Double.parseDouble(words[1]);
      } catch (NumberFormatException | ArrayIndexOutOfBoundsException e) {
        throw new IllegalArgumentException(
            file + ": " + lines.get(i) + ", expected `rows seconds`", e);
      }
    }
    return DraftCost.ofSeconds(rows, seconds, body, target);
  }
}
