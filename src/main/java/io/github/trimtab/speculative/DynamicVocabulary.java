package io.github.trimtab.speculative;

import static io.github.trimtab.internal.Arguments.require;

import io.github.trimtab.memory.Tensor;

/**
 * The ids of a draft head that follows its text: a static core, and a bounded tail of ids that the
 * prompt had or the target found likely, of which the least recently added leave first (NanoSpec,
 * arXiv 2605.26444, with a core and a bound). Rows are gathered by id, so nothing but ids moves.
 *
 * <p>Change it between rounds only: {@link DraftHead#ids} must stay as they are within one.
 *
 * <p>Threads: one at a time. Adding an id takes constant time and no memory.
 */
public final class DynamicVocabulary {
  private static final int NONE = -1;

  private final int vocabulary;
  private final int[] ids;
  private final Tensor buffer;
  // Where an id is in the buffer, plus 1; 0 if it is not.
  private final int[] places;
  private final int capacity;
  private int core;
  private int size;

  // The tail's places (counted from the core's end) in a ring of use, the latest before the oldest.
  private final int[] newer;
  private final int[] older;
  private int newest = NONE;

  /**
   * A vocabulary without a tail yet.
   *
   * @param vocabulary size V of the target's vocabulary
   * @param core ids that always stay, each in [0,V) and none twice; there may be none
   * @param mostCore room for this or any later core
   * @param tail most ids of the tail, 0 or more
   */
  public DynamicVocabulary(int vocabulary, int[] core, int mostCore, int tail) {
    require(vocabulary >= 1, "vocabulary", vocabulary, "1 or more");
    require(mostCore >= 0, "mostCore", mostCore, "0 or more");
    require(tail >= 0, "tail", tail, "0 or more");
    this.vocabulary = vocabulary;
    this.ids = new int[Math.addExact(mostCore, tail)];
    this.buffer = Tensor.wrap(ids, ids.length);
    this.places = new int[vocabulary];
    this.capacity = tail;
    this.newer = new int[tail];
    this.older = new int[tail];
    setCore(core);
  }

  /** The kept ids [size], I32: the core's as given, then the tail's. A view that adding changes. */
  public Tensor ids() {
    return buffer.narrow(0, 0, size);
  }

  /** Kept ids, core and tail. */
  public int size() {
    return size;
  }

  /** Ids of the core. */
  public int coreSize() {
    return core;
  }

  /** Whether an id is kept. */
  public boolean contains(int id) {
    return places[checked("id", id)] != 0;
  }

  /**
   * Makes an id the latest of the tail, unless the core has it. A full tail loses its oldest id,
   * whose place the new one takes.
   */
  public void add(int id) {
    int place = places[checked("id", id)] - 1 - core;
    if (capacity == 0 || (place >= -core && place < 0)) {
      return;
    }
    if (place >= 0) {
      unlink(place);
    } else if (size - core < capacity) {
      place = size - core;
      size++;
      put(place, id);
    } else {
      place = newer[newest];
      unlink(place);
      places[ids[core + place]] = 0;
      put(place, id);
    }
    link(place);
  }

  /** Adds ids in their order. */
  public void addAll(int[] added, int count) {
    for (int i = 0; i < count; i++) {
      add(added[i]);
    }
  }

  private void put(int place, int id) {
    ids[core + place] = id;
    places[id] = core + place + 1;
  }

  /** Puts a place into the ring as the latest: the oldest's older neighbour. */
  private void link(int place) {
    if (newest == NONE) {
      newer[place] = place;
      older[place] = place;
    } else {
      int oldest = newer[newest];
      newer[place] = oldest;
      older[place] = newest;
      newer[newest] = place;
      older[oldest] = place;
    }
    newest = place;
  }

  private void unlink(int place) {
    if (newer[place] == place) {
      newest = NONE;
      return;
    }
    newer[older[place]] = newer[place];
    older[newer[place]] = older[place];
    newest = newest == place ? older[place] : newest;
  }

  /** Empties the tail, as for another text. */
  public void clearTail() {
    for (int place = core; place < size; place++) {
      places[ids[place]] = 0;
    }
    size = core;
    newest = NONE;
  }

  /**
   * Takes another core, as for another language, and empties the tail. Refused ids leave all as it
   * was.
   *
   * @param other ids in [0,V), none twice
   */
  public void setCore(int[] other) {
    require(
        other.length <= ids.length - capacity,
        "core",
        other.length + " ids",
        "at most " + (ids.length - capacity));
    boolean[] taken = new boolean[vocabulary];
    for (int id : other) {
      require(!taken[checked("core", id)], "core", "id " + id + " twice", "ids that all differ");
      taken[id] = true;
    }
    clearTail();
    for (int place = 0; place < core; place++) {
      places[ids[place]] = 0;
    }
    core = other.length;
    size = core;
    for (int place = 0; place < core; place++) {
      ids[place] = other[place];
      places[other[place]] = place + 1;
    }
  }

  private int checked(String name, int id) {
    require(id >= 0 && id < vocabulary, name, id, "an id from 0 to " + (vocabulary - 1));
    return id;
  }
}
