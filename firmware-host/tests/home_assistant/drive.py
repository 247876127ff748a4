"""Home Assistant, headless, with Pipit as a device of its: does it find it, list every entity, and can it command them?

Run by run.sh, which makes Home Assistant ready and puts everything into a network of its own. Prints what it checks; ends with 1
where something is not as it should be. Standard library only.
"""

import argparse
import json
import os
import pathlib
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

PATIENCE = 40
# Pipit looks once a minute what is installed.
UPDATE_PATIENCE = 120
START_AGAIN = 75
NANO = pathlib.Path(__file__).parents[3] / "models/pipit-nano-en-q5_0.bin"
ID = "pipit-kitchen"
PREFIX = "pipit/kitchen"
FIRST = "pipit_kitchen"


def main(stage_of=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=pathlib.Path, required=True, help="for what is written")
    parser.add_argument("--hass", required=True, help="the command that starts Home Assistant, before -c FOLDER")
    parser.add_argument("--hass-root", type=pathlib.Path, default=pathlib.Path("/"), help="the root that it sees")
    parser.add_argument("--pipit", required=True, help="the command that starts Pipit, before its own arguments")
    options = parser.parse_args()
    stage = (stage_of or Stage)(options)
    try:
        stage.run()
    finally:
        stage.end()
    if stage.failed:
        sys.exit(f"{stage.failed} of {stage.checked} checks failed; see {options.folder}")
    print(f"all {stage.checked} checks hold")


