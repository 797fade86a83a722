#!/usr/bin/env python3
"""PyTorch on the shapes of gpu-benchmark: torch_peers.py OUT.json

Times replayed CUDA graphs of 32 calls over inputs rotated past the L2 cache, as gpu-benchmark does, and writes
microseconds for each (name, shape) of its figures and each form of torch; none where torch or a GPU is missing.
"""

import functools
import json
import statistics
import sys

try:
    import torch
    import torch.nn.functional as F
    from torch.nn.attention import SDPBackend, sdpa_kernel
except ImportError:
    torch = None

NODES = 32
WARM_UP = 5
ROUNDS = 40

ROWS, HEADS, HEAD_DIM, WINDOW = 2, 16, 128, 16  # Infinity-2B with guidance
SCALES = [1, 4, 16, 36, 64, 144, 256, 400, 576, 1024, 1600, 2304, 4096]
KEPT = 650

peers = []
absent = []


def backends():
    return {"torch SDPA, flash": SDPBackend.FLASH_ATTENTION, "torch SDPA, cuDNN": SDPBackend.CUDNN_ATTENTION}


def random(*shape):
    return torch.randn(*shape, dtype=torch.bfloat16, device="cuda")


def sets_for(size):
    """As many copies of `size` bytes as leave the L2 cache several times over."""
    return int(4 * torch.cuda.get_device_properties(0).L2_cache_size / size) + 2


def microseconds(calls):
    """Quartiles of one call's time; `calls` do the same work on different data."""
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for call in calls:
            call()
    torch.cuda.synchronize()
    nodes = max(NODES, len(calls))
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for i in range(nodes):
            calls[i % len(calls)]()
    times = []
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    for i in range(WARM_UP + ROUNDS):
        start.record()
        graph.replay()
        end.record()
        torch.cuda.synchronize()
        if i >= WARM_UP:
            times.append(1e3 * start.elapsed_time(end) / nodes)
    q1, median, q3 = statistics.quantiles(times, n=4, method="inclusive")
    return {"q1": q1, "median": median, "q3": q3}


def peer(name, shape, form, calls):
    try:
        value = microseconds(calls)
    except RuntimeError as error:
        absent.append(f"{form} on {name}, {shape}: {str(error).splitlines()[0]}")
        return
    peers.append({"name": name, "shape": shape, "peer": form, "value": value})
    print(f"{name}, {shape}: {form} {value['median']:.4g} us", file=sys.stderr)


def sdpa(backend, q, k, v):
    with sdpa_kernel(backend):
        return F.scaled_dot_product_attention(q, k, v)


def attention(rows, heads, head_dim, queries, past, fresh):
    keys = past + fresh
    shape = f"{queries} queries x {keys} keys, {heads} heads x {head_dim}, {rows} rows, {past} in pages"
    sets = sets_for(2 * 2 * rows * heads * keys * head_dim)
    data = [tuple(random(rows, heads, n, head_dim) for n in (queries, keys, keys)) for _ in range(sets)]
    for form, backend in backends().items():
        peer("attend", shape, form, [lambda d=d: sdpa(backend, *d) for d in data])


def selection():
    scores = torch.randn(ROWS * HEADS, 2954, device="cuda")
    peer("select", "634 of 2954, 32 rows, warm", "torch.topk, unsorted", [lambda: scores.topk(634, sorted=False)])


def rows_of(keep):
    return keep.unsqueeze(-1).expand(-1, -1, -1, HEAD_DIM)


@functools.cache
def last_of(tokens):
    """Places of the window, made once: the peer is not charged for it."""
    return torch.arange(tokens - WINDOW, tokens, device="cuda").expand(ROWS, HEADS, WINDOW)


