"""Multi-scale residual VQ tokenizer of stride 8, with VAR's module and tensor names."""

import torch
import torch.nn.functional as F
from torch import nn

NORM_EPS = 1e-6


def norm(config, channels):
    return nn.GroupNorm(config["tokenizer"]["norm_groups"], channels, eps=NORM_EPS)


class ResBlock(nn.Module):
    def __init__(self, config, inside, outside):
        super().__init__()
        self.norm1, self.conv1 = norm(config, inside), nn.Conv2d(inside, outside, 3, padding=1)
        self.norm2, self.conv2 = norm(config, outside), nn.Conv2d(outside, outside, 3, padding=1)
        self.nin_shortcut = nn.Conv2d(inside, outside, 1) if inside != outside else nn.Identity()

    def forward(self, x):
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(F.silu(self.norm2(h)))
        return self.nin_shortcut(x) + h


class Upsample(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        return self.conv(F.interpolate(x, scale_factor=2, mode="nearest"))


class Downsample(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x):
        return self.conv(F.pad(x, (0, 1, 0, 1)))


class Mid(nn.Module):
    def __init__(self, config, channels):
        super().__init__()
        self.block_1, self.block_2 = ResBlock(config, channels, channels), ResBlock(config, channels, channels)

    def forward(self, x):
        return self.block_2(self.block_1(x))


class Level(nn.Module):
    """One resolution: residual blocks, then a change of resolution."""

    def __init__(self, config, inside, outside, blocks, resample=None):
        super().__init__()
        self.block = nn.ModuleList(ResBlock(config, inside if j == 0 else outside, outside) for j in range(blocks))
        if resample is Upsample:
            self.upsample = Upsample(outside)
        elif resample is Downsample:
            self.downsample = Downsample(outside)

    def forward(self, x):
        for block in self.block:
            x = block(x)
        for name in ("upsample", "downsample"):
            if hasattr(self, name):
                x = getattr(self, name)(x)
        return x


class Encoder(nn.Module):
    def __init__(self, config):
        super().__init__()
        t = config["tokenizer"]
        ch, blocks = t["channels"], t["blocks_per_level"]
        self.conv_in = nn.Conv2d(3, ch[0], 3, padding=1)
        last = len(ch) - 1
        self.down = nn.ModuleList(
            Level(config, ch[max(i - 1, 0)], ch[i], blocks, Downsample if i < last else None) for i in range(len(ch))
        )
        self.mid = Mid(config, ch[-1])
        self.norm_out, self.conv_out = norm(config, ch[-1]), nn.Conv2d(ch[-1], t["code_dim"], 3, padding=1)

    def forward(self, x):
        x = self.conv_in(x)
        for level in self.down:
            x = level(x)
        return self.conv_out(F.silu(self.norm_out(self.mid(x))))


class Decoder(nn.Module):
    def __init__(self, config):
        super().__init__()
        t = config["tokenizer"]
        ch, blocks = t["channels"], t["blocks_per_level"]
        self.conv_in = nn.Conv2d(t["code_dim"], ch[-1], 3, padding=1)
        self.mid = Mid(config, ch[-1])
        last = len(ch) - 1
        self.up = nn.ModuleList(
            Level(config, ch[min(i + 1, last)], ch[i], blocks, Upsample if i > 0 else None) for i in range(len(ch))
        )
        self.norm_out, self.conv_out = norm(config, ch[0]), nn.Conv2d(ch[0], 3, 3, padding=1)

    def forward(self, z):
        x = self.mid(self.conv_in(z))
        for level in reversed(self.up):
            x = level(x)
        return self.conv_out(F.silu(self.norm_out(x)))


class Phis(nn.Module):
    """Shared 3x3 convolutions; they begin as the identity, so that a codebook taken from data fits at once."""

    def __init__(self, count, channels):
        super().__init__()
        self.qresi_ls = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=1) for _ in range(count))
        for conv in self.qresi_ls:
            nn.init.dirac_(conv.weight)
            nn.init.zeros_(conv.bias)


