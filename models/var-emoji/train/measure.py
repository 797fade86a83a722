"""measures.json: tokenizer PSNR and cross-entropy a scale on poses that training never drew."""

import argparse
import json

import torch
import torch.nn.functional as F

from data import MODEL, config
from loading import exported, held_out
from transformer import BlockCausal


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--emoji", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--model", default=MODEL)
    parser.add_argument("--out", default=str(MODEL / "measures.json"))
    parser.add_argument("--poses", type=int, default=4)
    parser.add_argument("--device", default="cuda")
    args = parser.parse_args()
    device, conf = torch.device(args.device), config()
    var, tokenizer = exported(device, args.model)
    labels = torch.arange(conf["num_classes"], device=device).repeat(args.poses)
    pictures, tokens = held_out(args.emoji, args.work, labels, device)
    attends = [BlockCausal(conf["sides"], device)] * len(var.blocks)
    losses, psnr = [], []
    for picture, part, label in zip(pictures.split(32), tokens.split(32), labels.split(32)):
        inputs, f_hat = tokenizer.quantize.inputs(part)
        logits = var.teacher_forced(label, inputs, attends)
        losses.append(F.cross_entropy(logits.transpose(1, 2), part, reduction="none"))
        error = (tokenizer.decode(f_hat).clamp(-1, 1) - picture) / 2
        psnr.append(-10 * error.square().mean((1, 2, 3)).log10())
    loss, psnr = torch.cat(losses), torch.cat(psnr)
    used = torch.bincount(tokens.flatten(), minlength=conf["codebook_size"])
    share = used[used > 0] / used.sum()
    work = {n: torch.load(f"{args.work}/{n}.pt", map_location="cpu") for n in ("tokenizer", "transformer")}
    result = {
        "held_out_pictures": len(tokens),
        "tokenizer_psnr_db": round(psnr.mean().item(), 2),
        "tokenizer_psnr_db_worst": round(psnr.min().item(), 2),
        "codes_used": int((used > 0).sum()),
        "code_perplexity": round((-(share * share.log()).sum()).exp().item(), 1),
        "cross_entropy_nats": round(loss.mean().item(), 4),
        "cross_entropy_nats_per_scale": [round(x.mean().item(), 4) for x in loss.split(var.counts, 1)],
        "tokenizer_steps": work["tokenizer"]["steps"],
        "transformer_steps": work["transformer"]["steps"],
        "transformer_seconds": round(work["transformer"]["seconds"]),
    }
    text = json.dumps(result, indent=2)
    open(args.out, "w").write(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
