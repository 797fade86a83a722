package io.github.trimtab.engine.study;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The plots of a study: quality against the budget, and divergence against the scale. */
public final class StudyPlots {

  private StudyPlots() {}

  /**
   * Draws everything that was measured.
   *
   * @return the files
   */
  public static List<Path> write(StudyResults results, Path folder) throws IOException {
    List<String> policies =
        results.runs().stream()
            .filter(run -> run.pages().equals(StudyRuns.PAGES) && !run.policy().contains(" "))
            .map(RunResult::policy)
            .distinct()
            .toList();
    List<Path> files = new ArrayList<>();
    files.add(
        Plots.againstBudget(
            new Plots.Frame("Teacher-forced divergence", "KL(full cache || policy), nats a token"),
            results,
            StudyRuns.DRAWN,
            "kl",
            policies,
            folder.resolve("kl-against-budget.png")));
    files.add(
        Plots.againstBudget(
            new Plots.Frame("Free-running pictures", "PSNR against the full cache, dB"),
            results,
            PictureStudy.NAME,
            "psnr",
            policies,
            folder.resolve("psnr-against-budget.png")));
    for (int percent : StudyRuns.PERCENTS) {
      files.add(
          Plots.againstScale(
              new Plots.Frame(
                  "Divergence by scale, budget " + percent + " %",
                  "KL(full cache || policy), nats a token"),
              results,
              StudyRuns.DRAWN,
              "kl",
              policies.stream().map(policy -> policy + "@" + percent).toList(),
              folder.resolve("kl-against-scale-" + percent + ".png")));
    }
    return files;
  }
}