class Stage:
    def __init__(self, options):
        self.options, self.folder = options, options.folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.broker_port, self.hass_port = free_port(), free_port()
        self.processes, self.token = {}, None
        self.checked = self.failed = 0
        program, *self.pipit_options = shlex.split(options.pipit)
        self.built, self.program = pathlib.Path(program).resolve(), self.folder / "bin" / "pipit"
        self.program.parent.mkdir()
        self.install_pipit()
        self.make_models()

    def run(self):
        self.start_broker()
        self.start_hass()
        self.onboard()
        # What it has to say of itself until here is none of Pipit's affairs.
        wait_until(lambda: self.api("/api/config")["state"] == "RUNNING", "Home Assistant")
        self.logged_before = len(self.log())
        self.start_pipit()
        self.finds_every_entity()
        self.commands()
        self.voice_and_model()
        self.timers()
        self.update()
        self.survives_pipits_death()
        self.logs_nothing()
        self.survives_the_brokers_death()

    # What there is to check.

    def finds_every_entity(self):
        device = json.loads(self.retained(f"homeassistant/device/{ID}/config"))
        there = {key: c["default_entity_id"] for key, c in device["cmps"].items() if "name" in c}
        self.check("Home Assistant lists every entity", lambda: set(there.values()) <= set(self.states()))
        states = self.states()
        others = [name for name in states if FIRST in name and name not in there.values()]
        self.check("and no other", lambda: not others, others)
        there_is = lambda: all(self.states()[name]["state"] != "unavailable" for name in there.values())
        self.check("all of them are available", there_is)
        taken_back = sorted(key for key, c in device["cmps"].items() if "name" not in c)
        print(f"     {len(there)} entities: {', '.join(sorted(there.values()))}; not here: {', '.join(taken_back)}")
        self.is_("sensor", "state", "idle")
        self.is_("switch", "muted", "off")
        self.is_("text", "say", "")

    def commands(self):
        self.call("number", "set_value", "volume", value=30)
        self.is_("number", "volume", "30")
        self.call("switch", "turn_on", "muted")
        self.is_("switch", "muted", "on")
        self.call("switch", "turn_off", "muted")
        self.call("select", "select_option", "wake_mode", option="push-to-talk")
        self.is_("select", "wake_mode", "push-to-talk")
        self.call("select", "select_option", "wake_mode", option="always")
        self.call("select", "select_option", "privacy", option="on this device")
        self.is_("select", "privacy", "on this device")
        self.call("select", "select_option", "privacy", option="in the house")
        # Commands are carried out in their order, so this comes after whatever had come of those.
        self.call("number", "set_value", "volume", value=40)
        self.is_("number", "volume", "40")
        self.is_("switch", "muted", "on", "nobody may un-mute over MQTT")
        self.is_("select", "wake_mode", "push-to-talk", "nor have it listen more")
        self.is_("select", "privacy", "on this device", "nor ask farther")
        before = self.states()[f"event.{FIRST}_event"]["state"]
        self.call("text", "set_value", "say", value="Dinner is ready")
        self.check("what is to be said is said", lambda: self.states()[f"event.{FIRST}_event"]["state"] != before)
        self.is_("text", "say", "", "and the field is empty again")
        before = self.states()[f"event.{FIRST}_event"]["state"]
        self.call("notify", "send_message", "announce", message="Dinner is still ready")
        self.check("so is an announcement", lambda: self.states()[f"event.{FIRST}_event"]["state"] != before)
        self.check(
            "it is the event that it should be",
            lambda: self.states()[f"event.{FIRST}_event"]["attributes"]["event_type"] == "announced",
        )
        self.call("button", "press", "stop")

    def voice_and_model(self):
        self.is_("select", "voice", "espeak-ng en-us")
        options = self.states()[f"select.{FIRST}_voice"]["attributes"]["options"]
        self.check("there are voices to choose from", lambda: "espeak-ng en-gb" in options, options)
        self.call("select", "select_option", "voice", option="espeak-ng en-gb")
        self.is_("select", "voice", "espeak-ng en-gb")
        self.is_("select", "model", "pipit-nano-en")
        self.call("select", "select_option", "model", option="own")
        self.is_("select", "model", "own")

    def update(self):
        update = lambda: self.states()[f"update.{FIRST}_update"]
        self.is_("update", "update", "off")
        versions = lambda: [update()["attributes"][key] for key in ("installed_version", "latest_version")]
        running = versions()[0]
        self.check("what runs is what is installed", lambda: versions() == [running, running], versions())
        newer = self.program.with_name("newer")
        newer.write_text("#!/bin/sh\necho 'pipit 99.0.0'\n")
        newer.chmod(0o755)
        newer.replace(self.program)
        self.check("a newer one on the disk is noticed", lambda: update()["state"] == "on", patience=UPDATE_PATIENCE)
        self.check("with its version", lambda: versions() == [running, "99.0.0"], versions())
        self.call("update", "install", "update")
        ended = self.processes.pop("pipit").wait(PATIENCE)
        self.check("to install it ends Pipit, for systemd to start it again", lambda: ended == START_AGAIN, ended)
        self.install_pipit()
        self.start_pipit()
        self.is_("update", "update", "off", "and then there is nothing to install")

    def timers(self):
        self.is_("sensor", "timers", "0")
        self.pipit("ask", "set a timer for one hour")
        self.is_("sensor", "timers", "1")
        timers = self.states()[f"sensor.{FIRST}_timers"]["attributes"].get("timers")
        self.check("a timer says when it ends", lambda: timers and "ends_at" in timers[0], timers)
        self.check("the next one is a time", lambda: self.states()[f"sensor.{FIRST}_next_timer"]["state"][:2] == "20")
        self.pipit("ask", "cancel all timers")
        self.is_("sensor", "timers", "0")
        self.is_("sensor", "next_timer", "unknown")

    def survives_pipits_death(self):
        self.stop("pipit", signal.SIGKILL)
        self.is_("sensor", "state", "unavailable", "a Pipit that died is unavailable")
        self.start_pipit()
        self.is_("sensor", "state", "idle", "and comes back")
        self.is_("switch", "muted", "on", "as muted as it was")
        self.is_("select", "wake_mode", "push-to-talk")
        self.is_("select", "voice", "espeak-ng en-gb")
        self.is_("select", "model", "own")

    def survives_the_brokers_death(self):
        self.stop("mosquitto", signal.SIGKILL)
        self.is_("sensor", "state", "unavailable", "without the broker it is unavailable")
        self.start_broker()
        self.is_("sensor", "state", "idle", "with one that has forgotten everything it comes back")
        self.is_("number", "volume", "40")
        self.call("number", "set_value", "volume", value=55)
        self.is_("number", "volume", "55", "and can be commanded")

    def logs_nothing(self):
        bad = [line for line in self.log()[self.logged_before :] if " ERROR " in line or " WARNING " in line]
        self.check("Home Assistant logs no error and no warning since Pipit is there", lambda: not bad, "\n".join(bad))

    def log(self):
        return (self.folder / "hass.log").read_text(errors="replace").splitlines()

    # How it is checked.

    def check(self, what, holds, shown=None, patience=PATIENCE):
        deadline = time.monotonic() + (patience if shown is None else 0)
        while not (held := attempt(holds)) and time.monotonic() < deadline:
            time.sleep(0.1)
        self.checked += 1
        self.failed += not held
        print(("ok   " if held else "BAD  ") + what + ("" if held or shown is None else f": {shown}"), flush=True)

    def is_(self, platform, key, value, why=None):
        name = f"{platform}.{FIRST}_{key}"
        what = f"{name} is {value!r}"
        self.check(f"{why}: {what}" if why else what, lambda: self.states()[name]["state"] == value)

    def call(self, domain, service, key, **data):
        domain_of = {"send_message": "notify"}.get(service, domain)
        self.api(f"/api/services/{domain_of}/{service}", {"entity_id": f"{domain}.{FIRST}_{key}", **data})

    def states(self):
        return {state["entity_id"]: state for state in self.api("/api/states")}

    def api(self, path, data=None, form=False):
        body = None if data is None else (urllib.parse.urlencode(data) if form else json.dumps(data)).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.hass_port}{path}", body)
        request.add_header("Content-Type", "application/x-www-form-urlencoded" if form else "application/json")
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    def retained(self, topic):
        command = ["mosquitto_sub", "-p", str(self.broker_port), "-t", topic, "-C", "1", "-W", str(PATIENCE)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    # Who takes part.

    def start(self, name, command, **more):
        log = open(self.folder / f"{name}.log", "ab")
        self.processes[name] = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, **more)

    def stop(self, name, how=signal.SIGTERM):
        process = self.processes.pop(name)
        process.send_signal(how)
        process.wait(30)

    def start_broker(self):
        config = self.folder / "mosquitto.conf"
        config.write_text(f"listener {self.broker_port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
        self.start("mosquitto", ["mosquitto", "-c", str(config)])
        wait_until(lambda: socket.create_connection(("127.0.0.1", self.broker_port), 1).close() is None, "the broker")

    def pipit_command(self, *arguments):
        settings = self.pipit_settings()
        return [self.program, *self.pipit_options, *(f"--set={k}={v}" for k, v in settings.items()), *arguments]

    def pipit_settings(self):
        home = self.folder / "pipit"
        return {
            "state.dir": home,
            "models.dir": self.folder / "models",
            "audio.backend": "null",
            "web.listen": "",
            "stt.model": "pipit-nano-en",
            "tts.engine": "espeak",
            "mqtt.host": "127.0.0.1",
            "mqtt.port": self.broker_port,
            "mqtt.client_id": ID,
            "mqtt.topic_prefix": PREFIX,
            "mqtt.publish_words": "true",
            # A language model in the house, which nobody asks anything here, so that there is privacy to choose.
            "chat.provider": "ollama",
            "chat.base_url": "http://192.168.77.2:11434",
            "chat.model": "any",
        }

    def start_pipit(self):
        # As systemd starts it, so that it may be restarted.
        as_service = ["sh", "-c", 'SYSTEMD_EXEC_PID=$$ exec "$@"', "sh"]
        self.start("pipit", [*as_service, *self.pipit_command("run")])

    def install_pipit(self):
        beside = self.program.with_name("beside")
        shutil.copy2(self.built, beside)
        beside.replace(self.program)

    def make_models(self):
        """What is installed, and the recogniser in the box under another name."""
        folder = self.folder / "models"
        folder.mkdir()
        for there in pathlib.Path(models()).iterdir():
            if there.name != "catalogue.toml":
                (folder / there.name).symlink_to(there)
        (folder / "own.bin").symlink_to(NANO)
        (folder / "catalogue.toml").write_text(
            '[[model]]\nname = "own"\nengine = "whisper"\nlanguages = ["en"]\nlicence = "MIT"\nmemory_mb = 40\nabout = "x"\n'
            f'[[model.file]]\nname = "own.bin"\nurl = "https://nas.local/own.bin"\nbytes = {NANO.stat().st_size}\n'
        )

    def pipit(self, *arguments):
        subprocess.run(self.pipit_command(*arguments), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def start_hass(self, more="", entries=None, **stored):
        inside = pathlib.Path("/") / "tmp" / f"hass-{os.getpid()}"
        config = self.options.hass_root / inside.relative_to("/")
        (config / ".storage").mkdir(parents=True)
        (config / "configuration.yaml").write_text(
            f"http:\n  server_host: 127.0.0.1\n  server_port: {self.hass_port}\nlogger:\n  default: warning\n{more}"
        )
        entries = entries or [entry("mqtt", {"broker": "127.0.0.1", "port": self.broker_port}, minor_version=2)]
        stored["core.config_entries"] = {"version": 1, "minor_version": 5, "data": {"entries": entries}}
        for key, value in stored.items():
            (config / ".storage" / key).write_text(json.dumps({"key": key, **value}))
        self.start("hass", [*shlex.split(self.options.hass), "-c", str(inside), "--skip-pip"], start_new_session=True)

    def onboard(self):
        owner = {"name": "test", "username": "test", "password": "test-password", "language": "en"}
        client = f"http://127.0.0.1:{self.hass_port}/"
        code = wait_until(
            lambda: self.api("/api/onboarding/users", {"client_id": client, **owner})["auth_code"], "Home Assistant"
        )
        grant = {"grant_type": "authorization_code", "code": code, "client_id": client}
        self.token = self.api("/auth/token", grant, form=True)["access_token"]
        print(f"Home Assistant {self.api('/api/config')['version']}", flush=True)

    def end(self):
        for name in ("pipit", "hass", "mosquitto"):
            if name in self.processes:
                self.stop(name)


def entry(domain, data, number=0, **more):
    """An integration that somebody has added."""
    return {
        "created_at": "2026-01-01T00:00:00+00:00",
        "modified_at": "2026-01-01T00:00:00+00:00",
        "data": data,
        "disabled_by": None,
        "discovery_keys": {},
        "domain": domain,
        "entry_id": f"01JAAAAAAAAAAAAAAAAAAAAAA{number}",
        "minor_version": 1,
        "options": {},
        "pref_disable_new_entities": False,
        "pref_disable_polling": False,
        "source": "user",
        "subentries": [],
        "title": domain,
        "unique_id": None,
        "version": 1,
        **more,
    }


def models():
    """Where the set-up puts what every Pipit needs."""
    data = os.environ.get("XDG_DATA_HOME") or pathlib.Path.home() / ".local/share"
    return os.environ.get("PIPIT_MODELS_DIR") or pathlib.Path(data) / "pipit/models"


def attempt(what):
    try:
        return what()
    except (OSError, KeyError, TypeError, urllib.error.URLError):
        return False


def wait_until(what, whom):
    deadline = time.monotonic() + PATIENCE
    while not (got := attempt(what)):
        if time.monotonic() > deadline:
            sys.exit(f"{whom} does not answer within {PATIENCE} s")
        time.sleep(0.2)
    return got


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


if __name__ == "__main__":
    main()
