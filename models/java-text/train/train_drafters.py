"""The target's own text, then both drafters trained on the target's distribution over it and over the corpus.

Writes WORK/generated.npz (prompts and text per domain) and the drafters' bundled form; --resume starts from that form.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from data import DOMAINS, Windows
from decoding import generate
from llama import MODEL, Causal, Eagle, Llama, bundled, config, rotary_tables, save
from training import train

PROMPT, UNROLLED = 48, 4


def rows_of(domain, rows):
    return rows * 2 // 5 if domain == "java" else rows // 25


def own_text(model, windows, rows, count, temperature=1.0):
    """{domain: [n, PROMPT + count]}: the first PROMPT tokens are a document's beginning."""
    prompts = {d: windows.draw(rows_of(d, rows), PROMPT, d, beginnings=1) for d in DOMAINS}
    sequences = generate(model, torch.cat(list(prompts.values())), count, temperature)
    return dict(zip(DOMAINS, sequences.split([len(p) for p in prompts.values()])))


class OwnSteps:
    """EAGLE's attention in training step k: keys of the given features up to k - 1 places back, then its own step by step."""

    def __init__(self, length, device):
        self.keys, self.values = [], []
        self.rows = torch.arange(length, device=device)

    def __call__(self, q, k, v):
        self.keys.append(k)
        self.values.append(v)
        if len(self.keys) == 1:
            return Causal()(q, k, v)
        steps, back = len(self.keys), self.rows[:, None] - self.rows
        masks = [back >= steps - 1] + [back == steps - 1 - j for j in range(1, steps)]
        groups = q.shape[1] // k.shape[1]
        keys, values = (torch.cat(t, dim=2).repeat_interleave(groups, dim=1) for t in (self.keys, self.values))
        return F.scaled_dot_product_attention(q, keys, values, attn_mask=torch.cat(masks, dim=1))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", default=MODEL)
    parser.add_argument("--rows", type=int, default=2000, help="sequences generated at once")
    parser.add_argument("--batches", type=int, default=8)
    parser.add_argument("--count", type=int, default=512, help="tokens generated after each prompt")
    parser.add_argument("--draft-seconds", type=float, default=80)
    parser.add_argument("--eagle-seconds", type=float, default=110)
    parser.add_argument("--length", type=int, default=2048, help="places of a window")
    parser.add_argument("--tokens", type=int, default=32768, help="places of a batch; EAGLE, unrolled, takes half")
    parser.add_argument("--muon", type=float, default=0.02)
    parser.add_argument("--adam", type=float, default=3e-3)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--device", default="cuda")
    args = parser.parse_args()
    torch.manual_seed(0)
    device, begin = torch.device(args.device), time.time()
    windows = Windows(args.work, "train", device, seed=3)
    target, half = bundled("target", device, args.out), torch.bfloat16 if device.type == "cuda" else torch.float32
    fast = bundled("target", device, args.out).to(half)
    parts = [own_text(fast, windows, args.rows, args.count) for _ in range(args.batches)]
    texts = {d: torch.cat([part[d] for part in parts]) for d in DOMAINS}
    np.savez(args.work / "generated.npz", **{d: t.cpu().numpy().astype(np.uint16) for d, t in texts.items()})
    print(f"{args.rows * args.batches * args.count} tokens generated, {time.time() - begin:.0f} s", flush=True)

    own, length = torch.cat(list(texts.values())), args.length
    cos, sin = (t[None, None, :length] for t in rotary_tables(config("target"), device))
    attends = [Causal()] * len(target.blocks)
    target.requires_grad_(False)

    def batch(rows):
        """Tokens [rows, length + 1] and the target's features [rows, length]: half its own text, half the corpus."""
        joined = -(-(length + 1) // own.shape[1])
        pick = torch.randint(len(own), (rows // 2, joined), device=device)
        tokens = torch.cat([own[pick].flatten(1)[:, : length + 1], windows.draw(rows - rows // 2, length + 1)])
        with torch.no_grad():
            features = target(tokens[:, :-1], cos, sin, attends)
        return tokens, features.detach()

    def divergence(features, head, target_features, target_head):
        """Mean KL of the target's distribution from the drafter's."""
        p = F.linear(target_features, target_head.to(target_features.dtype)).float().log_softmax(-1)
        q = F.linear(features, head.to(features.dtype)).float().log_softmax(-1)
        return (p.exp() * (p - q)).sum(-1).mean()

    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")
        for block in target.blocks:
            block.compile()
        divergence = torch.compile(divergence)

    def of_draft():
        with torch.autocast(device.type, dtype=torch.bfloat16):
            tokens, features = batch(args.tokens // length)
            return divergence(draft(tokens[:, :-1], *draft_tables, draft_attends), draft.head, features, target.head)

    def of_eagle():
        with torch.autocast(device.type, dtype=torch.bfloat16):
            tokens, features = batch(args.tokens // 2 // length)
            embedded, given, goal = F.embedding(tokens[:, 1:], target.head), features, features[:, 1:]
            attend, total = OwnSteps(length, device), 0.0
            for _ in range(UNROLLED):
                out = eagle(embedded, given, cos, sin, [attend])
                total = total + divergence(out[:, :-1], target.head, goal, target.head) / UNROLLED
                given = torch.cat([features[:, :1], out[:, :-1]], dim=1)
            return total

    start = lambda kind, name: bundled(name, device, args.out).train() if args.resume else kind(config(name)).to(device)
    draft = start(Llama, "draft")
    draft_tables = [t[None, None, :length] for t in rotary_tables(draft.conf, device)]
    draft_attends = [Causal()] * len(draft.blocks)
    if device.type == "cuda":
        draft.compile()
    train(draft, of_draft, args.draft_seconds, args.muon, args.adam)
    save(draft, "draft", args.out)
    eagle = start(Eagle, "eagle")
    train(eagle, of_eagle, args.eagle_seconds, args.muon, args.adam)
    save(eagle, "eagle", args.out)
    print(f"{time.time() - begin:.0f} s in all")


if __name__ == "__main__":
    main()
