"""Cuts the power of a Pipit at work, again and again: cuts.py PIPIT RUNTIME MODELS FOLDER TIMES [--seed N] [--preload LIBRARY]

The daemon PIPIT works on an ext4 file system on a disk that forgets what was not flushed (forgetful_disk.py), which holds its state, its
configuration and its models. Programs use everything that it has. At a moment by chance the disk is cut off and the process killed; the
next round begins with what is on the disk: it is mounted, looked through, and Pipit started on it, which has to know all that it had
confirmed before the cut. MODELS is the folder with Silero and Smart Turn, RUNTIME is ONNX Runtime's library.

With --preload the daemon runs with that library, such as libeatmydata.so, which makes fsync do nothing: then this has to find losses.
"""

import argparse
import copy
import hashlib
import http.client
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).parent
PASSWORD = "seventeen wet herons"
PASSPHRASE = "four wet green herons"
DISK_BYTES = 384 << 20
READY_WITHIN_S = 30
MODEL_BYTES = 3_000_000
HOW = ["none", "none", "all", "first", "some", "some"]


class Lost(Exception):
    """What should be there after the cut is not."""


# What Pipit was told, and what it must know of it.

class Known:
    """By kind and name, the values that are right. More than one where Pipit has not yet confirmed the newest."""

    def __init__(self):
        self.lock = threading.Lock()
        self.right = {}
        self.is_cut = False

    def change(self, kind, name, new, ask):
        """Asks for a change by `ask()`; until that returns, the old value is right as well as the new one."""
        with self.lock:
            if self.is_cut:
                return
            before = self.right.get((kind, name), {None})
            self.right[kind, name] = before | {new}
        ask()
        self.confirmed(kind, name, new)

    def confirmed(self, kind, name, value):
        with self.lock:
            if not self.is_cut:
                self.right[kind, name] = {value}

    def names(self, kind):
        with self.lock:
            return [name for (of, name), values in self.right.items() if of == kind and values != {None}]

    def compare(self, kind, found):
        """`found` is what there is, by name. What was not asked for may be there too, such as what was asked for but not confirmed."""
        for (of, name), values in list(self.right.items()):
            if of != kind:
                continue
            value = found.get(name)
            if value not in values:
                raise Lost(f"{kind} {name} is {value!r} and should be {' or '.join(map(repr, values))}")
            if value is None:
                del self.right[of, name]
            else:
                self.right[of, name] = {value}


# The daemon.

class Refused(Exception):
    pass


class Pipit:
    def __init__(self, arguments, folder, port):
        self.arguments, self.folder, self.port = arguments, folder, port
        self.disk = folder / "disk"
        self.log = folder / "log"
        self.process = None
        self.token = None

    def command(self, *words, accept=(0,), **options):
        line = [self.arguments.pipit, "--config", str(self.disk / "pipit.toml"), *words]
        done = subprocess.run(line, capture_output=True, text=True, timeout=120, **options)
        if done.returncode not in accept:
            raise Lost(f"`pipit {' '.join(words)}` failed: {done.stdout}{done.stderr}")
        return done.stdout

    def start(self):
        environment = dict(os.environ)
        if self.arguments.preload:
            environment["LD_PRELOAD"] = self.arguments.preload
        line = [self.arguments.pipit, "--config", str(self.disk / "pipit.toml"), "run"]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(line, stderr=log, stdout=log, env=environment, start_new_session=True)

    def wait_until_ready(self):
        begun = time.monotonic()
        while time.monotonic() - begun < READY_WITHIN_S:
            if self.process.poll() is not None:
                break
            try:
                told = self.ask("GET", "/ready", accept=(200, 503))
                if told["database"] and told["models"]:
                    return time.monotonic() - begun
            except OSError:
                pass
            time.sleep(0.02)
        raise Lost(f"it does not get ready by itself:\n{self.log.read_text(errors='replace')[-3000:]}")

    def kill(self):
        if self.process:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()
            self.process = None

    def end(self):
        self.process.terminate()
        self.process.wait(timeout=30)
        self.process = None

    def ask(self, method, path, body=None, accept=(200, 201, 202, 204), raw=False, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        sent = {"Origin": f"http://127.0.0.1:{self.port}", **(headers or {})}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body)
            sent["Content-Type"] = "application/json"
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            content = response.read()
        except http.client.HTTPException as error:
            raise OSError(f"{path}: {error}") from error
        finally:
            connection.close()
        if response.status not in accept:
            raise Refused(f"{method} {path}: {response.status} {content[:300].decode(errors='replace')}")
        if raw:
            return content
        return json.loads(content) if content else None

    def sign_in(self):
        self.token = None
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        headers = {"Origin": f"http://127.0.0.1:{self.port}", "Content-Type": "application/json"}
        connection.request("POST", "/api/session", json.dumps({"name": "owner", "password": PASSWORD}), headers)
        response = connection.getresponse()
        response.read()
        if response.status != 200:
            raise Lost(f"the owner can't sign in: {response.status}")
        headers["Cookie"] = "; ".join(cookie.split(";")[0] for cookie in response.headers.get_all("set-cookie"))
        made = self.ask("POST", "/api/tokens", {"name": "cuts", "scopes": ["read", "talk", "admin"]}, headers=headers)
        self.token = made["token"]

    def task(self, method, path, body=None):
        """Begins a task and waits for its end."""
        task = self.ask(method, path, body)
        while task["state"] == "running":
            time.sleep(0.02)
            task = next(one for one in self.ask("GET", "/api/tasks") if one["id"] == task["id"])
        if task["state"] != "done":
            raise Refused(f"{path}: {task['message']}")


