"""Writes blocks.json, dense.gguf and dense.json from the published layouts alone, with NumPy and nothing of this project.

Run in this directory: python3 make_cases.py
"""
import json
import struct
from pathlib import Path

import numpy as np

GOLDEN = Path(__file__).resolve().parents[6] / "native/tests/goldens/phi4mini-tiny"
F32, F16, Q4_0, Q8_0, Q6_K, BF16 = 0, 1, 2, 8, 14, 30
NAMES = {F32: "F32", F16: "F16", Q4_0: "Q4_0", Q8_0: "Q8_0", Q6_K: "Q6_K", BF16: "BF16"}


# ---- decoding, written from the layouts in ggml-common.h

def f16(raw):
    return np.frombuffer(raw, "<f2").astype(np.float32)


def decode(kind, raw):
    if kind == F32:
        return np.frombuffer(raw, "<f4")
    if kind == F16:
        return f16(raw)
    if kind == BF16:
        return (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32)
    if kind == Q8_0:
        blocks = np.frombuffer(raw, np.uint8).reshape(-1, 34)
        scale = f16(blocks[:, :2].tobytes())
        return (scale[:, None] * blocks[:, 2:].astype(np.int8).astype(np.float32)).ravel()
    if kind == Q4_0:
        blocks = np.frombuffer(raw, np.uint8).reshape(-1, 18)
        scale = f16(blocks[:, :2].tobytes())
        codes = np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], axis=1).astype(np.int8) - 8
        return (scale[:, None] * codes.astype(np.float32)).ravel()
    blocks = np.frombuffer(raw, np.uint8).reshape(-1, 210)
    low, high = blocks[:, :128].reshape(-1, 2, 2, 32), blocks[:, 128:192].reshape(-1, 2, 32)
    scale = blocks[:, 192:208].astype(np.int8).astype(np.float32)
    d = f16(blocks[:, 208:].tobytes())
    codes = np.empty((len(blocks), 2, 4, 32), np.int16)
    for quarter in range(4):
        nibbles = low[:, :, quarter % 2] >> (4 * (quarter // 2)) & 15
        codes[:, :, quarter] = (nibbles | (high >> (2 * quarter) & 3) << 4).astype(np.int16) - 32
    values = codes.reshape(-1, 16, 16).astype(np.float32) * (d[:, None] * scale)[:, :, None]
    return values.ravel()


# ---- encoding

def encode(kind, x):
    x = np.ascontiguousarray(x, np.float32)
    if kind == F32:
        return x.tobytes()
    if kind == F16:
        return x.astype("<f2").tobytes()
    if kind == BF16:
        bits = x.view(np.uint32).astype(np.uint64)
        return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype("<u2").tobytes()
    rows = x.reshape(-1, 32)
    largest = rows[np.arange(len(rows)), np.abs(rows).argmax(axis=1)]
    d = np.abs(largest) / np.float32(127) if kind == Q8_0 else largest / np.float32(-8)
    inverse = np.divide(np.float32(1), d, out=np.zeros_like(d), where=d != 0)
    scaled = rows * inverse[:, None]
    if kind == Q8_0:
        codes = np.copysign(np.floor(np.abs(scaled) + np.float32(0.5)), scaled).astype(np.int8).view(np.uint8)
    else:
        codes = np.minimum(15, (scaled + np.float32(8.5)).astype(np.int8)).astype(np.uint8)
        codes = codes[:, :16] | codes[:, 16:] << 4
    return np.concatenate([d.astype("<f2").view(np.uint8).reshape(-1, 2), codes], axis=1).tobytes()


# ---- one file

def string(text):
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def value(v):
    if isinstance(v, bool):
        return struct.pack("<I?", 7, v)
    if isinstance(v, int):
        return struct.pack("<II", 4, v)
    if isinstance(v, float):
        return struct.pack("<If", 6, v)
    if isinstance(v, str):
        return struct.pack("<I", 8) + string(v)
    if isinstance(v[0], str):
        return struct.pack("<IIQ", 9, 8, len(v)) + b"".join(map(string, v))
    return struct.pack(f"<IIQ{len(v)}i", 9, 5, len(v), *v)


def write(path, pairs, tensors):
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(pairs))
    head += b"".join(string(k) + value(v) for k, v in pairs.items())
    data = b""
    for name, kind, shape, raw in tensors:
        data += b"\0" * (-len(data) % 32)
        head += string(name) + struct.pack(f"<I{len(shape)}Q", len(shape), *reversed(shape))
        head += struct.pack("<IQ", kind, len(data))
        data += raw
    path.write_bytes(head + b"\0" * (-len(head) % 32) + data)


def golden():
    raw = (GOLDEN / "model.safetensors").read_bytes()
    length = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:8 + length])
    for name, info in header.items():
        if name != "__metadata__":
            begin, end = info["data_offsets"]
            yield name, np.frombuffer(raw[8 + length + begin:8 + length + end], "<f4").reshape(info["shape"])


