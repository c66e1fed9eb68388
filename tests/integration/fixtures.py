"""Fixtures of the black-box tests: `start` runs the daemon, `upstream` a scripted upstream, `shim` puts
a fake resolver and clock under the daemon. What a test started ends with it. A daemon that died,
or tripped a sanitizer, fails its test."""

import pytest

import harness
from certs import Certificates
from shim import Shim
from tests.support.daemon import Daemon


@pytest.fixture
def start(request):
    """start(config, env=..., args=...) -> a running daemon, which must end with one of `ends`."""
    daemons: list[tuple[Daemon, tuple[int, ...]]] = []

    def start_daemon(config: str, ends: tuple[int, ...] = (0,), **options) -> Daemon:
        daemon = Daemon(config, **options)
        daemon.start()
        daemons.append((daemon, ends))
        return daemon

    yield start_daemon
    problems = []
    for daemon, ends in daemons:
        if daemon.stop() not in ends:
            problems.append(f"the daemon ended with {daemon.returncode}\n" + daemon._printed())
        try:
            daemon.__exit__(None, None, None)
        except AssertionError as error:
            problems.append(str(error))
    assert not problems, "\n".join(problems)


@pytest.fixture
def upstream():
    """upstream(answer, ...) -> a scripted upstream."""
    upstreams: list[harness.Upstream] = []

    def start_upstream(answer=None, **options) -> harness.Upstream:
        upstreams.append(harness.Upstream(answer, **options))
        return upstreams[-1]

    yield start_upstream
    failures = []
    for one in upstreams:
        one.stop()
        failures += one.failures
    if failures:
        raise failures[0]


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def shim(tmp_path):
    return Shim(tmp_path)