def evict(q, k, v, kept):
    """The published method's steps: raw logits summed over the window, pooled, top-k, sorted, gathered."""
    scores = torch.matmul(q, k.transpose(-1, -2)).sum(-2)
    scores = F.max_pool1d(scores, 5, 1, 2)
    scores[..., -WINDOW:] = float("-inf")
    chosen = scores.topk(kept - WINDOW, -1).indices
    keep = rows_of(torch.cat((chosen, last_of(k.shape[2])), -1).sort(-1).values)
    return k.gather(2, keep), v.gather(2, keep)


def eviction():
    past, fresh = 650, 2304
    sets = sets_for(2 * 2 * ROWS * HEADS * (past + fresh) * HEAD_DIM)
    data = [
        tuple(random(ROWS, HEADS, n, HEAD_DIM) for n in (WINDOW, past, past, fresh, fresh)) for _ in range(sets)
    ]

    def step(q, k, v, new_k, new_v):
        return evict(q, torch.cat((k, new_k), 2), torch.cat((v, new_v), 2), KEPT)

    shape = "2954 to 650 tokens, one layer, 2 rows, 16 heads x 128, BF16"
    peer("evict", shape, "torch chain: cat, matmul, pool, topk, gather", [lambda d=d: step(*d) for d in data])


def heads():
    columns, vocabulary = 4096, 128256
    whole = random(vocabulary, columns)
    for rows, vectors in ((32768, 1), (8192, 1), (32768, 8), (8192, 8), (32768, 64)):
        hidden = random(vectors, columns)
        sets = max(2, min(vocabulary // rows, sets_for(2 * rows * columns)))
        ids = [torch.randperm(vocabulary, device="cuda")[:rows].sort().values for _ in range(sets)]
        packed = [whole.index_select(0, i) for i in ids]
        kind = "vector" if vectors == 1 else "vectors"
        shape = f"BF16, {rows} rows x {columns}, {vectors} {kind}, top 10, log-sum-exp, "

        def results(rows):
            logits = F.linear(hidden, rows).float()
            return logits.log_softmax(-1).topk(10)

        peer("head", shape + "packed", "torch: linear, log_softmax, topk", [lambda p=p: results(p) for p in packed])
        if vectors == 1:
            chain = [lambda i=i: results(whole.index_select(0, i)) for i in ids]
            peer("head", shape + "gathered", "torch: index_select, linear, log_softmax, topk", chain)


def image():
    """All scales of one layer: SDPA over the full cache that cat grows, and the published method's steps."""
    maps = [tuple(random(ROWS, HEADS, n, HEAD_DIM) for _ in range(3)) for n in SCALES]
    windows = random(ROWS, HEADS, WINDOW, HEAD_DIM)

    def layer(backend, kept):
        k = v = None
        for q, new_k, new_v in maps:
            k = new_k if k is None else torch.cat((k, new_k), 2)
            v = new_v if v is None else torch.cat((v, new_v), 2)
            # cuDNN takes no single query.
            sdpa(backend if q.shape[2] > 1 else SDPBackend.MATH, q, k, v)
            if kept and k.shape[2] > kept:
                k, v = evict(windows, k, v, kept)

    shape = "all 13 scales of one layer of Infinity-2B, 2 rows, 650 tokens kept"
    for form, backend in backends().items():
        peer("image", shape, form + ", full cache", [lambda: layer(backend, 0)])
        peer("image", shape, form + ", the published method's steps", [lambda: layer(backend, KEPT)])


def measure():
    if torch is None:
        return "not found"
    if not torch.cuda.is_available():
        return f"{torch.__version__} finds no GPU"
    with torch.inference_mode():
        selection()
        eviction()
        heads()
        attention(2, 16, 128, 4096, 6425, 4096)
        attention(2, 16, 128, 4096, 650, 4096)
        attention(32, 30, 64, 256, 424, 256)
        image()
    return f"{torch.__version__}, CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    version = measure()
    with open(sys.argv[1], "w") as file:
        json.dump({"version": version, "absent": absent, "peers": peers}, file, indent=1)


if __name__ == "__main__":
    main()
