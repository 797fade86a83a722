package io.github.trimtab.engine.var;

import io.github.trimtab.engine.checkpoint.RandomWeights;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;

/**
 * Random weights under all names of the official checkpoints, buffers included. Depth 2, so width
 * 128, 64 codes of 8 channels and a narrow decoder: the smallest, d16, has 310 million weights. The
 * names, the schedules and the ways that sizes follow from each other are the official ones.
 */
final class OfficialWeights {

  static final int DEPTH = 2;
  static final int WIDTH = 64 * DEPTH;
  static final int CODES = 64;
  static final int CODE_DIM = 8;
  static final int CLASSES = 5;

  private OfficialWeights() {}

  static RandomWeights transformer(DType dtype, int positions, boolean shared) {
    RandomWeights all = new RandomWeights(dtype);
    all.add("pos_start", 0.5, 1, 1, WIDTH).add("pos_1LC", 0.5, 1, positions, WIDTH);
    all.put("lvl_1L", Tensor.allocate(DType.I64, 1, positions));
    all.add("attn_bias_for_masking", 1, 1, 1, 30, 30); // never read, so a small one
    all.add("class_emb.weight", 1, CLASSES + 1, WIDTH).add("lvl_embed.weight", 0.5, 10, WIDTH);
    all.linear("word_embed", WIDTH, CODE_DIM).linear("head", CODES, WIDTH);
    all.linear("head_nm.ada_lin.1", 2 * WIDTH, WIDTH);
    if (shared) {
      all.linear("shared_ada_lin.1", 6 * WIDTH, WIDTH);
    }
    for (int layer = 0; layer < DEPTH; layer++) {
      String name = "blocks." + layer + ".";
      if (shared) {
        all.add(name + "ada_gss", 0.5, 1, 1, 6, WIDTH);
      } else {
        all.linear(name + "ada_lin.1", 6 * WIDTH, WIDTH);
      }
      all.add(name + "attn.scale_mul_1H11", 3, 1, DEPTH, 1, 1);
      all.add(name + "attn.q_bias", 0.5, WIDTH).add(name + "attn.v_bias", 0.5, WIDTH);
      all.add(name + "attn.zero_k_bias", 1, WIDTH); // not zero, so that reading it would show
      all.add(name + "attn.mat_qkv.weight", 0.1, 3 * WIDTH, WIDTH);
      all.linear(name + "attn.proj", WIDTH, WIDTH);
      all.linear(name + "ffn.fc1", 4 * WIDTH, WIDTH).linear(name + "ffn.fc2", WIDTH, 4 * WIDTH);
    }
    return all;
  }

  static RandomWeights tokenizer() {
    RandomWeights all = new RandomWeights(DType.F32);
    all.add("quantize.embedding.weight", 1, CODES, CODE_DIM);
    all.add("quantize.ema_vocab_hit_SV", 1, 10, CODES);
    all.add("encoder.conv_in.weight", 1, 32, 3, 3, 3);
    for (int i = 0; i < 4; i++) {
      all.linear("quantize.quant_resi.qresi_ls." + i, CODE_DIM, CODE_DIM, 3, 3);
    }
    all.linear("quant_conv", CODE_DIM, CODE_DIM, 3, 3);
    all.linear("post_quant_conv", CODE_DIM, CODE_DIM, 3, 3);
    all.linear("decoder.conv_in", 64, CODE_DIM, 3, 3);
    residual(all, "decoder.mid.block_1", 64, 64);
    attention(all, "decoder.mid.attn_1", 64);
    residual(all, "decoder.mid.block_2", 64, 64);
    int[] channels = {32, 32, 32, 32, 64};
    int in = 64;
    for (int level = 4; level >= 0; level--) {
      String name = "decoder.up." + level;
      int out = channels[level];
      for (int j = 0; j < 3; j++) {
        residual(all, name + ".block." + j, out, in);
        if (level == 4) {
          attention(all, name + ".attn." + j, out);
        }
        in = out;
      }
      if (level > 0) {
        all.linear(name + ".upsample.conv", out, out, 3, 3);
      }
    }
    all.linear("decoder.norm_out", 32).linear("decoder.conv_out", 3, 32, 3, 3);
    return all;
  }

  private static void residual(RandomWeights all, String name, int out, int in) {
    all.linear(name + ".norm1", in).linear(name + ".conv1", out, in, 3, 3);
    all.linear(name + ".norm2", out).linear(name + ".conv2", out, out, 3, 3);
    if (in != out) {
      all.linear(name + ".nin_shortcut", out, in, 1, 1);
    }
  }

  static void attention(RandomWeights all, String name, int channels) {
    all.linear(name + ".norm", channels);
    all.linear(name + ".qkv", 3L * channels, channels, 1, 1);
    all.linear(name + ".proj_out", channels, channels, 1, 1);
  }
}
