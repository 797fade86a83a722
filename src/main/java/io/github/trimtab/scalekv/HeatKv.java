package io.github.trimtab.scalekv;

import static io.github.trimtab.internal.Arguments.require;

import io.github.trimtab.kv.EvictionPolicy;
import io.github.trimtab.kv.Retention;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * Whole scales kept or dropped for each head by a fixed plan, made of what heads attend to on
 * average (after HeatKV, arXiv 2605.14877): the first scales always stay, and the other scales of
 * all heads of all layers compete by attention a token.
 *
 * <p>How the published method fills its budget is not restated here; this one takes the best
 * segment that still fits until none does. What was dropped stays dropped, and the last scale is
 * never stored. Heads keep unequal numbers of tokens, so it needs pages of one head. Immutable.
 */
public final class HeatKv implements EvictionPolicy {
  /** Scales that every head keeps in the published method. */
  public static final int FIRST_SCALES = 3;

  private final Schedule schedule;
  private final HeadMass mass;
  // Source scales held when a step begins, [step][layer][head], a bit each.
  private final long[][][] plan;

  /** The tokens of a source scale as a head holds them. */
  private record Segment(int layer, int head, int source, int tokens, double value) {}

  /**
   * Makes the plan.
   *
   * @param schedule the model's maps, 64 at most
   * @param mass of the model's heads
   * @param tokens a layer and head on average, at least those of the first scales
   * @param firstScales that every head keeps, 0 or more
   */
  public HeatKv(Schedule schedule, HeadMass mass, int tokens, int firstScales) {
    require(schedule.scales() <= Long.SIZE, "schedule", schedule, "at most 64 scales");
    require(
        mass.scales() == schedule.scales(),
        "mass",
        mass.scales() + " scales",
        schedule.scales() + " as the schedule has");
    require(
        firstScales >= 0 && firstScales <= schedule.scales(),
        "firstScales",
        firstScales,
        "0.." + schedule.scales());
    require(
        tokens >= schedule.history(firstScales),
        "tokens",
        tokens,
        "at least the " + schedule.history(firstScales) + " of the first scales");
    this.schedule = schedule;
    this.mass = mass;
    this.plan = new long[schedule.scales()][mass.layers()][mass.heads()];
    for (int step = 1; step < schedule.scales(); step++) {
      fill(step, (long) tokens * mass.layers() * mass.heads(), firstScales);
    }
  }

  /** Chooses what is held when a step begins from what was, and the map before it. */
  private void fill(int step, long budget, int firstScales) {
    List<Segment> segments = new ArrayList<>();
    long left = budget;
    for (int layer = 0; layer < mass.layers(); layer++) {
      for (int head = 0; head < mass.heads(); head++) {
        long held = plan[step - 1][layer][head] | 1L << (step - 1);
        for (int source = 0; source < step; source++) {
          int tokens = schedule.tokens(source);
          if ((held >> source & 1) == 0) {
            continue;
          }
          if (source < firstScales) {
            plan[step][layer][head] |= 1L << source;
            left -= tokens;
          } else {
            double value = mass.of(layer, head, source) / tokens;
            segments.add(new Segment(layer, head, source, tokens, value));
          }
        }
      }
    }
    segments.sort(Comparator.comparingDouble(Segment::value).reversed());
    for (Segment segment : segments) {
      if (segment.tokens <= left) {
        plan[step][segment.layer][segment.head] |= 1L << segment.source;
        left -= segment.tokens;
      }
    }
  }

  @Override
  public Retention after(int layer, int step, int newTokens) {
    require(
        newTokens == schedule.tokens(step),
        "new tokens of scale " + step,
        newTokens,
        schedule.tokens(step) + " as the schedule has");
    require(layer >= 0 && layer < mass.layers(), "layer", layer, "0.." + (mass.layers() - 1));
    if (step == schedule.scales() - 1) {
      return new Retention.History();
    }
    int[][] tokens = new int[mass.heads()][];
    for (int head = 0; head < tokens.length; head++) {
      tokens[head] = tokens(plan[step][layer][head], plan[step + 1][layer][head], step);
    }
    return new Retention.Chosen(tokens);
  }

  /** The kept tokens among those held and the new map, counted from the map's first. */
  private int[] tokens(long held, long kept, int step) {
    int[] tokens = new int[schedule.history(step + 1)];
    int count = 0;
    int at = 0;
    for (int source = 0; source < step; source++) {
      at -= (held >> source & 1) == 0 ? 0 : schedule.tokens(source);
    }
    for (int source = 0; source <= step; source++) {
      if (source < step && (held >> source & 1) == 0) {
        continue;
      }
      for (int i = 0; i < schedule.tokens(source); i++, at++) {
        if ((kept >> source & 1) != 0) {
          tokens[count++] = at;
        }
      }
    }
    return Arrays.copyOf(tokens, count);
  }
}
