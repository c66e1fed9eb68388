"""Certificates for TLS upstreams, made by the openssl command line when a test first needs them."""

from __future__ import annotations

import pathlib
import ssl
import subprocess


class Certificates:
    """`ca` is the file to trust; `context(name)` a server context for one of: good (127.0.0.1 and
    localhost), providers (the presets' names), wrong_name, expired (all by the same CA), self_signed."""

    def __init__(self, directory: pathlib.Path):
        self.directory = directory
        self.ca = str(directory / "ca.pem")
        self._self_signed("ca", "/CN=Test CA", "CA:TRUE")
        self._issued("good", "IP:127.0.0.1,DNS:localhost", days=30)
        self._issued("providers", "DNS:api.openai.com,DNS:api.groq.com,DNS:openrouter.ai", days=30)
        self._issued("wrong_name", "DNS:somebody.else.test", days=30)
        self._issued("expired", "IP:127.0.0.1,DNS:localhost", days=-1)
        self._self_signed("self_signed", "/CN=127.0.0.1", "CA:FALSE", "IP:127.0.0.1")

    def context(self, name: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.directory / f"{name}.pem", self.directory / f"{name}.key")
        return context

    def _self_signed(self, name: str, subject: str, constraints: str, alt: str = ""):
        extra = ["-addext", f"subjectAltName={alt}"] if alt else []
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                      "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "30",
                      "-subj", subject, "-addext", f"basicConstraints=critical,{constraints}",
                      *extra)

    def _issued(self, name: str, alt: str, days: int):
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                      "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        (self.directory / f"{name}.ext").write_text(f"subjectAltName={alt}\n")
        self._openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                      "-CAcreateserial", "-out", f"{name}.pem", "-days", str(days),
                      "-extfile", f"{name}.ext")

    def _openssl(self, *arguments: str):
        done = subprocess.run(["openssl", *arguments], cwd=self.directory, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()
