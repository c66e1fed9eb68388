"""The configuration of each proxy, as a user would write it for speed on one core.

What is equal: no access log, upstream keep-alive, one worker, verified certificates towards a TLS
upstream, a second upstream to fall back to (nginx and Understudy; HAProxy can only send a request
again that it has kept, so `retry-on` is left at its default of connection failures).
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from . import process


# The goal is 10,000 streams. Each needs two descriptors in a proxy, and HAProxy wants some to spare:
# where the limit is lower than that takes, the bench uses as many as fit and says so.
STREAMS_MANY = min(10_000, (process.descriptors() - 200) // 2)
CONNECTIONS_MAX = STREAMS_MANY + 20


@dataclass(frozen=True)
class Upstreams:
    """Ports of the sink: plain, the same again as fall-back, TLS, and one that always answers 503."""

    plain: int
    second: int
    tls: int
    fail: int
    certificate: Path

    def chain(self, flavour: str) -> tuple[int, int]:
        if flavour == "tls":
            return self.tls, self.tls
        return (self.fail if flavour == "failover" else self.plain), self.second


def nginx(port: int, up: Upstreams, flavour: str, workers: int, folder: Path) -> str:
    first, second = up.chain(flavour)
    scheme = "https" if flavour == "tls" else "http"
    # Answers that stream are passed on at once. Plain ones are faster with nginx's buffering.
    buffering = "off" if flavour == "streams" else "on"
    # A body larger than this buffer goes through a file. Understudy keeps bodies in memory to be
    # able to send them again, so nginx may, too.
    body_buffer = "17m" if flavour == "bodies" else "16k"
    tls = f"""
      proxy_ssl_trusted_certificate {up.certificate};
      proxy_ssl_verify on;
      proxy_ssl_server_name on;
      proxy_ssl_name localhost;
      proxy_ssl_protocols TLSv1.2 TLSv1.3;""" if flavour == "tls" else ""
    return f"""
daemon off;
{"user root;" if os.geteuid() == 0 else ""}
pid {folder}/nginx.pid;
worker_processes {workers};
error_log stderr error;
events {{ worker_connections 65536; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  scgi_temp_path {folder}/scgi;
  uwsgi_temp_path {folder}/uwsgi;
  keepalive_requests 100000000;
  client_max_body_size 64m;
  client_body_buffer_size {body_buffer};
  upstream sink {{
    server 127.0.0.1:{first} max_fails=0;
    server 127.0.0.1:{second} max_fails=0 backup;
    keepalive 256;
    keepalive_requests 100000000;
  }}
  server {{
    listen 127.0.0.1:{port} backlog=4096{' reuseport' if workers > 1 else ''};
    tcp_nodelay on;
    location / {{
      proxy_pass {scheme}://sink;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering {buffering};
      proxy_next_upstream error timeout http_502 http_503 http_504 non_idempotent;
      proxy_read_timeout 300s;{tls}
    }}
  }}
}}
"""


def haproxy(port: int, up: Upstreams, flavour: str, workers: int) -> str:
    first, _ = up.chain(flavour)
    tls = f" ssl verify required ca-file {up.certificate} sni str(localhost) verifyhost localhost"
    return f"""
global
  nbthread {workers}
  maxconn {CONNECTIONS_MAX}
defaults
  mode http
  option http-keep-alive
  option http-no-delay
  http-reuse always
  timeout connect 5s
  timeout client 300s
  timeout server 300s
frontend bench
  bind 127.0.0.1:{port} backlog 4096
  default_backend sink
backend sink
  server first 127.0.0.1:{first}{tls if flavour == 'tls' else ''}
"""


def understudy(port: int, up: Upstreams, flavour: str, workers: int) -> str:
    first, second = up.chain(flavour)
    scheme = "https" if flavour == "tls" else "http"
    tls = f"\n    tls: {{ ca: {up.certificate}, sni: localhost }}" if flavour == "tls" else ""
    return f"""
listen: 127.0.0.1:{port}
workers: {workers}
log: {{ level: warn }}
ledger: off
limits: {{ connections: {CONNECTIONS_MAX} }}
upstreams:
  - name: first
    base_url: {scheme}://127.0.0.1:{first}/v1
    api_key: sk-bench-Zk4vQ8mT1xJ7rB2nW6yH9pL3cD5fG0sAuEwVqXiO
    max_connections: {CONNECTIONS_MAX}{tls}
  - name: second
    base_url: {scheme}://127.0.0.1:{second}/v1
    api_key: sk-bench-Zk4vQ8mT1xJ7rB2nW6yH9pL3cD5fG0sAuEwVqXiO
    max_connections: {CONNECTIONS_MAX}{tls}
"""


LOADGEN_KEY = "sk-bench"  # shown with every request


def booked(text: str, folder: Path, ledger: bool = True, limits: bool = True) -> str:
    """A configuration of understudy() with a ledger in this folder, and with a key that has every limit, none of
    which is ever reached."""
    if ledger:
        text = text.replace("ledger: off", f"ledger: {{ path: {folder / 'ledger.db'} }}")
    if not limits:
        return text
    every = ("requests_per_minute: 100000000, tokens_per_minute: 100000000000, requests_in_flight: 100000, "
             "budget_usd_per_day: 1000000, budget_usd_per_month: 1000000")
    digest = hashlib.sha256(LOADGEN_KEY.encode()).hexdigest()
    text = text.replace("    api_key:", "    price: { input: 0.15, output: 0.6 }\n    api_key:")
    return f"{text}\nkeys: [{{ name: bench, key: 'sha256:{digest}', limits: {{ {every} }} }}]\n"
