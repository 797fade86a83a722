"""The loop that target and drafters share: Muon on matrices, AdamW on the rest, a rate that falls on the clock."""

import time

import torch

from llama import matrices
from muon import Muon


def train(model, loss_of, seconds, muon_rate, adam_rate, constant=0.4):
    """Steps until `seconds` have passed; loss_of() draws a batch and returns its loss."""
    chosen = matrices(model)
    ids = {id(p) for p in chosen}
    rest = [p for p in model.parameters() if id(p) not in ids]
    muon = Muon([(p, 1) for p in chosen])
    cuda = chosen[0].is_cuda
    adam = torch.optim.AdamW(rest, lr=adam_rate, betas=(0.9, 0.95), weight_decay=0.0, fused=cuda)
    launched = time.time()
    loss_of().backward()  # compile outside the clock
    for p in model.parameters():
        p.grad = None
    if cuda:
        torch.cuda.synchronize()
    print(f"compiled in {time.time() - launched:.0f} s", flush=True)
    begin, step, mean = time.time(), 0, None
    while (progress := (time.time() - begin) / seconds) < 1:
        rate = min(1, (step + 1) / 100) * min(1, (1 - progress) / (1 - constant))
        loss = loss_of()
        loss.backward()
        muon.step(muon_rate * rate)
        for group in adam.param_groups:
            group["lr"] = adam_rate * rate
        adam.step()
        for p in model.parameters():
            p.grad = None
        step += 1
        mean = loss.detach() if mean is None else mean.lerp(loss.detach(), 0.02)
        if step % 20 == 0 and cuda:
            torch.cuda.synchronize()  # keeps the clock honest
        if step % 500 == 0 or step in (20, 100):
            print(f"step {step} {progress:.3f} loss {mean.item():.4f} {(time.time() - begin) / step:.4f} s/step", flush=True)
    print(f"{step} steps in {time.time() - begin:.0f} s, loss {mean.item():.4f}", flush=True)
    return step
