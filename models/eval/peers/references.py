"""Writes the reference numbers of models/tests/parity.rs: what the Python packages make of made-up signals.

The signals are those of signals.py, which Rust makes too. Needs the packages `numpy`, `onnxruntime`, `silero-vad` (only
its model file) and `pipecat-ai`.

    python references.py ../../tests/parity
"""

import sys
from pathlib import Path

from reference_models import SileroReference, SmartTurnReference
from signals import signal


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
