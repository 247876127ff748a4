"""Stands in for an LLM server: stand_in_llm.py FIRST_TOKEN_MS REPLY

Speaks as much of OpenAI's chat completions as Pipit asks for. The first word of REPLY comes FIRST_TOKEN_MS after the request,
the rest a word every 30 ms. Prints the port that the system chose, then serves until it is ended.
"""

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WORD_S = 0.03
first_token_s = float(sys.argv[1]) / 1000
words = [f"{word} " for word in sys.argv[2].split()]


class Answer(BaseHTTPRequestHandler):
    def do_POST(self):
        asked = time.monotonic()
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        try:
            for number, word in enumerate(words):
                due = asked + first_token_s + number * WORD_S
                time.sleep(max(0, due - time.monotonic()))
                self.send({"content": word}, None)
            self.send({}, "stop")
            self.wfile.write(b"data: [DONE]\n\n")
        except OSError:
            # Whoever asked has hung up, as it does with a draft that is thrown away.
            self.close_connection = True

    def send(self, delta, finish_reason):
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        chunk = {"object": "chat.completion.chunk", "choices": [choice]}
        self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
        self.wfile.flush()

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
print(server.server_port, flush=True)
server.serve_forever()
