package io.github.trimtab.engine.draftstudy;

import io.github.trimtab.engine.completion.Drafter;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * What is measured.
 *
 * @param sections parts of the study
 * @param drafters who drafts
 * @param temperatures of target and drafter
 * @param shares of the head that are kept, as divisors: 4 is a quarter
 * @param gamma drafted tokens of a round, where it is not what varies
 * @param domain whose list is the study's own
 * @param foreign other domains
 * @param vocabulary size V
 * @param plain whether plain decoding is measured, which only tokens a second need
 */
public record Plan(
    List<Section> sections,
    List<Drafter> drafters,
    List<Float> temperatures,
    List<Integer> shares,
    int gamma,
    String domain,
    List<String> foreign,
    int vocabulary,
    boolean plain) {

  /** The share that all sections but {@link Section#SIZE} look at. */
  private static final int QUARTER = 4;

  private static final List<Integer> GAMMAS = List.of(1, 2, 3, 4, 6);

  private static final int TAIL = 512;

  /** A part of the study. */
  public enum Section {
    /** Sizes of the kept vocabulary. */
    SIZE,
    /** Drafted tokens of a round. */
    GAMMA,
    /** With and without ids that follow the text. */
    TAIL,
    /** Whose text was counted, at every size. */
    SOURCE,
    /** Other domains: the wrong list, fallback, switching, their own list at every size. */
    DOMAIN
  }

  /** Copies the lists. */
  public Plan {
    sections = List.copyOf(sections);
    drafters = List.copyOf(drafters);
    temperatures = List.copyOf(temperatures);
    shares = List.copyOf(shares);
    foreign = List.copyOf(foreign);
  }

  /** All cells, each once. What others are compared with comes before them. */
  public List<Cell> cells() {
    Set<Cell> cells = new LinkedHashSet<>();
    for (float temperature : temperatures) {
      if (plain) {
        cells.add(Cell.plain(domain, temperature));
      }
      for (Drafter drafter : drafters) {
        Cell full = Cell.full(domain, temperature, drafter, gamma, vocabulary);
        cells.add(full);
        for (Section section : sections) {
          switch (section) {
            case SIZE -> shares.forEach(share -> cells.add(own(full, share)));
            case GAMMA -> addGammas(full, cells);
            case TAIL -> cells.add(own(full, QUARTER).withTail(TAIL));
            case SOURCE -> {
              for (int share : shares) {
                cells.add(own(full, share));
                cells.add(full.trimmed(vocabulary / share, "draft-" + domain));
                cells.add(full.trimmed(vocabulary / share, "raw-" + domain));
              }
            }
            case DOMAIN -> {
              addDomain(full, cells);
              for (String other : foreign) {
                if (plain) {
                  cells.add(Cell.plain(other, temperature));
                }
                addDomain(Cell.full(other, temperature, drafter, gamma, vocabulary), cells);
              }
            }
          }
        }
      }
    }
    return new ArrayList<>(cells);
  }

  private Cell own(Cell full, int share) {
    return full.trimmed(vocabulary / share, "target-" + domain);
  }

  private void addGammas(Cell full, Set<Cell> cells) {
    for (int length : GAMMAS) {
      Cell other =
          new Cell(
              full.domain(),
              full.temperature(),
              full.drafter(),
              length,
              vocabulary,
              "",
              0,
              Cell.Choice.FIXED);
      cells.add(other);
      cells.add(own(other, QUARTER));
    }
  }

  private void addDomain(Cell full, Set<Cell> cells) {
    cells.add(full);
    Cell wrong = own(full, QUARTER);
    cells.add(wrong);
    cells.add(wrong.choosing(Cell.Choice.FALLBACK));
    cells.add(wrong.choosing(Cell.Choice.SWITCHING));
    for (int share : shares) {
      cells.add(full.trimmed(vocabulary / share, "target-" + full.domain()));
    }
  }

  /** The lists that {@link Cell.Choice#SWITCHING} has. */
  List<String> switched() {
    List<String> lists = new ArrayList<>();
    lists.add("target-" + domain);
    foreign.forEach(other -> lists.add("target-" + other));
    return lists;
  }
}
