package io.github.trimtab.speculative;

import io.github.trimtab.memory.Tensor;

/** The draft model from round to round: what it has run, and which head reads it. */
final class DraftSide {
  private final DraftModel model;
  private final DraftHeads heads;
  private final int[] nodes = new int[DraftTree.MOST];
  private int kept;
  private final int[] tokens = new int[DraftTree.MOST + 1];
  private int count;
  private DraftHead head;
  private Tensor hidden = Tensor.wrap(new float[0], 0);
  private int ran;

  DraftSide(DraftModel model, DraftHeads heads, int lastToken) {
    this.model = model;
    this.heads = heads;
    this.head = heads.next();
    tokens[0] = lastToken;
    count = 1;
  }

  /** Starts a round at its root. */
  void begin() {
    hidden = model.begin(nodes, kept, tokens, count);
    ran = 0;
  }

  /** Runs nodes of a round and returns the number of the first. */
  int extend(int[] tokens, int[] parents, int count) {
    hidden = model.extend(tokens, parents, count);
    ran += count;
    return ran - count;
  }

  Tensor ids() {
    return head.ids();
  }

  /** Size k of the head in use. */
  int size() {
    return (int) head.ids().size(0);
  }

  int id(int place) {
    return (int) head.ids().integerAt(head.ids().offset(place));
  }

  /** Logits of the nodes run last. */
  void logits(Tensor logits) {
    head.logits(hidden, logits);
  }

  /** Highest logits of the nodes run last. */
  void top(Tensor ids, Tensor values, Tensor logSumExp) {
    head.top(hidden, ids, values, logSumExp);
  }

  /** Ends a round: what became text, and the head of the next round. */
  void end(DraftTree tree, int depth, int[] path, int accepted, int[] emitted) {
    kept = 0;
    while (kept < accepted && tree.run(path[kept]) >= 0) {
      nodes[kept] = tree.run(path[kept]);
      kept++;
    }
    count = accepted + 1;
    System.arraycopy(emitted, 0, tokens, 0, count);
    heads.observed(depth, emitted, accepted);
    head = heads.next();
  }
}