def gguf_name(name):
    parts = {"input_layernorm": "attn_norm", "self_attn.qkv_proj": "attn_qkv", "self_attn.o_proj": "attn_output",
             "post_attention_layernorm": "ffn_norm", "mlp.gate_up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}
    whole = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight"}
    if name in whole:
        return whole[name]
    layer, part = name.removeprefix("model.layers.").removesuffix(".weight").split(".", 1)
    return f"blk.{layer}.{parts[part]}.weight"


def vocabulary(size):
    """The 256 bytes, a few merges, control tokens, and what fills the embedding up."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = iter(range(256, 512))
    letters = [chr(b) if b in printable else chr(next(rest)) for b in range(256)]
    space = letters[32]
    merges = [("t", "h"), ("th", "e"), (space, "the"), ("i", "n"), ("in", "g"), ("e", "r"), (space, "a"), ("o", "n")]
    tokens = letters + [a + b for a, b in merges]
    kinds = [1] * len(tokens)
    for control in ["<|endoftext|>", "<|assistant|>", "<|end|>", "<|user|>", "<|system|>"]:
        tokens.append(control)
        kinds.append(3)
    while len(tokens) < size:
        tokens.append(f"[PAD{len(tokens)}]")
        kinds.append(5)
    return tokens, kinds, [f"{a} {b}" for a, b in merges]


def main():
    here = Path(__file__).parent
    rng = np.random.default_rng(20261123)
    blocks = {}
    for kind, size in ((Q8_0, 34), (Q4_0, 18), (Q6_K, 210)):
        raw = rng.integers(0, 256, (4, size), np.uint8)
        at = 208 if kind == Q6_K else 0
        raw[:, at:at + 2] = np.array([0.01, -1.5, 0.0, 6e-6], "<f2").view(np.uint8).reshape(-1, 2)
        x = (rng.standard_normal(128) * 10.0 ** rng.integers(-3, 3, 128)).astype(np.float32)
        x[32:64] = 0
        blocks[NAMES[kind]] = {"bytes": raw.tobytes().hex(), "values": decode(kind, raw.tobytes()).tolist()}
        if kind != Q6_K:
            blocks[NAMES[kind]] |= {"numbers": x.tolist(), "encoded": encode(kind, x).hex()}
    (here / "blocks.json").write_text(json.dumps(blocks) + "\n")

    config = json.loads((GOLDEN / "config.json").read_text())
    scaling = config["rope_scaling"]
    tensors = []
    expected = {}
    kinds = [Q8_0, Q4_0, BF16, F16, F32]
    for i, (name, x) in enumerate(golden()):
        kind = F32 if x.ndim == 1 else Q8_0 if "embed" in name else kinds[i % len(kinds)]
        raw = encode(kind, x)
        y = decode(kind, raw).astype(np.float64)
        probes = rng.integers(0, x.size, 16)
        expected[name] = {"type": NAMES[kind], "sum": y.sum(), "at": probes.tolist(), "values": y[probes].tolist()}
        tensors.append((gguf_name(name), kind, x.shape, raw))
    for which in ("long", "short"):
        factors = np.array(scaling[which + "_factor"], np.float32)
        tensors.append((f"rope_factors_{which}.weight", F32, factors.shape, factors.tobytes()))
    tokens, token_types, merges = vocabulary(config["vocab_size"])
    extension = config["max_position_embeddings"] / config["original_max_position_embeddings"]
    pairs = {
        "general.architecture": "phi3",
        "general.name": "dense",
        "phi3.context_length": config["max_position_embeddings"],
        "phi3.rope.scaling.original_context_length": config["original_max_position_embeddings"],
        "phi3.embedding_length": config["hidden_size"],
        "phi3.feed_forward_length": config["intermediate_size"],
        "phi3.block_count": config["num_hidden_layers"],
        "phi3.attention.head_count": config["num_attention_heads"],
        "phi3.attention.head_count_kv": config["num_key_value_heads"],
        "phi3.attention.layer_norm_rms_epsilon": config["rms_norm_eps"],
        "phi3.attention.sliding_window": config["sliding_window"],
        "phi3.rope.dimension_count": int(config["partial_rotary_factor"] * config["hidden_size"] // config["num_attention_heads"]),
        "phi3.rope.freq_base": config["rope_theta"],
        "phi3.rope.scaling.attn_factor": float(np.sqrt(1 + np.log(extension) / np.log(config["original_max_position_embeddings"]))),
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-4o",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": token_types,
        "tokenizer.ggml.merges": merges,
        "tokenizer.ggml.bos_token_id": tokens.index("<|endoftext|>"),
        "tokenizer.ggml.eos_token_id": tokens.index("<|endoftext|>"),
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.chat_template": "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}"
                                   "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}",
    }
    write(here / "dense.gguf", pairs, tensors)
    (here / "dense.json").write_text(json.dumps(expected, indent=1) + "\n")


main()
