"""When Pipecat takes turns to be over: pipecat_turns.py FOLDER smart-turn|silence

Feeds each clip that FOLDER/turn_events.tsv names, and four seconds of silence after it, to Pipecat's own parts, and prints
`clip<TAB>at_s` for each decision, as `pipit-eval endpoint --decisions` wants it. `smart-turn` is Pipecat's default:
SileroVADAnalyzer, then TurnAnalyzerUserTurnStopStrategy with LocalSmartTurnAnalyzerV3. `silence` is the same voice activity
with a turn that is over after 0.7 s of silence. No recogniser is waited for, and the models' time is not counted.
"""

import asyncio
import csv
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import soundfile
import soxr
from loguru import logger
from pipecat.audio.turn.smart_turn import base_smart_turn
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.audio.vad.vad_controller import VADController
from pipecat.frames.frames import InputAudioRawFrame, VADUserStartedSpeakingFrame, VADUserStoppedSpeakingFrame
from pipecat.turns.user_start import VADUserTurnStartStrategy
from pipecat.turns.user_stop import TurnAnalyzerUserTurnStopStrategy
from pipecat.turns.user_turn_controller import UserTurnController
from pipecat.turns.user_turn_strategies import UserTurnStrategies

RATE = 16_000
# Pipecat's transports hand over 20 ms at a time.
CHUNK = RATE // 50
# As long as its own longest deadline, and what it takes to notice a pause.
SILENCE_AFTER_S = 4
FIXED_SILENCE_S = 0.7


class Listener:
    """Pipecat's parts for one clip, wired as its user aggregator wires them."""

    def __init__(self, smart_turn: LocalSmartTurnAnalyzerV3 | None):
        params = VADParams() if smart_turn else VADParams(stop_secs=FIXED_SILENCE_S)
        self.vad = SileroVADAnalyzer(params=params)
        self.vad.set_sample_rate(RATE)
        self.vad_controller = VADController(self.vad, audio_idle_timeout=0)
        self.vad_controller.add_event_handler("on_speech_started", self.on_speech_started)
        self.vad_controller.add_event_handler("on_speech_stopped", self.on_speech_stopped)
        self.smart_turn = smart_turn
        self.turns = None
        self.at_s = 0.0
        self.decisions = []

    async def decide(self, samples: np.ndarray) -> list[float]:
        if self.smart_turn:
            await self.set_up_turns()
        for chunk in range(len(samples) // CHUNK):
            frame = InputAudioRawFrame(samples[chunk * CHUNK : (chunk + 1) * CHUNK].tobytes(), RATE, 1)
            self.at_s = (chunk + 1) * CHUNK / RATE
            await self.vad_controller.process_frame(frame)
            if self.turns:
                await self.turns.process_frame(frame)
        await self.vad.cleanup()
        return self.decisions

    async def set_up_turns(self):
        # A transcript would only make the decision later, so the audio alone decides.
        stop = TurnAnalyzerUserTurnStopStrategy(turn_analyzer=self.smart_turn, wait_for_transcript=False)
        strategies = UserTurnStrategies(start=[VADUserTurnStartStrategy()], stop=[stop])
        self.turns = UserTurnController(user_turn_strategies=strategies)
        self.turns.add_event_handler("on_user_turn_stopped", self.on_turn_stopped)
        # Parts that wait for something get time from the task manager; nothing here does.
        await self.turns.setup(SimpleNamespace(task_manager=Tasks(), audio_in_sample_rate=RATE))
        # Its clock tells where speech begins in its buffer, so it has to be that of the clip.
        base_smart_turn.time = SimpleNamespace(monotonic=lambda: self.at_s, perf_counter=lambda: self.at_s)
        self.smart_turn.clear()

    async def on_speech_started(self, _controller):
        if self.turns:
            await self.turns.process_frame(VADUserStartedSpeakingFrame(start_secs=self.vad.params.start_secs))

    async def on_speech_stopped(self, _controller):
        if self.turns:
            await self.turns.process_frame(VADUserStoppedSpeakingFrame(stop_secs=self.vad.params.stop_secs))
        else:
            self.decisions.append(self.at_s)

    async def on_turn_stopped(self, _controller, _strategy, _params):
        self.decisions.append(self.at_s)


class Tasks:
    """The tasks that a turn's strategy starts: timers for transcripts, which must not run on in another time."""

    def create_task(self, coroutine, name):
        return asyncio.get_running_loop().create_task(coroutine, name=name)

    async def cancel_task(self, task, timeout=None):
        task.cancel()


def read(path: Path) -> np.ndarray:
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    samples = soxr.resample(samples.mean(axis=1), rate, RATE)
    samples = np.concatenate([samples, np.zeros(SILENCE_AFTER_S * RATE, dtype=np.float32)])
    return (samples.clip(-1, 1) * 32767).astype(np.int16)


async def main(folder: Path, rule: str):
    with open(folder / "turn_events.tsv", encoding="utf-8", newline="") as table:
        clips = dict.fromkeys(row["clip"] for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))
    smart_turn = LocalSmartTurnAnalyzerV3() if rule == "smart-turn" else None
    print("clip\tat_s")
    for clip in clips:
        for at_s in await Listener(smart_turn).decide(read(folder / ".." / clip)):
            print(f"{clip}\t{at_s:.3f}")


if len(sys.argv) != 3 or sys.argv[2] not in ("smart-turn", "silence"):
    sys.exit(__doc__)
logger.remove()
asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
