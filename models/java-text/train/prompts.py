"""Cut held-out prompts from WORK/corpus/held.jsonl.xz: prompts.jsonl, a line a prompt: domain, name, source, text."""

import argparse
import itertools
import json
from pathlib import Path

from corpus import digest
from data import DOMAINS, LANGUAGES, documents
from llama import MODEL

CHARACTERS, SHORTEST, APART = 700, 300, 4000


def pieces(document):
    """Prompts from a document: its beginning, and whole lines every APART characters after that."""
    text = document["text"]
    for place in range(0, len(text) - CHARACTERS, APART):
        place = text.find("\n", place) + 1 if place else 0
        cut = text[place : place + CHARACTERS]
        cut = cut[: cut.rindex("\n") + 1] if "\n" in cut[SHORTEST:] else cut
        # Untranslated pages of a manual count as their folder's language.
        if len(cut) > SHORTEST and (document["domain"] not in LANGUAGES or cut.count(" the ") + cut.count(" to ") < 2):
            yield {**document, "text": cut}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=MODEL)
    args = parser.parse_args()
    held = sorted(documents(args.work, "held"), key=lambda d: digest(d["source"] + "/" + d["name"]))
    with open(args.out / "prompts.jsonl", "w", encoding="utf-8") as file:
        for domain in DOMAINS:
            found = [list(pieces(document)) for document in held if document["domain"] == domain]
            rounds = [piece for nth in itertools.zip_longest(*found) for piece in nth if piece]  # beginnings first
            for line in rounds[: 24 if domain == "java" else 8]:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
