"""Held-out losses, coverage of the kept quarter, and block efficiency of both drafters: measures.json."""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

from counts import BUNDLED, kept, read
from data import DOMAINS, EOS, Windows
from decoding import Speculation
from llama import MODEL, bundled, rotary_tables
from train_target import held_out_losses

GAMMA = 3
PAPER = {"full": 0.160, "trimmed": 0.0687}  # the published cost ratios


def block_efficiency(target, drafter, prompts, rounds, temperature, kept_ids):
    """Tokens a round and its standard error over prompts, and the rate of each draft given those before it."""
    run = Speculation(target, drafter, prompts, rounds, GAMMA, temperature, kept_ids)
    lengths, accepted = [run.lengths], []
    for _ in range(rounds):
        accepted.append(run.round())
        lengths.append(run.lengths)
    places = torch.arange(run.tokens.shape[1], device=prompts.device)
    ends = torch.where((run.tokens == EOS) & (places >= prompts.shape[1]), places, run.tokens.shape[1]).amin(1)
    lengths, accepted = torch.stack(lengths), torch.stack(accepted)
    counted = lengths[1:] <= ends  # rounds wholly before an end of text
    mean = (accepted[counted] + 1.0).mean().item()
    deviations = ((accepted + 1.0 - mean) * counted).sum(0)
    error = deviations.square().sum().sqrt().item() / counted.sum().item()
    reached = [(accepted[counted] >= i).sum().item() for i in range(GAMMA + 1)]
    rates = [round(b / a, 4) if a else 0.0 for a, b in zip(reached, reached[1:])]
    return {"tau": round(mean, 4), "error": round(error, 4), "acceptance": rates, "rounds": reached[0]}


def cost_ratios(target, drafter):
    """Values that one draft step reads over those that the target reads, with the whole head and with a quarter of it."""
    numel = lambda model: sum(p.numel() for p in model.parameters())
    eagle = not hasattr(drafter, "head")
    head = (target if eagle else drafter).head.numel()
    body = numel(drafter) - (0 if eagle else head)
    return {"full": (body + head) / numel(target), "trimmed": (body + head // 4) / numel(target)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=MODEL)
    parser.add_argument("--rows", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=64)
    parser.add_argument("--prompt", type=int, default=96)
    parser.add_argument("--domains", nargs="*", default=["java", "web", "de", "ja"])
    parser.add_argument("--sources", nargs="*", default=["draft", "raw"], help="of counts, besides the target's own")
    parser.add_argument("--temperatures", nargs="*", type=float, default=[0, 0.7, 1])
    parser.add_argument("--device", default="cuda")
    args = parser.parse_args()
    torch.manual_seed(2)
    torch.set_float32_matmul_precision("highest")
    device, begin = torch.device(args.device), time.time()
    models = {name: bundled(name, device, args.out) for name in ("target", "draft", "eagle")}
    target = models["target"]
    held = Windows(args.work, "held", device, seed=5)
    length = min(2048, target.conf["max_position_embeddings"])
    losses = {}
    for name in ("target", "draft"):
        cos, sin = (t[None, None, :length] for t in rotary_tables(models[name].conf, device))
        losses[name] = {d: round(v, 4) for d, v in held_out_losses(models[name], held, cos, sin, length).items()}
    print(f"losses {losses}, {time.time() - begin:.0f} s", flush=True)

    lists = {f"{source}-{d}": kept(read(source, d, args.out)) for source in BUNDLED for d in BUNDLED[source]}
    streams = np.load(args.work / "held.npz")
    coverage = {
        name: {d: round(float(np.isin(streams[d], ids).mean()), 4) for d in DOMAINS}
        for name, ids in lists.items()
    }
    print(f"coverage {coverage['target-java']}", flush=True)

    half = torch.bfloat16 if device.type == "cuda" else torch.float32
    fast = {name: model.to(half) for name, model in models.items()}
    speculation = []
    for domain in args.domains:
        prompts = held.draw(args.rows, args.prompt, domain, beginnings=1)
        chosen = ["full", *dict.fromkeys(["target-java", f"target-{domain}"])]
        chosen += [f"{s}-{domain}" for s in args.sources if domain in BUNDLED[s]]
        for name in ("eagle", "draft"):
            costs = cost_ratios(fast["target"], fast[name])
            for temperature in args.temperatures:
                for choice in chosen:
                    ids = None if choice == "full" else torch.from_numpy(lists[choice]).to(device)
                    row = block_efficiency(fast["target"], fast[name], prompts, args.rounds, temperature, ids)
                    kind = "full" if ids is None else "trimmed"
                    row["mbsu"] = round(row["tau"] / (costs[kind] * GAMMA + 1), 4)
                    row["mbsu_paper"] = round(row["tau"] / (PAPER[kind] * GAMMA + 1), 4)
                    row = {"domain": domain, "drafter": name, "temperature": temperature, "rows": choice, **row}
                    print(" ".join(str(v) for v in row.values()), flush=True)
                    speculation.append(row)
    measures = {
        "held_out_nats": losses,
        "held_out_tokens": held.sizes,
        "coverage_of_a_quarter": coverage,
        "cost_ratios": {n: {k: round(v, 4) for k, v in cost_ratios(fast["target"], fast[n]).items()} for n in ("eagle", "draft")},
        "gamma": GAMMA,
        "speculation": speculation,
    }
    text = json.dumps(measures, indent=1)
    (args.out / "measures.json").write_text(text + "\n")
    print(f"{time.time() - begin:.0f} s in all")


if __name__ == "__main__":
    main()
