"""Train the tokenizer for a given number of seconds on one CUDA device; writes WORK/tokenizer.pt.

First a plain autoencoder, then a codebook drawn from its residuals, then everything together.
"""

import argparse
import time
from pathlib import Path

import torch
import torch.nn.functional as F

from data import augment, config, load_emoji
from tokenizer import Tokenizer

PLAIN_SHARE, RESTART_SHARE, RESTART_EVERY = 0.08, 0.6, 100


def picture_loss(made, true):
    made = made.float()
    loss = F.l1_loss(made, true) + F.mse_loss(made, true)
    for axis in (2, 3):
        loss = loss + F.l1_loss(made.diff(dim=axis), true.diff(dim=axis))
    for size in (4, 16):
        loss = loss + F.l1_loss(F.avg_pool2d(made, size), F.avg_pool2d(true, size))
    return loss


@torch.no_grad()
def ideal_residuals(quantizer, f):
    """Per scale, the vectors that an unlimited codebook would have to hold."""
    f_hat, out = torch.zeros_like(f), []
    for k in range(len(quantizer.sides)):
        z = quantizer.down(k, f - f_hat)
        f_hat = f_hat + quantizer.up(k, z)
        out.append(z.permute(0, 2, 3, 1).reshape(-1, quantizer.dim))
    return out


@torch.no_grad()
def draw_codebook(quantizer, f):
    """Codes from all scales, each in proportion to its side."""
    total, size, codes = sum(quantizer.sides), len(quantizer.embedding.weight), []
    for side, z in zip(quantizer.sides, ideal_residuals(quantizer, f)):
        codes.append(z[torch.randperm(len(z), device=z.device)[: -(-size * side // total)]])
    quantizer.embedding.weight.copy_(torch.cat(codes)[-size:])


@torch.no_grad()
def restart_unused(embedding, averaged, hits, residuals, optimizer):
    """Move codes that hardly anything chose onto current residuals. Returns how many moved."""
    dead = (hits < 0.01 * hits.mean()).nonzero()[:, 0]
    pool = torch.cat(residuals)
    fresh = pool[torch.randint(len(pool), (len(dead),), device=pool.device)]
    embedding[dead] = fresh
    averaged[dead] = fresh
    state = optimizer.state.get(embedding, {})
    for key in ("exp_avg", "exp_avg_sq"):
        if key in state:
            state[key][dead] = 0
    return len(dead)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--emoji", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--seconds", type=float, default=280)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--device", default="cuda")
    args = parser.parse_args()
    torch.manual_seed(0)
    torch.backends.cudnn.benchmark = True
    device = torch.device(args.device)
    emoji = load_emoji(args.emoji, device)
    generator = torch.Generator(device).manual_seed(0)
    model = Tokenizer(config()).to(device, memory_format=torch.channels_last)
    quantizer = model.quantize
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.rate, betas=(0.9, 0.95), weight_decay=0.01)
    averaged = {n: p.detach().clone() for n, p in model.named_parameters()}
    if device.type == "cuda":
        model.encoder.compile()
        model.decoder.compile()
        quantizer.compile()

    def autocast():
        return torch.autocast(device.type, dtype=torch.bfloat16)

    def batch():
        labels = torch.randint(len(emoji), (args.batch,), generator=generator, device=device)
        return augment(emoji, labels, generator).contiguous(memory_format=torch.channels_last)

    def forward(picture, quantized):
        with autocast():
            f = model.encode(picture)
        f = f.float().contiguous()
        if quantized:
            f_hat, loss, ids, residuals = quantizer(f)
        else:
            f_hat, loss, ids, residuals = f, 0.1 * (f.square().mean((0, 2, 3)) - 1).square().mean(), None, None
        with autocast():
            made = model.decode(f_hat.contiguous(memory_format=torch.channels_last))
        return picture_loss(made, picture) + loss, made, ids, residuals

    for quantized in (False, True):  # compile outside the clock
        forward(batch(), quantized)[0].backward()
    optimizer.zero_grad(set_to_none=True)
    if device.type == "cuda":
        torch.cuda.synchronize()
    begin, step, quantized = time.time(), 0, False
    hits = torch.zeros(config()["codebook_size"], device=device)
    while True:
        progress = (time.time() - begin) / args.seconds
        if progress >= 1:
            break
        if not quantized and progress >= PLAIN_SHARE:
            with torch.no_grad(), autocast():
                f = torch.cat([model.encode(batch()) for _ in range(8)]).float()
            draw_codebook(quantizer, f)
            averaged["quantize.embedding.weight"].copy_(quantizer.embedding.weight)
            quantized = True
        picture = batch()
        loss, made, ids, residuals = forward(picture, quantized)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        rate = args.rate * min(1, (step + 1) / 200) * min(1, (1 - progress) / 0.6)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(list(averaged.values()), list(model.parameters()), 1 - min(0.999, (1 + step) / (10 + step)))
        if quantized:
            hits += torch.bincount(torch.cat([i.flatten() for i in ids]), minlength=len(hits))
        step += 1
        if step % RESTART_EVERY == 0:
            if device.type == "cuda":
                torch.cuda.synchronize()  # keeps the clock honest
            moved = 0
            if quantized and progress < RESTART_SHARE:
                weight = quantizer.embedding.weight
                moved = restart_unused(weight, averaged["quantize.embedding.weight"], hits, residuals, optimizer)
            if step % (10 * RESTART_EVERY) == 0:
                psnr = -10 * ((made.float() - picture) / 2).square().mean().log10()
                used = int((hits > 0).sum())
                print(f"step {step} {progress:.2f} loss {loss:.4f} psnr {psnr:.2f} used {used} moved {moved}", flush=True)
            hits.zero_()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            # The transformer must learn on what the F16 file says, so the quantizer is rounded before anything uses it.
            value = averaged[name]
            parameter.copy_(value if name.startswith(("encoder.", "quant_conv.")) else value.half().float())
    Path(args.work).mkdir(parents=True, exist_ok=True)
    torch.save({"model": model.state_dict(), "steps": step}, Path(args.work) / "tokenizer.pt")
    print(f"tokenizer: {step} steps of {args.batch}")


if __name__ == "__main__":
    main()
