"""Muon: momentum whose update is orthogonalised by Newton-Schulz steps, batched over matrices of one shape."""

import torch


def orthogonal(g):
    """Nearest semi-orthogonal matrices to g [n, rows, columns], approximately, in bf16."""
    x = g.bfloat16()
    tall = x.shape[1] > x.shape[2]
    x = x.mT if tall else x
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(5):
        a = x @ x.mT
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.mT if tall else x


class Muon:
    """Splits each parameter's rows into `parts` matrices (3 for a joined qkv)."""

    def __init__(self, parameters_and_parts, momentum=0.95):
        self.momentum, self.groups = momentum, {}
        for parameter, parts in parameters_and_parts:
            shape = (parameter.shape[0] // parts, parameter.shape[1])
            self.groups.setdefault(shape, []).append((parameter, parts))
        self.buffers = {
            shape: torch.zeros(sum(parts for _, parts in group), *shape, device=group[0][0].device)
            for shape, group in self.groups.items()
        }

    @torch.no_grad()
    def step(self, rate):
        for shape, group in self.groups.items():
            g = torch.cat([p.grad.float().view(parts, *shape) for p, parts in group])
            buffer = self.buffers[shape]
            buffer.lerp_(g, 1 - self.momentum)
            update = orthogonal(g.lerp(buffer, self.momentum)).float() * max(1, shape[0] / shape[1]) ** 0.5
            pieces = [u.reshape(p.shape) for u, (p, _) in zip(update.split([n for _, n in group]), group)]
            torch._foreach_add_([p for p, _ in group], pieces, alpha=-rate)
