"""reference.safetensors: fp32 results of the exported weights on 8 held-out pictures, for other engines to agree with.

Resizing goes through torch.nn.functional.interpolate here, as published VAR code does, not through the matrices of
tokenizer.py: the two ways check each other.
"""

import argparse

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch.nn.attention import SDPBackend, sdpa_kernel

from data import MODEL, config
from loading import exported, held_out, to_bytes

PER_SCALE = 3


class DenseCausal:
    """Attention of a whole map under the dense scale mask."""

    def __init__(self, level):
        self.mask = level[:, None] >= level[None, :]

    def __call__(self, q, k, v):
        with sdpa_kernel(SDPBackend.MATH):
            return F.scaled_dot_product_attention(q, k, v, attn_mask=self.mask, scale=1.0)


def interpolated_inputs(quantizer, tokens):
    sides, grid = quantizer.sides, quantizer.grid
    f_hat = torch.zeros(len(tokens), quantizer.dim, grid, grid, device=tokens.device)
    parts = []
    for k, idx in enumerate(tokens.split([s * s for s in sides], 1)):
        u = quantizer.embedding(idx).transpose(1, 2).unflatten(2, (sides[k], sides[k]))
        if sides[k] != grid:
            u = F.interpolate(u, (grid, grid), mode="bicubic", align_corners=False)
        f_hat = f_hat + 0.5 * u + 0.5 * quantizer.quant_resi.qresi_ls[quantizer.phi_index[k]](u)
        if k + 1 < len(sides):
            nxt = F.interpolate(f_hat, (sides[k + 1], sides[k + 1]), mode="area")
            parts.append(nxt.flatten(2).transpose(1, 2))
    return torch.cat(parts, 1), f_hat


def chosen_positions(counts):
    """Up to PER_SCALE positions a scale: first, middle, last."""
    out, start = [], 0
    for n in counts:
        out += [start] if n == 1 else [start, start + n // 2, start + n - 1][:PER_SCALE]
        start += n
    return torch.tensor(out)


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--emoji", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--model", default=MODEL)
    parser.add_argument("--out", default=str(MODEL / "reference.safetensors"))
    parser.add_argument("--device", default="cuda")
    args = parser.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    device, conf = torch.device(args.device), config()
    var, tokenizer = exported(device, args.model)
    labels = torch.arange(8, device=device) * conf["num_classes"] // 8
    _, tokens = held_out(args.emoji, args.work, labels, device)
    inputs, f_hat = interpolated_inputs(tokenizer.quantize, tokens)
    other_inputs, other_f_hat = tokenizer.quantize.inputs(tokens)
    assert torch.allclose(inputs, other_inputs, atol=1e-4) and torch.allclose(f_hat, other_f_hat, atol=1e-4)
    attends = [DenseCausal(var.level)] * len(var.blocks)
    positions = chosen_positions(var.counts)
    starts = torch.tensor([0, *var.counts]).cumsum(0)[:-1]
    record = {"labels": labels, "tokens": tokens.int(), "positions": positions, "unconditional_positions": starts}
    rows = {"": (labels, positions), "unconditional_": (torch.full_like(labels, var.unconditional), starts)}
    for prefix, (row_labels, at) in rows.items():
        logits = var.teacher_forced(row_labels, inputs, attends)
        ranges = [torch.stack([s.amin((1, 2)), s.amax((1, 2))], -1) for s in logits.split(var.counts, 1)]
        record[prefix + "logits"] = logits[:, at.to(device)]
        record[prefix + "argmax"] = logits.argmax(-1).int()
        record[prefix + "range"] = torch.stack(ranges, 1)
    record["images"] = to_bytes(tokenizer.decode(f_hat))
    save_file({n: t.contiguous().cpu() for n, t in record.items()}, args.out)
    print({n: list(t.shape) for n, t in record.items()})


if __name__ == "__main__":
    main()
