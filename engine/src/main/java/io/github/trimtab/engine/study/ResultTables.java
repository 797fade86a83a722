package io.github.trimtab.engine.study;

import io.github.trimtab.engine.report.MarkdownPage;
import io.github.trimtab.engine.report.MarkdownTable;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Predicate;

/**
 * A study's tables in Markdown, and the page that shows them: between {@code <!-- study: NAME -->}
 * and {@code <!-- end -->} stands what the results say.
 */
public final class ResultTables {

  private final StudyResults results;

  /** Tables of these results. */
  public ResultTables(StudyResults results) {
    this.results = results;
  }

  /** A page with its marked parts written anew. */
  public String fill(String page) {
    return MarkdownPage.fill(page, all());
  }

  /** Every table by its name. */
  Map<String, String> all() {
    Map<String, String> tables = new TreeMap<>();
    for (int percent : StudyRuns.PERCENTS) {
      tables.put("policies-" + percent, policies(percent));
      tables.put("recorded-" + percent, recorded(results.budget(percent)));
    }
    tables.put("differences", differences());
    tables.put("pages", pages());
    tables.put("sweeps", sweeps());
    return tables;
  }

  /** Both ways of measuring at one budget, a line a policy. */
  public String policies(int percent) {
    int tokens = results.budget(percent);
    MarkdownTable table =
        new MarkdownTable(
            "policy",
            "KL, nats",
            "rise of the loss, nats",
            "same top-1, %",
            "PSNR, dB",
            "SSIM",
            "equal tokens, %",
            "peak KV a row, KiB",
            "maps",
            "pictures");
    for (RunResult run : at(StudyRuns.DRAWN, tokens)) {
      Optional<RunResult> pictures = results.run(PictureStudy.NAME, run.id());
      table.line(
          run.policy(),
          cell(run, "kl", 1, 3),
          cell(run, "loss", 1, 3),
          cell(run, "top1", 100, 1),
          cell(pictures, "psnr", 1, 2),
          cell(pictures, "ssim", 1, 3),
          cell(pictures, "equal", 100, 1),
          kibibytes(run),
          count(run, "kl"),
          pictures.map(r -> count(r, "psnr")).orElse("0"));
    }
    return table.toString();
  }

  private String recorded(int tokens) {
    MarkdownTable table =
        new MarkdownTable("policy", "KL, nats", "rise of the loss, nats", "same top-1, %");
    for (RunResult run : at(StudyRuns.RECORDED, tokens)) {
      table.line(
          run.policy(), cell(run, "kl", 1, 3), cell(run, "loss", 1, 3), cell(run, "top1", 100, 1));
    }
    return table.toString();
  }

  private List<RunResult> at(String set, int tokens) {
    return results.runs().stream()
        .filter(run -> run.set().equals(set) && run.tokens() == tokens)
        .filter(run -> run.pages().equals(StudyRuns.PAGES) && !run.policy().contains(" "))
        .toList();
  }

  /** The best of Trimtab's policies against the best published one, picture by picture. */
  private String differences() {
    MarkdownTable table =
        new MarkdownTable(
            "budget, %",
            "best published",
            "best of Trimtab's",
            "KL, nats",
            "KL, %",
            "loss, %",
            "PSNR, dB",
            "PSNR over the best uncalibrated, dB");
    for (int percent : StudyRuns.PERCENTS) {
      List<RunResult> runs = at(StudyRuns.DRAWN, results.budget(percent));
      Optional<RunResult> published = best(runs, false);
      Optional<RunResult> own = best(runs, true);
      if (published.isPresent() && own.isPresent()) {
        RunResult a = own.get();
        RunResult b = published.get();
        Statistic kl = Statistic.ofDifferences(a.values("kl"), b.values("kl"));
        table.line(
            Integer.toString(percent),
            b.policy(),
            a.policy(),
            text(kl, 1, 3),
            percent(a.values("kl"), b.values("kl")),
            percent(a.values("loss"), b.values("loss")),
            psnrDifference(a.id(), percent, policy -> !StudyRuns.isOwn(policy)),
            psnrDifference(a.id(), percent, policy -> !StudyRuns.isCalibrated(policy)));
      }
    }
    return table.toString();
  }

