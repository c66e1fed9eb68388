"""The demo: every row of its tour comes out as promised, in one screen."""

import re
import signal

from tests.support.daemon import Process, binary, fetch, run


def test_once_shows_the_tour_and_exits_0():
    demo = run("demo", "--once")
    lines = demo.stdout_lines()
    assert demo.returncode == 0, "\n".join(lines)
    assert all(len(line) <= 80 for line in lines) and not any("\033" in line for line in lines)
    rows = [line for line in lines if re.match(r"^[ !] (plain|stream) ", line)]
    assert len(rows) == 14 and not any(line.startswith("!") for line in rows)
    assert any("rate_limit" in row and "backup 200" in row for row in rows)
    assert any("context_length" in row and "primary 400" in row for row in rows)


def test_it_serves_until_a_signal_and_its_urls_work():
    with Process([binary(), "demo"]) as demo:
        demo.wait_line("Serving until Ctrl-C")
        lines = demo.stdout_lines()
        assert len(lines) <= 30 and all(len(line) <= 80 for line in lines)
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
