"""Train the target on WORK/train.npz and write its bundled form."""

import argparse
import time

import torch
import torch.nn.functional as F

from data import DOMAINS, Windows
from llama import MODEL, Causal, Llama, bundled, config, rotary_tables, save
from training import train


@torch.no_grad()
def held_out_losses(model, held, cos, sin, length, windows=64):
    """Nats a token per domain, teacher-forced in fp32, over windows of the held-out documents."""
    losses = {}
    for domain in DOMAINS:
        tokens = held.all_of(domain, length + 1)[:windows]
        total = 0.0
        for part in tokens.split(8):
            features = model(part[:, :-1], cos, sin, [Causal()] * len(model.blocks))
            logits = F.linear(features, model.head)
            total += F.cross_entropy(logits.flatten(0, 1), part[:, 1:].flatten(), reduction="sum").item()
        losses[domain] = total / tokens[:, 1:].numel()
    return losses


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", required=True)
    parser.add_argument("--out", default=MODEL)
    parser.add_argument("--seconds", type=float, default=420)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--length", type=int, default=2048)
    parser.add_argument("--muon", type=float, default=0.02)
    parser.add_argument("--adam", type=float, default=3e-3)
    parser.add_argument("--device", default="cuda")
    args = parser.parse_args()
    torch.manual_seed(0)
    device, conf = torch.device(args.device), config("target")
    windows = Windows(args.work, "train", device, seed=1)
    print({d: round(float(p), 4) for d, p in zip(DOMAINS, windows.portions)}, flush=True)
    model = Llama(conf).to(device)
    cos, sin = (t[None, None, : args.length] for t in rotary_tables(conf, device))
    attends = [Causal()] * len(model.blocks)

    def head_loss(features, head, target):
        logits = F.linear(features, head.to(features.dtype))
        return F.cross_entropy(logits.flatten(0, 1).float(), target.flatten())

    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")
        for block in model.blocks:
            block.compile()
        head_loss = torch.compile(head_loss)

    def loss_of():
        tokens = windows.draw(args.batch, args.length + 1)
        with torch.autocast(device.type, dtype=torch.bfloat16):
            features = model(tokens[:, :-1], cos, sin, attends)
            return head_loss(features, model.head, tokens[:, 1:])

    begin = time.time()
    steps = train(model, loss_of, args.seconds, args.muon, args.adam)
    save(model, "target", args.out)
    held = Windows(args.work, "held", device, seed=2)
    torch.set_float32_matmul_precision("highest")
    trained = Llama(conf).to(device)
    trained.load_state_dict(model.state_dict())
    for name, each in (("fp32", trained), ("int8", bundled("target", device, args.out))):
        losses = held_out_losses(each, held, cos, sin, args.length)
        print(name, {d: round(v, 4) for d, v in losses.items()}, flush=True)
    print(f"{steps} steps of {args.batch} x {args.length}, {time.time() - begin:.0f} s in all")


if __name__ == "__main__":
    main()
