#!/usr/bin/env python3
"""Writes whisper.cpp model files of Whisper's true architecture with random weights.

They understand nothing and cost exactly what the real models of that size and type cost to load and to run, so they
stand in for those where only speed and memory are measured and nothing may be downloaded.

    python3 -m venv venv && venv/bin/pip install numpy
    venv/bin/python models/eval/standins/whisper.py --out FOLDER tiny.en base.en-q5_1 large-v3-turbo-q8_0

A name is a size (see SIZES) and, after a dash, the type of the weights: f16 (the default), q8_0, q5_0 or q5_1. The file is
called standin-NAME.bin. The same name and seed give the same bytes.

The format is what whisper.cpp's `whisper_model_load` reads; the sizes are those of OpenAI's `whisper.model.ModelDimensions`;
which tensors are quantised follows whisper.cpp's `quantize`.
"""

import argparse
import pathlib
import struct

import numpy as np

# Name: vocabulary, audio width, audio heads, audio layers, text width, text heads, text layers, mel bands.
SIZES = {
    "tiny.en": (51864, 384, 6, 4, 384, 6, 4, 80),
    "tiny": (51865, 384, 6, 4, 384, 6, 4, 80),
    "base.en": (51864, 512, 8, 6, 512, 8, 6, 80),
    "base": (51865, 512, 8, 6, 512, 8, 6, 80),
    "small.en": (51864, 768, 12, 12, 768, 12, 12, 80),
    "small": (51865, 768, 12, 12, 768, 12, 12, 80),
    "large-v3-turbo": (51866, 1280, 20, 32, 1280, 20, 4, 128),
}
AUDIO_CONTEXT, TEXT_CONTEXT = 1500, 448
BLANK = 220  # the token " " of GPT-2's vocabulary

# Type: (the file's ftype, ggml's number of the tensor type).
F32 = 0
TYPES = {"f16": (1, 1), "q8_0": (2007, 8), "q5_0": (2008, 6), "q5_1": (2009, 7)}
BLOCK = 32  # weights that share a scale


def tensors(size):
    """Yields (name, shape) of every tensor, in the order of OpenAI's checkpoints."""
    vocabulary, audio_width, _, audio_layers, text_width, _, text_layers, mels = SIZES[size]
    yield "encoder.positional_embedding", (AUDIO_CONTEXT, audio_width)
    yield "encoder.conv1.weight", (audio_width, mels, 3)
    yield "encoder.conv1.bias", (audio_width, 1)
    yield "encoder.conv2.weight", (audio_width, audio_width, 3)
    yield "encoder.conv2.bias", (audio_width, 1)
    for layer in range(audio_layers):
        yield from block(f"encoder.blocks.{layer}", audio_width, ["attn"])
    yield "encoder.ln_post.weight", (audio_width,)
    yield "encoder.ln_post.bias", (audio_width,)
    yield "decoder.positional_embedding", (TEXT_CONTEXT, text_width)
    yield "decoder.token_embedding.weight", (vocabulary, text_width)
    for layer in range(text_layers):
        yield from block(f"decoder.blocks.{layer}", text_width, ["attn", "cross_attn"])
    yield "decoder.ln.weight", (text_width,)
    yield "decoder.ln.bias", (text_width,)


def block(name, width, attentions):
    for attention in attentions:
        for part in ("query", "key", "value", "out"):
            yield f"{name}.{attention}.{part}.weight", (width, width)
            if part != "key":
                yield f"{name}.{attention}.{part}.bias", (width,)
        yield f"{name}.{attention}_ln.weight", (width,)
        yield f"{name}.{attention}_ln.bias", (width,)
    yield f"{name}.mlp.0.weight", (4 * width, width)
    yield f"{name}.mlp.0.bias", (4 * width,)
    yield f"{name}.mlp.2.weight", (width, 4 * width)
    yield f"{name}.mlp.2.bias", (width,)
    yield f"{name}.mlp_ln.weight", (width,)
    yield f"{name}.mlp_ln.bias", (width,)


def values(name, shape, random):
    """Weights that keep the activations in an ordinary range, so that no arithmetic meets infinities."""
    if name == "encoder.positional_embedding":
        return sinusoids(*shape)
    if "ln" in name.split(".")[-2]:  # layer normalisation: leave what passes through alone
        return np.full(shape, name.endswith("weight"), dtype=np.float32)
    if name.endswith("bias"):
        return np.zeros(shape, dtype=np.float32)
    fan_in = 2500 if "embedding" in name else int(np.prod(shape[1:]))
    return random.standard_normal(shape, dtype=np.float32) / np.float32(np.sqrt(fan_in))


