#!/usr/bin/env python3
"""Runs the daemon as a container engine would run the image, and looks at it from outside.

    prove_run.py ROOT IMAGE.json      in mount, network and process namespaces of its own (prove.sh)

The root is mounted read-only, the user is the image's, there are no capabilities, and the only
network is this namespace's loopback: a name server and an HTTPS upstream run here. What can only
work if the image is whole (names, the CA bundle, the configuration's place) is asked for through it.
"""

import ctypes
import http.server
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

KEY = "prove-this-image-0123456789abcdef"
UPSTREAM = "provider.test"
ANSWER = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
          "choices": [{"index": 0, "finish_reason": "stop",
                       "message": {"role": "assistant", "content": "Proven."}}],
          "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}
# The shipped configuration, with its upstreams pointed here.
REPLACED = {"https://api.openai.com/v1": f"https://{UPSTREAM}:8443/v1",
            "https://openrouter.ai/api/v1": f"https://{UPSTREAM}:8443/v1"}


def serve_names():
    """Answers every A question for the upstream's name with 127.0.0.1, and nothing else."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 53))
    known = b"".join(bytes([len(part)]) + part.encode() for part in UPSTREAM.split(".")) + b"\0"
    while True:
        data, peer = sock.recvfrom(512)
        end = data.index(b"\0", 12) + 5
        kind = struct.unpack(">H", data[end - 4:end - 2])[0]
        found = data[12:end - 4].lower() == known
        answer = b""
        if found and kind == 1:
            answer = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + b"\x7f\0\0\x01"
        flags = 0x8180 if found else 0x8183
        sock.sendto(data[:2] + struct.pack(">HHHHH", flags, 1, 1 if answer else 0, 0, 0)
                    + data[12:end] + answer, peer)


class Upstream(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        body = json.dumps(ANSWER).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def serve_upstream(folder: pathlib.Path):
    """HTTPS with a certificate that only our own bundle trusts; returns the bundle."""
    bundle, chain = folder / "bundle.pem", folder / "chain.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", f"/CN={UPSTREAM}", "-addext", f"subjectAltName=DNS:{UPSTREAM}",
                    "-keyout", str(chain), "-out", str(bundle)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(bundle, chain)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 8443), Upstream)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    bundle.chmod(0o644)
    return bundle


def prepare_root(root: pathlib.Path, files: dict[str, pathlib.Path], volumes: list[str]):
    """Mounts what an engine mounts (names, the operator's files) and makes the rest read-only."""
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (root / "proc").mkdir(exist_ok=True)
    run = lambda *command: subprocess.run(command, check=True)
    run("mount", "--make-rprivate", "/")
    run("mount", "--bind", str(root), str(root))
    for name, source in files.items():
        run("mount", "--bind", str(source), str(root / name))
    run("mount", "-t", "proc", "proc", str(root / "proc"))
    run("mount", "-o", "remount,bind,ro", str(root))
    for volume in volumes:  # an engine makes those that are not mounted, with the image's owner
        owner = (root / volume).stat()
        run("mount", "-t", "tmpfs", "-o", f"uid={owner.st_uid},gid={owner.st_gid},mode=700", "volume",
            str(root / volume))


class Image:
    def __init__(self, root: pathlib.Path, description: pathlib.Path):
        config = json.loads(description.read_text())["Docker"]["config"]
        self.root = root
        self.user, self.group = map(int, config["User"].split(":"))
        self.command = config["Entrypoint"] + config["Cmd"]
        self.health = config["Healthcheck"]["Test"]
        self.environment = dict(pair.split("=", 1) for pair in config["Env"] or [])
        self.exposed = set(config["ExposedPorts"])
        self.volumes = [path.strip("/") for path in config.get("Volumes") or {}]

    def start(self, command, environment=()):
        def become():
            os.chroot(self.root)
            os.chdir("/")
            os.setgroups([])
            os.setgid(self.group)
            os.setuid(self.user)
            PR_SET_NO_NEW_PRIVS = 38
            ctypes.CDLL(None).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)

        return subprocess.Popen(command, env={**self.environment, **dict(environment)},
                                preexec_fn=become, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def run(self, command, environment=()):
        process = self.start(command, environment)
        output = process.communicate(timeout=30)[0].decode()
        return process.returncode, output


def fetch(url: str, body=None, headers=None):
    request = urllib.request.Request(url, data=body, headers=headers or {})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=20) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()
    except OSError:
        return 0, {}, ""


def expect(what: str, good: bool, details=""):
    print(f"  {'ok    ' if good else 'FAILED'}  {what}")
    if not good:
        print(details)
        sys.exit(1)


def wait_for(url: str) -> int:
    limit = time.monotonic() + 15
    while time.monotonic() < limit:
        status = fetch(url)[0]
        if status == 200:
            return status
        time.sleep(0.02)
    return 0


