"""Class-conditional VAR with shared AdaLN, VAR's tensor names, and its sampling loop."""

import math

import torch
import torch.nn.functional as F
from torch import nn

LN_EPS = 1e-6


def layer_norm(x):
    return F.layer_norm(x, x.shape[-1:], eps=LN_EPS)


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        t = config["transformer"]
        width, self.heads, self.head_dim = t["width"], t["heads"], t["head_dim"]
        self.scale_mul_1H11 = nn.Parameter(torch.full((1, self.heads, 1, 1), math.log(4.0)))
        self.mat_qkv = nn.Linear(width, 3 * width, bias=False)
        self.q_bias, self.v_bias = nn.Parameter(torch.zeros(width)), nn.Parameter(torch.zeros(width))
        self.proj = nn.Linear(width, width)

    def qkv(self, x):
        """x [B, n, C] -> q, k, v [B, heads, n, head_dim]; q and k of length one, q times its head's scale."""
        bias = torch.cat([self.q_bias, torch.zeros_like(self.q_bias), self.v_bias])
        q, k, v = F.linear(x, self.mat_qkv.weight, bias).unflatten(-1, (3, self.heads, self.head_dim)).unbind(2)
        q, k, v = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)
        q = F.normalize(q.float(), dim=-1) * self.scale_mul_1H11.clamp(max=math.log(100)).exp()
        return q.to(v.dtype), F.normalize(k.float(), dim=-1).to(v.dtype), v

    def forward(self, x, attend):
        q, k, v = self.qkv(x)
        return self.proj(attend(q, k, v).transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x), approximate="tanh"))


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        t = config["transformer"]
        width = t["width"]
        self.attn, self.ffn = Attention(config), FeedForward(width, t["ffn_hidden"])
        self.ada_gss = nn.Parameter(torch.zeros(1, 1, 6, width))
        with torch.no_grad():
            self.ada_gss[:, :, :2] = 0.3

    def forward(self, x, gss, attend):
        gamma1, gamma2, scale1, scale2, shift1, shift2 = (gss + self.ada_gss).unbind(2)
        x = x + gamma1 * self.attn(layer_norm(x) * (1 + scale1) + shift1, attend)
        return x + gamma2 * self.ffn(layer_norm(x) * (1 + scale2) + shift2)


class HeadNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.ada_lin = nn.Sequential(nn.SiLU(), nn.Linear(width, 2 * width))

    def forward(self, x, cond):
        scale, shift = self.ada_lin(cond).view(-1, 1, 2, x.shape[-1]).unbind(2)
        return layer_norm(x) * (1 + scale) + shift


class BlockCausal:
    """Training attention: a token sees its own scale and all earlier ones. Large scales need no mask at all."""

    def __init__(self, sides, device, first_large=7):
        ends = torch.tensor([s * s for s in sides]).cumsum(0).tolist()
        self.small = ends[first_large - 1]
        self.large = [(ends[k - 1], ends[k]) for k in range(first_large, len(sides))]
        level = torch.cat([torch.full((s * s,), k) for k, s in enumerate(sides)])[: self.small].to(device)
        self.mask = level[:, None] >= level[None, :]

    def __call__(self, q, k, v):
        n = self.small
        out = [F.scaled_dot_product_attention(q[:, :, :n], k[:, :, :n], v[:, :, :n], attn_mask=self.mask, scale=1.0)]
        for start, end in self.large:
            out.append(F.scaled_dot_product_attention(q[:, :, start:end], k[:, :, :end], v[:, :, :end], scale=1.0))
        return torch.cat(out, 2)


class Cache:
    """Sampling attention of one layer: append the scale's keys and values, attend to everything held."""

    def __init__(self):
        self.k = self.v = None

    def __call__(self, q, k, v):
        self.k = k if self.k is None else torch.cat([self.k, k], 2)
        self.v = v if self.v is None else torch.cat([self.v, v], 2)
        return F.scaled_dot_product_attention(q, self.k, self.v, scale=1.0)


