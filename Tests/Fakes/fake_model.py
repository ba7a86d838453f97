"""A scripted Messages endpoint for tests: python3 fake_model.py --port-file FILE

Listens on a free loopback port and writes it to FILE. Standard library only.

POST /v1/messages   answers with the next script that matches, streamed when the body says "stream": true
POST /script        {"responses": [RESPONSE, ...]} appends to the queue
GET  /requests      {"requests": [{"path", "headers", "body"}, ...]}: what came to /v1/messages, oldest first
GET  /pending       {"pending": n}: scripts not used yet
POST /reset         forgets scripts and requests

A RESPONSE has any of
  content             assistant content blocks (default: one text block "hi")
  stop_reason         default "tool_use" with a tool_use block in content, else "end_turn"
  stop_details, usage members of the message as they stand
  match               used only for requests whose first user text contains this; without it, for any request
  delay_ms            wait this long before answering
  chunk_delay_ms      wait this long before each event of a stream
  status, error_type, error_message, retry_after, headers
                      with a status other than 200: an error in place of a message
  break_after_chunks  close the connection after so many events of a stream
  error_after_chunks  send an "error" event (error_type, error_message) after so many events, and end

Requests without a script are answered with the text "hi". Scripts are used in the order in which they were added; of two
that match, one with "match" goes first.
"""

import argparse
import json
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MAXIMUM_REQUESTS = 10_000
ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


class Scripts:
    """The queue of answers and the record of requests, shared by all connections."""

    def __init__(self):
        self.lock = threading.Lock()
        self.reset()

    def reset(self):
        with self.lock:
            self.queue = []
            self.requests = []
            self.counter = 0

    def add(self, responses):
        with self.lock:
            self.queue.extend(responses)
            return len(self.queue)

    def record(self, path, headers, body):
        with self.lock:
            if len(self.requests) < MAXIMUM_REQUESTS:
                self.requests.append({"path": path, "headers": headers, "body": body})
            self.counter += 1
            return self.counter

    def take(self, text):
        with self.lock:
            matching = [r for r in self.queue if r.get("match") and r["match"] in text]
            anything = [r for r in self.queue if not r.get("match")]
            for response in matching[:1] or anything[:1]:
                # By identity: equal scripts may stand in the queue several times.
                self.queue = [r for r in self.queue if r is not response]
                return response
            return {}


def first_user_text(body):
    for message in body.get("messages", []):
        if message.get("role") != "user":
            continue
        content = message.get("content")
        if isinstance(content, str):
            return content
        texts = [b.get("text", "") for b in content or [] if b.get("type") == "text"]
        if texts:
            return "\n".join(texts)
    return ""


def complete_message(script, body, number):
    content = []
    for index, block in enumerate(script.get("content", [{"type": "text", "text": "hi"}])):
        block = dict(block)
        if block.get("type") == "tool_use":
            block.setdefault("id", f"toolu_fake_{number}_{index}")
            block.setdefault("input", {})
        content.append(block)
    calls = any(block.get("type") == "tool_use" for block in content)
    usage = {
        "input_tokens": max(1, len(json.dumps(body)) // 4),
        "output_tokens": max(1, len(json.dumps(content)) // 4),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
    }
    usage.update(script.get("usage") or {})
    return {
        "id": f"msg_fake_{number}",
        "type": "message",
        "role": "assistant",
        "model": body.get("model", "fake"),
        "content": content,
        "stop_reason": script.get("stop_reason") or ("tool_use" if calls else "end_turn"),
        "stop_sequence": None,
        "stop_details": script.get("stop_details"),
        "usage": usage,
    }


def pieces(text, size=12):
    return [text[start : start + size] for start in range(0, len(text), size)]


def block_events(index, block):
    kind = block.get("type")
    opening, deltas = block, []
    if kind == "text":
        opening = {**block, "text": ""}
        deltas = [{"type": "text_delta", "text": piece} for piece in pieces(block.get("text", ""))]
    elif kind == "thinking":
        opening = {**block, "thinking": "", "signature": ""}
        deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(block.get("thinking", ""))]
        deltas.append({"type": "signature_delta", "signature": block.get("signature", "")})
    elif kind == "tool_use":
        opening = {**block, "input": {}}
        # A string is sent as it stands, so that a test can send malformed input.
        value = block["input"]
        text = value if isinstance(value, str) else json.dumps(value)
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces(text)]
    yield {"type": "content_block_start", "index": index, "content_block": opening}
    for delta in deltas:
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


