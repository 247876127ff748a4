"""Runs a model over clips and prints what it cost as a line of JSON, as `pipit-eval bench` wants it."""

import json
import sys
import time
from pathlib import Path

import numpy as np


def measure(model, judge):
    clips = [np.fromfile(path, dtype=np.float32) for path in sorted(Path(sys.argv[1]).glob("*.f32"))]
    probabilities, best = [], float("inf")
    for run in range(int(sys.argv[2]) + 1):
        before = time.thread_time()
        probabilities = [probability for clip in clips for probability in judge(model, clip)]
        # The first run warms caches and does not count.
        if run > 0:
            best = min(best, time.thread_time() - before)
    answer = {"name": model.name, "cpu_per_call_s": best / len(probabilities), "probabilities": probabilities}
    print(json.dumps(answer))
