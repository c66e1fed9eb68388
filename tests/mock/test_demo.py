"""The demo: every row of its tour comes out as promised, in one screen."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios

import pytest

from tests.support.daemon import Process, binary, fetch, run


def test_once_shows_the_tour_and_exits_0():
    demo = run("demo", "--once")
    lines = demo.stdout_lines()
    assert demo.returncode == 0, "\n".join(lines)
    assert not demo.stderr_lines(), "log lines in the middle of the table"
    assert all(len(line) <= 60 for line in lines) and not any("\033" in line for line in lines)
    rows = [line for line in lines if re.match(r"^[ !] (plain|stream) ", line)]
    assert len(rows) == 14 and not any(line.startswith("!") for line in rows)
    assert any("rate_limit" in row and "backup 200" in row for row in rows)
    assert any("context_length" in row and "primary 400" in row for row in rows)


def test_it_serves_until_a_signal_and_its_urls_work():
    with Process([binary(), "demo"]) as demo:
        demo.wait_line("Serving until Ctrl-C")
        lines = demo.stdout_lines()
        assert len(lines) <= 30 and all(len(line) <= 60 for line in lines)
        urls = re.findall(r"http://\S+", "\n".join(lines))
        for url in urls:
            if url.endswith(("/metrics", "/control/log")):
                assert fetch(url)[0] == 200, url
        chat = next(url for url in urls if url.endswith("/completions"))
        status, headers, _ = fetch(chat, "POST", '{"model":"529"}')
        assert status == 200 and headers["x-understudy-upstream"] == "backup"
        demo.signal(signal.SIGINT)
        assert demo.wait() == 0


def test_its_configuration_is_one_that_check_accepts(tmp_path):
    path = tmp_path / "understudy.yaml"
    path.write_text("\n".join(run("demo", "--config").stdout_lines()) + "\n")
    check = run("check", "-c", str(path))
    assert check.returncode == 0, check.stderr_lines()


def test_colours_need_a_terminal():
    lines = run("demo", "--once", env={"TERM": "xterm"}).stdout_lines()
    assert not any("\033" in line for line in lines)


def on_a_terminal(columns, **env):
    """What `demo --once` shows on a terminal of so many columns, without its colours."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen([binary(), "demo", "--once"], stdin=subprocess.DEVNULL, stdout=follower,
                          stderr=follower, env={"TERM": "xterm", **env}) as child:
        os.close(follower)
        shown = b""
        try:
            while data := os.read(leader, 65536):
                shown += data
        except OSError:  # the last writer has gone
            pass
    os.close(leader)
    assert child.returncode == 0
    return re.sub(r"\033\[[0-9;]*m", "", shown.decode()).splitlines()


@pytest.mark.parametrize("columns, env, most, cost", [
    (60, {}, 60, False), (79, {}, 60, False), (80, {}, 80, True), (200, {}, 80, True),
    (200, {"COLUMNS": "60"}, 60, False), (60, {"COLUMNS": "120"}, 80, True),
    (0, {}, 60, False)])
def test_it_fits_the_screen_and_shows_the_cost_where_there_is_room(columns, env, most, cost):
    lines = on_a_terminal(columns, **env)
    rows = [line for line in lines if re.match(r"^[ !] (plain|stream) ", line)]
    assert len(rows) == 14 and max(map(len, lines)) <= most, lines
    assert all(("$0." in row) == cost for row in rows)
