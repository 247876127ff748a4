"""Writes the reference figures of openWakeWord: what its Python package makes of made-up signals and of recordings.

The signals are those of references.py. The recordings are the first of some labels in the shared test data; only their
names and scores are written down. The package fills its memory with random noise before a stream; here that noise is the
same each time, and Rust makes the same.

    python wake_references.py ../../tests/parity FOLDER_OF_WAKE_WORDS
"""

import csv
import sys
from importlib.metadata import files
from pathlib import Path

import numpy as np
import soundfile
from openwakeword.model import Model

from signals import MASK, signal

HOP = 1280
PHRASES = ["hey_jarvis", "alexa", "hey_mycroft", "hey_rhasspy"]
CLIPS_OF_A_LABEL = 3
# Which phrase is looked for in which recordings.
LABELS = [("hey_jarvis", "jarvis"), ("alexa", "alexa"), ("alexa", "smart mirror")]


def prelude(_low: int, _high: int, length: int) -> np.ndarray:
    """In place of `numpy.random.randint(-1000, 1000, length)`."""
    state, samples = 1, []
    for _ in range(length):
        state = (state * 1664525 + 1013904223) & MASK
        samples.append((np.float32(state >> 16) / np.float32(32768) - np.float32(1)) * np.float32(1000))
    return np.trunc(np.array(samples, dtype=np.float32))


def load(phrase: str) -> Model:
    (path,) = [file for file in files("openwakeword") if file.name == f"{phrase}_v0.1.onnx"]
    np.random.randint = prelude
    return Model(wakeword_models=[str(path.locate())], inference_framework="onnx")


def hops(samples: np.ndarray) -> list[np.ndarray]:
    return [samples[at : at + HOP] for at in range(0, len(samples) - HOP + 1, HOP)]


def scores(phrase: str, samples: np.ndarray) -> str:
    model = load(phrase)
    (name,) = model.models
    return " ".join(f"{model.predict(hop)[name]:.5f}" for hop in hops(samples))


def made_up(seed: int, seconds: int) -> np.ndarray:
    return (signal(seed, seconds * 16000) * 32768).astype(np.int16)


def main(folder: Path, corpus: Path) -> None:
    with open(folder / "openwakeword.tsv", "w") as out:
        for phrase in PHRASES:
            out.write(f"{phrase}\t\t{scores(phrase, made_up(1, 4))}\n")
        with open(corpus / "manifest.tsv") as manifest:
            rows = list(csv.DictReader(manifest, delimiter="\t"))
        for phrase, label in LABELS:
            for row in [row for row in rows if row["label"] == label][:CLIPS_OF_A_LABEL]:
                samples, rate = soundfile.read(corpus / row["file"], dtype="int16")
                assert rate == 16000
                quiet = np.zeros(rate, dtype=np.int16)
                out.write(f"{phrase}\t{row['file']}\t{scores(phrase, np.concatenate([quiet, samples, quiet]))}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
