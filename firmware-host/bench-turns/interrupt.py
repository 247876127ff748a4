"""Speaks over the daemon's replies, through PulseAudio: interrupt.py PIPIT_AND_ITS_OPTIONS...

In a simulated room at full echo a reply is playing; somebody says a stop word, or something else, or coughs. From recordings
of the speaker and of that person alone, on one clock, it finds when the speaker fell silent, and prints the figures of
`make bench-turns`. TRIALS in the environment is the number of interruptions of each kind (by default 12), and LOG a file for
the daemon's log.
"""

import os
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

import sounds
from room import Recording, Room

# One sentence after the other without a comma, so that the speaker is not silent by itself for long.
REPLY = (
    "A small bird lived in a garden behind the old stone house and every morning it sang to the people who came to the well. "
    "One day a cat followed the song through the long grass but the bird had seen it and flew up to the roof of the house. "
    "It sang there until the evening and the cat went home without its supper."
)
# The person is as loud as the echo: the daemon's voice at this volume is a quarter as loud as it is made.
VOLUME = 50
LOUDNESS = 0.25
# Between a clause and the next the voice is silent for less than this, and an interruption lasts longer.
PAUSE_S = 0.3
PATIENCE_S = 60
SILENT_S = 60


class Daemon:
    """Pipit, its log with the moment of each line, and its history."""

    def __init__(self, room: Room, command: list[str], state: str):
        self.history = Path(state, "pipit.db")
        self.lines: list[tuple[float, str]] = []
        self.said = threading.Condition()
        self.process = subprocess.Popen(command, env=room.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        threading.Thread(target=self.read, daemon=True).start()
        for words in ("listening to ", "speaking through ", "voice: "):
            self.wait_for(words, 0)

    def read(self):
        log = open(os.environ.get("LOG", os.devnull), "w", encoding="utf-8", buffering=1)
        for line in self.process.stderr:
            log.write(line)
            with self.said:
                self.lines.append((time.monotonic(), re.sub(r"\x1b\[[0-9;]*m", "", line)))
                self.said.notify_all()

    def wait_for(self, words: str, since: int) -> float:
        """When a line with these words was written, of those after the first `since`."""
        found = lambda: next((at for at, line in self.lines[since:] if words in line), None)
        with self.said:
            if not self.said.wait_for(lambda: found() is not None, PATIENCE_S):
                raise TimeoutError(f"the daemon did not say `{words}`; its last line: {self.lines[-1:]}")
            return found()

    def exchanges(self) -> list[tuple[str, str]]:
        """What was asked, and what was heard of the reply."""
        with closing(sqlite3.connect(f"file:{self.history}?mode=ro", uri=True)) as history:
            said = [text for (text,) in history.execute("SELECT ifnull(heard, text) FROM message ORDER BY id")]
            # A request and its reply are always kept together.
            return list(zip(said[::2], said[1::2]))

    def cpu_shares(self, seconds: float) -> tuple[float, float]:
        """How much of one core its own threads take, and those by which ALSA and PulseAudio bring it the sound."""
        before = self.cpu_times()
        time.sleep(seconds)
        shares = {True: 0.0, False: 0.0}
        for thread, used in self.cpu_times().items():
            theirs = thread[0].startswith(("cpal_alsa", "threaded-ml"))
            shares[theirs] += (used - before.get(thread, 0)) / seconds / 1e9
        return shares[False], shares[True]

    def cpu_times(self) -> dict[tuple[str, str], int]:
        """What each thread that lives has used, in nanoseconds."""
        threads = Path("/proc", str(self.process.pid), "task").iterdir()
        name = lambda thread: (thread / "comm").read_text().strip()
        return {(name(thread), thread.name): int((thread / "schedstat").read_text().split()[0]) for thread in threads}

    def close(self):
        self.process.terminate()
        self.process.wait()


class Trials:
    def __init__(self, room: Room, daemon: Daemon):
        self.room, self.daemon = room, daemon
        self.speaker = Recording(room, "speaker.monitor")
        self.person = Recording(room, "room.monitor", channels=2, channel=1)
        # Speaks without pauses and with words that the recogniser in the box knows, but no intent.
        self.request = sounds.spoken("tell me a story", "en-us")
        self.failures = 0
        self.misheard = 0

    def reply(self, second: float):
        """Has a reply begin, and waits until it is in its `second`."""
        for _ in range(3):
            began = time.monotonic()
            self.room.say(self.request, LOUDNESS)
            if not self.speaker.wait(lambda: self.speaker.sound_after(began) is not None, PATIENCE_S):
                raise TimeoutError("no reply came")
            self.speaker.hear(second)
            if not self.speaker.is_quiet(PAUSE_S):
                return
            # It was not understood, and the apology is over already.
            self.settle()
        raise RuntimeError("the request is not understood")

    def over(self, file: str, second: float) -> tuple[float, float, tuple[float, float] | None, int]:
        """Plays `file` over a reply. When it began and ended, the speaker's silence after that, and the log's length before."""
        self.reply(second)
        since = len(self.daemon.lines)
        began = time.monotonic()
        self.room.say(file, LOUDNESS)
        onset = self.person.sound_after(began)
        end = self.person.sound_before(time.monotonic())
        if onset is None or end is None:
            raise RuntimeError(f"{file} was not heard in the room")
        self.speaker.wait(lambda: self.speaker.silence_after(onset, PAUSE_S) is not None, 3)
        return onset, end, self.speaker.silence_after(onset, PAUSE_S), since

    def settle(self):
        """Waits until nothing sounds any more and the daemon listens."""
        if not self.speaker.wait(lambda: self.speaker.is_quiet(2.0), PATIENCE_S):
            raise TimeoutError("the speaker is never quiet")

    def interrupt(self, files: list[str], count: int, ends_reply: bool) -> tuple[list[float], list[float]]:
        """From onset to silence, and from the end of what was said to the reply's end for good, in ms."""
        silences, endings = [], []
        for trial in range(count):
            before = len(self.daemon.exchanges())
            onset, end, silence, since = self.over(files[trial % len(files)], 2.0 + 0.37 * (trial % 5))
            if silence is None:
                self.failures += 1
                print(f"  {Path(files[trial % len(files)]).stem}: the reply went on", file=sys.stderr)
            else:
                silences.append(max(0.0, silence[0] - onset) * 1e3)
                if ends_reply:
                    endings.append((self.daemon.wait_for("after the end of speech", since) - end) * 1e3)
            self.settle()
            if ends_reply and len(self.daemon.exchanges()) != before + 1:
                self.misheard += 1
                print(f"  {Path(files[trial % len(files)]).stem}: {self.daemon.exchanges()[-1][0]}", file=sys.stderr)
        return silences, endings

    def disturb(self, files: list[str], count: int) -> tuple[list[float], int]:
        """How long the reply was silent for what was no request, in ms, and how many replies were not heard whole."""
        gaps, lost = [], 0
        for trial in range(count):
            file = files[trial % len(files)]
            _, _, silence, _ = self.over(file, 2.0 + 0.37 * (trial % 5))
            self.settle()
            heard = self.daemon.exchanges()[-1][1]
            if heard.split() != REPLY.split():
                lost += 1
                print(f"  {Path(file).stem}: of the reply this was heard: {heard}", file=sys.stderr)
            elif silence is not None and silence[1] < self.speaker.moment(self.speaker.length) - 2.0:
                gaps.append((silence[1] - silence[0]) * 1e3)
            else:
                # It never fell silent before its end.
                gaps.append(0.0)
        return gaps, lost


def row(what: str, figures: str, reach: str):
    print(f"{what}: {figures} (to reach: {reach})", flush=True)


def summary(values: list[float]) -> str:
    if not values:
        return "none"
    p95 = sorted(values)[min(len(values) - 1, round(0.95 * (len(values) - 1)))]
    return f"median {statistics.median(values):.0f} ms, 95th percentile {p95:.0f} ms ({len(values)} times)"


def main(command: list[str]):
    trials = int(os.environ.get("TRIALS", "12"))
    # AF_UNIX paths are short, so the server's folder is not below the caller's.
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory() as sound, closing(Room(home)) as room:
        sounds.folder = sound
        server = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("stand_in_llm.py")), "50", REPLY], stdout=subprocess.PIPE, text=True
        )
        port = int(server.stdout.readline())
        room.echo()
        options = {
            "state.dir": home, "audio.backend": "cpal", "audio.barge_in": "on", "audio.volume": VOLUME,
            "chat.provider": "openai", "chat.model": "stand-in", "chat.base_url": f"http://127.0.0.1:{port}/v1",
        }  # fmt: skip
        options = [part for key, value in options.items() for part in ("--set", f"{key}={value}")]
        try:
            with closing(Daemon(room, [*command, *options, "run"], home)) as daemon:
                measure(Trials(room, daemon), trials)
        finally:
            server.terminate()