# Who uses it. Each does one thing, and is asked again and again.

def speak(pipit, known, chance):
    """In writing, by sentences that are understood offline; each makes a conversation, or goes on with one."""
    text, reply = chance.choice([("What is twelve times seven?", "84"), ("What is five plus six?", "11")])
    among = known.names("conversation")
    body = {"text": text}
    if among and chance.random() < 0.7:
        body["conversation"] = chance.choice(among[-5:])
    events = pipit.ask("POST", "/v1/chat", body, raw=True).decode()
    done = [json.loads(block.split("data: ", 1)[1]) for block in events.split("\n\n") if block.startswith("event: done")]
    if done and reply in events:
        known.confirmed("message", (done[0]["conversation"], done[0]["request"]), text)
        known.confirmed("conversation", done[0]["conversation"], "there")


def forget_conversation(pipit, known, chance):
    # Not one of those with which it is gone on.
    among = known.names("conversation")[:-8]
    if not among:
        return
    name = chance.choice(among)
    # Its messages go with it, or are still there with it.
    known.change("conversation", name, None, lambda: pipit.ask("DELETE", f"/v1/conversations/{name}"))


def timers(pipit, known, chance):
    among = known.names("timer")
    if len(among) > 8:
        name = chance.choice(among)
        known.change("timer", name, None, lambda: pipit.ask("DELETE", f"/v1/timers/{name}"))
    else:
        label = f"tea {chance.randrange(10**6)}"
        made = pipit.ask("POST", "/v1/timers", {"seconds": chance.randint(40_000, 500_000), "name": label})
        known.confirmed("timer", made["id"], label)


def memory(pipit, known, chance):
    among = known.names("fact")
    if len(among) > 8:
        name = chance.choice(among)
        known.change("fact", name, None, lambda: pipit.ask("DELETE", f"/v1/memory/{name}"))
    else:
        text = f"The key of the shed has number {chance.randrange(10**6)}."
        made = pipit.ask("POST", "/v1/memory", {"text": text})
        known.confirmed("fact", made["id"], text)


def settings(pipit, known, chance):
    name, value = chance.choice([
        ("audio.volume", chance.randint(1, 100)), ("ear.pause_ms", chance.randint(100, 400)), ("turn.longest_utterance_s", chance.randint(5, 30)),
    ])
    known.change("setting", name, value, lambda: pipit.ask("PATCH", "/api/settings", {"changes": {name: value}}))


