#!/usr/bin/env python3
"""PyTorch on the shapes of gpu-benchmark: torch_peers.py OUT.json

Times replayed CUDA graphs of 32 calls over inputs rotated past the L2 cache, as gpu-benchmark does, and writes
microseconds for each (name, shape) of its figures and each form of torch; none where torch or a GPU is missing.
"""

import functools
import json
import pathlib
import sys

try:
    import torch
    import torch.nn.functional as F

    from torch_images import images
    from torch_timing import BACKENDS, SDPBackend, absent, peer, peers, random, sdpa, sets_for
except ImportError:
    torch = None
    absent = peers = []

ROWS, HEADS, HEAD_DIM, WINDOW = 2, 16, 128, 16  # Infinity-2B with guidance
BYTES = 2  # of BF16
KEPT = 650


def attention(rows, heads, head_dim, queries, past, fresh, full=None):
    """A map; `full` is the history of a full cache, whose time stands beside this one's too."""
    keys = past + fresh
    shape = f"{queries} queries x {keys} keys, {heads} heads x {head_dim}, {rows} rows, {past} in pages"
    for form, backend in BACKENDS.items():
        for history in {past, full or past}:
            keys = history + fresh
            sets = sets_for(2 * BYTES * rows * heads * keys * head_dim)
            data = [tuple(random(rows, heads, n, head_dim) for n in (queries, keys, keys)) for _ in range(sets)]
            over = "" if history == past else f" over the full cache of {keys} keys"
            peer("attend", shape, form + over, [lambda d=d: sdpa(backend, *d) for d in data])


