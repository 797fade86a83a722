package io.github.trimtab.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * Writes the recorded results into the pages that show them, each kind between a line like {@code
 * <!-- results:cpu -->} and the line {@value #END}: all of them into benchmarks/README.md, the
 * newest ones' headlines into the main page.
 */
public final class Report {
  static final String END = "<!-- /results -->";

  /** How the name of what torch_peers.py writes ends. */
  private static final String TORCH = "torch.json";

  private Report() {}

  /** What a run measured, and on what. */
  enum Kind {
    /** This machine's cores. */
    CPU("Nothing is recorded yet."),
    /** A CUDA device. */
    GPU(
        "No figure of a GPU is recorded yet, so none is shown: `benchmarks/run gpu` on a machine"
            + " with one fills this place."),
    /** Cost against size. */
    STUDY("Nothing is recorded yet.");

    private final String nothing;

    Kind(String nothing) {
      this.nothing = nothing;
    }

    String prefix() {
      return name().toLowerCase(Locale.ROOT);
    }

    String start() {
      return "<!-- results:" + prefix() + " -->";
    }
  }

  /**
   * Records a run, and rewrites both pages; or only prints the tables of a run.
   *
   * @param args the repository's root, or "print"; then, if there is a run, its kind and files
   */
  public static void main(String[] args) throws IOException {
    List<Path> files = Arrays.stream(args).skip(2).map(Path::of).toList();
    if (args[0].equals("print")) {
      Results results = run(files);
      System.out.println(
          args[1].equals(Kind.STUDY.prefix())
              ? StudyTables.all(results)
              : ResultTables.all(results));
      return;
    }
    Path root = Path.of(args[0]);
    if (!files.isEmpty()) {
      Results results = run(files);
      Path file =
          root.resolve("benchmarks/results/" + args[1] + "-" + results.machine().slug() + ".json");
      results.write(file);
      System.out.println("wrote " + file);
    }
    for (Results results : recorded(root, Kind.STUDY)) {
      StudyPlots.write(results, root.resolve("benchmarks/results"));
    }
    for (Path page : pages(root)) {
      Files.writeString(page, rendered(root, page));
      System.out.println("wrote " + page);
    }
  }

  static List<Path> pages(Path root) {
    return List.of(root.resolve("benchmarks/README.md"), root.resolve("README.md"));
  }

  private static Results run(List<Path> files) throws IOException {
    List<Results> parts = new ArrayList<>();
    List<TorchPeers> torch = new ArrayList<>();
    for (Path file : files) {
      if (file.toString().endsWith(TORCH)) {
        torch.add(TorchPeers.read(file));
      } else {
        parts.add(Results.read(file));
      }
    }
    Results results = Results.merged(parts);
    for (TorchPeers peers : torch) {
      results = peers.beside(results);
    }
    return results;
  }

  /** All results files of a kind, the newest first. */
  static List<Results> recorded(Path root, Kind kind) throws IOException {
    List<Results> results = new ArrayList<>();
    try (Stream<Path> files = Files.list(root.resolve("benchmarks/results"))) {
      for (Path file : files.sorted().toList()) {
        String name = String.valueOf(file.getFileName());
        if (name.startsWith(kind.prefix() + "-") && name.endsWith(".json")) {
          results.add(Results.read(file));
        }
      }
    }
    results.sort((a, b) -> b.date().compareTo(a.date()));
    return results;
  }

  /** What {@code page} says when its tables are made from the recorded results. */
  static String rendered(Path root, Path page) throws IOException {
    String text = Files.readString(page);
    boolean main = page.equals(root.resolve("README.md"));
    for (Kind kind : Kind.values()) {
      text = rendered(text, kind, tables(recorded(root, kind), kind, main));
    }
    return text;
  }

  /** The page with other tables of one kind; as it is if it has no place for them. */
  static String rendered(String page, Kind kind, String tables) {
    int start = page.indexOf(kind.start());
    int end = page.indexOf(END, start);
    if (start < 0 || end < 0) {
      return page;
    }
    return page.substring(0, start + kind.start().length()) + "\n" + tables + page.substring(end);
  }

  private static String tables(List<Results> results, Kind kind, boolean main) {
    if (results.isEmpty()) {
      return kind.nothing + "\n";
    }
    return kind == Kind.STUDY
        ? StudyTables.all(results.getFirst())
        : main
            ? ResultTables.headlines(results.getFirst())
            : String.join("\n", results.stream().map(ResultTables::all).toList());
  }
}
