package io.github.trimtab.engine.cli;

import io.github.trimtab.kernel.Head;
import io.github.trimtab.kernel.HeadRows;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.Pack;
import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import picocli.CommandLine.Command;

/** {@code run head}. */
@Command(
    name = "head",
    description = {
      "Logits of hidden vectors over chosen rows of a head.",
      "",
      "In: hidden [N,d], weight [V,d], ids [k]: different rows of the weight.",
      "Out: epilogue=logits: logits [N,k] in the order of ids; argmax: ids [N], values [N]; topk:"
          + " ids, values [N,top] descending (ties: the earlier place in ids) and logsumexp [N]"
          + " over the k rows.",
      "",
      "Settings: epilogue=logits|argmax|topk (logits), top (10, at most k),"
          + " rows=f32|f16|bf16|fp8|int8|int4 (as given), group (128; elements of a row that share"
          + " a scale, int8 and int4), pack=true|false (false: rows are read where they lie)."
    })
final class RunHead extends RunOperation {
  private enum Epilogue {
    LOGITS,
    ARGMAX,
    TOPK
  }

  @Override
  Set<String> keys() {
    return new TreeSet<>(Set.of("epilogue", "top", "rows", "group", "pack", "precision"));
  }

  @Override
  Map<String, Tensor> run(Kernels kernels, Inputs inputs, Settings settings) {
    var epilogue =
        settings.choice(
            "epilogue",
            "logits",
            Map.of("logits", Epilogue.LOGITS, "argmax", Epilogue.ARGMAX, "topk", Epilogue.TOPK));
    boolean pack = settings.choice("pack", "false", Map.of("true", true, "false", false));
    Tensor weight = inputs.floats("weight", "V", "d");
    Tensor hidden = inputs.floats("hidden", "N", "d");
    Tensor ids = inputs.ids("ids", "k", inputs.size("V"));
    inputs.checkHead(epilogue == Epilogue.LOGITS ? 0 : 1);
    int top = epilogue == Epilogue.TOPK ? settings.integer("top", 10, 1, inputs.size("k")) : 1;
    WeightRows rows = Weights.rows(kernels, weight, settings);
    HeadRows head = pack ? pack(kernels, rows, ids) : HeadRows.gathered(rows, ids);
    return run(kernels, hidden, head, epilogue, top);
  }

  private static HeadRows pack(Kernels kernels, WeightRows rows, Tensor ids) {
    WeightRows packed =
        Weights.empty(rows.format(), (int) ids.size(0), rows.columns(), rows.group());
    kernels.pack(new Pack(rows, ids, packed));
    return HeadRows.packed(packed, ids, rows.rows());
  }

  private static Map<String, Tensor> run(
      Kernels kernels, Tensor hidden, HeadRows head, Epilogue epilogue, int top) {
    long vectors = hidden.size(0);
    if (epilogue == Epilogue.LOGITS) {
      Tensor logits = Tensors.zeros(DType.F32, vectors, head.capacity());
      kernels.head(Head.logits(hidden, head, logits));
      return Map.of("logits", logits);
    }
    Tensor ids = Tensors.zeros(DType.I32, vectors, top);
    Tensor values = Tensors.zeros(DType.F32, vectors, top);
    if (epilogue == Epilogue.ARGMAX) {
      kernels.head(Head.top(hidden, head, ids, values));
      return Map.of(
          "ids", Tensors.toI64(Tensor.of(DType.I32, ids.buffer(), vectors)),
          "values", Tensor.of(DType.F32, values.buffer(), vectors));
    }
    Tensor logSumExp = Tensors.zeros(DType.F32, vectors);
    kernels.head(Head.top(hidden, head, ids, values, logSumExp));
    return Map.of("ids", Tensors.toI64(ids), "values", values, "logsumexp", logSumExp);
  }
}
