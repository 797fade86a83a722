"""Complete the first held-out documents of some domains, one draw each, seed 0: samples.md."""

import argparse
from pathlib import Path

import torch
from tokenizers import Tokenizer

from data import EOS, Windows
from decoding import generate
from llama import MODEL, bundled

DOMAINS, PROMPT, COUNT, TEMPERATURE = ("java", "java", "java", "web", "data", "en", "de", "fr", "ja"), 48, 160, 0.7

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=MODEL)
    parser.add_argument("--device", default="cuda")
    args = parser.parse_args()
    torch.manual_seed(0)
    device = torch.device(args.device)
    held = Windows(args.work, "held", device, seed=7)
    prompts = torch.cat([held.draw(1, PROMPT, domain, beginnings=1) for domain in DOMAINS])
    sequences = generate(bundled("target", device, args.out), prompts, COUNT, TEMPERATURE).tolist()
    tokenizer = Tokenizer.from_file(str(args.out / "tokenizer.json"))
    lines = ["# Samples", "", f"Nobody picked these: held-out documents drawn with seed 7, text with seed 0 at temperature {TEMPERATURE}.", ""]
    for domain, ids in zip(DOMAINS, sequences):
        text = ids[PROMPT:]
        text = text[: text.index(EOS)] if EOS in text else text
        shown = [tokenizer.decode(part, skip_special_tokens=False).replace("```", "` ` `") for part in (ids[:PROMPT], text)]
        lines += [f"## {domain}", "", "Prompt:", "```", shown[0], "```", "Text:", "```", shown[1], "```", ""]
    (args.out / "samples.md").write_text("\n".join(lines))
