"""What the bundled weights compute in fp32 on held-out tokens: reference.safetensors, for an engine to be held to.

The Llama models go through Hugging Face's implementation, which shares no code with this folder, unless --own.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from data import DOMAINS, Windows
from decoding import Decoder, generate
from layout import write
from llama import MODEL, Causal, bundled, rotary_tables

TOKENS, PLACES, FEATURES, DRAFTED = 128, (0, 1, 63, 127), 64, 4
CHOSEN = ("java", "java", "java", "web", "data", "en", "de", "ja")


def hugging_face(model):
    """tokens -> (features, logits) by transformers' LlamaForCausalLM."""
    from transformers import LlamaConfig, LlamaForCausalLM

    other = LlamaForCausalLM(LlamaConfig(**model.conf)).float()
    missing, unexpected = other.load_state_dict(model.state_dict(), strict=False)
    assert not unexpected and missing in ([], ["lm_head.weight"]), (missing, unexpected)
    other.tie_weights()
    other = other.to(model.head.device).eval()

    def run(tokens):
        out = other(tokens, output_hidden_states=True)
        return out.hidden_states[-1], out.logits

    return run


def own(model):
    def run(tokens):
        cos, sin = (t[None, None, : tokens.shape[1]] for t in rotary_tables(model.conf, tokens.device))
        features = model(tokens, cos, sin, [Causal()] * len(model.blocks))
        return features, features @ model.head.T

    return run


def record(prefix, logits, places):
    """Every 32nd logit at `places`, and argmax, range and log-sum-exp at all."""
    ids = torch.arange(0, logits.shape[-1], 32, device=logits.device)
    return {
        f"{prefix}.places": torch.tensor(places),
        f"{prefix}.logits": logits[:, places][:, :, ids],
        f"{prefix}.argmax": logits.argmax(-1),
        f"{prefix}.range": torch.stack([logits.amin(-1), logits.amax(-1)], dim=-1),
        f"{prefix}.logsumexp": logits.logsumexp(-1),
    }


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=MODEL)
    parser.add_argument("--own", action="store_true", help="use this folder's Llama in the place of transformers'")
    parser.add_argument("--device", default="cuda")
    args = parser.parse_args()
    torch.set_float32_matmul_precision("highest")
    device = torch.device(args.device)
    held = Windows(args.work, "held", device, seed=6)
    tokens = torch.cat([held.draw(1, TOKENS, domain, beginnings=1) for domain in CHOSEN])
    tensors = {"tokens": tokens, "logit_ids": torch.arange(0, 1 << 30, 32)}
    models = {name: bundled(name, device, args.out) for name in ("target", "draft", "eagle")}
    for name in ("target", "draft"):
        features, logits = (own if args.own else hugging_face)(models[name])(tokens)
        check, _ = own(models[name])(tokens)
        print(f"{name}: this folder's features differ by {(check - features).abs().max():.2e}")
        tensors |= record(name, logits, PLACES)
        if name == "target":
            given = features[:2, :FEATURES]
    tensors["logit_ids"] = torch.arange(0, models["target"].conf["vocab_size"], 32)

    target, eagle = models["target"], models["eagle"]
    decoder = Decoder(eagle, 2, FEATURES + DRAFTED, target.head)
    positions = torch.arange(FEATURES + DRAFTED, device=device).expand(2, -1)
    out = decoder(tokens[:2, 1 : FEATURES + 1], positions[:, :FEATURES], given)
    tensors |= {"eagle.features": given, **record("eagle", out @ target.head.T, (0, 1, 31, FEATURES - 1))}
    drafted, feature = [], out[:, -1:]
    for i in range(DRAFTED):
        drafted.append((feature @ target.head.T).argmax(-1))
        feature = decoder(drafted[-1], positions[:, FEATURES + i : FEATURES + i + 1], feature)
    tensors["eagle.drafted"] = torch.cat(drafted, dim=1)

    prompt = tokens[:, :32]
    tensors["greedy.tokens"] = generate(target, prompt, 64, 0)[:, 32:]
    packed = {}
    for name, value in tensors.items():
        integral = not value.is_floating_point()
        packed[name] = ("I32" if integral else "F32", value.cpu().numpy().astype(np.int32 if integral else np.float32))
    write(args.out / "reference.safetensors", packed)


if __name__ == "__main__":
    main()
