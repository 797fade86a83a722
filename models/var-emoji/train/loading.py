"""What the measuring scripts share: the exported weights in fp32, held-out pictures, and their tokens."""

from pathlib import Path

import torch
from safetensors.torch import load_file

from data import MODEL, augment, config, load_emoji
from tokenizer import Tokenizer
from train_transformer import HELD_OUT_SEED
from transformer import Var


def exported(device, folder=MODEL):
    """(Var, Tokenizer) from the F16 files, as fp32. The tokenizer's encoder is left at random."""
    var, tokenizer = Var(config()), Tokenizer(config())
    var.load_state_dict({n: t.float() for n, t in load_file(Path(folder) / "transformer.safetensors").items()})
    stored = {n: t.float() for n, t in load_file(Path(folder) / "tokenizer.safetensors").items()}
    missing, unexpected = tokenizer.load_state_dict(stored, strict=False)
    assert not unexpected and all(n.startswith(("encoder.", "quant_conv.")) for n in missing), (missing, unexpected)
    return var.to(device).eval(), tokenizer.to(device).eval()


@torch.no_grad()
def held_out(emoji_folder, work, labels, device, seed=HELD_OUT_SEED):
    """Poses that training never drew, for labels [n]: (pictures [n, 3, 256, 256], tokens [n, L])."""
    tokenizer = Tokenizer(config()).to(device).eval()
    tokenizer.load_state_dict(torch.load(Path(work) / "tokenizer.pt", map_location=device)["model"])
    emoji = load_emoji(emoji_folder, device)
    generator = torch.Generator(device).manual_seed(seed)
    pictures = augment(emoji, labels, generator)
    return pictures, torch.cat([tokenizer.tokens(part) for part in pictures.split(64)])


def to_bytes(picture):
    """[n, 3, h, w] in -1..1 -> uint8 [n, h, w, 3], rounded to nearest."""
    return ((picture.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1)
