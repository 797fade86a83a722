package io.github.trimtab.internal.cuda;

import io.github.trimtab.internal.cuda.bindings.*;
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
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Operations as params structs of the C ABI, all but the common part's status and workspace. */
public final class Params {
  /** Bytes that hold any operation's params. */
  public static final long MOST_BYTES = Layouts.mostBytes();

  private final Structs structs;
  private final MemorySegment to;

  private Params(Structs structs, MemorySegment to) {
    this.structs = structs;
    this.to = to;
  }

  /** Writes an operation to at least {@link #MOST_BYTES} bytes of native memory. */
  public static void write(Operation operation, Addresses addresses, MemorySegment to) {
    Params params = new Params(new Structs(addresses), to);
    MemoryLayout layout =
        switch (operation) {
          case Append op -> params.append(op);
          case Attend op -> params.attend(op);
          case ColumnSums op -> params.columnSums(op);
          case Compact op -> params.compact(op);
          case Evict op -> params.evict(op);
          case Head op -> params.head(op);
          case Pack op -> params.pack(op);
          case Quantize op -> params.quantize(op);
          case Score op -> params.score(op);
          case Select op -> params.select(op);
          case Selectivity op -> params.selectivity(op);
          case Verify op -> params.verify(op);
        };
    // Every params struct begins with its common part.
    trimtab_common.struct_size(to, (int) layout.byteSize());
    trimtab_common.reserved(to, 0);
  }

  /** Enters the status word and the workspace into written params; workspace 0: none. */
  public static void setMemory(MemorySegment params, long status, long workspace, long bytes) {
    trimtab_common.status(params, MemorySegment.ofAddress(status));
    trimtab_common.workspace(params, MemorySegment.ofAddress(workspace));
    trimtab_common.workspace_bytes(params, bytes);
  }

  private MemoryLayout append(Append op) {
    structs.fresh(trimtab_append_params.fresh(to), op.fresh());
    structs.pages(trimtab_append_params.target(to), op.target(), true);
    return trimtab_append_params.layout();
  }

  private MemoryLayout attend(Attend op) {
    structs.read(trimtab_attend_params.q(to), op.q());
    structs.read(trimtab_attend_params.query_lengths(to), op.queryLengths());
    structs.pages(trimtab_attend_params.history(to), op.history(), false);
    structs.fresh(trimtab_attend_params.fresh(to), op.fresh());
    structs.read(trimtab_attend_params.parents(to), op.parents());
    structs.written(trimtab_attend_params.out(to), op.out());
    structs.written(trimtab_attend_params.lse(to), op.lse());
    trimtab_attend_params.mask(to, Structs.code(op.mask()));
    trimtab_attend_params.scale(to, op.scale());
    return trimtab_attend_params.layout();
  }

  private MemoryLayout columnSums(ColumnSums op) {
    structs.read(trimtab_columnsums_params.q(to), op.q());
    structs.read(trimtab_columnsums_params.query_lengths(to), op.queryLengths());
    structs.pages(trimtab_columnsums_params.history(to), op.history(), false);
    structs.fresh(trimtab_columnsums_params.fresh(to), op.fresh());
    structs.written(trimtab_columnsums_params.sums(to), op.sums());
    trimtab_columnsums_params.mask(to, Structs.code(op.mask()));
    trimtab_columnsums_params.scale(to, op.scale());
    return trimtab_columnsums_params.layout();
  }

  private MemoryLayout compact(Compact op) {
    structs.pages(trimtab_compact_params.history(to), op.history(), false);
    structs.fresh(trimtab_compact_params.fresh(to), op.fresh());
    structs.read(trimtab_compact_params.indices(to), op.indices());
    structs.pages(trimtab_compact_params.target(to), op.target(), true);
    return trimtab_compact_params.layout();
  }

  private MemoryLayout evict(Evict op) {
    scoring(trimtab_evict_params.scoring(to), op.score());
    structs.read(trimtab_evict_params.capacity(to), op.capacity());
    structs.written(trimtab_evict_params.indices(to), op.indices());
    structs.pages(trimtab_evict_params.target(to), op.target(), true);
    return trimtab_evict_params.layout();
  }

  private MemoryLayout head(Head op) {
    structs.read(trimtab_head_params.hidden(to), op.hidden());
    structs.headRows(trimtab_head_params.rows(to), op.rows());
    structs.written(trimtab_head_params.logits(to), op.logits());
    structs.written(trimtab_head_params.ids(to), op.ids());
    structs.written(trimtab_head_params.values(to), op.values());
    structs.written(trimtab_head_params.log_sum_exp(to), op.logSumExp());
    return trimtab_head_params.layout();
  }

