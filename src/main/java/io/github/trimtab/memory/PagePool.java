package io.github.trimtab.memory;

import java.util.Arrays;
import java.util.Objects;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;

/**
 * A fixed number of equal pages in one slab, with reference counts and exact accounting.
 *
 * <p>A page is an index into the slab, never an allocation of its own. Acquiring takes the lowest
 * free pages, so that a run repeats exactly. Counts are exact at every moment: {@code used() +
 * free() == capacity()}, and {@link #peak} is the largest {@code used()} since the last {@link
 * #resetPeak}.
 *
 * <p>Threads: every method is safe from any thread; what pages hold is ordered by whoever runs the
 * operations. A page of a device may be taken again while the work that read it still waits on its
 * stream, so one stream at a time uses such a pool: see {@link #useOn}.
 */
public final class PagePool implements AutoCloseable {
  private final PageLayout layout;
  private final Buffer slab;
  private final boolean owned;
  private final int[] references;
  private int lowestFree;
  private int used;
  private int peak;
  private @Nullable Memory user;
  private boolean open = true;

  /**
   * A pool over zeroed host memory of its own.
   *
   * @param capacity pages, 1 or more
   */
  public PagePool(PageLayout layout, int capacity) {
    this(layout, capacity, Buffer::allocate);
  }

  /**
   * A pool over memory of its own, host or device.
   *
   * @param capacity pages, 1 or more
   * @param memory gives as many bytes as it is asked for; the pool closes them
   */
  public PagePool(PageLayout layout, int capacity, LongFunction<Buffer> memory) {
    // The counts first: where they do not fit, no slab is left behind.
    this(layout, new int[atLeastOne(capacity)], memory.apply(slabBytes(layout, capacity)), true);
  }

  /**
   * A pool over the caller's memory, host or device; holds as many whole pages as fit.
   *
   * @param slab starts on a multiple of {@link Buffer#ALIGNMENT} bytes, unless it is an array of
   *     the heap
   * @throws IllegalArgumentException if not even one page fits, or the slab is not aligned
   */
  public static PagePool over(PageLayout layout, Buffer slab) {
    long pages = Math.min(slab.byteSize() / layout.pageBytes(), Integer.MAX_VALUE);
    if (pages == 0) {
      throw new IllegalArgumentException(
          "slab: "
              + slab.byteSize()
              + " bytes, expected at least one page of "
              + layout.pageBytes());
    }
    long address = slab.place().isHost() ? slab.segment().address() : slab.deviceAddress();
    boolean onHeap = slab.place().isHost() && !slab.segment().isNative();
    if (!onHeap && address % Buffer.ALIGNMENT != 0) {
      throw new IllegalArgumentException(
          "slab: at address 0x%x, expected a multiple of %d bytes"
              .formatted(address, Buffer.ALIGNMENT));
    }
    return new PagePool(layout, new int[(int) pages], slab, false);
  }

  private PagePool(PageLayout layout, int[] references, Buffer slab, boolean owned) {
    this.layout = layout;
    this.references = references;
    this.slab = slab;
    this.owned = owned;
  }

  private static int atLeastOne(int capacity) {
    if (capacity < 1) {
      throw new IllegalArgumentException("capacity: " + capacity + ", expected 1 page or more");
    }
    return capacity;
  }

  private static long slabBytes(PageLayout layout, int capacity) {
    return Math.multiplyExact(layout.pageBytes(), (long) capacity);
  }

  /**
   * Says on which stream the pages of a device are read and written; on the host anything goes.
   * Another stream may follow once no page is in use and the first one's work is done.
   *
   * @param memory the stream's
   * @throws IllegalArgumentException if pages are in use on another stream
   */
  public synchronized void useOn(Memory memory) {
    if (memory.place().isHost()) {
      return;
    }
    if (used > 0 && user != null && !user.equals(memory)) {
      throw new IllegalArgumentException(
          "pool: " + used + " pages in use on another stream, expected one stream a pool");
    }
    user = memory;
  }

  /** How a page lies in memory. */
  public PageLayout layout() {
    return layout;
  }

  /** The memory of all pages: page {@code p} starts at {@code p * layout().pageBytes()}. */
  public Buffer slab() {
    return slab;
  }

  /** Pages in all. */
  public int capacity() {
    return references.length;
  }

  /**
   * Takes {@code count} free pages, each with one reference.
   *
   * @throws PoolExhaustedException if fewer are free; none is taken then
   */
  public synchronized int[] acquire(int count) {
    requireOpen();
    if (count < 0) {
      throw new IllegalArgumentException("count: " + count + ", expected 0 or more");
    }
    if (count > free()) {
      throw new PoolExhaustedException(count, free(), capacity());
    }
    int[] pages = new int[count];
    int page = lowestFree;
    for (int i = 0; i < count; page++) {
      if (references[page] == 0) {
        references[page] = 1;
        pages[i++] = page;
      }
    }
    lowestFree = count == 0 ? lowestFree : page;
    used += count;
    peak = Math.max(peak, used);
    return pages;
  }

  /** Adds a reference to a page in use. */
  public synchronized void retain(int page) {
    requireUsed(page);
    references[page] = Math.addExact(references[page], 1);
  }

  /**
   * Drops a reference; the last one frees the page.
   *
   * @throws IllegalStateException if the page is already free
   */
  public synchronized void release(int page) {
    requireUsed(page);
    if (--references[page] == 0) {
      used--;
      lowestFree = Math.min(lowestFree, page);
    }
  }

  /** References to a page, 0 if it is free. */
  public synchronized int references(int page) {
    requireOpen();
    return references[Objects.checkIndex(page, references.length)];
  }

  /** Pages in use. */
  public synchronized int used() {
    return used;
  }

  /** Pages free. */
  public synchronized int free() {
    return references.length - used;
  }

  /** Most pages in use at once since creation or {@link #resetPeak}. */
  public synchronized int peak() {
    return peak;
  }

  /** Starts measuring the peak anew from the pages now in use. */
  public synchronized void resetPeak() {
    peak = used;
  }

  /** Bytes of the pages in use at the peak. */
  public long peakBytes() {
    return peak() * layout.pageBytes();
  }

  /** Whether pages can still be taken and given back. */
  public synchronized boolean isOpen() {
    return open;
  }

  private void requireOpen() {
    if (!open) {
      throw new IllegalStateException("the page pool is closed");
    }
  }

  private void requireUsed(int page) {
    requireOpen();
    if (page < 0 || page >= references.length) {
      throw new IllegalArgumentException(
          "page: " + page + ", expected 0.." + (references.length - 1));
    }
    if (references[page] == 0) {
      throw new IllegalStateException(
          "page " + page + " is free: released twice or never acquired");
    }
  }

  /** Frees the slab if the pool owns it, and forgets every page; harmless when already closed. */
  @Override
  public synchronized void close() {
    if (open) {
      open = false;
      used = 0;
      Arrays.fill(references, 0);
      if (owned) {
        slab.close();
      }
    }
  }

  @Override
  public String toString() {
    return "PagePool["
        + used()
        + " of "
        + capacity()
        + " pages of "
        + layout.pageBytes()
        + " bytes used]";
  }
}