def secrets(pipit, known, chance):
    name = f"SECRET_{chance.randrange(6)}"
    if name in known.names("secret") and chance.random() < 0.5:
        known.change("secret", name, None, lambda: pipit.ask("DELETE", f"/api/secrets/{name}", accept=(200, 204, 404)))
    else:
        known.change("secret", name, "kept", lambda: pipit.ask("PUT", f"/api/secrets/{name}", {"secret": f"key-{chance.random()}"}))


def personas(pipit, known, chance):
    name = f"persona-{chance.randrange(3)}"
    prompt = f"You are number {chance.randrange(10**6)}." * 20
    body = {"title": name, "prompt": prompt, "greeting": "", "tools": [], "topic": None}
    known.change("persona", name, prompt, lambda: pipit.ask("PUT", f"/api/personas/{name}", body))


def models(pipit, known, chance):
    """The two models of the catalogue here: of one the hash is known, of the other it is learnt with the download."""
    name = chance.choice(["cut-known", "cut-learnt"])
    if name in known.names("model") and chance.random() < 0.8:
        with known.lock:
            known.right["model", name] = {"installed", "partial", "absent"}
        pipit.ask("DELETE", f"/api/models/{name}")
        known.confirmed("model", name, "absent")
    with known.lock:
        if known.is_cut:
            return
        known.right["model", name] = known.right.get(("model", name), {"absent"}) | {"installed", "partial", "absent"}
    pipit.task("POST", f"/api/models/{name}/pull")
    known.confirmed("model", name, "installed")


def back_up(pipit, _known, chance):
    time.sleep(chance.uniform(0, 2))
    pipit.task("POST", "/api/backup", {"passphrase": PASSPHRASE})


USERS = [speak, speak, forget_conversation, timers, memory, settings, secrets, personas, models, back_up]


class Traffic:
    """Everybody at once, each on a thread."""

    def __init__(self, pipit, known, seed, users=USERS):
        self.is_over = threading.Event()
        self.refused = []
        self.done = 0
        self.threads = [threading.Thread(target=self.use, args=(user, pipit, known, random.Random(f"{seed} {number}")))
                        for number, user in enumerate(users)]
        for thread in self.threads:
            thread.start()

    def use(self, user, pipit, known, chance):
        while not self.is_over.is_set():
            try:
                user(pipit, known, chance)
                self.done += 1
            except OSError:
                return  # The power is off.
            except Refused as error:
                if known.is_cut:
                    return
                self.refused.append(str(error))
            self.is_over.wait(chance.uniform(0, 0.05))

    def end(self):
        self.is_over.set()
        for thread in self.threads:
            thread.join()


# What there is after a cut.

def look_through(pipit, known):
    """The files as they are, before Pipit touches them."""
    state = pipit.disk / "state"
    for name in ("pipit.db", "pipit.db.good"):
        if (state / name).exists() and (state / name).stat().st_size > 0:
            with_log = pipit.folder / "looked-at"
            shutil.rmtree(with_log, ignore_errors=True)
            with_log.mkdir()
            for part in (name, f"{name}-wal"):
                if (state / part).exists():
                    shutil.copy(state / part, with_log / part)
            database = sqlite3.connect(with_log / name)
            try:
                said = [row[0] for row in database.execute("PRAGMA integrity_check")]
                broken = database.execute("PRAGMA foreign_key_check").fetchall()
            except sqlite3.DatabaseError as error:
                said, broken = [str(error)], []
            finally:
                database.close()
            if said != ["ok"] or broken:
                raise Lost(f"{name} is damaged: {said[:3]} {broken[:3]}")
    pipit.command("config", "check")
    # It fails for a model that is there in part, such as a download that was cut.
    verified = pipit.command("models", "verify", accept=(0, 1))
    verdicts = dict(line.split(": ")[0::2] for line in verified.splitlines() if line.count(": ") == 2)
    for name, verdict in verdicts.items():
        right = known.right.get(("model", name), {"installed"})
        if verdict != "good" and (right == {"installed"} or not verdict.startswith("missing")):
            raise Lost(f"the model {name} is {verdict}")
    missing = [name for (kind, name), right in known.right.items() if kind == "model" and right == {"installed"} and name not in verdicts]
    if missing:
        raise Lost(f"of the models, {missing} are gone: {verified}")
    # What was unfinished is replaced by the next.
    usual = ("pipit.db.key", "pipit.db.key.new", "pipit.db.good", "pipit.db.good.new", "pipit.db.good.new-journal", "pipit.db.copy")
    aside = [path.name for path in state.glob("pipit.db.*") if path.name not in usual]
    if aside:
        raise Lost(f"beside the database lies {aside}")