  private MemoryLayout pack(Pack op) {
    structs.weights(trimtab_pack_params.from(to), op.from(), false);
    structs.read(trimtab_pack_params.ids(to), op.ids());
    structs.weights(trimtab_pack_params.to(to), op.to(), true);
    return trimtab_pack_params.layout();
  }

  private MemoryLayout quantize(Quantize op) {
    structs.read(trimtab_quantize_params.weight(to), op.weight());
    structs.weights(trimtab_quantize_params.rows(to), op.rows(), true);
    return trimtab_quantize_params.layout();
  }

  private MemoryLayout score(Score op) {
    scoring(trimtab_score_params.scoring(to), op);
    return trimtab_score_params.layout();
  }

  private void scoring(MemorySegment at, Score op) {
    structs.read(trimtab_scoring.q(at), op.q());
    structs.read(trimtab_scoring.query_rows(at), op.queryRows());
    structs.pages(trimtab_scoring.history(at), op.history(), false);
    structs.fresh(trimtab_scoring.fresh(at), op.fresh());
    structs.read(trimtab_scoring.window(at), op.window());
    structs.written(trimtab_scoring.scores(at), op.scores());
    trimtab_scoring.mode(
        at,
        switch (op.scoring().mode()) {
          case RAW -> trimtab_h.TRIMTAB_MODE_RAW();
          case SOFTMAX -> trimtab_h.TRIMTAB_MODE_SOFTMAX();
        });
    trimtab_scoring.mask(at, Structs.code(op.scoring().mask()));
    trimtab_scoring.pooling(
        at,
        switch (op.scoring().pooling()) {
          case NONE -> trimtab_h.TRIMTAB_POOLING_NONE();
          case MAX -> trimtab_h.TRIMTAB_POOLING_MAX();
          case AVG -> trimtab_h.TRIMTAB_POOLING_AVG();
        });
    trimtab_scoring.pool_width(at, op.scoring().poolWidth());
    trimtab_scoring.scale(at, op.scoring().scale());
    trimtab_scoring.reserved(at, 0);
  }

  private MemoryLayout select(Select op) {
    structs.read(trimtab_select_params.scores(to), op.scores());
    structs.read(trimtab_select_params.lengths(to), op.lengths());
    structs.read(trimtab_select_params.window(to), op.window());
    structs.read(trimtab_select_params.capacity(to), op.capacity());
    structs.written(trimtab_select_params.indices(to), op.indices());
    return trimtab_select_params.layout();
  }

  private MemoryLayout selectivity(Selectivity op) {
    structs.read(trimtab_selectivity_params.q(to), op.q());
    structs.read(trimtab_selectivity_params.query_lengths(to), op.queryLengths());
    structs.pages(trimtab_selectivity_params.history(to), op.history(), false);
    structs.fresh(trimtab_selectivity_params.fresh(to), op.fresh());
    structs.written(trimtab_selectivity_params.index(to), op.index());
    trimtab_selectivity_params.top(to, op.top());
    trimtab_selectivity_params.scale(to, op.scale());
    return trimtab_selectivity_params.layout();
  }

  private MemoryLayout verify(Verify op) {
    Verify.Sampled sampled = op instanceof Verify.Sampled drafted ? drafted : null;
    structs.read(trimtab_verify_params.target(to), op.target());
    structs.read(trimtab_verify_params.draft(to), sampled == null ? null : sampled.draft());
    structs.read(trimtab_verify_params.ids(to), sampled == null ? null : sampled.ids());
    structs.read(trimtab_verify_params.tokens(to), op.tokens());
    structs.read(trimtab_verify_params.accept_u(to), sampled == null ? null : sampled.acceptU());
    structs.read(trimtab_verify_params.sample_u(to), sampleU(op));
    structs.read(
        trimtab_verify_params.parents(to), op instanceof Verify.Tree tree ? tree.parents() : null);
    structs.written(trimtab_verify_params.emitted(to), op.emitted());
    structs.written(trimtab_verify_params.accepted(to), op.accepted());
    trimtab_verify_params.method(
        to,
        switch (op) {
          case Verify.Chain _ -> trimtab_h.TRIMTAB_VERIFY_CHAIN();
          case Verify.Greedy _ -> trimtab_h.TRIMTAB_VERIFY_GREEDY();
          case Verify.Tree _ -> trimtab_h.TRIMTAB_VERIFY_TREE();
          case Verify.MultiRound _ -> trimtab_h.TRIMTAB_VERIFY_MULTI_ROUND();
        });
    trimtab_verify_params.reserved(to, 0);
    return trimtab_verify_params.layout();
  }

  private static @Nullable Tensor sampleU(Verify op) {
    return switch (op) {
      case Verify.Chain chain -> chain.sampleU();
      case Verify.Greedy _ -> null;
      case Verify.Tree tree -> tree.sampleU();
      case Verify.MultiRound multiRound -> multiRound.sampleU();
    };
  }
}