def decoding(keys):
    """One query of a language model over a long history, and a tree of drafts."""
    heads, kv_heads, head_dim, nodes = 32, 8, 128, 64
    group = heads // kv_heads
    name = f"{heads} heads over {kv_heads} key/value heads x {head_dim}, 1 row"
    sets = sets_for(2 * BYTES * kv_heads * keys * head_dim)

    def data(queries, keys):
        """The heads of a group are queries of one head, so that keys are read once for all."""
        shapes = [(1, kv_heads, n, head_dim) for n in (group * queries, keys, keys)]
        return [tuple(random(*shape) for shape in shapes) for _ in range(sets)]

    one = data(1, keys)
    shape = f"1 query x {keys} keys, {name}, BF16 pages"
    for form, backend in BACKENDS.items():
        peer("attend", shape, f"{form}, a group's heads as queries", [lambda d=d: sdpa(backend, *d) for d in one])
        calls = [lambda d=d: sdpa(backend, d[0].view(1, heads, 1, head_dim), *d[1:], enable_gqa=True) for d in one]
        peer("attend", shape, f"{form}, enable_gqa", calls)
    del one
    # Every node sees the history, itself and its ancestors in a binary tree.
    seen = torch.ones(nodes, keys + nodes, dtype=torch.bool)
    seen[:, keys:] = torch.eye(nodes, dtype=torch.bool)
    for node in range(1, nodes):
        seen[node] |= seen[(node - 1) // 2]
    # Queries of a group lie node by node for each head.
    mask = torch.where(seen, 0.0, float("-inf")).repeat(group, 1).to("cuda", torch.bfloat16)
    shape = f"{nodes} queries x {keys + nodes} keys, {name}, a tree"
    tree = data(nodes, keys + nodes)
    for form, backend in BACKENDS.items():
        peer("attend", shape, f"{form}, without a mask", [lambda d=d: sdpa(backend, *d) for d in tree])
    forms = {"cuDNN": SDPBackend.CUDNN_ATTENTION, "memory-efficient": SDPBackend.EFFICIENT_ATTENTION}
    for form, backend in forms.items():
        calls = [lambda d=d: sdpa(backend, *d, attn_mask=mask) for d in tree]
        peer("attend", shape, f"torch SDPA, {form}, with a mask", calls)


def selection():
    scores = torch.randn(ROWS * HEADS, 2954, device="cuda")
    peer("select", "634 of 2954, 32 rows, warm", "torch.topk, unsorted", [lambda: scores.topk(634, sorted=False)])


def appending():
    tokens = 4096
    size = 2 * BYTES * ROWS * HEADS * tokens * HEAD_DIM
    data = [tuple(random(ROWS, HEADS, tokens, HEAD_DIM) for _ in range(4)) for _ in range(sets_for(size))]

    def copy(k, v, keys, values):
        keys.copy_(k)
        values.copy_(v)

    shape = f"{tokens} tokens of BF16 to BF16, 2 rows, 16 heads x 128"
    peer("append", shape, "torch: two copy_ into contiguous memory", [lambda d=d: copy(*d) for d in data])


def scoring():
    tokens = 10521
    sets = sets_for(BYTES * ROWS * HEADS * tokens * HEAD_DIM)
    data = [tuple(random(ROWS, HEADS, n, HEAD_DIM) for n in (WINDOW, tokens)) for _ in range(sets)]

    def raw(q, k):
        return F.max_pool1d(torch.matmul(q, k.transpose(-1, -2)).sum(-2), 5, 1, 2)

    def softmax(q, k):
        logits = torch.matmul(q, k.transpose(-1, -2)) / HEAD_DIM**0.5
        return F.avg_pool1d(logits.softmax(-1, dtype=torch.float32).sum(-2), 5, 1, 2)

    shape = f"16 queries, {tokens} keys x 32 lists x 128, BF16"
    peer("score, raw", shape, "torch chain: matmul, sum, pool", [lambda d=d: raw(*d) for d in data])
    peer("score, softmax", shape, "torch chain: matmul, softmax, sum, pool", [lambda d=d: softmax(*d) for d in data])


def rows_of(keep):
    return keep.unsqueeze(-1).expand(-1, -1, -1, HEAD_DIM)


@functools.cache
def last_of(tokens):
    """Places of the window, made once: the peer is not charged for it."""
    return torch.arange(tokens - WINDOW, tokens, device="cuda").expand(ROWS, HEADS, WINDOW)


def compaction():
    tokens, rows = 2954, 64
    k, v = (random(rows, HEADS, tokens, HEAD_DIM) for _ in range(2))
    keep = torch.rand(rows, HEADS, tokens, device="cuda").topk(KEPT, -1).indices.sort(-1).values
    shape = f"{KEPT} of {tokens} tokens, {rows} rows, 16 heads x 128, one launch"
    gather = rows_of(keep)
    peer("compact", shape, "torch: two gather", [lambda: (k.gather(2, gather), v.gather(2, gather))])


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
    sets = sets_for(2 * BYTES * ROWS * HEADS * (past + fresh) * HEAD_DIM)
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
    for rows, vectors in ((32768, 1), (8192, 1), (32768, 8), (8192, 8), (32768, 64), (8192, 64)):
        hidden = random(vectors, columns)
        sets = max(2, min(vocabulary // rows, sets_for(BYTES * rows * columns)))
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


def measure():
    if torch is None:
        return "not found"
    if not torch.cuda.is_available():
        return f"{torch.__version__} finds no GPU"
    with torch.inference_mode():
        parts = [
            selection,
            appending,
            scoring,
            compaction,
            eviction,
            heads,
            lambda: attention(2, 16, 128, 4096, 6425, 4096),
            lambda: attention(2, 16, 128, 4096, 650, 4096, full=6425),
            lambda: attention(32, 30, 64, 256, 424, 256),
            lambda: decoding(32768),
            lambda: decoding(8192),
            lambda: images(pathlib.Path(__file__).with_name("images.txt")),
        ]
        for part in parts:
            try:
                part()
            except Exception as error:  # what is left goes on
                absent.append(f"torch: {(str(error).splitlines() or [repr(error)])[0]}")
            torch.cuda.empty_cache()
    return f"{torch.__version__}, CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    version = measure()
    with open(sys.argv[1], "w") as file:
        json.dump({"version": version, "absent": absent, "peers": peers}, file, indent=1)


if __name__ == "__main__":
    main()