def compare(pipit, known):
    """What Pipit knows, with what it had confirmed."""
    known.compare("timer", {one["id"]: one["name"] for one in pipit.ask("GET", "/v1/timers")})
    known.compare("fact", {one["id"]: one["text"] for one in pipit.ask("GET", "/v1/memory")})
    known.compare("secret", {one["name"]: "kept" for one in pipit.ask("GET", "/api/secrets")})
    known.compare("setting", {one["name"]: one["value"] for one in pipit.ask("GET", "/api/settings")["settings"]})
    known.compare("persona", {one["name"]: one["prompt"] for one in pipit.ask("GET", "/api/personas")["personas"]})
    known.compare("model", {one["name"]: one["state"] for one in pipit.ask("GET", "/api/models")["models"]})
    there, messages = {}, {}
    for name in {name for kind, name in known.right if kind == "conversation"}:
        try:
            found = pipit.ask("GET", f"/v1/conversations/{name}?last=1000")
        except Refused:
            continue
        there[name] = "there"
        for message in found["messages"]:
            messages[name, message["id"]] = message["text"]
    known.compare("conversation", there)
    with known.lock:
        for kind, name in [key for key in known.right if key[0] == "message" and key[1][0] not in there]:
            del known.right[kind, name]
    known.compare("message", messages)
    log = pipit.log.read_text(errors="replace")
    for line in log.splitlines():
        # Power that goes while Pipit tries what was restored has it go back to what there was.
        if "what was restored is not gone on with" in line:
            continue
        if any(word in line for word in ("ERROR", "panicked", "damaged", "is kept as", "can't be read")):
            raise Lost(f"the log says: {line}")


