"""A room on a PulseAudio server of its own: a speaker that goes nowhere, a microphone that hears the speaker at full loudness
and whoever speaks, and recordings of both on one clock."""

import array
import os
import subprocess
import threading
import time

RATE = 16_000
# A sample below this, of 32,768, is silence: -56 dB of full scale.
QUIET = 50
# Sounds with less than 5 ms between them are one sound.
TOGETHER = RATE // 200


class Room:
    def __init__(self, home: str):
        socket = f"{home}/native"
        self.env = os.environ | {
            "HOME": home,
            "XDG_RUNTIME_DIR": home,
            "PULSE_SERVER": f"unix:{socket}",
            "ALSA_CONFIG_PATH": f"{home}/asound.conf",
        }
        with open(f"{home}/asound.conf", "w", encoding="utf-8") as config:
            config.write(f'pcm.!default {{ type pulse server "unix:{socket}" hint {{ show on description "Default" }} }}\n')
        modules = [
            f"module-native-protocol-unix auth-anonymous=1 socket={socket}",
            "module-null-sink sink_name=speaker rate=48000 channels=2 norewinds=1",
            # The microphone hears the left channel; in the right one there is nobody but the person.
            "module-null-sink sink_name=room rate=16000 channels=2 channel_map=front-left,front-right norewinds=1",
            "module-remap-source master=room.monitor source_name=microphone channels=1 channel_map=mono"
            " master_channel_map=front-left remix=no",
        ]
        self.server = subprocess.Popen(
            ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no"]
            + [f"--load={module}" for module in modules],
            env=self.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while self.run("pactl", "set-default-sink", "speaker", check=False).returncode != 0:
            time.sleep(0.1)
        self.run("pactl", "set-default-source", "microphone")

    def echo(self):
        """From now on the microphone hears the speaker."""
        self.run(
            "pactl", "load-module", "module-loopback", "source=speaker.monitor", "sink=room", "latency_msec=50",
            "channels=1", "channel_map=front-left", "remix=no", "adjust_time=0",
        )  # fmt: skip

    def run(self, *command, check=True):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.run(command, env=self.env, check=check, **quiet)

    def say(self, file: str, loudness: float):
        """Plays a WAV file where the microphone hears it, `loudness` times as loud as it is. Returns once it is over."""
        # PulseAudio's dial is cubic.
        volume = round(65_536 * loudness ** (1 / 3))
        self.run("paplay", f"--volume={volume}", "--latency-msec=20", "-d", "room", file)

    def close(self):
        self.server.terminate()
        self.server.wait()


class Recording:
    """Where a source sounds, one channel of it, from now on."""

    def __init__(self, room: Room, source: str, channels: int = 1, channel: int = 0):
        self.process = subprocess.Popen(
            ["parec", "-d", source, "--raw", "--format=s16le", f"--rate={RATE}", f"--channels={channels}", "--latency-msec=10"],
            env=room.env,
            stdout=subprocess.PIPE,
        )
        self.channels, self.channel = channels, channel
        # How many samples have come, and where they sound: from sample, to sample.
        self.length = 0
        self.sounds: list[list[int]] = []
        # When the first sample was there: the earliest moment that any of what arrived since allows for.
        self.began = float("inf")
        self.arrived = threading.Condition()
        threading.Thread(target=self.receive, daemon=True).start()
        self.wait(lambda: self.length > 0)

    def receive(self):
        odd = b""
        while data := os.read(self.process.stdout.fileno(), 65_536):
            now = time.monotonic()
            data = odd + data
            whole = len(data) // (2 * self.channels) * 2 * self.channels
            odd = data[whole:]
            samples = array.array("h", data[:whole])[self.channel :: self.channels]
            with self.arrived:
                if samples and max(max(samples), -min(samples)) > QUIET:
                    self.add(samples)
                self.length += len(samples)
                self.began = min(self.began, now - self.length / RATE)
                self.arrived.notify_all()

    def add(self, samples: array.array):
        for at, sample in enumerate(samples, self.length):
            if abs(sample) <= QUIET:
                continue
            if self.sounds and at - self.sounds[-1][1] < TOGETHER:
                self.sounds[-1][1] = at + 1
            else:
                self.sounds.append([at, at + 1])

    def wait(self, ready, timeout_s: float = 60.0) -> bool:
        """Waits until `ready()`, which is asked whenever more has come."""
        with self.arrived:
            return self.arrived.wait_for(ready, timeout_s)

    def hear(self, seconds: float):
        """Waits until so much more has come."""
        until = self.length + seconds * RATE
        self.wait(lambda: self.length >= until)

    def sound_after(self, moment: float) -> float | None:
        """When the first sound that is not over at `moment` begins."""
        return next((max(moment, self.moment(begin)) for begin, end in self.sounds if self.moment(end) > moment), None)

    def sound_before(self, moment: float) -> float | None:
        """When the last sound that begins before `moment` ends."""
        return next((self.moment(end) for begin, end in reversed(self.sounds) if self.moment(begin) < moment), None)

    def silence_after(self, moment: float, length_s: float) -> tuple[float, float] | None:
        """The first silence of at least so many seconds that is not over at `moment`: from when, until when."""
        ends = [end for _, end in self.sounds]
        begins = [begin for begin, _ in self.sounds[1:]] + [self.length]
        silences = ((self.moment(begin), self.moment(end)) for begin, end in zip(ends, begins))
        return next(((a, b) for a, b in silences if b > moment and b - a >= length_s), None)

    def is_quiet(self, for_s: float) -> bool:
        return self.length - (self.sounds[-1][1] if self.sounds else 0) >= for_s * RATE

    def moment(self, at: int) -> float:
        """When a sample was heard, of the monotonic clock."""
        return self.began + at / RATE
