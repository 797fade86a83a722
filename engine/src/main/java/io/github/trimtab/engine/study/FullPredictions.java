package io.github.trimtab.engine.study;

import io.github.trimtab.engine.math.Softmax;
import io.github.trimtab.engine.var.CodeChooser;
import io.github.trimtab.scalekv.Schedule;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * What a model predicts with the full cache on one picture's given maps: the probabilities that
 * other caches are compared with. One thread at a time.
 */
final class FullPredictions {

  private final Schedule schedule;
  private final int codes;
  private final TokenMaps maps;
  private final List<float[]> probabilities = new ArrayList<>();
  private final float[] loss;
  private final float[] negativeEntropy;
  private final int[] likeliest;

  /**
   * Nothing predicted yet.
   *
   * @param codes of the codebook
   */
  FullPredictions(Schedule schedule, int codes, TokenMaps maps) {
    this.schedule = schedule;
    this.codes = codes;
    this.maps = maps;
    for (int tokens : schedule.tokens()) {
      probabilities.add(new float[tokens * codes]);
    }
    loss = new float[schedule.totalTokens()];
    negativeEntropy = new float[schedule.totalTokens()];
    likeliest = new int[schedule.totalTokens()];
  }

  /** Records what the full cache predicts, and answers with the given codes. */
  CodeChooser recorder() {
    return (scale, logits, tokens) -> {
      int[] given = maps.codes().get(scale);
      float[] target = probabilities.get(scale);
      for (int token = 0; token < tokens; token++) {
        long at = (long) token * codes;
        int place = schedule.history(scale) + token;
        double logSumExp = Softmax.logSumExp(logits, at, codes);
        Softmax.probabilities(logits, at, codes, logSumExp, target, token * codes);
        loss[place] = (float) (logSumExp - logit(logits, at + given[token]));
        negativeEntropy[place] =
            (float) (Softmax.mean(target, token * codes, logits, at, codes) - logSumExp);
        likeliest[place] = Softmax.argmax(logits, at, codes);
      }
      return given;
    };
  }

  /** Compares what another cache predicts, adds it up, and answers with the given codes. */
  CodeChooser comparer(ScaleMeasures measures) {
    return (scale, logits, tokens) -> {
      int[] given = maps.codes().get(scale);
      float[] full = probabilities.get(scale);
      double rise = 0;
      double divergence = 0;
      int equal = 0;
      for (int token = 0; token < tokens; token++) {
        long at = (long) token * codes;
        int place = schedule.history(scale) + token;
        double logSumExp = Softmax.logSumExp(logits, at, codes);
        rise += logSumExp - logit(logits, at + given[token]) - loss[place];
        double crossEntropy = logSumExp - Softmax.mean(full, token * codes, logits, at, codes);
        divergence += crossEntropy + negativeEntropy[place];
        equal += Softmax.argmax(logits, at, codes) == likeliest[place] ? 1 : 0;
      }
      measures.set(scale, rise / tokens, divergence / tokens, (double) equal / tokens);
      return given;
    };
  }

  /** Cross-entropy of the given codes of each scale, nats a token. */
  double[] loss() {
    double[] means = new double[schedule.scales()];
    for (int scale = 0; scale < means.length; scale++) {
      double sum = 0;
      for (int i = 0; i < schedule.tokens(scale); i++) {
        sum += loss[schedule.history(scale) + i];
      }
      means[scale] = sum / schedule.tokens(scale);
    }
    return means;
  }

  private static float logit(MemorySegment logits, long index) {
    return logits.getAtIndex(ValueLayout.JAVA_FLOAT, index);
  }
}
