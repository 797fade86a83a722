package io.github.trimtab.engine.var;

import io.github.trimtab.engine.checkpoint.Checkpoint;
import java.util.List;

/** The weights of the codebook's side of a tokenizer, as the host and the device take them. */
final class TokenizerWeights {

  /** [codes, codeDim]. */
  final float[] codebook;

  /** The convolution that smooths each scale, as a layer over 3 x 3 codes [dim, dim, 3, 3]. */
  final List<Linear> phis;

  TokenizerWeights(VarConfig config, Checkpoint checkpoint) {
    int dim = config.tokenizer().codeDim();
    codebook = checkpoint.values("quantize.embedding.weight", config.codebookSize(), dim);
    phis =
        config.tokenizer().phiIndex().stream()
            .map(index -> "quantize.quant_resi.qresi_ls." + index)
            .map(name ->
                new Linear(
                    checkpoint.values(name + ".weight", dim, dim, 3, 3),
                    checkpoint.values(name + ".bias", dim)))
            .toList();
  }
}
