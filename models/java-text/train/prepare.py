"""Train the tokenizer, unless it is there, on a sample with little Java; write WORK/{train,held}.npz: the corpus as ids."""

import argparse
import json
import random
import time
from pathlib import Path

import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from data import BOS, DOMAINS, EOS, SEPARATOR, documents
from llama import MODEL

SPECIAL = ["<|begin_of_text|>", "<|end_of_text|>", "<|file_separator|>", "<|pad|>"]
# A word with the sign or space before it; up to three digits; signs with the line's end; line ends with the indent
# before them; an indent without its last space, which belongs to the word.
PIECES = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
SAMPLE_BYTES = 40_000_000
SAMPLE_SHARES = {"java": 0.20, "web": 0.22, "data": 0.08, "en": 0.06}  # the rest is shared by the languages


def train_tokenizer(texts, vocab_size):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(PIECES), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=SPECIAL, initial_alphabet=alphabet, max_token_length=24, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{SPECIAL[BOS]} $A", pair=f"{SPECIAL[BOS]} $A {SPECIAL[BOS]} $B", special_tokens=[(SPECIAL[BOS], BOS)]
    )
    return tokenizer


def sample(by_domain):
    """Texts for the tokenizer; a small domain is taken whole rather than repeated."""
    left = (1 - sum(SAMPLE_SHARES.values())) / (len(DOMAINS) - len(SAMPLE_SHARES))
    for domain in DOMAINS:
        budget = SAMPLE_BYTES * SAMPLE_SHARES.get(domain, left)
        for document in by_domain[domain]:
            if budget > 0:
                yield document["text"]
                budget -= len(document["text"].encode())


def stream(tokenizer, chosen, generator):
    """Ids of BOS [name SEPARATOR] text EOS for each document, and where each begins."""
    parts, starts, place = [], [], 0
    for i in range(0, len(chosen), 4000):
        batch = chosen[i : i + 4000]
        names = tokenizer.encode_batch_fast([d["name"] for d in batch], add_special_tokens=False)
        texts = tokenizer.encode_batch_fast([d["text"] for d in batch], add_special_tokens=False)
        for name, text in zip(names, texts):
            ids = [BOS, *((*name.ids, SEPARATOR) if generator.random() < 0.5 else ()), *text.ids, EOS]
            starts.append(place)
            place += len(ids)
            parts.append(np.array(ids, np.uint16))
    return np.concatenate(parts), np.array(starts)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=MODEL)
    args = parser.parse_args()
    path = args.out / "tokenizer.json"
    begin, generator, tokenizer = time.time(), random.Random(0), Tokenizer.from_file(str(path)) if path.exists() else None
    for part in ("train", "held"):
        by_domain = {domain: [] for domain in DOMAINS}
        for document in documents(args.work, part):
            by_domain[document["domain"]].append(document)
        print(f"{part} read, {time.time() - begin:.0f} s", flush=True)
        for chosen in by_domain.values():
            generator.shuffle(chosen)
        if tokenizer is None:
            tokenizer = train_tokenizer(sample(by_domain), json.loads((MODEL / "target/config.json").read_text())["vocab_size"])
            tokenizer.save(str(path), pretty=False)
            print(f"tokenizer trained, {time.time() - begin:.0f} s", flush=True)
        arrays = {}
        for domain, chosen in by_domain.items():
            arrays[domain], arrays[domain + ".starts"] = stream(tokenizer, chosen, generator)
        np.savez(args.work / f"{part}.npz", **arrays)
        sizes = {domain: len(arrays[domain]) for domain in DOMAINS}
        size = sum(len(d["text"].encode()) for d in by_domain["java"])
        print(f"{part}: {sizes}, {size / sizes['java']:.2f} bytes of Java a token, {time.time() - begin:.0f} s", flush=True)
