#!/usr/bin/env python3
"""SambaY (Ren et al. 2025) in plain PyTorch, as the peer of this engine's CUDA backend: fused SDPA, torch.compile, CUDA
graphs, nothing else. Reads a checkpoint in the published layout.

    sambay.py --model DIR --check                     logits against DIR/expected.safetensors, a golden model
    sambay.py --model DIR --out FILE [MEASURE ...]    times in seconds, "key TAB seconds" a line

MEASURE is one of decode:BATCHxCONTEXT, prefill:TOKENS, sdpa4:TOKENS (the four attentions that make one differential
attention of the full layer, by the fastest of PyTorch's kernels that takes them), sdpa2:TOKENS (two with values of twice
the width, likewise), scan:TOKENS (the scan of one Mamba layer, with the chunks that are fastest).
"""
import argparse
import glob
import json
import math
import mmap
import os
import statistics
import sys
from functools import partial

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64, "I32": torch.int32}
SCAN_CHUNKS = (32, 64, 128, 256)  # of which a measurement takes the fastest


def read_safetensors(path):
    """Tensors of a file by name, in host memory."""
    with open(path, "rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    length = int.from_bytes(data[:8], "little")
    tensors = {}
    for name, info in json.loads(data[8 : 8 + length]).items():
        if name != "__metadata__":
            begin, end = (8 + length + offset for offset in info["data_offsets"])
            dtype = DTYPES[info["dtype"]]
            count = (end - begin) // dtype.itemsize
            tensor = torch.frombuffer(data, dtype=dtype, count=count, offset=begin) if count else torch.empty(0, dtype=dtype)
            tensors[name] = tensor.reshape(info["shape"])
    return tensors


# ---- the selective scan


def scan_within_chunks(local, delta, u, b, c, a):
    """One token of every chunk: the state of its own tokens alone, and what it gives."""
    local = torch.exp(delta[..., None] * a) * local + u[..., None] * b[..., None, :]
    return local, (local * c[..., None, :]).sum(-1)


def carry_over(carry, local, total, a):
    """From the state before a chunk to the state after it; the decays of a chunk multiply to exp(a * sum of delta)."""
    return torch.exp(total[..., None] * a) * carry + local


def from_carries(carries, cumulated, c, a):
    """What the states before the chunks give to their tokens."""
    return (torch.exp(cumulated[..., None] * a) * carries[:, :, None] * c[..., None, :]).sum(-1)


class Scan:
    """S_t = exp(delta_t a) S_{t-1} + delta_t b_t x_t, y_t = c_t S_t: all chunks side by side, then their borders."""

    def __init__(self, compiled, chunk=64):
        self.chunk = chunk
        wrap = torch.compile if compiled else (lambda function: function)
        self.within, self.over, self.carries = wrap(scan_within_chunks), wrap(carry_over), wrap(from_carries)

    def __call__(self, delta, x, b, c, a):
        batch, tokens, inner = x.shape
        states = a.shape[1]
        chunks = -(-tokens // self.chunk)
        pad = chunks * self.chunk - tokens
        delta, u, b, c = (
            F.pad(t, (0, 0, 0, pad)).unflatten(1, (chunks, self.chunk)) for t in (delta, delta * x, b, c)
        )  # [batch, chunks, self.chunk, ...]; tokens that are not there change nothing: delta is 0
        local = x.new_zeros(batch, chunks, inner, states)
        y = x.new_empty(batch, chunks, self.chunk, inner)
        for t in range(self.chunk):
            local, y[:, :, t] = self.within(local, delta[:, :, t], u[:, :, t], b[:, :, t], c[:, :, t], a)
        cumulated = delta.cumsum(2)
        carry = x.new_zeros(batch, inner, states)
        carries = x.new_empty(batch, chunks, inner, states)
        for k in range(chunks):
            carries[:, k] = carry
            carry = self.over(carry, local[:, k], cumulated[:, k, -1], a)
        y += self.carries(carries, cumulated, c, a)
        return y.flatten(1, 2)[:, :tokens], carry


# ---- attention


def four_ways(q, k, v):
    """The heads of both softmaxes of each pair and of both halves of its values, one below the other."""
    q1, q2 = q[:, 0::2], q[:, 1::2]
    k1, k2 = k[:, 0::2], k[:, 1::2]
    v1, v2 = v[:, 0::2], v[:, 1::2]
    return torch.cat((q1, q1, q2, q2), 1), torch.cat((k1, k1, k2, k2), 1), torch.cat((v1, v2, v1, v2), 1)


def sdpa(q, k, v, causal=False, mask=None):
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal, enable_gqa=q.shape[1] != k.shape[1])


def window_sdpa(q, k, v, window):
    """Each query sees `window` keys, its own included: blocks of queries on their keys and the block before."""
    tokens = q.shape[2]
    if tokens <= window:
        return sdpa(q, k, v, causal=True)
    batch, heads, _, width = q.shape
    groups, blocks = k.shape[1], -(-tokens // window)
    shared = heads // groups  # their queries go below one another into one head: no kernel takes both groups and a mask
    pad = blocks * window - tokens
    q, k, v = (F.pad(t, (0, 0, 0, pad)).unflatten(2, (blocks, window)) for t in (q, k, v))
    q = q.unflatten(1, (groups, shared)).permute(0, 3, 1, 2, 4, 5).reshape(batch * blocks, groups, -1, width)
    k, v = (torch.cat((F.pad(t, (0, 0, 0, 0, 1, 0))[:, :, :-1], t), 3) for t in (k, v))
    k, v = (t.transpose(1, 2).flatten(0, 1) for t in (k, v))  # blocks beside the batch
    row = torch.arange(window, device=q.device)[:, None]
    key = torch.arange(2 * window, device=q.device)[None] - window  # relative to the block's first token
    seen = (key <= row) & (key > row - window)
    mask = seen.repeat(shared, 1).expand(blocks, 1, -1, -1).clone()
    mask[0] &= key >= 0  # there is no block before the first
    y = sdpa(q, k, v, mask=mask.repeat(batch, 1, 1, 1))
    y = y.reshape(batch, blocks, groups, shared, window, width).permute(0, 2, 3, 1, 4, 5)
    return y.reshape(batch, heads, -1, width)[:, :, :tokens]


# ---- the model


class SambaY:
    def __init__(self, directory, device, dtype, compiled):
        with open(os.path.join(directory, "config.json")) as file:
            config = json.load(file)
        self.device, self.dtype = device, dtype
        self.layers = config["num_hidden_layers"]
        self.border = self.layers // 2 + 1  # the only full attention
        self.hidden = config["hidden_size"]
        self.heads, self.kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
        self.head_dim = self.hidden // self.heads
        window = config["sliding_window"]
        self.window = next(w for w in window if w) if isinstance(window, list) else window
        self.eps = config["layer_norm_eps"]
        self.rank, self.inner = math.ceil(self.hidden / 16), 2 * self.hidden
        self.states, self.taps = 16, 4
        self.scan = Scan(compiled)
        self.w = {}
        for path in sorted(glob.glob(os.path.join(directory, "model*.safetensors"))):
            for name, tensor in read_safetensors(path).items():
                keep = dtype if tensor.dim() == 2 and not name.endswith("A_log") else torch.float32
                self.w[name.removeprefix("model.").removeprefix("layers.")] = tensor.to(device, keep)
        for i in range(self.layers):
            if f"{i}.attn.A_log" in self.w:
                self.w[f"{i}.attn.A"] = -torch.exp(self.w.pop(f"{i}.attn.A_log"))
            elif i % 2 == 1:
                q1, k1, q2, k2 = (self.w[f"{i}.attn.inner_cross_attn.lambda_{n}"] for n in ("q1", "k1", "q2", "k2"))
                self.w[f"{i}.lambda"] = (torch.exp(q1 @ k1) - torch.exp(q2 @ k2) + self.lambda0(i)).item()

    @staticmethod
    def lambda0(layer):
        return 0.8 - 0.6 * math.exp(-0.3 * layer)

    def new_state(self, batch, tokens):
        """What `batch` sequences of up to `tokens` tokens keep."""
        zeros = lambda dtype, *shape: torch.zeros(batch, *shape, device=self.device, dtype=dtype)
        state = {}
        for i in range(self.border + 1):
            if i % 2 == 0:
                state[i] = (zeros(self.dtype, self.taps - 1, self.inner), zeros(torch.float32, self.inner, self.states))
            else:
                kept = self.window if i < self.border else tokens
                state[i] = tuple(zeros(self.dtype, self.kv_heads, kept, self.head_dim) for _ in "kv")
        return state

    def norm(self, x, name):
        y = F.layer_norm(x.float(), (self.hidden,), self.w[name + ".weight"], self.w[name + ".bias"], self.eps)
        return y.to(self.dtype)

    def linear(self, x, name):
        bias = self.w.get(name + ".bias")
        return F.linear(x, self.w[name + ".weight"], None if bias is None else bias.to(x.dtype))

    def mamba(self, i, u, state):
        """The output, and the ungated y: the memory, if this is the layer that makes it."""
        p = f"{i}.attn."
        tail, ssm = state
        x, z = self.linear(u, p + "in_proj").chunk(2, -1)
        taps = self.w[p + "conv1d.weight"][:, 0]  # [inner, taps]
        past = torch.cat((tail, x), 1)
        tail.copy_(past[:, -(self.taps - 1) :])
        if u.shape[1] == 1:
            conv = (past.float() * taps.T).sum(1, keepdim=True) + self.w[p + "conv1d.bias"]
        else:
            conv = F.conv1d(past.float().transpose(1, 2), taps[:, None], self.w[p + "conv1d.bias"], groups=self.inner)
            conv = conv.transpose(1, 2)
        x = F.silu(conv).to(self.dtype)
        low, b, c = self.linear(x, p + "x_proj").split((self.rank, self.states, self.states), -1)
        delta = F.softplus(F.linear(low, self.w[p + "dt_proj.weight"]).float() + self.w[p + "dt_proj.bias"])
        a, b, c = self.w[p + "A"], b.float(), c.float()
        if u.shape[1] == 1:
            d = delta[:, 0, :, None]
            ssm.copy_(torch.exp(d * a) * ssm + d * b[:, 0, None] * x[:, 0, :, None].float())
            y = (ssm * c[:, 0, None]).sum(-1)[:, None]
        else:
            y, last = self.scan(delta, x.float(), b, c, a)
            ssm.copy_(last)
        y = y + self.w[p + "D"] * x.float()
        return self.linear((y * F.silu(z.float())).to(self.dtype), p + "out_proj"), y.to(self.dtype)

    def heads_of(self, x, count):
        return x.unflatten(-1, (count, self.head_dim)).transpose(1, 2)

    def differential(self, i, y):
        """y: what the four ways gave, [batch, 2 * heads, tokens, head_dim]."""
        a11, a12, a21, a22 = y.float().chunk(4, 1)
        o = torch.cat((a11, a12), -1) - self.w[f"{i}.lambda"] * torch.cat((a21, a22), -1)
        o = F.rms_norm(o, (2 * self.head_dim,), self.w[f"{i}.attn.inner_cross_attn.subln.weight"], 1e-5)
        o = (o * (1 - self.lambda0(i))).transpose(1, 2).flatten(2).to(self.dtype)
        return self.linear(o, f"{i}.attn.out_proj")

    def project(self, i, u):
        kv = self.kv_heads * self.head_dim
        q, k, v = self.linear(u, f"{i}.attn.Wqkv").split((self.hidden, kv, kv), -1)
        return self.heads_of(q, self.heads), self.heads_of(k, self.kv_heads), self.heads_of(v, self.kv_heads)

    def window_attention(self, i, u, state, position):
        q, k, v = self.project(i, u)
        keys, values = state
        if u.shape[1] > 1:  # from position 0: the ring gets the last of them
            n = min(self.window, u.shape[1])
            slots = torch.arange(u.shape[1] - n, u.shape[1], device=self.device) % self.window
            keys[:, :, slots], values[:, :, slots] = k[:, :, -n:], v[:, :, -n:]
            return self.differential(i, window_sdpa(*four_ways(q, k, v), self.window))
        slot = position % self.window
        keys[:, :, slot], values[:, :, slot] = k[:, :, 0], v[:, :, 0]
        n = min(self.window, position + 1)  # the order of keys does not matter
        return self.differential(i, sdpa(*four_ways(q, keys[:, :, :n], values[:, :, :n])))

    def full_attention(self, i, u, state, n):
        """Queries of the last token, or of a decoded one, on the n tokens of the shared cache."""
        q = self.heads_of(F.linear(u, self.w[f"{i}.attn.Wqkv.weight"][: self.hidden],
                                   self.w[f"{i}.attn.Wqkv.bias"][: self.hidden].to(u.dtype)), self.heads)
        keys, values = state
        return self.differential(i, sdpa(*four_ways(q, keys[:, :, :n], values[:, :, :n])))

    def append(self, i, u, state, position):
        q = self.hidden
        kv = F.linear(u, self.w[f"{i}.attn.Wqkv.weight"][q:], self.w[f"{i}.attn.Wqkv.bias"][q:].to(u.dtype))
        k, v = (self.heads_of(t, self.kv_heads) for t in kv.chunk(2, -1))
        end = position + u.shape[1]
        state[0][:, :, position:end], state[1][:, :, position:end] = k, v

    def mlp(self, i, h):
        gate, up = self.linear(self.norm(h, f"{i}.post_attention_layernorm"), f"{i}.mlp.fc1").chunk(2, -1)
        return self.linear((F.silu(gate.float()) * up.float()).to(self.dtype), f"{i}.mlp.fc2")

    def forward(self, ids, state, position):
        """ids [batch, tokens] at `position`; more than one token only at 0. Logits [batch, vocabulary] of the last."""
        h = F.embedding(ids, self.w["embed_tokens.weight"]).float()
        memory = None
        for i in range(self.border):
            u = self.norm(h, f"{i}.input_layernorm")
            if i % 2 == 0:
                out, memory = self.mamba(i, u, state[i])
            else:
                out = self.window_attention(i, u, state[i], position)
            h = h + out
            h = h + self.mlp(i, h)
        b = self.border
        self.append(b, self.norm(h, f"{b}.input_layernorm"), state[b], position)
        n = position + ids.shape[1]
        h, memory = h[:, -1:], memory[:, -1:]  # nothing above keeps anything of the other tokens
        for i in range(b, self.layers):
            u = self.norm(h, f"{i}.input_layernorm")
            if i % 2 == 1:
                out = self.full_attention(i, u, state[b], n)
            else:
                gate = F.silu(self.linear(u, f"{i}.attn.in_proj").float()) * memory.float()
                out = self.linear(gate.to(self.dtype), f"{i}.attn.out_proj")
            h = h + out
            h = h + self.mlp(i, h)
        return F.linear(self.norm(h[:, 0], "final_layernorm"), self.w["embed_tokens.weight"]).float()


# ---- checks and measurements


def check(directory, device):
    """Prompts and greedy continuations of a golden model in f32, by the rule of its README."""
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    expected = read_safetensors(os.path.join(directory, "expected.safetensors"))
    model = SambaY(directory, device, torch.float32, compiled=False)
    worst, case = 0.0, 0
    while f"c{case}.input_ids" in expected:
        prompt = expected[f"c{case}.input_ids"].tolist()
        following = expected[f"c{case}.greedy_ids"].tolist()
        want = expected[f"c{case}.greedy_logits"].double()
        state = model.new_state(1, len(prompt) + len(following))
        for row, position in enumerate(range(len(prompt), len(prompt) + len(following) + 1)):
            ids, at = (prompt, 0) if row == 0 else ([following[row - 1]], position - 1)
            logits = model.forward(torch.tensor([ids], device=device), state, at)[0].cpu().double()
            worst = max(worst, ((logits - want[row]).abs().max() / want[row].abs().max()).item())
            if row < len(following) and logits.argmax().item() != following[row]:
                sys.exit(f"{directory} case {case}: token {row} is {logits.argmax().item()}, expected {following[row]}")
        case += 1
    print(f"{directory}: {case} cases, largest relative difference {worst:.1e}, allowed 2e-4")
    return 0 if case and worst <= 2e-4 else 1


def replay(function):
    """The function as a CUDA graph."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            function()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        function()
    return graph.replay


def seconds(function, rounds=10):
    """The median by the card's clock."""
    function()
    times = []
    for _ in range(rounds):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        function()
        end.record()
        end.synchronize()
        times.append(begin.elapsed_time(end) / 1e3)
    return statistics.median(times)


def fastest(variants):
    """Seconds of the fastest of the functions, by name; what a variant cannot do is said and left out."""
    best = math.inf
    for name, function in variants.items():
        try:
            took = seconds(replay(function))
        except Exception as failure:  # a kernel that does not take these shapes, a compiler that gives up
            print(f"{name}: {type(failure).__name__}: {failure}".splitlines()[0], file=sys.stderr)
            continue
        print(f"{name}: {took * 1e3:.3f} ms", file=sys.stderr)
        best = min(best, took)
    if best == math.inf:
        sys.exit("no variant ran")
    return best


def by_kernel(ways):
    """The calls of SDPA, causal, once for each of PyTorch's kernels alone, and as PyTorch chooses."""

    def alone(backend):
        def run():
            with sdpa_kernel(backend):
                return [sdpa(*way, causal=True) for way in ways]

        return run

    named = ("FLASH_ATTENTION", "CUDNN_ATTENTION", "EFFICIENT_ATTENTION")
    variants = {name: alone(getattr(SDPBackend, name)) for name in named if hasattr(SDPBackend, name)}
    variants["as PyTorch chooses"] = lambda: [sdpa(*way, causal=True) for way in ways]
    # Kernels that do not share keys between heads get a copy for each: the copying is not timed.
    shared = ways[0][0].shape[1] // ways[0][1].shape[1]
    repeated = [(q, k.repeat_interleave(shared, 1), v.repeat_interleave(shared, 1)) for q, k, v in ways]
    if shared > 1:
        variants |= {f"{name}, keys repeated": run for name, run in by_kernel(repeated).items()}
    return variants


def compiled_or_not(function):
    """torch.compile where it succeeds: a new PyTorch may trip over it."""
    compiled = torch.compile(function, mode="max-autotune-no-cudagraphs", dynamic=False)
    try:
        compiled()
        return compiled
    except Exception as failure:  # whatever the compiler throws, the peer runs without it and says so
        print(f"not compiled: {type(failure).__name__}: {failure}".splitlines()[0], file=sys.stderr)
        return function


def measure(model, what):
    kind, _, size = what.partition(":")
    if kind == "decode":
        batch, context = (int(n) for n in size.split("x"))
        state = model.new_state(batch, context + 1)
        ids = torch.randint(0, 1000, (batch, 1), device="cuda")
        step = compiled_or_not(lambda: model.forward(ids, state, context).argmax(-1))
        return f"decode b{batch} c{context}", seconds(replay(step), 50)
    tokens = int(size)
    if kind == "prefill":
        state = model.new_state(1, tokens)
        ids = torch.randint(0, 1000, (1, tokens), device="cuda")
        return f"prefill {tokens}", seconds(replay(lambda: model.forward(ids, state, 0).argmax(-1)), 5)
    random = lambda heads: torch.randn(1, heads, tokens, model.head_dim, device="cuda", dtype=model.dtype)
    if kind in ("sdpa4", "sdpa2"):
        q, k, v = random(model.heads), random(model.kv_heads), random(model.kv_heads)
        half = lambda t, which: t[:, which::2].contiguous()
    if kind == "sdpa4":
        ways = [(half(q, b), half(k, b), half(v, j)) for b in (0, 1) for j in (0, 1)]
        return f"sdpa4 {tokens}", fastest(by_kernel(ways))
    if kind == "sdpa2":
        wide = torch.cat((half(v, 0), half(v, 1)), -1)
        return f"sdpa2 {tokens}", fastest(by_kernel([(half(q, b), half(k, b), wide) for b in (0, 1)]))
    if kind == "scan":
        x, delta = (torch.rand(1, tokens, model.inner, device="cuda") for _ in range(2))
        b, c = (torch.randn(1, tokens, model.states, device="cuda") for _ in range(2))
        a = -torch.rand(model.inner, model.states, device="cuda") - 0.5
        scans = {f"chunks of {n}": Scan(compiled=True, chunk=n) for n in SCAN_CHUNKS}
        return f"scan {tokens}", fastest({name: partial(scan, delta, x, b, c, a) for name, scan in scans.items()})
    sys.exit(f"no measurement {what}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--out")
    parser.add_argument("measure", nargs="*")
    options = parser.parse_args()
    with torch.inference_mode():
        if options.check:
            sys.exit(check(options.model, "cuda" if torch.cuda.is_available() else "cpu"))
        if not torch.cuda.is_available():
            sys.exit("there is no CUDA device")
        model = SambaY(options.model, "cuda", torch.bfloat16, compiled=True)
        for what in options.measure:
            try:
                key, took = measure(model, what)
            except torch.cuda.OutOfMemoryError as failure:
                print(f"{what}: {failure}".splitlines()[0], file=sys.stderr)
                continue
            print(f"{key}\t{took:.9g}", flush=True)
            if options.out:
                with open(options.out, "a") as file:
                    file.write(f"{key}\t{took:.9g}\n")
            torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
