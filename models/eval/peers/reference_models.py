"""Silero VAD and Smart Turn as their Python packages run them."""

import importlib.metadata

import numpy as np

FRAMES_BETWEEN_RESETS = 63
QUIET_FRAMES_BEFORE_RESET = 31
QUIET_BELOW = 0.1


class SileroReference:
    """The package's own wrapper where torch is installed, and otherwise pipecat's, which does the same with NumPy.

    Both run the package's main model file, `silero_vad.onnx`. The rule for resetting the state is Pipit's, so that
    probabilities can be compared frame by frame.
    """

    def __init__(self) -> None:
        model = model_file()
        try:
            import torch
            from silero_vad.utils_vad import OnnxWrapper

            torch.set_num_threads(1)
            wrapper = OnnxWrapper(model, force_onnx_cpu=True)
            self.run = lambda frame: wrapper(torch.from_numpy(frame), 16000).item()
            self.name = "silero-vad OnnxWrapper (torch)"
        except ImportError:
            from pipecat.audio.vad.silero import SileroOnnxModel

            wrapper = SileroOnnxModel(model)
            self.run = lambda frame: wrapper(frame, 16000).item()
            self.name = "pipecat SileroOnnxModel (numpy)"
        self.wrapper = wrapper
        self.reset()

    def reset(self) -> None:
        self.wrapper.reset_states()
        self.frames = self.quiet = 0

    def __call__(self, frame: np.ndarray) -> float:
        probability = self.run(frame)
        self.frames += 1
        self.quiet = self.quiet + 1 if probability < QUIET_BELOW else 0
        if self.frames >= FRAMES_BETWEEN_RESETS and self.quiet >= QUIET_FRAMES_BEFORE_RESET:
            self.reset()
        return probability


def model_file() -> str:
    """The package's model file, found without importing the package, which wants torch."""
    for file in importlib.metadata.files("silero-vad") or []:
        if str(file) == "silero_vad/data/silero_vad.onnx":
            return str(file.locate())
    raise SystemExit("the package silero-vad is not installed")


class SmartTurnReference:
    """pipecat's own analyser."""

    def __init__(self) -> None:
        from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3

        self.analyser = LocalSmartTurnAnalyzerV3()
        self.name = "pipecat LocalSmartTurnAnalyzerV3"

    def __call__(self, samples: np.ndarray) -> float:
        return self.analyser._predict_endpoint(samples)["probability"]
