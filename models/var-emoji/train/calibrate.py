"""calibration.json: per (layer, scale), how attention spreads over history, and what a small history costs.

Selectivity is the ScaleKV paper's index: (mean attention mass on the current map) x (mean over queries of the mass on the
K' strongest keys of the history), heads averaged. Sensitivity is the rise of teacher-forced cross-entropy at one scale when
one layer's history, for that scale's queries alone, is cut to a tenth, in two ways: the newest tokens (window), or per head
the keys with the most attention from a 3 x 3 grid of the scale's own queries (selected).
"""

import argparse
import json
import math

import torch
import torch.nn.functional as F

from data import MODEL, config
from loading import exported, held_out
from reference import DenseCausal

TOP, SHARE, FIRST_SCALE = 32, 0.10, 3


class Probe(DenseCausal):
    """Explicit attention that records both factors of the selectivity index for every scale."""

    def __init__(self, level, counts):
        super().__init__(level)
        self.counts, self.current, self.history = counts, [], []

    def __call__(self, q, k, v):
        weights = (q @ k.mT).masked_fill(~self.mask, -math.inf).softmax(-1)
        self.current, self.history, start = [], [], 0
        for n in self.counts:
            rows = weights[:, :, start : start + n]
            self.current.append(rows[..., start : start + n].sum(-1).mean().item())
            top = rows[..., :start].topk(min(TOP, start), -1).values
            self.history.append(top.sum(-1).mean().item() if start else 0.0)
            start += n
        return weights @ v


class Cut(DenseCausal):
    """Attention in which one scale's queries see only a tenth of their history."""

    def __init__(self, level, counts, sides, scale, way):
        super().__init__(level)
        self.start = sum(counts[:scale])
        self.end, self.way = self.start + counts[scale], way
        self.keep = max(1, round(SHARE * self.start))
        p = sides[scale] // 3
        centres = [i * p + (p - 1) // 2 for i in range(3)]
        self.window = torch.tensor([r * sides[scale] + c for r in centres for c in centres], device=level.device)

    def __call__(self, q, k, v):
        whole = super().__call__(q, k, v)
        q, k, v = q[:, :, self.start : self.end], k[:, :, : self.end], v[:, :, : self.end]
        score = q @ k.mT
        hidden = torch.ones_like(score[:, :, :1, : self.start], dtype=torch.bool)
        if self.way == "window":
            hidden[..., -self.keep :] = False
        else:
            mass = score[:, :, self.window].softmax(-1)[..., : self.start].sum(2, keepdim=True)
            hidden.scatter_(-1, mass.topk(self.keep, -1).indices, False)
        score[..., : self.start].masked_fill_(hidden, -math.inf)
        whole[:, :, self.start : self.end] = score.softmax(-1) @ v
        return whole


def rounded(rows):
    return [[round(x, 5) for x in row] for row in rows]


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--emoji", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--model", default=MODEL)
    parser.add_argument("--out", default=str(MODEL / "calibration.json"))
    parser.add_argument("--maps", type=int, default=16)
    parser.add_argument("--device", default="cuda")
    args = parser.parse_args()
    device, conf = torch.device(args.device), config()
    var, tokenizer = exported(device, args.model)
    labels = torch.arange(args.maps, device=device) * conf["num_classes"] // args.maps
    _, tokens = held_out(args.emoji, args.work, labels, device)
    inputs, _ = tokenizer.quantize.inputs(tokens)
    depth, counts, sides = len(var.blocks), var.counts, conf["sides"]

    def loss_per_scale(attends):
        logits = var.teacher_forced(labels, inputs, attends)
        each = F.cross_entropy(logits.transpose(1, 2), tokens, reduction="none")
        return [part.mean().item() for part in each.split(counts, 1)]

    probes = [Probe(var.level, counts) for _ in range(depth)]
    base = loss_per_scale(probes)
    dense = DenseCausal(var.level)
    rise = {}
    for way in ("window", "selected"):
        rise[way] = [[0.0] * len(sides) for _ in range(depth)]
        for layer in range(depth):
            for scale in range(FIRST_SCALE, len(sides)):
                attends = [dense] * depth
                attends[layer] = Cut(var.level, counts, sides, scale, way)
                rise[way][layer][scale] = loss_per_scale(attends)[scale] - base[scale]
    selectivity = [[c * h for c, h in zip(p.current, p.history)] for p in probes]
    suggested = sorted(range(depth), key=lambda i: -sum(rise["selected"][i][FIRST_SCALE:]))
    drafters = []
    for scale in range(FIRST_SCALE, len(sides)):
        layers = range(depth)
        drafters.append(
            {
                "scale": scale,
                "side": sides[scale],
                "by_selectivity": sorted(layers, key=lambda i: selectivity[i][scale]),
                "by_sensitivity_window": sorted(layers, key=lambda i: -rise["window"][i][scale]),
                "by_sensitivity_selected": sorted(layers, key=lambda i: -rise["selected"][i][scale]),
            }
        )
    result = {
        "maps": args.maps,
        "top_k_prime": TOP,
        "history_share_kept": SHARE,
        "first_scale_measured": FIRST_SCALE,
        "axes": "tables are [layer][scale]; lists of layers run from the clearest drafter to the clearest refiner; "
        "suggested_order does so by the sum over scales of sensitivity_selected_nats",
        "cross_entropy_nats": [round(x, 5) for x in base],
        "current_ratio": rounded([p.current for p in probes]),
        "history_top_ratio": rounded([p.history for p in probes]),
        "selectivity": rounded(selectivity),
        "sensitivity_window_nats": rounded(rise["window"]),
        "sensitivity_selected_nats": rounded(rise["selected"]),
        "drafters": drafters,
        "suggested_order": suggested,
    }
    text = json.dumps(result, indent=1)
    open(args.out, "w").write(text + "\n")
    print(json.dumps({"selectivity": result["selectivity"], "selected": result["sensitivity_selected_nats"]}))


if __name__ == "__main__":
    main()