def check_confinement(image: Image, pid: int):
    status = dict(line.split(":\t", 1) for line in
                  pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
    expect("it runs as the image's user", status["Uid"].split() == [str(image.user)] * 4)
    expect("it has no capabilities", int(status["CapEff"], 16) == 0, status["CapEff"])
    maps = pathlib.Path(f"/proc/{pid}/maps").read_text()
    expect("it loaded no library", ".so" not in maps, maps)
    memory = int(status["VmRSS"].split()[0])
    expect(f"it is small: {memory / 1024:.1f} MiB resident", memory < 24 * 1024)


def check_answers():
    base, admin = "http://127.0.0.1:8080", "http://127.0.0.1:9090"
    expect("/readyz answers on the clients' port", fetch(base + "/readyz")[0] == 200)
    expect("/metrics is not on the clients' port", fetch(base + "/metrics")[0] == 404)
    body = json.dumps({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}]})
    post = lambda key: fetch(base + "/v1/chat/completions", body.encode(), {
        "content-type": "application/json", "authorization": "Bearer " + key})
    expect("without the right key there is no answer", post("wrong")[0] == 401)
    status, headers, text = post(KEY)
    expect("names resolve, the CA bundle is trusted, a prompt is answered",
           status == 200 and "Proven." in text, f"{status}\n{text}")
    expect("by the upstream it should", headers["x-understudy-upstream"] == "openai")
    for path in ("/healthz", "/readyz"):
        expect(f"{path} answers on the admin port", fetch(admin + path)[0] == 200)
    status, _, page = fetch(admin + "/metrics")
    expect("/metrics counts it", 'outcome="primary"} 1\n' in page and "process_open_fds" in page,
           page)
    expect("the ledger is kept", "\nunderstudy_ledger_up 1\n" in page, page)
    status, _, usage = fetch(admin + "/api/usage")
    expect("and answers", status == 200 and '"usage":' in usage, usage)
    if shutil.which("promtool"):
        lint = subprocess.run(["promtool", "check", "metrics"], input=page.encode(),
                              capture_output=True)
        expect("promtool finds no fault with it", lint.returncode == 0 and not lint.stderr,
               lint.stderr.decode())


def main():
    root, description = map(pathlib.Path, sys.argv[1:3])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    threading.Thread(target=serve_names, daemon=True).start()
    folder = pathlib.Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    image = Image(root, description)
    shipped = (root / "etc/understudy/understudy.yaml").read_text()
    expect("the configuration is where the command expects it", "keys:" in shipped)
    expect("both ports are exposed", image.exposed == {"8080/tcp", "9090/tcp"})
    roots = (root / "etc/ssl/certs/ca-certificates.crt").read_text().count("BEGIN CERTIFICATE")
    expect(f"there are trusted roots: {roots}", roots > 100)
    for old, new in REPLACED.items():
        shipped = shipped.replace(old, new)
    mounts = {"etc/understudy/understudy.yaml": shipped, "etc/hosts": "127.0.0.1 localhost\n",
              "etc/resolv.conf": "nameserver 127.0.0.1\n"}
    files = {"etc/ssl/certs/ca-certificates.crt": serve_upstream(folder)}
    for name, text in mounts.items():
        files[name] = folder / name.replace("/", "_")
        files[name].write_text(text)
        files[name].chmod(0o644)
    expect("the ledger's place belongs to the image's user", image.volumes == ["var/lib/understudy"]
           and (root / image.volumes[0]).stat().st_uid == image.user)
    prepare_root(root, files, image.volumes)
    try:
        (root / "written").touch()
        expect("the root is read-only", False)
    except OSError:
        expect("the root is read-only", True)

    providers = {"OPENAI_API_KEY": "sk-1", "OPENROUTER_API_KEY": "sk-2"}
    code, output = image.run(image.command, providers)
    expect("without UNDERSTUDY_KEY it refuses to start and says why",
           code == 2 and "UNDERSTUDY_KEY" in output, output)

    daemon = image.start(image.command, {**providers, "UNDERSTUDY_KEY": KEY})
    lines = []
    threading.Thread(target=lambda: lines.extend(daemon.stdout), daemon=True).start()
    healthy = wait_for("http://127.0.0.1:8080/healthz") == 200
    expect("/healthz answers", healthy, b"".join(lines).decode())
    check_answers()
    code, output = image.run(image.health[1:])
    expect("HEALTHCHECK says healthy", image.health[0] == "CMD" and code == 0, output)
    check_confinement(image, daemon.pid)
    daemon.send_signal(signal.SIGTERM)
    expect("SIGTERM ends it with 0", daemon.wait(10) == 0, b"".join(lines).decode())
    code, output = image.run(image.health[1:])
    expect("HEALTHCHECK then says unhealthy", code == 1, output)
    expect("no key is in its log", not any(secret in b"".join(lines).decode()
                                           for secret in (KEY, "sk-1", "sk-2")))


if __name__ == "__main__":
    main()
