"""Train the transformer on tokens of augmented pictures; resumes from WORK/transformer.pt.

--seconds is the whole training's clock, on which the learning rate falls; --stop ends this run earlier.
"""

import argparse
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from data import MODEL, augment, config, load_emoji
from tokenizer import Tokenizer
from transformer import BlockCausal, Var

sys.path.append(str(MODEL.parent / "common"))
from muon import Muon

TRAIN_SEED, HELD_OUT_SEED = 1, 2
BACKENDS = {
    "flash": [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH],
    "cudnn": [SDPBackend.CUDNN_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH],
}


@torch.no_grad()
def tokenise(tokenizer, emoji, poses, seed):
    """Tokens of `poses` random pictures of every class: labels [poses * classes], tokens [.., L] int64."""
    device = emoji.device
    generator = torch.Generator(device).manual_seed(seed)
    labels = torch.arange(len(emoji), device=device)
    tokens = [tokenizer.tokens(augment(emoji, labels, generator)) for _ in range(poses)]
    return labels.repeat(poses), torch.cat(tokens)


@torch.no_grad()
def all_inputs(quantizer, tokens, dtype):
    return torch.cat([quantizer.inputs(part)[0].to(dtype) for part in tokens.split(256)])


def split_parameters(var):
    matrices = []
    for block in var.blocks:
        matrices += [(block.attn.mat_qkv.weight, 3), (block.attn.proj.weight, 1)]
        matrices += [(block.ffn.fc1.weight, 1), (block.ffn.fc2.weight, 1)]
    chosen = {id(p) for p, _ in matrices}
    return matrices, [p for p in var.parameters() if id(p) not in chosen]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--emoji", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--seconds", type=float, default=900)
    parser.add_argument("--stop", type=float, default=1e9, help="end this run after so many seconds, ready to resume")
    parser.add_argument("--poses", type=int, default=256)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--muon", type=float, default=0.015)
    parser.add_argument("--adam", type=float, default=1.5e-3)
    parser.add_argument("--attention", choices=BACKENDS, default="flash")
    parser.add_argument("--device", default="cuda")
    args = parser.parse_args()
    launched = time.time()
    torch.manual_seed(0)
    device, conf, path = torch.device(args.device), config(), Path(args.work) / "transformer.pt"
    tokenizer = Tokenizer(conf).to(device).eval()
    tokenizer.load_state_dict(torch.load(Path(args.work) / "tokenizer.pt", map_location=device)["model"])
    if path.exists():
        labels, tokens = torch.load(Path(args.work) / "tokens.pt", map_location=device)
    else:
        labels, tokens = tokenise(tokenizer, load_emoji(args.emoji, device), args.poses, TRAIN_SEED)
        torch.save((labels, tokens), Path(args.work) / "tokens.pt")
    inputs = all_inputs(tokenizer.quantize, tokens, torch.bfloat16)
    tokens = tokens.to(torch.int16)
    print(f"{len(tokens)} pictures tokenised after {time.time() - launched:.0f} s", flush=True)

    var = Var(conf).to(device)
    matrices, rest = split_parameters(var)
    muon = Muon(matrices)
    adam = torch.optim.AdamW(rest, lr=args.adam, betas=(0.9, 0.98), weight_decay=0.0, fused=device.type == "cuda")
    averaged = {n: p.detach().clone() for n, p in var.named_parameters()}
    step, spent = 0, 0.0
    if path.exists():
        saved = torch.load(path, map_location=device)
        var.load_state_dict(saved["raw"])
        adam.load_state_dict(saved["adam"])
        averaged, muon.buffers, step, spent = saved["model"], saved["muon"], saved["steps"], saved["seconds"]
    generator = torch.Generator(device).manual_seed(100 + step)
    counts = torch.tensor(var.counts, device=device, dtype=torch.float)
    weight = torch.repeat_interleave(counts**-0.25, counts.long())
    weight = weight / weight.sum()
    attends = [BlockCausal(conf["sides"], device)] * len(var.blocks)

    def head_loss(x, cond, target):
        each = F.cross_entropy(var.logits(x, cond).flatten(0, 1), target.flatten(), reduction="none")
        return (each.view(target.shape) * weight).sum(1).mean()

    if device.type == "cuda":
        for block in var.blocks:
            block.compile()
        head_loss = torch.compile(head_loss)

    def train_loss():
        pick = torch.randint(len(tokens), (args.batch,), generator=generator, device=device)
        keep = torch.rand(args.batch, generator=generator, device=device) >= 0.1
        label = torch.where(keep, labels[pick], var.unconditional)
        with sdpa_kernel(BACKENDS[args.attention], set_priority=True):
            with torch.autocast(device.type, dtype=torch.bfloat16):
                return head_loss(*var(label, inputs[pick], attends), tokens[pick].long())

    train_loss().backward()  # compile outside the clock
    for p in var.parameters():
        p.grad = None
    if device.type == "cuda":
        torch.cuda.synchronize()
    print(f"compiled after {time.time() - launched:.0f} s", flush=True)
    begin, first = time.time() - spent, step
    while True:
        elapsed = time.time() - begin
        progress = elapsed / args.seconds
        if progress >= 1 or time.time() - launched >= args.stop:
            break
        rate = min(1, (step + 1) / 100) * min(1, (1 - progress) / 0.6)
        loss = train_loss()
        loss.backward()
        muon.step(args.muon * rate)
        for group in adam.param_groups:
            group["lr"] = args.adam * rate
        adam.step()
        adam.zero_grad(set_to_none=True)
        for p, _ in matrices:
            p.grad = None
        with torch.no_grad():
            torch._foreach_lerp_(list(averaged.values()), list(var.parameters()), 1 - min(0.999, (1 + step) / (10 + step)))
        step += 1
        if step % 50 == 0 and device.type == "cuda":
            torch.cuda.synchronize()  # keeps the clock honest
        if step % 500 == 0 or step in (10, 100):
            pace = (time.time() - begin - spent) / (step - first)
            print(f"step {step} {progress:.3f} loss {loss:.4f} {pace:.4f} s/step", flush=True)
    state = {"model": averaged, "raw": var.state_dict(), "adam": adam.state_dict(), "muon": muon.buffers}
    torch.save({**state, "steps": step, "seconds": elapsed, "batch": args.batch}, path)
    print(f"transformer: {step} steps of {args.batch}, {elapsed:.0f} s, loss {loss.item():.4f}")


if __name__ == "__main__":
    main()
