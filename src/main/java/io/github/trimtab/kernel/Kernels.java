package io.github.trimtab.kernel;

import io.github.trimtab.memory.Memory;
import io.github.trimtab.memory.Place;

/**
 * What every backend implements: one method an operation.
 *
 * <p>Contents of index buffers (lengths, capacities, page tables, window positions, indices) are
 * untrusted. A CPU backend throws {@link IllegalArgumentException} with the operation, the place
 * and the value before it writes anything; a kernel of a device skips what the value would lead to,
 * and whoever waits for the device learns of it. Every backend refuses an operation whose buffers
 * live elsewhere or are closed.
 *
 * <p>Canonical operations (score, select, evict, column sums, selectivity, head, quantize, verify)
 * return the same bits on every backend, a head of more than 8 vectors on the CPU's alone; append,
 * compact and pack are exact copies and roundings; attend is held to twice the error of a plain
 * computation in the same precision.
 *
 * <p>Threads: implementations are stateless to the caller; operations that share no written buffer
 * may run at once.
 */
public interface Kernels {
  /** Writes new tokens behind the tokens that pages already hold. */
  void append(Append op);

  /** Scores cached and new tokens by a window of queries. Canonical. */
  void score(Score op);

  /** Chooses the highest-scored tokens and the window. Canonical. */
  void select(Select op);

  /** Copies chosen tokens into fresh pages. Exact. */
  void compact(Compact op);

  /** Scores, selects and compacts in one operation. Canonical. */
  void evict(Evict op);

  /** Attention over paged history and contiguous new tokens. */
  void attend(Attend op);

  /** Decides which drafted tokens become text. Canonical. */
  void verify(Verify op);

  /** Logits over the rows of a head, and the highest of them. Canonical. */
  void head(Head op);

  /** Rounds weight rows to FP8, INT8 or INT4. Canonical. */
  void quantize(Quantize op);

  /** Copies chosen weight rows side by side. Exact. */
  void pack(Pack op);

  /** Attention that each token receives from all queries. Canonical. */
  void columnSums(ColumnSums op);

  /** How much attention stays on the current map and on few tokens of history. Canonical. */
  void selectivity(Selectivity op);

  /**
   * Memory that operations can use, and copies that keep the order of these operations.
   *
   * @throws IllegalArgumentException if they run on no such place; a CPU's run on the host
   */
  default Memory memory(Place place) {
    return Memory.hostOnly(place);
  }
}