def measure(run: Trials, trials: int):
    # The first reply is heard to its end: from it the canceller learns the room.
    run.reply(0)
    run.settle()
    turns = len(run.daemon.exchanges())
    if turns != 1:
        print(f"  its own voice became {turns - 1} turns", file=sys.stderr)
    stops = [sounds.spoken(words, voice) for words in ("stop", "cancel") for voice in sounds.VOICES]
    stop_silence, stop_end = run.interrupt(stops, trials, ends_reply=True)
    requests = [sounds.spoken("what time is it", voice) for voice in sounds.VOICES]
    request_silence, _ = run.interrupt(requests, trials, ends_reply=False)
    row("speech onset to silence, barge-in", summary(stop_silence + request_silence), "95th percentile 200 ms")
    row("end of a stop word to the reply's end", summary(stop_end), "400 ms")
    row("interruptions that did not silence the reply", f"{run.failures} of {2 * trials}", "none")
    row("stop words taken for something else", f"{run.misheard} of {trials}", "none")
    disturbances = [sounds.cough(), sounds.door(), sounds.mm_hm("en-us+f3"), sounds.mm_hm("en-us")]
    gaps, lost = run.disturb(disturbances, trials)
    row("cough, door, mm-hm: silence to sound again", summary(gaps), "1,000 ms at most")
    row("cough, door, mm-hm: replies not heard whole", f"{lost} of {trials}", "none")
    own, sound = run.daemon.cpu_shares(SILENT_S)
    row(
        "listening with echo cancellation, while nobody speaks",
        f"{own:.2%} of one core over {SILENT_S} s, and {sound:.2%} in ALSA's and PulseAudio's threads",
        "3 %",
    )


if len(sys.argv) < 2:
    sys.exit(__doc__)
main(sys.argv[1:])
