"""A fake AWS on the loopback interface: remembers what it is sent, and answers as little as the SDK needs."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ARN = "arn:aws:sagemaker:eu-west-1:123456789012:training-job/"


class FakeAws:
    """Objects that were put, calls of SageMaker by operation, and other paths that were asked for."""

    def __init__(self):
        self.objects, self.calls, self.others = {}, [], []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self):
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self):  # noqa: C901 - one method for each of HTTP's
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self, status, body=b"", kind="application/x-amz-json-1.1"):
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def body(self):
                if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                    return self.rfile.read(int(self.headers.get("Content-Length") or 0))
                parts = []
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                while self.rfile.readline().strip():
                    pass
                return b"".join(parts)

            def do_PUT(self):
                body = self.body()
                if "aws-chunked" in self.headers.get("Content-Encoding", ""):
                    size, _, rest = body.partition(b"\r\n")
                    body = rest[: int(size.split(b";")[0], 16)]
                fake.objects[self.path] = body
                self.answer(200)

            def do_HEAD(self):
                self.answer(200)

            def do_GET(self):
                fake.others.append(self.path)
                self.answer(404)

            def do_POST(self):
                body = self.body()
                operation = self.headers.get("X-Amz-Target", "").removeprefix("SageMaker.")
                if not operation:
                    fake.others.append((self.path, body.decode()))
                    self.answer(403, b"{}")
                    return
                request = json.loads(body)
                fake.calls.append((operation, request))
                answer = {"TrainingJobArn": ARN + request["TrainingJobName"]}
                if operation == "DescribeTrainingJob":
                    answer |= request | {"TrainingJobStatus": "InProgress", "SecondaryStatus": "Starting"}
                    answer |= {"ModelArtifacts": {"S3ModelArtifacts": "s3://b/k"}, "CreationTime": 0}
                self.answer(200, json.dumps(answer).encode())

        return Handler
