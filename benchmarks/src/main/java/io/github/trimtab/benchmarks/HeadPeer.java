package io.github.trimtab.benchmarks;

import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.util.List;

/** Another implementation of a matrix of rows times a few vectors, in its own best form. */
interface HeadPeer extends AutoCloseable {
  /** Its name and version, as the tables call it. */
  String name();

  /** Whether it has a form for rows of this format and as many vectors. */
  boolean takes(DType format, int vectors);

  /**
   * Prepares copies of the rows in its own form: what is timed afterwards does nothing else.
   *
   * @return writes the logits [vectors,rows] of one copy
   */
  Rounds.Body prepare(Task task);

  @Override
  void close();

  /**
   * What is to be computed.
   *
   * @param copies the rows in our format, each copy in other memory
   * @param source F32 values that quantised rows were made from; for F32 and BF16 rows unused
   * @param hidden vectors [N,d], F32
   * @param logits result [N,rows], F32
   */
  record Task(
      List<WeightRows> copies, Tensor source, Tensor hidden, Tensor logits, Workers workers) {
    DType format() {
      return copies.getFirst().format();
    }

    int rows() {
      return copies.getFirst().rows();
    }

    int columns() {
      return copies.getFirst().columns();
    }

    int vectors() {
      return (int) hidden.size(0);
    }
  }
}