def sinusoids(length, channels):
    """Whisper's fixed positions (Radford et al. 2022, section 2.2)."""
    inverse = np.exp(-np.log(10000) / (channels // 2 - 1) * np.arange(channels // 2))
    angles = np.arange(length)[:, None] * inverse[None]
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)


def mel_filters(bands, rate=16000, fft=400):
    """Slaney's triangular filters, each of unit area, as [bands, fft / 2 + 1]."""
    # Linear up to 1 kHz, logarithmic above: 15 mels, and 27 mels for each factor of 6.4.
    top = 15 + 27 * np.log(rate / 2 / 1000) / np.log(6.4)
    mels = np.linspace(0, top, bands + 2)
    edges = np.where(mels < 15, mels * 200 / 3, 1000 * 6.4 ** ((mels - 15) / 27))
    frequencies = np.linspace(0, rate / 2, fft // 2 + 1)
    rising = (frequencies - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - frequencies) / np.diff(edges)[1:, None]
    area = 2 / (edges[2:] - edges[:-2])
    return (np.maximum(0, np.minimum(rising, falling)) * area[:, None]).astype(np.float32)


def q8_0(weights):
    blocks = weights.reshape(-1, BLOCK)
    scale = np.abs(blocks).max(axis=1, keepdims=True) / 127
    packed = np.empty(len(blocks), dtype=[("scale", "<f2"), ("values", "i1", BLOCK)])
    packed["scale"] = scale[:, 0]
    packed["values"] = np.rint(blocks / np.where(scale, scale, 1))
    return packed


def q5_0(weights):
    blocks = weights.reshape(-1, BLOCK)
    furthest = np.take_along_axis(blocks, np.abs(blocks).argmax(axis=1)[:, None], axis=1)
    scale = furthest / -16
    levels = np.clip(np.floor(blocks / np.where(scale, scale, 1) + 16.5), 0, 31)
    return pack_five_bits([("scale", scale)], levels)


def q5_1(weights):
    blocks = weights.reshape(-1, BLOCK)
    least = blocks.min(axis=1, keepdims=True)
    scale = (blocks.max(axis=1, keepdims=True) - least) / 31
    levels = np.clip(np.floor((blocks - least) / np.where(scale, scale, 1) + 0.5), 0, 31)
    return pack_five_bits([("scale", scale), ("least", least)], levels)


def pack_five_bits(heads, levels):
    """The fifth bits together in 32 bits, then two weights to a byte: one of the first half, one of the second."""
    levels = levels.astype(np.uint32)
    fields = [(name, "<f2") for name, _ in heads] + [("fifths", "<u4"), ("nibbles", "u1", BLOCK // 2)]
    packed = np.empty(len(levels), dtype=fields)
    for name, value in heads:
        packed[name] = value[:, 0]
    packed["fifths"] = ((levels >> 4) << np.arange(BLOCK, dtype=np.uint32)).sum(axis=1)
    packed["nibbles"] = (levels[:, : BLOCK // 2] & 15) | ((levels[:, BLOCK // 2 :] & 15) << 4)
    return packed


QUANTISE = {"f16": lambda weights: weights.astype("<f2"), "q8_0": q8_0, "q5_0": q5_0, "q5_1": q5_1}


def stored_as(name, shape, kind):
    """The type that whisper.cpp expects a tensor in: matrices in the file's own, convolutions in f16, the rest in f32."""
    if len(shape) == 1 or name.endswith("positional_embedding") or name.endswith("bias"):
        return None
    return kind if len(shape) == 2 else "f16"


def write_tensor(out, name, data, stored):
    encoded = name.encode()
    number = F32 if stored is None else TYPES[stored][1]
    out.write(struct.pack("<3i", data.ndim, len(encoded), number))
    out.write(struct.pack(f"<{data.ndim}i", *reversed(data.shape)))
    out.write(encoded)
    # By the thousand rows: a whole embedding of turbo, as it is being packed, would take gigabytes.
    for start in range(0, len(data), 1000):
        rows = np.ascontiguousarray(data[start : start + 1000])
        out.write((rows.astype("<f4") if stored is None else QUANTISE[stored](rows)).tobytes())


def write_model(path, size, kind, seed):
    vocabulary, audio_width, audio_heads, audio_layers, text_width, text_heads, text_layers, mels = SIZES[size]
    random = np.random.default_rng(seed)
    with open(path, "wb") as out:
        out.write(struct.pack("<i", 0x67676D6C))
        audio = (AUDIO_CONTEXT, audio_width, audio_heads, audio_layers)
        text = (TEXT_CONTEXT, text_width, text_heads, text_layers)
        out.write(struct.pack("<11i", vocabulary, *audio, *text, mels, TYPES[kind][0]))
        filters = mel_filters(mels)
        out.write(struct.pack("<2i", *filters.shape) + filters.astype("<f4").tobytes())
        # What the tokens read as does not matter; how many there are does, and that one is a blank, which whisper.cpp
        # looks up by its text. It adds the special ones itself.
        words = 50256 if size.endswith(".en") else 50257
        out.write(struct.pack("<i", words))
        for word in range(words):
            text_of = b" " if word == BLANK else f" w{word}".encode()
            out.write(struct.pack("<i", len(text_of)) + text_of)
        for name, shape in tensors(size):
            write_tensor(out, name, values(name, shape, random), stored_as(name, shape, kind))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+", metavar="NAME", help="a size, and -TYPE unless it is f16")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("."), help="the folder to write into")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    models = []
    for name in arguments.names:
        size, _, kind = name.rpartition("-")
        if kind not in TYPES:
            size, kind = name, "f16"
        if size not in SIZES:
            parser.error(f"{name}: the sizes are {', '.join(SIZES)}, the types {', '.join(TYPES)}")
        models.append((name, size, kind))
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, size, kind in models:
        path = arguments.out / f"standin-{name}.bin"
        write_model(path, size, kind, arguments.seed)
        print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
