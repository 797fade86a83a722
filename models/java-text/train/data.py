"""Tokens of the corpus: read once, kept as one stream a domain with the places where documents begin."""

import json
import lzma
from pathlib import Path

import numpy as np
import torch

BOS, EOS, SEPARATOR, PAD = range(4)
LANGUAGES = ("cs", "de", "es", "fr", "it", "ja", "ko", "pl", "pt", "ru", "tr", "zh")
DOMAINS = ("java", "web", "data", "en") + LANGUAGES
SHARES = {"java": 0.60, "web": 0.11, "data": 0.05, "en": 0.04}  # of the training tokens; the rest is the languages'


def documents(work, part):
    with lzma.open(Path(work) / "corpus" / f"{part}.jsonl.xz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def shares(sizes):
    """Share of each domain: SHARES, and what is left to the languages by the root of their size."""
    roots = {d: sizes[d] ** 0.5 for d in LANGUAGES}
    left = 1 - sum(SHARES.values())
    return SHARES | {d: left * r / sum(roots.values()) for d, r in roots.items()}


class Windows:
    """Draws windows of tokens, half of them from a document's beginning."""

    def __init__(self, work, part, device, seed):
        archive = np.load(Path(work) / f"{part}.npz")
        self.device, self.random = device, np.random.default_rng(seed)
        streams = [archive[d] for d in DOMAINS]
        self.starts = [archive[d + ".starts"] for d in DOMAINS]
        self.begin = np.concatenate([[0], np.cumsum([len(s) for s in streams])])
        self.tokens = torch.from_numpy(np.concatenate(streams).astype(np.int16)).to(device)  # ids are below 32768
        self.sizes = {d: len(s) for d, s in zip(DOMAINS, streams)}
        portions = shares(self.sizes)
        self.portions = np.array([portions[d] for d in DOMAINS])

    def draw(self, rows, length, domain=None, beginnings=0.5):
        """int64 [rows, length]."""
        chosen = self.random.choice(len(DOMAINS), rows, p=self.portions)
        if domain is not None:
            chosen[:] = DOMAINS.index(domain)
        places = np.empty(rows, np.int64)
        for i, d in enumerate(chosen):
            last = self.begin[d + 1] - self.begin[d] - length
            place = self.random.integers(last + 1)
            if self.random.random() < beginnings:
                place = min(self.starts[d][self.random.integers(len(self.starts[d]))], last)
            places[i] = self.begin[d] + place
        places = torch.from_numpy(places).to(self.device)
        return self.tokens[places[:, None] + torch.arange(length, device=self.device)].long()

    def all_of(self, domain, length):
        """Every whole window of a small domain, one after another: int64 [n, length]."""
        i = DOMAINS.index(domain)
        stream = self.tokens[self.begin[i] : self.begin[i + 1]]
        length = min(length, len(stream))
        return stream[: len(stream) // length * length].view(-1, length).long()
