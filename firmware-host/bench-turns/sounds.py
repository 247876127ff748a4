"""Sounds to interrupt with, as WAV files: words by voices of espeak-ng, and what is no speech."""

import array
import math
import random
import subprocess
import wave

RATE = 16_000
VOICES = ("en-us", "en-us+f3", "en-us+m3", "en-gb", "en-gb+f2", "en-us+m7")

# Where the files go.
folder = "."


def spoken(words: str, voice: str) -> str:
    file = f"{folder}/{words.replace(' ', '-')}-{voice}.wav"
    subprocess.run(["espeak-ng", "-v", voice, "-w", file, words], check=True)
    return file


def mm_hm(voice: str) -> str:
    """The sound by its phonemes: written as a word it would be spelt."""
    file = f"{folder}/mm-hm-{voice}.wav"
    subprocess.run(["espeak-ng", "-v", voice, "-w", file, "[[m'@hm]]"], check=True)
    return file


def cough() -> str:
    """Two bursts of noise, each of which begins at once and dies away."""
    chance = random.Random(1)
    samples, smooth = [], 0.0
    for length, level in ((0.22, 0.6), (0.12, 0.0), (0.18, 0.45)):
        for n in range(round(length * RATE)):
            smooth += (chance.uniform(-1, 1) - smooth) * 0.6
            samples.append(level * smooth * math.exp(-n / (0.07 * RATE)))
    return write("cough", samples)


def door() -> str:
    """A thump of 70 Hz with a click at its beginning."""
    chance = random.Random(2)
    thump = lambda n: 0.9 * math.sin(math.tau * 70 * n / RATE) * math.exp(-n / (0.09 * RATE))
    click = lambda n: 0.5 * chance.uniform(-1, 1) * math.exp(-n / (0.006 * RATE))
    return write("door", [thump(n) + click(n) for n in range(round(0.5 * RATE))])


def write(name: str, samples: list[float]) -> str:
    file = f"{folder}/{name}.wav"
    with wave.open(file, "wb") as wav:
        wav.setparams((1, 2, RATE, 0, "NONE", "not compressed"))
        wav.writeframes(array.array("h", (round(max(-1, min(1, sample)) * 32_767) for sample in samples)).tobytes())
    return file
