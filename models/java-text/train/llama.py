"""The three models in plain PyTorch: Llama, and the EAGLE drafter that reads the target's embedding."""

import json
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

MODEL = Path(__file__).resolve().parent.parent
sys.path.append(str(MODEL.parent / "common"))  # muon.py, shared by the models


def config(name, folder=MODEL):
    return json.loads((Path(folder) / name / "config.json").read_text())


class RmsNorm(nn.Module):
    def __init__(self, width, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(width)), eps

    def forward(self, x):
        wide = x.float()
        return (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight).to(x.dtype)


def rotary_tables(conf, device):
    half = conf["head_dim"] // 2
    rates = conf["rope_theta"] ** -(torch.arange(half, device=device, dtype=torch.float64) / half)
    angles = torch.arange(conf["max_position_embeddings"], device=device, dtype=torch.float64)[:, None] * rates
    return angles.cos().float(), angles.sin().float()


def rotate(x, cos, sin):
    """x [.., D] with cos, sin [.., D/2], in the half-split form."""
    first, second = x.float().chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1).to(x.dtype)


class Causal:
    """Attention of a whole sequence from position 0, without a cache."""

    def __call__(self, q, k, v):
        groups = q.shape[1] // k.shape[1]
        k, v = (t.repeat_interleave(groups, dim=1) for t in (k, v))
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)


class Attention(nn.Module):
    def __init__(self, conf):
        super().__init__()
        width, self.head = conf["hidden_size"], conf["head_dim"]
        queries, keys = conf["num_attention_heads"] * self.head, conf["num_key_value_heads"] * self.head
        self.q_proj, self.o_proj = nn.Linear(width, queries, bias=False), nn.Linear(queries, width, bias=False)
        self.k_proj, self.v_proj = nn.Linear(width, keys, bias=False), nn.Linear(width, keys, bias=False)

    def forward(self, x, cos, sin, attend):
        """x [B, n, d]; cos, sin [B or 1, 1, n, D/2]; attend(q, k, v) over [B, heads, n, D]."""
        split = lambda t: t.view(*x.shape[:2], -1, self.head).transpose(1, 2)
        q, k, v = split(self.q_proj(x)), split(self.k_proj(x)), split(self.v_proj(x))
        out = attend(rotate(q, cos, sin), rotate(k, cos, sin), v)
        return self.o_proj(out.transpose(1, 2).reshape(*x.shape[:2], -1))


class Mlp(nn.Module):
    def __init__(self, conf):
        super().__init__()
        width, hidden = conf["hidden_size"], conf["intermediate_size"]
        self.gate_proj, self.up_proj = nn.Linear(width, hidden, bias=False), nn.Linear(width, hidden, bias=False)
        self.down_proj = nn.Linear(hidden, width, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Block(nn.Module):
    def __init__(self, conf):
        super().__init__()
        width, eps = conf["hidden_size"], conf["rms_norm_eps"]
        self.input_layernorm, self.post_attention_layernorm = RmsNorm(width, eps), RmsNorm(width, eps)
        self.self_attn, self.mlp = Attention(conf), Mlp(conf)
        nn.init.zeros_(self.self_attn.o_proj.weight)
        nn.init.zeros_(self.mlp.down_proj.weight)

    def forward(self, x, cos, sin, attend):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, attend)
        return x + self.mlp(self.post_attention_layernorm(x))


class Llama(nn.Module):
    def __init__(self, conf):
        super().__init__()
        self.conf, self.model = conf, nn.Module()
        self.model.embed_tokens = nn.Embedding(conf["vocab_size"], conf["hidden_size"])
        self.model.layers = nn.ModuleList(Block(conf) for _ in range(conf["num_hidden_layers"]))
        self.model.norm = RmsNorm(conf["hidden_size"], conf["rms_norm_eps"])
        nn.init.normal_(self.model.embed_tokens.weight, std=0.02)

    @property
    def head(self):
        return self.model.embed_tokens.weight

    @property
    def blocks(self):
        return self.model.layers

    def forward(self, tokens, cos, sin, attends):
        """tokens [B, n] -> features [B, n, d], what the head reads. One `attend` a layer."""
        x = self.model.embed_tokens(tokens)
        for block, attend in zip(self.model.layers, attends):
            x = block(x, cos, sin, attend)
        return self.model.norm(x)


class Eagle(nn.Module):
    def __init__(self, conf):
        super().__init__()
        width, eps = conf["hidden_size"], conf["rms_norm_eps"]
        self.conf = conf
        self.embed_norm, self.hidden_norm = RmsNorm(width, eps), RmsNorm(width, eps)
        self.fc = nn.Linear(2 * width, width, bias=False)
        self.layers = nn.ModuleList([Block(conf)])
        self.norm = RmsNorm(width, eps)

    @property
    def blocks(self):
        return self.layers

    def forward(self, embedded, features, cos, sin, attends):
        """embedded [B, n, d]: rows of the tokens one place on; features [B, n, d] -> features one place on."""
        x = self.fc(torch.cat([self.embed_norm(embedded), self.hidden_norm(features)], dim=-1))
        return self.norm(self.layers[0](x, cos, sin, attends[0]))


def matrices(model):
    """Weights that Muon trains: all matrices but the embedding."""
    return [p for n, p in model.named_parameters() if p.ndim == 2 and "embed_tokens" not in n]


def bundled(name, device, folder=MODEL):
    """The model that the file holds, widened to fp32."""
    from layout import read, widened

    conf = config(name, folder)
    model = (Eagle if name == "eagle" else Llama)(conf)
    state = widened(read(Path(folder) / name / "model.safetensors"))
    model.load_state_dict({n: torch.from_numpy(t.copy()) for n, t in state.items()})
    return model.to(device).eval()


def save(model, name, folder=MODEL):
    """Write the bundled form, rounded to INT8 rows and BF16 gains."""
    from layout import stored, write

    path = Path(folder) / name / "model.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, stored({n: p.detach().float().cpu().numpy() for n, p in model.state_dict().items()}))