  /** Difference of the sums over the first items that both have, % of the second's. */
  private static String percent(double[] each, double[] other) {
    double difference = 0;
    double sum = 0;
    for (int item = 0; item < Math.min(each.length, other.length); item++) {
      difference += each[item] - other[item];
      sum += other[item];
    }
    return MarkdownTable.decimal(100 * difference / sum, 1);
  }

  /** Against the policy of some whose PSNR is best, which need not be the one of the best KL. */
  private String psnrDifference(String own, int percent, Predicate<String> some) {
    Optional<RunResult> a = results.run(PictureStudy.NAME, own);
    Optional<RunResult> b =
        at(PictureStudy.NAME, results.budget(percent)).stream()
            .filter(run -> some.test(run.policy()))
            .max((x, y) -> Double.compare(x.statistic("psnr").mean(), y.statistic("psnr").mean()));
    if (a.isEmpty() || b.isEmpty()) {
      return "-";
    }
    Statistic difference = Statistic.ofDifferences(a.get().values("psnr"), b.get().values("psnr"));
    return "%s (over %s)".formatted(text(difference, 1, 2), b.get().policy());
  }

  private static Optional<RunResult> best(List<RunResult> runs, boolean own) {
    return runs.stream()
        .filter(run -> StudyRuns.isOwn(run.policy()) == own)
        .min((x, y) -> Double.compare(x.statistic("kl").mean(), y.statistic("kl").mean()));
  }

  /** Each run in 8 bits beside the same in 16. */
  private String pages() {
    MarkdownTable table =
        new MarkdownTable(
            "run",
            "pages",
            "KL, nats",
            "KL more than in F16, nats",
            "PSNR, dB",
            "peak KV a row, KiB",
            "maps");
    for (RunResult run : results.runs()) {
      if (run.set().equals(StudyRuns.DRAWN) && !run.pages().equals(StudyRuns.PAGES)) {
        Optional<RunResult> wide =
            results.run(StudyRuns.DRAWN, run.id().substring(0, run.id().indexOf('+')));
        Optional<RunResult> pictures = results.run(PictureStudy.NAME, run.id());
        table.line(
            run.id().substring(0, run.id().indexOf('+')),
            run.pages(),
            cell(run, "kl", 1, 4),
            wide.filter(r -> r.has("kl"))
                .map(r -> text(Statistic.ofDifferences(run.values("kl"), r.values("kl")), 1, 4))
                .orElse(text(run.statistic("kl"), 1, 4)),
            cell(pictures, "psnr", 1, 2),
            kibibytes(run),
            count(run, "kl"));
      }
    }
    return table.toString();
  }

  private String sweeps() {
    MarkdownTable table =
        new MarkdownTable("variant", "KL, nats", "rise of the loss, nats", "same top-1, %", "maps");
    for (RunResult run : results.runs()) {
      if (run.set().equals(StudyRuns.DRAWN) && run.policy().contains(" ")) {
        table.line(
            run.policy(),
            cell(run, "kl", 1, 3),
            cell(run, "loss", 1, 3),
            cell(run, "top1", 100, 1),
            count(run, "kl"));
      }
    }
    return table.toString();
  }

  private static String cell(Optional<RunResult> run, String measure, double unit, int digits) {
    return run.map(r -> cell(r, measure, unit, digits)).orElse("-");
  }

  private static String cell(RunResult run, String measure, double unit, int digits) {
    return text(run.statistic(measure), unit, digits);
  }

  private static String kibibytes(RunResult run) {
    return MarkdownTable.decimal(run.statistic("bytes").mean() / 1024, 0);
  }

  private static String count(RunResult run, String measure) {
    return Integer.toString(run.values(measure).length);
  }

  private static String text(Statistic value, double unit, int digits) {
    return MarkdownTable.pair(value.mean() * unit, value.error() * unit, digits);
  }
}
