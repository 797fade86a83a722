"""Emoji pictures: loading, and random poses on pastel gradients, drawn on the device."""

import json
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

HERE = Path(__file__).resolve().parent
MODEL = HERE.parent


def config():
    return json.loads((MODEL / "config.json").read_text())


def classes():
    return json.loads((MODEL / "classes.json").read_text())["classes"]


def load_emoji(folder, device):
    """[classes, 4, 256, 256] in 0..1, colour premultiplied by alpha."""
    out = []
    for entry in classes():
        picture = Image.open(Path(folder) / entry["file"]).convert("RGBA").resize((256, 256), Image.LANCZOS)
        out.append(torch.from_numpy(np.asarray(picture).copy()))
    rgba = torch.stack(out).to(device).permute(0, 3, 1, 2).float() / 255
    rgba[:, :3] *= rgba[:, 3:]
    return rgba


def pastel(n, generator, device):
    """[n, 3] light colours: a random hue of low saturation and high value."""
    hue, saturation, value = torch.rand(3, n, 1, generator=generator, device=device)
    offsets = torch.tensor([5.0, 3.0, 1.0], device=device)
    k = (offsets + hue * 6) % 6
    value = 0.90 + 0.09 * value
    return value - value * (0.08 + 0.27 * saturation) * torch.minimum(k, 4 - k).clamp(0, 1)


def augment(emoji, labels, generator):
    """Pictures [n, 3, 256, 256] in -1..1: turned by up to 10 degrees, scaled to 0.82..1.02, shifted. Never mirrored."""
    device, n = emoji.device, len(labels)
    r = torch.rand(6, n, generator=generator, device=device)
    angle = (r[0] * 2 - 1) * math.radians(10)
    zoom = 1 / (0.82 + 0.20 * r[1])
    cos, sin = torch.cos(angle) * zoom, torch.sin(angle) * zoom
    shift = (r[2:4] * 2 - 1) * 0.06
    theta = torch.stack([cos, -sin, shift[0], sin, cos, shift[1]], 1).view(n, 2, 3)
    grid = F.affine_grid(theta, (n, 4, 256, 256), align_corners=False)
    front = F.grid_sample(emoji[labels], grid, align_corners=False)
    line = torch.linspace(-1, 1, 256, device=device)
    direction = r[4] * 2 * math.pi
    ramp = torch.cos(direction).view(n, 1, 1) * line + torch.sin(direction).view(n, 1, 1) * line[:, None]
    ramp = (0.5 + 0.5 * ramp / math.sqrt(2)).clamp(0, 1)[:, None]
    first, second = pastel(n, generator, device), pastel(n, generator, device)
    back = first[:, :, None, None] * (1 - ramp) + second[:, :, None, None] * ramp
    picture = front[:, :3] + back * (1 - front[:, 3:])
    return picture.clamp(0, 1) * 2 - 1
