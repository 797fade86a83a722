"""Cut held-out prompts from WORK/corpus/held.jsonl.xz: prompts.jsonl, a line a prompt: domain, name, source, text."""

import argparse
import json
from pathlib import Path

from corpus import digest
from data import DOMAINS, LANGUAGES, documents
from llama import MODEL

CHARACTERS, SHORTEST = 700, 300


def beginning(text):
    """The first lines, up to CHARACTERS."""
    cut = text[:CHARACTERS]
    return cut[: cut.rindex("\n") + 1] if "\n" in cut[SHORTEST:] else cut


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=MODEL)
    args = parser.parse_args()
    held = sorted(documents(args.work, "held"), key=lambda d: digest(d["source"] + "/" + d["name"]))
    with open(args.out / "prompts.jsonl", "w", encoding="utf-8") as file:
        for domain in DOMAINS:
            chosen = [d for d in held if d["domain"] == domain and len(d["text"]) > CHARACTERS]
            if domain in LANGUAGES:  # untranslated pages of a manual count as their folder's language
                chosen = [d for d in chosen if d["text"].count(" the ") < 3]
            for document in chosen[: 24 if domain == "java" else 8]:
                line = {**document, "text": beginning(document["text"])}
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
