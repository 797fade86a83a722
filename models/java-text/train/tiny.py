"""Write a model of the same layout with random weights (target, draft, eagle), for trying a loader."""

import argparse
import json
from pathlib import Path

import numpy as np

from layout import stored, write

SIZES = {
    "target": dict(hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2),
    "draft": dict(hidden_size=32, intermediate_size=48, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=1),
    "eagle": dict(hidden_size=64, intermediate_size=96, num_hidden_layers=1, num_attention_heads=4, num_key_value_heads=2),
}


def block(prefix, conf):
    width, hidden, head = conf["hidden_size"], conf["intermediate_size"], conf["head_dim"]
    queries, keys = conf["num_attention_heads"] * head, conf["num_key_value_heads"] * head
    return {
        f"{prefix}.input_layernorm.weight": (width,),
        f"{prefix}.self_attn.q_proj.weight": (queries, width),
        f"{prefix}.self_attn.k_proj.weight": (keys, width),
        f"{prefix}.self_attn.v_proj.weight": (keys, width),
        f"{prefix}.self_attn.o_proj.weight": (width, queries),
        f"{prefix}.post_attention_layernorm.weight": (width,),
        f"{prefix}.mlp.gate_proj.weight": (hidden, width),
        f"{prefix}.mlp.up_proj.weight": (hidden, width),
        f"{prefix}.mlp.down_proj.weight": (width, hidden),
    }


def shapes(conf):
    width = conf["hidden_size"]
    if conf["model_type"] == "eagle":
        return {
            "embed_norm.weight": (width,),
            "hidden_norm.weight": (width,),
            "fc.weight": (width, 2 * width),
            **block("layers.0", conf),
            "norm.weight": (width,),
        }
    layers = [block(f"model.layers.{i}", conf) for i in range(conf["num_hidden_layers"])]
    return {
        "model.embed_tokens.weight": (conf["vocab_size"], width),
        **{name: shape for layer in layers for name, shape in layer.items()},
        "model.norm.weight": (width,),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--vocab", type=int, default=512)
    parser.add_argument("--full", action="store_true", help="the bundled sizes instead of tiny ones")
    args = parser.parse_args()
    random = np.random.default_rng(0)
    for name, sizes in SIZES.items():
        conf = json.loads((Path(__file__).parent.parent / name / "config.json").read_text())
        if not args.full:
            conf |= sizes | dict(vocab_size=args.vocab, head_dim=16, max_position_embeddings=256)
        folder = args.out / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(conf, indent=2) + "\n")
        state = {
            n: (random.standard_normal(s) * s[-1] ** -0.5 if len(s) == 2 else 1 + 0.1 * random.standard_normal(s)).astype(np.float32)
            for n, s in shapes(conf).items()
        }
        write(folder / "model.safetensors", stored(state))
