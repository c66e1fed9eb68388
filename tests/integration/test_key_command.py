"""`understudy key`, and what its lines do in a configuration: hashes in the place of keys, expiry, reload."""

import hashlib
import os
import pty
import signal
import subprocess

import pytest
import yaml

from harness import chat, config, metric, well
from tests.support.daemon import MAX_WAIT, binary, run, wait_until


def made(*arguments):
    done = run("key", "new", *arguments)
    assert done.returncode == 0, done.stderr_lines()
    key, _, *lines = done.stdout_lines()
    [entry] = yaml.safe_load("\n".join(lines))["keys"]
    return key, entry


def hashed(text: bytes, *arguments):
    return subprocess.run([binary(), "key", "hash", *arguments], input=text, capture_output=True)


def test_a_new_key_opens_by_its_hash_alone(start, upstream):
    key, entry = made("--name", "team-a")
    other, _ = made()
    assert key != other and len(key) >= 40 and entry["name"] == "team-a"
    assert entry["key"] == "sha256:" + hashlib.sha256(key.encode()).hexdigest()
    daemon = start(config(upstream(well()), keys=[entry]))
    assert chat(daemon, headers={"Authorization": f"Bearer {key}"}).status == 200
    for wrong in (other, entry["key"], entry["key"].removeprefix("sha256:")):
        refused = chat(daemon, headers={"Authorization": f"Bearer {wrong}"})
        assert refused.status == 401 and refused.error["code"] == "invalid_api_key"


@pytest.mark.parametrize("text", [b"sk-some-key-of-ours-1234", b"sk-some-key-of-ours-1234\n",
                                  b"sk-some-key-of-ours-1234\r\nmore"])
def test_a_key_is_hashed_from_standard_input(text):
    done = hashed(text)
    digest = hashlib.sha256(b"sk-some-key-of-ours-1234").hexdigest()
    assert done.returncode == 0 and done.stdout.decode() == f"sha256:{digest}\n" and not done.stderr


@pytest.mark.parametrize("text", [b"", b"\n", b"two words\n", b"\xc3\xa9t\xc3\xa9\n", b"x" * 5000])
def test_what_cannot_be_sent_is_no_key(text):
    done = hashed(text)
    assert done.returncode == 2 and not done.stdout and b"standard input" in done.stderr


def test_a_short_key_is_hashed_with_a_warning():
    done = hashed(b"short\n")
    assert done.returncode == 0 and b"warning" in done.stderr and b"short\n" not in done.stderr


def test_a_key_is_never_an_argument():
    done = hashed(b"", "sk-some-key-of-ours-1234")
    assert done.returncode == 2 and not done.stdout.startswith(b"sha256:")
    assert run("key").returncode == 2
    assert run("key", "new", "--name", "no name").returncode == 2


def test_a_typed_key_is_not_shown():
    ours, theirs = pty.openpty()
    with subprocess.Popen([binary(), "key", "hash"], stdin=theirs, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as typed:
        prompt = typed.stderr.read(5)
        os.write(ours, b"sk-some-key-of-ours-1234\n")
        try:
            out, _ = typed.communicate(timeout=MAX_WAIT)
        finally:
            typed.kill()
        assert out.startswith(b"sha256:") and prompt == b"Key: "
    os.set_blocking(ours, False)
    try:
        shown = os.read(ours, 1000)
    except BlockingIOError:
        shown = b""
    os.close(ours)
    os.close(theirs)
    assert b"sk-some" not in shown


def test_keys_come_expire_and_go_with_a_reload(start, upstream):
    (old_key, old), (new_key, new) = made("--name", "old"), made("--name", "new")
    primary = upstream(well())
    daemon = start(config(primary, keys=[old]))

    def reload(*keys):
        before = metric(daemon, "understudy_config_reloads_total", result="success")
        daemon.write_config(config(primary, keys=list(keys)))
        daemon.signal(signal.SIGHUP)
        wait_until(lambda: metric(daemon, "understudy_config_reloads_total", result="success") > before,
                   "reload")

    def codes():
        answers = [chat(daemon, headers={"x-api-key": key}) for key in (old_key, new_key)]
        return [a.error["code"] if a.status == 401 else a.status for a in answers]

    assert codes() == [200, "invalid_api_key"]
    reload({**old, "expires": "2100-01-01"}, new)
    assert codes() == [200, 200]
    reload({**old, "expires": "2020-01-01"}, new)
    assert codes() == ["api_key_expired", 200]
    reload(new)
    assert codes() == ["invalid_api_key", 200]
    assert old_key not in "\n".join(daemon.stderr_lines())


def test_a_hash_that_is_none_is_refused(tmp_path):
    file = tmp_path / "understudy.yaml"
    file.write_text(config({"name": "one", "base_url": "http://127.0.0.1:9/v1"},
                           keys=[{"name": "a", "key": "sha256:1234"}]))
    done = run("check", "-c", str(file))
    assert done.returncode == 2 and "understudy key hash" in "\n".join(done.stderr_lines())
