package io.github.trimtab.internal.cuda;

import static io.github.trimtab.internal.cuda.bindings.trimtab_h.*;

import io.github.trimtab.kernel.Append;
import io.github.trimtab.kernel.Attend;
import io.github.trimtab.kernel.ColumnSums;
import io.github.trimtab.kernel.Compact;
import io.github.trimtab.kernel.Evict;
import io.github.trimtab.kernel.Head;
import io.github.trimtab.kernel.Operation;
import io.github.trimtab.kernel.Pack;
import io.github.trimtab.kernel.Quantize;
import io.github.trimtab.kernel.Score;
import io.github.trimtab.kernel.Select;
import io.github.trimtab.kernel.Selectivity;
import io.github.trimtab.kernel.Verify;
import java.lang.foreign.MemorySegment;

/** The three functions that the C ABI has for each operation; each returns a trimtab_status. */
public final class Calls {
  private Calls() {}

  /** Writes the bytes of workspace that the operation needs. */
  public static int workspace(
      Operation op, MemorySegment params, MemorySegment bytes, MemorySegment error) {
    return switch (op) {
      case Append _ -> trimtab_append_workspace(params, bytes, error);
      case Attend _ -> trimtab_attend_workspace(params, bytes, error);
      case ColumnSums _ -> trimtab_columnsums_workspace(params, bytes, error);
      case Compact _ -> trimtab_compact_workspace(params, bytes, error);
      case Evict _ -> trimtab_evict_workspace(params, bytes, error);
      case Head _ -> trimtab_head_workspace(params, bytes, error);
      case Pack _ -> trimtab_pack_workspace(params, bytes, error);
      case Quantize _ -> trimtab_quantize_workspace(params, bytes, error);
      case Score _ -> trimtab_score_workspace(params, bytes, error);
      case Select _ -> trimtab_select_workspace(params, bytes, error);
      case Selectivity _ -> trimtab_selectivity_workspace(params, bytes, error);
      case Verify _ -> trimtab_verify_workspace(params, bytes, error);
    };
  }

  /** Checks all, the places of buffers and stream included, and enqueues nothing. */
  public static int check(
      Operation op, MemorySegment params, MemorySegment launch, MemorySegment error) {
    return switch (op) {
      case Append _ -> trimtab_append_check(params, launch, error);
      case Attend _ -> trimtab_attend_check(params, launch, error);
      case ColumnSums _ -> trimtab_columnsums_check(params, launch, error);
      case Compact _ -> trimtab_compact_check(params, launch, error);
      case Evict _ -> trimtab_evict_check(params, launch, error);
      case Head _ -> trimtab_head_check(params, launch, error);
      case Pack _ -> trimtab_pack_check(params, launch, error);
      case Quantize _ -> trimtab_quantize_check(params, launch, error);
      case Score _ -> trimtab_score_check(params, launch, error);
      case Select _ -> trimtab_select_check(params, launch, error);
      case Selectivity _ -> trimtab_selectivity_check(params, launch, error);
      case Verify _ -> trimtab_verify_check(params, launch, error);
    };
  }

  /** Enqueues the operation. */
  public static int enqueue(
      Operation op, MemorySegment params, MemorySegment launch, MemorySegment error) {
    return switch (op) {
      case Append _ -> trimtab_append(params, launch, error);
      case Attend _ -> trimtab_attend(params, launch, error);
      case ColumnSums _ -> trimtab_columnsums(params, launch, error);
      case Compact _ -> trimtab_compact(params, launch, error);
      case Evict _ -> trimtab_evict(params, launch, error);
      case Head _ -> trimtab_head(params, launch, error);
      case Pack _ -> trimtab_pack(params, launch, error);
      case Quantize _ -> trimtab_quantize(params, launch, error);
      case Score _ -> trimtab_score(params, launch, error);
      case Select _ -> trimtab_select(params, launch, error);
      case Selectivity _ -> trimtab_selectivity(params, launch, error);
      case Verify _ -> trimtab_verify(params, launch, error);
    };
  }
}
