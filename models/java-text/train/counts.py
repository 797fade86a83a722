"""Token counts per domain and source: the target's own text, the draft model's, and the corpus itself; a kept set from them."""

import argparse
import gzip
from pathlib import Path

import numpy as np
import torch

from data import DOMAINS, Windows
from llama import MODEL, bundled
from train_drafters import PROMPT, own_text

BUNDLED = {"target": DOMAINS, "draft": ("java", "de", "ja"), "raw": ("java", "de", "ja")}
SPECIALS = 4


def kept(counts, share=0.25):
    """Ids of the most frequent `share` of the vocabulary, ascending; the special ids are always among them."""
    counts = counts.astype(np.int64)
    counts[:SPECIALS] = counts.max() + 1
    order = np.lexsort((np.arange(len(counts)), -counts))
    return np.sort(order[: int(len(counts) * share)])


def read(source, domain, folder=MODEL):
    with gzip.open(Path(folder) / "counts" / f"{source}-{domain}.txt.gz", "rt") as file:
        return np.array([int(line) for line in file])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=MODEL)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--batches", type=int, default=2)
    parser.add_argument("--device", default="cuda")
    args = parser.parse_args()
    torch.manual_seed(1)
    device = torch.device(args.device)
    draft = bundled("draft", device, args.out)
    draft = draft.to(torch.bfloat16 if device.type == "cuda" else torch.float32)
    windows = Windows(args.work, "train", device, seed=4)
    generated = np.load(args.work / "generated.npz")
    parts = [own_text(draft, windows, args.rows, generated["java"].shape[1] - PROMPT) for _ in range(args.batches)]
    sources = {
        "target": {d: generated[d][:, PROMPT:] for d in DOMAINS},
        "draft": {d: torch.cat([part[d] for part in parts])[:, PROMPT:].cpu().numpy() for d in DOMAINS},
        "raw": dict(np.load(args.work / "train.npz")),
    }
    (args.out / "counts").mkdir(parents=True, exist_ok=True)
    for source, domains in BUNDLED.items():
        for domain in domains:
            counts = np.bincount(sources[source][domain].ravel(), minlength=draft.conf["vocab_size"])
            text = "\n".join(map(str, counts)) + "\n"
            (args.out / "counts" / f"{source}-{domain}.txt.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
            print(f"{source}-{domain}: {counts.sum()} tokens, {(counts > 0).sum()} ids")


if __name__ == "__main__":
    main()
