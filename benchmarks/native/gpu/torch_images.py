"""Attention and cache of the whole images of images.txt in torch.

Beside the library's walk through scales and layers: SDPA over a full cache, which grows by cat or lies in buffers of
the final size; and the published method's steps, which cut the cache after a scale.
"""

import functools
import math

import torch
import torch.nn.functional as F

from torch_timing import BACKENDS, SDPBackend, absent, enqueued, random, sdpa, whole

ALL = 100
POOL = 5


class Image:
    """A line of images.txt and the evictions below it."""

    def __init__(self, words):
        self.model, self.percent = words[0], int(words[1])
        at = words.index("maps")
        named = dict(zip(words[2:at:2], map(int, words[3:at:2])))
        self.rows, self.layers, self.heads, self.head_dim = (named[key] for key in ("rows", "layers", "heads", "dim"))
        self.maps = [int(word) for word in words[at + 1 :]]
        self.evictions = {}

    def add_eviction(self, words):
        """After a scale, from 0: tokens of a layer, drafters, tokens of a drafter, the window's places."""
        drafters, window = words.index("drafters"), words.index("window")
        count = int(words[drafters + 1])
        self.evictions[int(words[0]) - 1] = (
            int(words[2]),
            {int(word) for word in words[drafters + 2 : drafters + 2 + count]},
            int(words[window - 1]),
            tuple(int(word) for word in words[window + 1 :]),
        )

    def name(self):
        kept = "the full cache" if self.percent == ALL else f"{self.percent} % kept"
        return f"{self.model}, {self.rows} rows, {kept}"

    def kept(self, scale, layer):
        """Tokens that a layer may keep after a scale, and the window; nothing where it keeps all."""
        if scale not in self.evictions:
            return None
        tokens, drafters, drafter_tokens, window = self.evictions[scale]
        return drafter_tokens if layer in drafters else tokens, window


def read_images(path):
    images = []
    with open(path) as file:
        for line in file:
            words = line.split()
            if words and words[0] == "image":
                images.append(Image(words[1:]))
            if words and words[0] == "after":
                images[-1].add_eviction(words[1:])
    return images


def attend(backend, q, k, v):
    # cuDNN takes no single query.
    return sdpa(backend if q.shape[2] > 1 else SDPBackend.FLASH_ATTENTION, q, k, v)


def by_cat(image, maps, backend):
    """As the reference models do."""
    cache = [None] * image.layers
    for q, k, v in maps:
        for layer in range(image.layers):
            past = cache[layer]
            cache[layer] = (k, v) if past is None else (torch.cat((past[0], k), 2), torch.cat((past[1], v), 2))
            attend(backend, q, *cache[layer])


def in_place(image, maps, backend, buffers):
    """Buffers of the final size, into which new keys and values are copied."""
    past = 0
    for q, k, v in maps:
        end = past + k.shape[2]
        for keys, values in buffers:
            keys[:, :, past:end].copy_(k)
            values[:, :, past:end].copy_(v)
            attend(backend, q, keys[:, :, :end], values[:, :, :end])
        past = end


@functools.cache
def places(window, start):
    """Made once: the peer is not charged for it."""
    return torch.tensor(window, device="cuda") + start


def windows(window, start, rows, heads):
    """The same for each row and head."""
    return places(window, start).expand(rows, heads, len(window))


def windows_one_by_one(window, start, rows, heads):
    """As the released code makes them: one after the other, each by a `unique` that the host waits for."""
    at = places(window, start)
    return torch.stack([torch.stack([torch.unique(at) for _ in range(heads)]) for _ in range(rows)])


def keep(q, k, v, fresh, capacity, window, make_windows):
    """Raw logits of the window's queries summed, pooled, and the highest kept with the window, in order."""
    rows, heads, tokens, head_dim = k.shape
    start = tokens - fresh
    at = places(window, start)
    logits = torch.matmul(q.index_select(2, places(window, 0)), k.transpose(-1, -2)) / math.sqrt(head_dim)
    scores = logits.index_fill(-1, at, -math.inf).sum(-2)
    scores = F.max_pool1d(scores, POOL, 1, POOL // 2).index_fill(-1, at, -math.inf)
    chosen = scores.topk(capacity - len(window), -1).indices
    kept = torch.cat((chosen, make_windows(window, start, rows, heads)), -1).sort(-1).values
    kept = kept.unsqueeze(-1).expand(-1, -1, -1, head_dim)
    return k.gather(2, kept), v.gather(2, kept)


def published(image, maps, backend, make_windows):
    """The published method: as by_cat, but a layer that holds more than its budget is cut."""
    cache = [None] * image.layers
    for scale, (q, k, v) in enumerate(maps):
        for layer in range(image.layers):
            past = cache[layer]
            keys, values = (k, v) if past is None else (torch.cat((past[0], k), 2), torch.cat((past[1], v), 2))
            attend(backend, q, keys, values)
            budget = image.kept(scale, layer)
            if budget and keys.shape[2] > budget[0]:
                keys, values = keep(q, keys, values, k.shape[2], *budget, make_windows)
            cache[layer] = keys, values


def model(images):
    """All budgets of a model; the full cache's times stand beside each of them."""
    full = images[0]
    names = [image.name() for image in images]
    shapes = [(full.rows, full.heads, tokens, full.head_dim) for tokens in full.maps]
    maps = [tuple(random(*shape) for _ in range(3)) for shape in shapes]
    for form, backend in BACKENDS.items():
        whole("image", names, f"{form}, the full cache by cat", lambda: by_cat(full, maps, backend))
    final = (full.rows, full.heads, sum(full.maps), full.head_dim)
    buffers = [
        tuple(torch.zeros(final, dtype=torch.bfloat16, device="cuda") for _ in range(2)) for _ in range(full.layers)
    ]
    for form, backend in BACKENDS.items():
        whole("image", names, f"{form}, the full cache in place", lambda: in_place(full, maps, backend, buffers))
    del buffers
    for image in images[1:]:
        for form, backend in BACKENDS.items():
            steps = f"{form}, the published method's steps"
            whole("image", [image.name()], steps, lambda: published(image, maps, backend, windows))
        if image.percent == 10 and image.model == "Infinity-2B":
            form = "torch SDPA, flash, the published method's steps without a graph"
            backend = SDPBackend.FLASH_ATTENTION
            enqueued("image", [image.name()], form, lambda: published(image, maps, backend, windows))
            form += ", a window for each head as released"
            enqueued("image", [image.name()], form, lambda: published(image, maps, backend, windows_one_by_one))


def images(path):
    models = {}
    for image in read_images(path):
        models.setdefault((image.model, image.rows), []).append(image)
    for name, group in models.items():
        try:
            model(group)
        except torch.OutOfMemoryError:
            absent.append(f"torch on images of {name[0]}, {name[1]} rows: the device's memory is too small.")
        torch.cuda.empty_cache()
