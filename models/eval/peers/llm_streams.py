"""Compares how Pipit reads recorded replies with how the makers' own packages do.

    pipit-eval streams FOLDER --replies | python llm_streams.py

The packages are `openai` and `anthropic`; each gets the same bytes over HTTP as from its server. Prints how many replies
are equal in text and tool calls, and each that is not.
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import anthropic
import openai


class Server(BaseHTTPRequestHandler):
    """Answers whatever is asked with the body of the moment."""

    body = ""

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        body = Server.body.encode()
        self.send_response(200)
        self.send_header("content-type", "application/json" if is_whole(Server.body) else "text/event-stream")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def is_whole(body: str) -> bool:
    return body.lstrip().startswith("{")


server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
to_server = {"api_key": "none", "base_url": f"http://127.0.0.1:{server.server_port}", "max_retries": 0}


def by_openai(body: str):
    client = openai.OpenAI(**to_server)
    streams = not is_whole(body)
    reply = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}], stream=streams)
    if not streams:
        message = reply.choices[0].message
        if isinstance(message.content, list):
            message.content = "".join(part.get("text") or "" for part in message.content if part.get("type") == "text")
        calls = [[c.id, c.function.name, c.function.arguments] for c in message.tool_calls or []]
        return message.content or "", calls
    text, calls = "", {}
    for chunk in reply:
        for choice in chunk.choices[:1]:
            content = choice.delta.content
            if isinstance(content, list):
                content = "".join(part.get("text") or "" for part in content if part.get("type") == "text")
            text += content or ""
            for part in choice.delta.tool_calls or []:
                call = calls.setdefault(part.index, ["", "", ""])
                call[0] = call[0] or part.id or ""
                call[1] = call[1] or (part.function and part.function.name) or ""
                call[2] += (part.function and part.function.arguments) or ""
    return text, list(calls.values())


def by_anthropic(body: str):
    client = anthropic.Anthropic(**to_server)
    asked = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
    if is_whole(body):
        message = client.messages.create(**asked)
    else:
        with client.messages.stream(**asked) as stream:
            message = stream.get_final_message()
    text = "".join(block.text for block in message.content if block.type == "text")
    calls = [[b.id, b.name, b.input] for b in message.content if b.type == "tool_use"]
    return text, calls


def same(ours, theirs) -> bool:
    return all(read(a) == read(b) for a, b in zip(ours, theirs)) and len(ours) == len(theirs)


def read(call):
    """With the arguments as what they say, however they are written."""
    arguments = call[2]
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments or "{}")
        except ValueError:
            pass
    return [call[0] or "", call[1] or "", arguments]


equal = different = refused = 0
for line in sys.stdin:
    ours = json.loads(line)
    if ours["dialect"] == "Ollama":
        continue
    Server.body = ours["body"]
    try:
        text, calls = (by_anthropic if ours["dialect"] == "Anthropic" else by_openai)(ours["body"])
    except Exception as error:
        refused += 1
        print(f"{ours['file']}: the package can't read it: {str(error)[:100]!r}", file=sys.stderr)
        continue
    # Pipit takes off white space in front, parts what a tool's use parts, and takes out reasoning that a model wrote into its text.
    letters = lambda text: "".join(text.split())
    if (letters(text) == letters(ours["text"]) or "<think" in text) and same(ours["calls"], calls):
        equal += 1
    else:
        different += 1
        print(f"{ours['file']}: {ours['text'][:60]!r} {ours['calls']} against {text[:60]!r} {calls}", file=sys.stderr)
print(f"equal {equal}  different {different}  not read by the package {refused}")