class Bench:
    def __init__(self, arguments):
        self.arguments = arguments
        self.folder = Path(arguments.folder)
        self.image, self.fuse, self.disk = (self.folder / name for name in ("image", "fuse", "disk"))
        for folder in (self.fuse, self.disk):
            folder.mkdir()
        self.loop = self.forgetful = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.pipit = Pipit(arguments, self.folder, port)
        self.known = Known()
        self.chance = random.Random(arguments.seed)
        self.content = random.Random(0).randbytes(MODEL_BYTES)
        self.server = serve_models(self.content)
        self.is_claimed = False
        self.last_restored = None
        self.blocks = [0, 0]
        self.worst_start = 0.0
        self.asked = 0

    # The disk.

    def plug_in(self):
        line = [sys.executable, HERE / "forgetful_disk.py", self.image, self.fuse]
        self.forgetful = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.forgetful.stdout.readline() != "mounted\n":
            sys.exit("the disk can't be made")
        self.loop = subprocess.run(["losetup", "--find", "--show", self.fuse / "disk"], check=True, capture_output=True, text=True).stdout.strip()

    def begin_disk(self):
        """An empty disk, with what an installation brings: the configuration and the models, all flushed."""
        self.image.unlink(missing_ok=True)
        with open(self.image, "wb") as image:
            image.truncate(DISK_BYTES)
        self.plug_in()
        subprocess.run(["mkfs.ext4", "-q", "-b", "4096", self.loop], check=True)
        self.mount()
        (self.disk / "models").mkdir()
        for name in ("silero-vad-v6.onnx", "smart-turn-v3.2.onnx"):
            shutil.copy(Path(self.arguments.models) / name, self.disk / "models" / name)
        (self.disk / "models" / "catalogue.toml").write_text(catalogue(self.server.server_port, self.content))
        (self.disk / "pipit.toml").write_text(configuration(self))
        os.sync()
        self.known = Known()
        self.is_claimed, self.last_restored, self.pipit.token = False, None, None

    def mount(self):
        # Whatever is not written with fsync may be lost: without this, ext4 makes up for programs that forget it.
        subprocess.run(["mount", "-t", "ext4", "-o", "noauto_da_alloc", self.loop, self.disk], check=True)

    def cut(self, traffic=()):
        """The power is off; what is left is in the image."""
        with self.known.lock:
            self.known.is_cut = True
        how = self.chance.choice(HOW)
        self.forgetful.stdin.write(f"{self.chance.random()} {how}\n")
        self.forgetful.stdin.flush()
        written, kept = map(int, self.forgetful.stdout.readline().split())
        self.blocks[0] += written
        self.blocks[1] += kept
        self.pipit.kill()
        for one in traffic:
            one.end()
            self.asked += one.done
        self.unplug()
        return f"{how}: {kept} of {written} unflushed blocks kept"

    def unplug(self):
        unmount(self.disk)
        if self.loop:
            subprocess.run(["losetup", "--detach", self.loop], check=False)
        unmount(self.fuse)
        if self.forgetful:
            self.forgetful.stdin.close()
            self.forgetful.wait(timeout=30)
        self.loop = self.forgetful = None

    # The rounds.

    def begin_round(self):
        """Starts on what is left, and finds all that was confirmed."""
        self.plug_in()
        self.mount()
        self.known.is_cut = False
        look_through(self.pipit, self.known)

    def start_and_compare(self):
        self.pipit.start()
        self.worst_start = max(self.worst_start, self.pipit.wait_until_ready())
        if not self.is_claimed:
            self.pipit.command("people", "password", "owner", input=PASSWORD)
            self.is_claimed = True
        if not self.pipit.token:
            self.pipit.sign_in()
        try:
            self.pipit.ask("GET", "/v1/timers")
        except Refused as error:
            raise Lost(f"the token that was given out opens nothing: {error}") from error
        compare(self.pipit, self.known)

    def round(self, kind):
        if kind == "first start":
            self.begin_disk()
            self.pipit.start()
            time.sleep(self.chance.uniform(0, 1.5))
            return self.cut()
        self.begin_round()
        if kind == "start":
            self.pipit.start()
            time.sleep(self.chance.uniform(0, 1))
            return self.cut()
        self.start_and_compare()
        if kind == "restoration":
            return self.restore()
        traffic = Traffic(self.pipit, self.known, self.chance.random())
        time.sleep(self.chance.uniform(0.2, 4))
        cut = self.cut([traffic])
        if traffic.refused:
            raise Lost(f"it refused: {traffic.refused[:3]}")
        return f"{cut}, {traffic.done} requests"

    def restore(self):
        """A backup is made, changed after, and confirmed to come back; the power goes then, or while it takes its place."""
        pipit = self.pipit
        pipit.task("POST", "/api/backup", {"passphrase": PASSPHRASE})
        backup = pipit.ask("GET", "/api/backup/file", raw=True)
        then = copy.deepcopy(self.known.right)
        for one in (timers, memory, settings, secrets):
            for _ in range(3):
                one(pipit, self.known, self.chance)
        pipit.ask("PUT", "/api/restore/file", backup)
        pipit.task("POST", "/api/restore/try", {"passphrase": PASSPHRASE})
        pipit.ask("POST", "/api/restore")
        now = copy.deepcopy(self.known.right)
        if self.chance.random() < 0.3:
            cut = "once confirmed, " + self.cut()
        else:
            pipit.end()
            pipit.start()
            time.sleep(self.chance.uniform(0, 1))
            cut = self.cut()
        self.begin_round()
        pipit.start()
        self.worst_start = max(self.worst_start, pipit.wait_until_ready())
        # Tokens come back with a backup, and whoever is not known by theirs signs in again.
        pipit.sign_in()
        last = pipit.ask("GET", "/api/restore")["last"]
        if last is None or last["at"] == self.last_restored:
            raise Lost("a restoration that was confirmed has not happened")
        self.last_restored = last["at"]
        # Models are in no backup.
        kept = {key: values for key, values in now.items() if key[0] == "model"}
        self.known.right = now if last["went_back"] else {**then, **kept}
        # What was not there then may be there again or not: it is compared with what there was.
        compare(pipit, self.known)
        pipit.ask("DELETE", "/api/restore/kept")
        outcome = "went back" if last["went_back"] else "restored"
        return f"{cut}; {outcome}; and again {self.cut()}"

    def run(self):
        kinds = ["first start"] + ["traffic"] * 13 + ["start"] * 3 + ["restoration"] * 2
        failures, counts, is_fresh = [], {}, True
        for number in range(1, self.arguments.times + 1):
            kind = "first start" if is_fresh else self.chance.choice(kinds)
            begun = time.monotonic()
            try:
                said = self.round(kind)
                is_fresh = False
            except (Lost, Refused, OSError, subprocess.SubprocessError) as error:
                said = f"FAILED: {str(error)[:600]}"
                failures.append(f"cut {number}, {kind}: {str(error)[:600]}")
                self.keep(number)
                self.pipit.kill()
                self.unplug()
                is_fresh = True
            counts[kind] = counts.get(kind, 0) + 1
            print(f"{number:4} {kind:12} {time.monotonic() - begun:5.1f} s  {said}", flush=True)
        if not is_fresh:
            try:
                self.begin_round()
                self.start_and_compare()
            except Lost as error:
                failures.append(f"the last cut: {error}")
            self.pipit.kill()
        self.unplug()
        self.report(failures, counts)
        return 1 if failures else 0

    def keep(self, number):
        if self.pipit.log.exists():
            shutil.copy(self.pipit.log, self.folder / f"log-of-{number}")

    def report(self, failures, counts):
        print()
        print("| power cuts | of which | requests before them | unflushed blocks, of these kept | longest start | lost or damaged |")
        print("|---|---|---|---|---|---|")
        of_which = ", ".join(f"{count} in a {kind}" for kind, count in sorted(counts.items()))
        total = sum(counts.values())
        print(f"| {total} | {of_which} | {self.asked} | {self.blocks[0]}, {self.blocks[1]} | {self.worst_start:.1f} s | {len(failures)} |")
        for failure in failures:
            print(failure)