def stream_events(message):
    opening = {**message, "content": [], "stop_reason": None, "stop_details": None}
    opening["usage"] = {**message["usage"], "output_tokens": 1}
    yield {"type": "message_start", "message": opening}
    yield {"type": "ping"}
    for index, block in enumerate(message["content"]):
        yield from block_events(index, block)
    delta = {key: message[key] for key in ("stop_reason", "stop_sequence", "stop_details")}
    yield {"type": "message_delta", "delta": delta, "usage": message["usage"]}
    yield {"type": "message_stop"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    scripts = Scripts()

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        if self.path == "/requests":
            with self.scripts.lock:
                answer = {"requests": list(self.scripts.requests)}
            self.send_json(200, answer)
        elif self.path == "/pending":
            with self.scripts.lock:
                answer = {"pending": len(self.scripts.queue)}
            self.send_json(200, answer)
        else:
            self.send_failure(404, f"no such path: {self.path}")

    def do_POST(self):
        data = self.rfile.read(int(self.headers.get("content-length") or 0))
        path = self.path.split("?")[0]
        try:
            body = json.loads(data or b"{}")
        except ValueError:
            self.send_failure(400, "the body is not valid JSON")
            return
        if path == "/script":
            self.send_json(200, {"pending": self.scripts.add(body.get("responses", []))})
        elif path == "/reset":
            self.scripts.reset()
            self.send_json(200, {})
        elif path == "/v1/messages":
            self.answer(body)
        else:
            self.send_failure(404, f"no such path: {path}")

    def answer(self, body):
        headers = {name.lower(): value for name, value in self.headers.items()}
        number = self.scripts.record(self.path, headers, body)
        script = self.scripts.take(first_user_text(body))
        time.sleep(script.get("delay_ms", 0) / 1000)
        status = script.get("status", 200)
        if status != 200:
            extra = dict(script.get("headers") or {})
            if script.get("retry_after") is not None:
                extra["retry-after"] = str(script["retry_after"])
            self.send_failure(status, script.get("error_message", "scripted"), script.get("error_type"), extra)
            return
        message = complete_message(script, body, number)
        if body.get("stream"):
            self.stream(script, message)
        else:
            self.send_json(200, message)

    def stream(self, script, message):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("cache-control", "no-cache")
        self.send_header("request-id", "req_" + message["id"])
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        try:
            for count, event in enumerate(stream_events(message)):
                if script.get("break_after_chunks") == count:
                    self.close_connection = True
                    return
                if script.get("error_after_chunks") == count:
                    self.send_event(self.failure(script.get("error_message", "scripted"), script.get("error_type")))
                    break
                time.sleep(script.get("chunk_delay_ms", 0) / 1000)
                self.send_event(event)
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            # The client has gone away, as tests of interrupts do.
            self.close_connection = True

    def send_event(self, event):
        data = f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    @staticmethod
    def failure(message, kind=None):
        return {"type": "error", "error": {"type": kind or "overloaded_error", "message": message}}

    def send_failure(self, status, message, kind=None, headers=None):
        kind = kind or ERROR_TYPES.get(status, "api_error")
        self.send_json(status, self.failure(message, kind), {"request-id": "req_fake", **(headers or {})})

    def send_json(self, status, value, headers=None):
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        for name, text in (headers or {}).items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(data)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main():
    parser = argparse.ArgumentParser(description="a scripted Messages endpoint for tests")
    parser.add_argument("--port-file", required=True, help="where to write the port")
    arguments = parser.parse_args()
    server = Server(("127.0.0.1", 0), Handler)
    # Renamed into place, so that a reader never sees half a number.
    with open(arguments.port_file + ".part", "w") as file:
        file.write(f"{server.server_port}\n")
    os.replace(arguments.port_file + ".part", arguments.port_file)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
