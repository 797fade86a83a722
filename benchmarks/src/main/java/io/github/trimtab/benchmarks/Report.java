package io.github.trimtab.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/**
 * Writes the recorded results into the pages that show them, between the lines {@value #START} and
 * {@value #END}: all of them into benchmarks/README.md, the newest ones' headlines into the main
 * page.
 */
public final class Report {
  static final String START = "<!-- results:cpu -->";
  static final String END = "<!-- /results -->";

  private Report() {}

  /**
   * Rewrites both pages, or only prints the tables of a run.
   *
   * @param args the repository's root, or "print"; then the files of a run to record or to print,
   *     if any
   */
  public static void main(String[] args) throws IOException {
    List<Results> parts = new ArrayList<>();
    for (String file : Arrays.asList(args).subList(1, args.length)) {
      parts.add(Results.read(Path.of(file)));
    }
    if (args[0].equals("print")) {
      System.out.println(ResultTables.all(Results.merged(parts)));
      return;
    }
    Path root = Path.of(args[0]);
    if (!parts.isEmpty()) {
      Results results = Results.merged(parts);
      Path file = root.resolve("benchmarks/results/cpu-" + results.machine().slug() + ".json");
      results.write(file);
      System.out.println("wrote " + file);
    }
    List<Results> results = recorded(root);
    for (Path page : List.of(root.resolve("benchmarks/README.md"), root.resolve("README.md"))) {
      if (Files.exists(page) && hasMarkers(Files.readString(page))) {
        Files.writeString(page, rendered(root, page, results));
        System.out.println("wrote " + page);
      } else {
        System.out.println("left " + page + " alone: it has no line " + START);
      }
    }
  }

  static boolean hasMarkers(String text) {
    return text.contains(START) && text.indexOf(END) > text.indexOf(START);
  }

  /** All results files, the newest first. */
  static List<Results> recorded(Path root) throws IOException {
    List<Results> results = new ArrayList<>();
    try (Stream<Path> files = Files.list(root.resolve("benchmarks/results"))) {
      for (Path file : files.filter(f -> f.toString().endsWith(".json")).sorted().toList()) {
        results.add(Results.read(file));
      }
    }
    results.sort((a, b) -> b.date().compareTo(a.date()));
    return results;
  }

  /** What {@code page} says when its tables are made from {@code results}. */
  static String rendered(Path root, Path page, List<Results> results) throws IOException {
    String text = Files.readString(page);
    int from = text.indexOf(START) + START.length();
    boolean main = page.equals(root.resolve("README.md"));
    return text.substring(0, from)
        + "\n"
        + tables(results, main)
        + text.substring(text.indexOf(END, from));
  }

  private static String tables(List<Results> results, boolean main) {
    if (results.isEmpty()) {
      return "Nothing is recorded yet.\n";
    }
    return main
        ? ResultTables.headlines(results.getFirst())
        : String.join("\n", results.stream().map(ResultTables::all).toList());
  }
}