class Quantizer(nn.Module):
    def __init__(self, config):
        super().__init__()
        t = config["tokenizer"]
        self.sides, self.phi_index = config["sides"], t["phi_index"]
        self.grid, self.dim = self.sides[-1], t["code_dim"]
        self.embedding = nn.Embedding(config["codebook_size"], self.dim)
        self.quant_resi = Phis(t["phi_count"], self.dim)
        eye = torch.eye(self.grid)
        for k, side in enumerate(self.sides):
            # A separable linear resize is two small matrix products, much cheaper to differentiate than interpolate().
            narrow = torch.eye(side)[None, None]
            up = F.interpolate(narrow, (self.grid, side), mode="bicubic", align_corners=False)[0, 0]
            down = F.interpolate(eye[None, None], (side, self.grid), mode="area")[0, 0]
            self.register_buffer(f"up{k}", up if side != self.grid else eye, persistent=False)
            self.register_buffer(f"down{k}", down if side != self.grid else eye, persistent=False)

    def up(self, k, h):
        m = getattr(self, f"up{k}")
        return m @ h @ m.T

    def down(self, k, f):
        m = getattr(self, f"down{k}")
        return m @ f @ m.T

    def nearest(self, z):
        """Nearest code for z [n, dim]: int64 [n]."""
        e = self.embedding.weight
        return (e.square().sum(1) - 2 * z @ e.T).argmin(1)

    def add_scale(self, k, idx, f_hat):
        """f_hat plus scale k's contribution: 0.5 u + 0.5 phi(u), u = bicubic upsampling of the codes idx [B, side^2]."""
        side = self.sides[k]
        codes = self.embedding(idx).view(len(idx), side, side, self.dim).permute(0, 3, 1, 2)
        u = self.up(k, codes)
        return f_hat + 0.5 * u + 0.5 * self.quant_resi.qresi_ls[self.phi_index[k]](u)

    def forward(self, f):
        """f [B, dim, g, g] -> (f_hat with straight-through gradient, loss, list of idx, list of the residual vectors)."""
        fixed, f_hat, loss = f.detach(), torch.zeros_like(f), 0.0
        ids, residuals = [], []
        for k, side in enumerate(self.sides):
            z = self.down(k, fixed - f_hat.detach()).permute(0, 2, 3, 1).reshape(-1, self.dim)
            ids.append(self.nearest(z).view(len(f), side * side))
            residuals.append(z)
            f_hat = self.add_scale(k, ids[-1], f_hat)
            loss = loss + F.mse_loss(f_hat, fixed) + 0.25 * F.mse_loss(f, f_hat.detach())
        return f + (f_hat - f).detach(), loss / len(self.sides), ids, residuals

    def inputs(self, tokens):
        """tokens [B, sum side^2] -> (transformer inputs of scales 1.. [B, L-1, dim], f_hat [B, dim, g, g])."""
        f_hat = torch.zeros(len(tokens), self.dim, self.grid, self.grid, device=tokens.device)
        parts = []
        for k, idx in enumerate(tokens.split([s * s for s in self.sides], 1)):
            f_hat = self.add_scale(k, idx, f_hat)
            if k + 1 < len(self.sides):
                parts.append(self.down(k + 1, f_hat).flatten(2).transpose(1, 2))
        return torch.cat(parts, 1), f_hat


class Tokenizer(nn.Module):
    def __init__(self, config):
        super().__init__()
        dim = config["tokenizer"]["code_dim"]
        self.encoder, self.decoder = Encoder(config), Decoder(config)
        self.quantize = Quantizer(config)
        self.quant_conv = nn.Conv2d(dim, dim, 3, padding=1)
        self.post_quant_conv = nn.Conv2d(dim, dim, 3, padding=1)

    def encode(self, picture):
        return self.quant_conv(self.encoder(picture))

    def decode(self, f_hat):
        return self.decoder(self.post_quant_conv(f_hat))

    @torch.no_grad()
    def tokens(self, picture):
        return torch.cat(self.quantize(self.encode(picture).float())[2], 1)
