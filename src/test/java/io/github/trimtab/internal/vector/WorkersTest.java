package io.github.trimtab.internal.vector;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.github.trimtab.memory.Buffer;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;

/** What becomes of an operation on several threads of which one fails. */
final class WorkersTest {
  private static final int TASKS = 100;

  private final Workers workers = new Workers(3);
  private final Workspace shared = workers.borrow();

  @Test
  void memoryThatIsClosedMeanwhileEndsTheOperationAndNothingElse() {
    Buffer buffer = Buffer.allocate(TASKS);
    MemorySegment memory = buffer.segment();
    Task<Buffer> closing =
        (op, index, _, _) -> {
          if (index == 3) {
            op.close();
          }
          memory.set(ValueLayout.JAVA_BYTE, index, (byte) 1);
        };
    assertThatIllegalStateException()
        .isThrownBy(() -> workers.run(buffer, TASKS, shared, closing))
        .withMessageContaining("closed");
    assertEachRunsOnce(TASKS);
  }

  @Test
  void everyTaskRunsOnce() {
    for (int count : new int[] {0, 1, 2, TASKS}) {
      assertEachRunsOnce(count);
    }
  }

  private void assertEachRunsOnce(int count) {
    AtomicIntegerArray runs = new AtomicIntegerArray(TASKS);
    workers.run(runs, count, shared, (op, index, _, _) -> op.incrementAndGet(index));
    for (int i = 0; i < TASKS; i++) {
      assertThat(runs.get(i)).isEqualTo(i < count ? 1 : 0);
    }
  }
}
