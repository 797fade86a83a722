"""samples.png: an 8 x 8 sheet of every 179/64-th class, one draw each, seed 0."""

import argparse

import torch
from PIL import Image

from data import MODEL, config
from loading import exported, to_bytes
from transformer import sample

CELL = 160


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default=MODEL)
    parser.add_argument("--out", default=str(MODEL / "samples.png"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda")
    args = parser.parse_args()
    device, conf = torch.device(args.device), config()
    var, tokenizer = exported(device, args.model)
    labels = torch.arange(64, device=device) * conf["num_classes"] // 64
    generator = torch.Generator(device).manual_seed(args.seed)
    _, f_hat = sample(var, tokenizer.quantize, labels, generator, **conf["sampling"])
    with torch.no_grad():
        pictures = to_bytes(tokenizer.decode(f_hat)).cpu().numpy()
    sheet = Image.new("RGB", (8 * CELL, 8 * CELL))
    for i, picture in enumerate(pictures):
        cell = Image.fromarray(picture).resize((CELL, CELL), Image.LANCZOS)
        sheet.paste(cell, (i % 8 * CELL, i // 8 * CELL))
    sheet.save(args.out, optimize=True)


if __name__ == "__main__":
    main()
