"""The files' layout in numpy alone: rows of INT8 with one BF16 scale, and safetensors read and written."""

import json
from pathlib import Path

import numpy as np

DTYPES = {"F32": np.float32, "I8": np.int8, "I32": np.int32, "I64": np.int64, "BF16": np.uint16}


def to_bf16(x):
    """float32 -> the bits of the nearest BF16, ties to even."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def from_bf16(bits):
    return (bits.astype(np.uint32) << 16).view(np.float32)


def quantise(weight):
    """[out, in] float32 -> (codes [out, in] I8 in -127..127, scales [out] BF16 bits): weight = code * scale."""
    scales = to_bf16(np.abs(weight).max(axis=1) / np.float32(127))
    wide = from_bf16(scales)[:, None]
    codes = np.rint(np.divide(weight, wide, out=np.zeros_like(weight), where=wide != 0))
    return np.clip(codes, -127, 127).astype(np.int8), scales


def stored(state):
    """{name: float32} -> {name: (dtype, array)} as the files hold it: matrices in INT8 rows, vectors in BF16."""
    tensors = {}
    for name, value in state.items():
        if value.ndim == 2:
            codes, scales = quantise(value)
            tensors[name], tensors[name + "_scale"] = ("I8", codes), ("BF16", scales)
        else:
            tensors[name] = ("BF16", to_bf16(value))
    return tensors


def widened(tensors):
    """The inverse of `stored`, up to rounding: {name: float32}."""
    state = {}
    for name, (dtype, value) in tensors.items():
        if name.endswith("_scale"):
            continue
        scale = tensors.get(name + "_scale")
        state[name] = from_bf16(value) if scale is None else value * from_bf16(scale[1])[:, None]
    return state


def write(path, tensors, metadata=None):
    header, offset = {"__metadata__": {"format": "pt", **(metadata or {})}}, 0
    for name, (dtype, value) in tensors.items():
        assert value.dtype == DTYPES[dtype], (name, value.dtype)
        header[name] = {"dtype": dtype, "shape": value.shape, "data_offsets": [offset, offset + value.nbytes]}
        offset += value.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for _, value in tensors.values():
            file.write(np.ascontiguousarray(value).tobytes())


def read(path):
    data = Path(path).read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    tensors = {}
    for name, entry in json.loads(data[8:start]).items():
        if name != "__metadata__":
            begin, end = (start + o for o in entry["data_offsets"])
            value = np.frombuffer(data[begin:end], DTYPES[entry["dtype"]]).reshape(entry["shape"])
            tensors[name] = (entry["dtype"], value)
    return tensors
