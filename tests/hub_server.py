"""A small Hugging Face hub on this machine: the addresses that its client asks for repositories, uploads and files."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "hf_of_the_test"


@dataclass
class Hub:
    """What it holds.

    Attributes:
        repositories: their files by name.
        objects: uploads of large files by their hash.
        requests: METHOD PATH of every request.
        private: the repositories that were made so.
        status: of every answer, an error; None where it works.
    """

    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    private: list[str] = field(default_factory=list)
    status: int | None = None


class Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def handle_any(self) -> None:
        hub, path = self.hub, self.path.partition("?")[0].strip("/")
        hub.requests.append(f"{self.command} /{path}")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = self._chunks()
        known = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        if hub.status is not None:
            self.answer(hub.status, {"error": "told to"})
        elif path == "api/repos/create":
            self.create(json.loads(body), known)
        elif path == "api/validate-yaml":
            self.answer(200, {"errors": [], "warnings": []})
        elif path.startswith("api/models/") and "/preupload/" in path:
            files = json.loads(body)["files"]
            large = {f["path"]: "lfs" if f["path"].endswith(".safetensors") else "regular" for f in files}
            modes = [{"path": name, "uploadMode": mode, "shouldIgnore": False} for name, mode in large.items()]
            self.answer(200 if known else 403, {"files": modes})
        elif path.endswith(".git/info/lfs/objects/batch"):
            address = f"http://127.0.0.1:{self.server.server_address[1]}/objects/"
            wanted = json.loads(body)["objects"]
            found = [{**item, "actions": {"upload": {"href": address + item["oid"]}}} for item in wanted]
            self.answer(200, {"transfer": "basic", "objects": found})
        elif path.startswith("objects/"):
            hub.objects[path.removeprefix("objects/")] = body
            self.answer(200, {})
        elif path.startswith("api/models/") and "/commit/" in path:
            self.commit(path.split("/commit/")[0].removeprefix("api/models/"), body)
        elif "/resolve/" in path:
            self.resolve(*path.split("/resolve/main/"))
        else:
            self.answer(404, {"error": "no such address"})

    do_GET = do_HEAD = do_POST = do_PUT = handle_any

    def _chunks(self) -> bytes:
        found = b""
        while size := int(self.rfile.readline(), 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return found

    def create(self, wanted: dict, known: bool) -> None:
        if not known:
            self.answer(401, {"error": "Invalid username or password."})
            return
        name = f"{wanted.get('organization') or 'me'}/{wanted['name']}"
        there = name in self.hub.repositories
        self.hub.repositories.setdefault(name, {})
        if wanted.get("private") or wanted.get("visibility") == "private":
            self.hub.private.append(name)
        url = f"http://127.0.0.1:{self.server.server_address[1]}/{name}"
        self.answer(409 if there else 200, {"url": url, "error": "exists"})

    def commit(self, name: str, body: bytes) -> None:
        for line in body.splitlines():
            item = json.loads(line)
            value = item["value"]
            if item["key"] == "file":
                self.hub.repositories[name][value["path"]] = base64.b64decode(value["content"])
            elif item["key"] == "lfsFile":
                self.hub.repositories[name][value["path"]] = self.hub.objects[value["oid"]]
        url = f"http://127.0.0.1:{self.server.server_address[1]}/{name}/commit/{'0' * 40}"
        self.answer(200, {"success": True, "commitOid": "0" * 40, "commitUrl": url})

    def resolve(self, name: str, file: str) -> None:
        files = self.hub.repositories.get(name)
        if files is None:
            self.answer(401, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
        elif file not in files:
            self.answer(404, {"error": "Entry not found"}, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": "0" * 40})
        else:
            digest = hashlib.sha256(files[file]).hexdigest()
            self.answer(200, files[file], {"X-Repo-Commit": "0" * 40, "ETag": f'"{digest}"'})

    def answer(self, status: int, content: dict | bytes, headers: dict[str, str] | None = None) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for key, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def hub_server() -> Iterator[tuple[Hub, str]]:
    """Serves an empty hub; gives it and its address."""
    hub = Hub()
    handler = type("HubHandler", (Handler,), {"hub": hub})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield hub, f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
