"""How torch is timed: replayed CUDA graphs, and what could not be measured."""

import statistics
import sys
import time

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
import torch.nn.functional as F

NODES = 32
WARM_UP = 3
ROUNDS = 40
LEAST_ROUNDS = 6
ENOUGH_SECONDS = 0.6  # of one measurement, whose rounds are many otherwise
LAST_START = 105  # seconds from the program's start; what has not begun by then is absent

START = time.monotonic()
BACKENDS = {"torch SDPA, flash": SDPBackend.FLASH_ATTENTION, "torch SDPA, cuDNN": SDPBackend.CUDNN_ATTENTION}

peers = []
absent = []


def random(*shape):
    return torch.randn(*shape, dtype=torch.bfloat16, device="cuda")


def sets_for(size):
    """As many copies of `size` bytes as leave the L2 cache several times over."""
    return int(4 * torch.cuda.get_device_properties(0).L2_cache_size / size) + 2


def sdpa(backend, q, k, v, **options):
    with sdpa_kernel(backend):
        return F.scaled_dot_product_attention(q, k, v, **options)


def elapsed(run):
    """Milliseconds of rounds of `run`, which enqueues work."""
    times = []
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin = time.monotonic()
    for i in range(WARM_UP + ROUNDS):
        # Enough rounds for quartiles, but no more than there is time for.
        if i >= WARM_UP + LEAST_ROUNDS and time.monotonic() - begin > ENOUGH_SECONDS:
            break
        start.record()
        run()
        end.record()
        torch.cuda.synchronize()
        if i >= WARM_UP:
            times.append(start.elapsed_time(end))
    return times


def replayed(calls, nodes):
    """Milliseconds of a graph of `nodes` calls."""
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for call in calls:
            call()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for i in range(nodes):
            calls[i % len(calls)]()
    return elapsed(graph.replay)


def measured(name, shapes, form, run, calls):
    """Records the quartiles of one of `calls` calls in microseconds, for each of some shapes; `run` measures them."""
    what = f"{form} on {name}, {shapes[0]}"
    if time.monotonic() - START > LAST_START:
        absent.append(f"{what}: there was no time for it.")
        return
    try:
        times = [1e3 * time / calls for time in run()]
        q1, median, q3 = statistics.quantiles(times, n=4, method="inclusive")
    except Exception as error:  # whatever torch has against it
        absent.append(f"{what}: {(str(error).splitlines() or [repr(error)])[0]}")
        torch.cuda.synchronize()
        return
    finally:
        torch.cuda.empty_cache()
    for shape in shapes:
        peers.append({"name": name, "shape": shape, "peer": form, "value": {"q1": q1, "median": median, "q3": q3}})
    print(f"{name}, {shapes[0]}: {form} {median:.4g} us", file=sys.stderr)


def peer(name, shape, form, calls):
    """`calls` do the same work on different data."""
    nodes = max(NODES, len(calls))
    measured(name, [shape], form, lambda: replayed(calls, nodes), nodes)


def whole(name, shapes, form, call):
    """A call of many launches, which a graph holds once."""
    measured(name, shapes, form, lambda: replayed([call], 1), 1)


def enqueued(name, shapes, form, call):
    """A call that waits for the device, so that no graph can hold it."""
    measured(name, shapes, form, lambda: elapsed(call), 1)
