package io.github.trimtab.kernel;

import static io.github.trimtab.internal.Arguments.require;

import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.Place;
import io.github.trimtab.memory.Tensor;

/**
 * Keys and values in pages, addressed through block tables.
 *
 * <p>There is one list of pages a row (L = 1, all heads in each page), or one a row and head (L =
 * G, one head in each page). Token t of a list lies in page {@code table[row][list][t / tokens]} at
 * place {@code t % tokens}.
 *
 * @param layout how a page lies in memory
 * @param slab the memory of all pages
 * @param pages pages that the slab holds; every id in the table that is used lies in [0, pages)
 * @param table page ids [R,L,T], I32, T pages at most a list; entries past a list's length are not
 *     read
 * @param lengths tokens of each list [R,L], I32
 */
public record PagedKv(PageLayout layout, Buffer slab, int pages, Tensor table, Tensor lengths) {
  /** Checks shapes, dtypes, that the pages fit the slab, and that all memory lives in one place. */
  public PagedKv {
    require(pages >= 0, "pages", pages, "0 or more");
    require(
        pages <= slab.byteSize() / layout.pageBytes(),
        "pages",
        pages,
        "at most the " + slab.byteSize() / layout.pageBytes() + " that the slab holds");
    Check.indices("table", table, slab.place());
    require(table.rank() == 3, "table", table, "3 dimensions [rows, lists, pages]");
    require(
        table.size(0) <= Integer.MAX_VALUE && table.size(1) <= 1 << 16,
        "table",
        table,
        "fewer than 2^31 rows and at most 65536 lists");
    require(
        table.size(1) == 1 || layout.heads() == 1,
        "table",
        table,
        "one list a row, since a page holds " + layout.heads() + " heads");
    require(
        table.size(2) <= Integer.MAX_VALUE / layout.tokens(),
        "table",
        table,
        "fewer than 2^31 tokens a list");
    Check.indices("lengths", lengths, slab.place());
    Check.shape("lengths", lengths, table.size(0), table.size(1));
    require(!table.overlaps(lengths), "lengths", lengths, "memory apart from the table");
    Tensor memory = memory(layout, slab, pages);
    require(!memory.overlaps(table), "table", table, "memory apart from the slab");
    require(!memory.overlaps(lengths), "lengths", lengths, "memory apart from the slab");
  }

  /** Rows R. */
  public int rows() {
    return (int) table.size(0);
  }

  /** Lists a row L: 1, or one a key/value head. */
  public int lists() {
    return (int) table.size(1);
  }

  /** Key/value heads G. */
  public int heads() {
    return lists() * layout.heads();
  }

  /** Most tokens of a list. */
  public int capacity() {
    return (int) table.size(2) * layout.tokens();
  }

  /** Where the memory lives. */
  public Place place() {
    return slab.place();
  }

  /** The list that holds key/value head {@code head} of a row. */
  public int list(int head) {
    return lists() == 1 ? 0 : head;
  }

  /** The place of key/value head {@code head} in its list's pages. */
  public int headInPage(int head) {
    return lists() == 1 ? head : 0;
  }

  boolean overlaps(Tensor tensor) {
    return memory(layout, slab, pages).overlaps(tensor)
        || table.overlaps(tensor)
        || lengths.overlaps(tensor);
  }

  /** Whether the memory of all pages of both is one and the same, page for page. */
  boolean sharesSlab(PagedKv other) {
    return slab == other.slab && layout.pageBytes() == other.layout.pageBytes();
  }

  /** The memory of the pages as bytes. */
  Tensor memory() {
    return memory(layout, slab, pages);
  }

  private static Tensor memory(PageLayout layout, Buffer slab, int pages) {
    return Tensor.of(DType.INT8, slab, layout.pageBytes() * pages);
  }
}
