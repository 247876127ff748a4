"""Writes the reference numbers of models/tests/parity.rs: what the Python packages make of made-up signals.

The signals are made of integers alone, so that Rust makes the same ones to the last bit. Needs the packages
`numpy`, `onnxruntime`, `silero-vad` (only its model file) and `pipecat-ai`.

    python references.py ../../tests/parity
"""

import sys
from pathlib import Path

import numpy as np

from reference_models import SileroReference, SmartTurnReference

MASK = 0xFFFFFFFF


def signal(seed: int, length: int) -> np.ndarray:
    """Buzzing syllables of 0.2 s with gliding pitch, noise in them, and a pause in place of each fourth."""
    state, phase, samples = seed, 0, []
    for i in range(length):
        state = (state * 1664525 + 1013904223) & MASK
        noise = (state >> 16) - 32768
        phase = (phase + 268435 * (100 + 25 * ((i // 1600 + seed) % 5))) & MASK
        buzz = (phase >> 16) - 32768
        formant = ((phase * 7 & MASK) >> 16) - 32768
        within = i % 3200
        envelope = 0 if (i // 3200 + seed) % 4 == 3 else min(within, 3200 - within)
        samples.append((6 * buzz + 3 * formant + noise) * envelope >> 15)
    return np.array(samples, dtype=np.float32) / np.float32(32768)


def main(folder: Path) -> None:
    silero = SileroReference()
    with open(folder / "silero.tsv", "w") as out:
        for seed, frames in [(1, 200), (2, 60)]:
            silero.reset()
            samples = signal(seed, frames * 512).reshape(-1, 512)
            # Long enough for the state to be reset.
            samples[80:140] = 0
            for i, frame in enumerate(samples):
                out.write(f"{seed}\t{i}\t{silero(frame):.8f}\n")
    smart_turn = SmartTurnReference()
    lengths = [0, 1, 399, 8000, 16000, 24000, 40000, 64000, 100000, 127999, 128000, 128001, 200000]
    with open(folder / "smart_turn.tsv", "w") as out:
        for seed, length in enumerate(lengths, start=1):
            out.write(f"{seed}\t{length}\t{smart_turn(signal(seed, length)):.8f}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
