"""Write safetensors (F16) and the tensor listing. The tokenizer's encoder stays behind: drawing does not need it."""

import argparse
from pathlib import Path

import torch
from safetensors.torch import save_file

from data import MODEL, config
from tokenizer import Tokenizer
from transformer import Var

HEADER = """# Tensors

Both files hold F16, row-major, in PyTorch's layouts: a linear layer is [out, in], a convolution [out, in, row, column].
`attn.zero_k_bias` is not stored: keys have no bias.
"""


def half(state):
    return {name: tensor.detach().to("cpu", torch.float16).contiguous() for name, tensor in state.items()}


def listing(title, state):
    rows = [f"| `{name}` | {list(t.shape)} |" for name, t in state.items()]
    total = sum(t.numel() for t in state.values())
    return "\n".join([f"\n## {title}: {len(state)} tensors, {total} values\n", "| name | shape |", "|---|---|", *rows, ""])


def export(var_state, tokenizer_state, folder):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    var = half(var_state)
    tokenizer = {n: t for n, t in half(tokenizer_state).items() if not n.startswith(("encoder.", "quant_conv."))}
    save_file(var, folder / "transformer.safetensors")
    save_file(tokenizer, folder / "tokenizer.safetensors")
    text = HEADER + listing("transformer.safetensors", var) + listing("tokenizer.safetensors", tokenizer)
    (folder / "TENSORS.md").write_text(text)
    size = sum((folder / f"{n}.safetensors").stat().st_size for n in ("transformer", "tokenizer"))
    print(f"weights: {size} bytes")
    assert size <= 16 * 1024 * 1024, size


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", required=True, help="folder of tokenizer.pt and transformer.pt; without them, random")
    parser.add_argument("--out", default=MODEL)
    args = parser.parse_args()
    work = Path(args.work)
    torch.manual_seed(0)
    states = []
    for name, kind in (("transformer", Var), ("tokenizer", Tokenizer)):
        path = work / f"{name}.pt"
        states.append(torch.load(path, map_location="cpu")["model"] if path.exists() else kind(config()).state_dict())
    export(*states, args.out)