class Var(nn.Module):
    def __init__(self, config):
        super().__init__()
        t = config["transformer"]
        width, self.sides = t["width"], config["sides"]
        self.counts = [s * s for s in self.sides]
        self.width, self.unconditional = width, config["num_classes"]
        self.class_emb = nn.Embedding(config["num_classes"] + 1, width)
        self.pos_start = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.pos_1LC = nn.Parameter(torch.randn(1, sum(self.counts), width) * 0.02)
        self.lvl_embed = nn.Embedding(len(self.sides), width)
        self.word_embed = nn.Linear(config["tokenizer"]["code_dim"], width)
        self.shared_ada_lin = nn.Sequential(nn.SiLU(), nn.Linear(width, 6 * width))
        self.blocks = nn.ModuleList(Block(config) for _ in range(t["depth"]))
        self.head_nm = HeadNorm(width)
        self.head = nn.Linear(width, config["codebook_size"])
        level = torch.cat([torch.full((c,), k) for k, c in enumerate(self.counts)])
        self.register_buffer("level", level, persistent=False)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        nn.init.normal_(self.class_emb.weight, std=0.5)
        nn.init.normal_(self.lvl_embed.weight, std=0.02)

    def embed(self, cond, inputs):
        """cond [B, C], inputs [B, L-1, code_dim] -> x [B, L, C]."""
        first = cond[:, None] + self.pos_start
        x = torch.cat([first.to(cond.dtype), self.word_embed(inputs).to(cond.dtype)], 1)
        return x + (self.lvl_embed(self.level) + self.pos_1LC)[:, : x.shape[1]]

    def forward(self, labels, inputs, attends):
        """Teacher-forced hidden states before the head, and cond. attends: one attention function a layer."""
        cond = self.class_emb(labels)
        x = self.embed(cond, inputs)
        gss = self.shared_ada_lin(cond).view(-1, 1, 6, self.width)
        for block, attend in zip(self.blocks, attends):
            x = block(x, gss, attend)
        return x, cond

    def logits(self, x, cond):
        return self.head(self.head_nm(x, cond)).float()

    def teacher_forced(self, labels, inputs, attends):
        return self.logits(*self(labels, inputs, attends))


def filter_logits(logits, top_k, top_p):
    """Top-k by value (ties stay), then top-p over what is left; the largest always stays."""
    logits = logits.masked_fill(logits < logits.topk(top_k).values[..., -1:], -math.inf)
    ordered, where = logits.sort(-1)
    drop = ordered.softmax(-1).cumsum(-1) <= 1 - top_p
    drop[..., -1] = False
    return logits.masked_fill(drop.scatter(-1, where, drop), -math.inf)


@torch.no_grad()
def sample(var, quantizer, labels, generator, guidance, top_k, top_p):
    """labels [B] -> (tokens [B, L], f_hat [B, dim, g, g]). Rows 0..B-1 are conditional, the rest unconditional."""
    count = len(labels)
    rows = torch.cat([labels, torch.full_like(labels, var.unconditional)])
    cond = var.class_emb(rows)
    gss = var.shared_ada_lin(cond).view(-1, 1, 6, var.width)
    position = var.lvl_embed(var.level) + var.pos_1LC
    caches = [Cache() for _ in var.blocks]
    f_hat = torch.zeros(count, quantizer.dim, quantizer.grid, quantizer.grid, device=labels.device)
    x, tokens, start = cond[:, None] + var.pos_start + position[:, :1], [], 0
    for k, n in enumerate(var.counts):
        for block, cache in zip(var.blocks, caches):
            x = block(x, gss, cache)
        start += n
        conditional, free = var.logits(x, cond).chunk(2)
        t = guidance * k / (len(var.counts) - 1)
        filtered = filter_logits((1 + t) * conditional - t * free, top_k, top_p)
        idx = torch.multinomial(filtered.softmax(-1).flatten(0, 1), 1, generator=generator).view(count, n)
        tokens.append(idx)
        f_hat = quantizer.add_scale(k, idx, f_hat)
        if k + 1 < len(var.counts):
            nxt = quantizer.down(k + 1, f_hat).flatten(2).transpose(1, 2)
            x = (var.word_embed(nxt) + position[:, start : start + var.counts[k + 1]]).repeat(2, 1, 1)
    return torch.cat(tokens, 1), f_hat
