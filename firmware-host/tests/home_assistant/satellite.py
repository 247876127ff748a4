"""Home Assistant, headless, with Pipit as a satellite of its Assist, and as the ear and voice of it.

What is said into Pipit's microphone, a recording, turns on a lamp that only Home Assistant knows; what Assist says to that and
what it announces is heard from Pipit's speaker, which is a folder. Run by run.sh. Standard library only.
"""

import json
import re
import subprocess
import urllib.error
import urllib.request
import wave

from drive import Stage, entry, free_port, main, wait_until

SATELLITE = "assist_satellite.kitchen_pipit_kitchen"
MUTE = "switch.kitchen_pipit_kitchen_mute"
LAMP = "switch.kitchen_light"
# Home Assistant runs and has its two connections by then.
QUIET, BETWEEN = 45, 15
SPEAKS = QUIET + 3 * BETWEEN
# What is said, one after the other.
SAID = ["turn on the kitchen light", "turn off the kitchen light", "what is twelve times seven"]

CONFIGURATION = """
input_boolean:
  lamp:
template:
  - switch:
      - name: kitchen light
        unique_id: kitchen_light
        state: "{{ is_state('input_boolean.lamp', 'on') }}"
        turn_on: [{action: input_boolean.turn_on, target: {entity_id: input_boolean.lamp}}]
        turn_off: [{action: input_boolean.turn_off, target: {entity_id: input_boolean.lamp}}]
wyoming:
assist_pipeline:
conversation:
"""

ASSISTANT = {
    "id": "01jaaaaaaaaaaaaaaaaaaaaaaa",
    "name": "Pipit",
    "language": "en",
    "conversation_engine": "conversation.home_assistant",
    "conversation_language": "en",
    "stt_engine": "stt.pipit",
    "stt_language": "en",
    "tts_engine": "tts.pipit",
    "tts_language": "en",
    "tts_voice": None,
    "wake_word_entity": None,
    "wake_word_id": None,
    "prefer_local_intents": False,
}


class Satellite(Stage):
    def run(self):
        self.services, self.satellite, self.web = free_port(), free_port(), free_port()
        pipelines = {"items": [ASSISTANT], "preferred_item": ASSISTANT["id"]}
        self.record()
        self.start_pipit()
        wait_until(lambda: self.pipit_tells("health"), "Pipit")
        self.start_hass(
            CONFIGURATION,
            [
                entry("wyoming", {"host": "127.0.0.1", "port": self.services}, 1),
                entry("wyoming", {"host": "127.0.0.1", "port": self.satellite}, 2),
            ],
            **{"assist_pipeline.pipelines": {"version": 1, "minor_version": 2, "data": pipelines}},
        )
        self.onboard()
        wait_until(lambda: self.api("/api/config")["state"] == "RUNNING", "Home Assistant")
        self.logged_before = len(self.log())
        self.check("Home Assistant has ear and voice", lambda: {"stt.pipit", "tts.pipit"} <= set(self.states()))
        self.check("and a satellite", lambda: self.states()[SATELLITE]["state"] == "idle")
        self.check("which answers what is said to Pipit", lambda: self.pipit_tells("health")["assist"])
        self.speaks()
        self.announces()
        self.pauses()
        self.logs_nothing()

    def speaks(self):
        for state in ("on", "off"):
            self.check(f"what is said turns the lamp {state}", lambda: self.states()[LAMP]["state"] == state, patience=SPEAKS)
        self.check("all three are answered", lambda: len(self.turns()) == len(SAID), patience=SPEAKS)
        by_assist = [(turn["waterfall"]["drafts"][-1].get("provider") or {}).get("name") for turn in self.turns()]
        self.check("the last by Pipit itself", lambda: by_assist == ["assist", "assist", None], by_assist)
        self.check("each is heard", lambda: len(self.replies()) == len(SAID))
        print(f"     first sound after the end of speech: {[turn['timings_ms']['first_audio'] for turn in self.turns()]} ms")
        heard = [self.hear(reply) for reply in self.replies()]
        self.check("and says something", lambda: all(heard), heard)
        print(f"     heard: {heard}")

    def announces(self):
        before = len(self.replies())
        self.api("/api/services/assist_satellite/announce", {"entity_id": SATELLITE, "message": "Dinner is ready", "preannounce": False})
        self.check("what Home Assistant announces is heard", lambda: len(self.replies()) > before)
        length = seconds(self.replies()[-1])
        self.check("as long as it is", lambda: 0.4 < length < 4, f"{length} s")

    def pauses(self):
        self.api("/api/services/switch/turn_on", {"entity_id": MUTE})
        self.check("Home Assistant may pause it", lambda: self.pipit_tells("health")["assist"] is False)
        self.api("/api/services/switch/turn_off", {"entity_id": MUTE})
        self.check("and go on", lambda: self.pipit_tells("health")["assist"])

    def record(self):
        """The recording that is Pipit's microphone."""
        (self.folder / "other").mkdir()
        sound = b""
        for said in SAID:
            spoken = subprocess.run(["espeak-ng", "--stdout", said], check=True, capture_output=True).stdout
            with wave.open(str(self.folder / "one.wav"), "wb") as one:
                one.setparams((1, 2, 22050, 0, "NONE", ""))
                one.writeframes(spoken[44:])
            sound += bytes(2 * 22050 * (BETWEEN if sound else QUIET)) + spoken[44:]
        with wave.open(str(self.folder / "microphone.wav"), "wb") as whole:
            whole.setparams((1, 2, 22050, 0, "NONE", ""))
            whole.writeframes(sound + bytes(2 * 22050 * 60))

    def replies(self):
        return sorted((self.folder / "spoken").glob("*.wav"), key=lambda file: file.stat().st_mtime_ns)

    def hear(self, recording):
        settings = {k: v for k, v in self.pipit_settings().items() if k.split(".")[0] in ("models", "stt", "tts")}
        settings["state.dir"] = self.folder / "other"
        command = [self.program, *(f"--set={k}={v}" for k, v in settings.items()), "hear", "--json", str(recording)]
        heard = subprocess.run(command, capture_output=True, text=True, cwd=self.folder / "other").stdout
        return " ".join(re.findall(r'"transcript": ?"([^"]*)"', heard))

    def turns(self):
        return [turn for turn in reversed(self.pipit_tells("turns")) if turn.get("ended_by")]

    def pipit_tells(self, what):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.web}/{what}", timeout=30) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as unwell:
            # Where it is not well it says so, and why.
            return json.loads(unwell.read())

    def pipit_settings(self):
        settings = super().pipit_settings()
        keep = {k: v for k, v in settings.items() if k.split(".")[0] in ("state", "models", "stt", "tts")}
        return keep | {
            "audio.backend": "wav",
            "audio.input": self.folder / "microphone.wav",
            "audio.output": self.folder / "spoken",
            "web.listen": f"127.0.0.1:{self.web}",
            "home.area": "kitchen",
            "wyoming.listen": f"127.0.0.1:{self.services}",
            "wyoming.satellite": f"127.0.0.1:{self.satellite}",
        }


def seconds(recording):
    with wave.open(str(recording)) as sound:
        return sound.getnframes() / sound.getframerate()


if __name__ == "__main__":
    main(Satellite)
