"""Signals made of integers alone, so that Rust makes the same ones to the last bit."""

import numpy as np

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