def unmount(place):
    """Waits until nobody uses it: what was killed is gone a moment later."""
    for _ in range(100):
        if not os.path.ismount(place) or subprocess.run(["umount", place], check=False, stderr=subprocess.DEVNULL).returncode == 0:
            return
        time.sleep(0.05)
    sys.exit(f"{place} can't be unmounted")


def serve_models(content):
    """A server that is slow enough for a download to be cut."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            asked = self.headers.get("range")
            begin = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
            body = content[begin:]
            self.send_response(206 if asked else 200)
            if asked:
                self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("ETag", '"first"')
            self.send_header("X-Linked-Etag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.end_headers()
            try:
                for at in range(0, len(body), 64 << 10):
                    self.wfile.write(body[at:at + (64 << 10)])
                    time.sleep(0.01)
            except OSError:
                self.close_connection = True

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def catalogue(port, content):
    entries = [("cut-known", f'sha256 = "{hashlib.sha256(content).hexdigest()}"\n'), ("cut-learnt", "")]
    return "".join(f"""[[model]]
name = "{name}"
engine = "whisper"
languages = ["en"]
licence = "none: it is noise"
memory_mb = 40
real_time_factor = 0.01
about = "Noise, to be downloaded."
[[model.file]]
name = "{name}.bin"
url = "http://127.0.0.1:{port}/{name}.bin"
bytes = {len(content)}
{sha256}
""" for name, sha256 in entries)


def configuration(bench):
    return f"""[state]
dir = "{bench.disk}/state"
[models]
dir = "{bench.disk}/models"
runtime = "{bench.arguments.runtime}"
[audio]
backend = "wav"
input = "{(HERE / "../demo/2-set-a-timer-for-ten-minutes.wav").resolve()}"
output = "{bench.folder}/said"
[stt]
model = "pipit-nano-en"
[tts]
engine = "espeak"
[web]
listen = "127.0.0.1:{bench.pipit.port}"
"""


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("pipit", "runtime", "models", "folder"):
        parser.add_argument(name)
    parser.add_argument("times", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--preload", default="")
    bench = Bench(parser.parse_args())
    try:
        sys.exit(bench.run())
    finally:
        bench.pipit.kill()
        bench.unplug()
