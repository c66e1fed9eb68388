"""The budget for extra attempts: an outage does not become a storm on who steps in."""

import concurrent.futures
import threading

import pytest

from harness import (MAX_WAIT, chat, config, expect_metrics, settled, ms, run_answer, status, well)
from tests.support.daemon import wait_until

NOW = {"base": ms(1), "max": ms(2), "max_retry_after": ms(1)}
MANY = 30


class Outage:
    """Fails whoever asks, all of the first round together; later ones are held until the end."""

    def __init__(self, count):
        self.count, self.arrived, self.lock = count, 0, threading.Lock()
        self.all_here, self.over = threading.Event(), threading.Event()

    def __call__(self, connection, request):
        with self.lock:
            self.arrived += 1
            first = self.arrived <= self.count
            if self.arrived == self.count:
                self.all_here.set()
        connection.wait(self.all_here if first else self.over)
        run_answer(status(503), connection, request)


@pytest.fixture
def clients():
    with concurrent.futures.ThreadPoolExecutor(MANY) as pool:
        yield lambda daemon: [pool.submit(chat, daemon) for _ in range(MANY)]


def held(answer, over):
    def script(connection, request):
        connection.wait(over)
        run_answer(answer, connection, request)
    return script


@pytest.mark.row(63)
def test_retries_of_all_requests_together_stay_within_their_share(start, upstream, clients):
    outage = Outage(MANY)
    primary, backup = upstream(outage), upstream(well("From the backup."))
    daemon = start(config(primary, backup, workers=2, route={"retries": 2, "retry": NOW}))
    answers = clients(daemon)
    # A fifth of thirty is retried; all others go on at once, and once.
    wait_until(lambda: sum(a.done() for a in answers) + len(primary.requests) - MANY == MANY,
               "each to have moved on or been asked again", MAX_WAIT)
    assert MANY < len(primary.requests) <= MANY + 6
    assert len(backup.requests) == sum(a.done() for a in answers)
    outage.over.set()
    assert {answer.result().text for answer in answers} == {"From the backup."}
    assert len(backup.requests) == MANY
    assert settled(daemon, "understudy_extra_attempts_refused_total", kind="retry") >= MANY - 6
    expect_metrics(daemon, (0, "understudy_extra_attempts_refused_total", {"kind": "failover"}),
                   (MANY, "understudy_requests_total", {"outcome": "fallback"}))


def test_a_few_at_a_time_are_always_allowed(start, upstream):
    primary = upstream(status(503))
    daemon = start(config(primary, route={"retries": 2, "retry": NOW}))
    assert chat(daemon).status == 503
    assert len(primary.requests) == 3
    expect_metrics(daemon, (0, "understudy_extra_attempts_refused_total", {}))


def test_who_wants_the_moves_bounded_too_gets_the_primarys_error_beyond_it(start, upstream, clients):
    over = threading.Event()
    primary = upstream(Outage(MANY))
    backup = upstream(held(well("From the backup."), over))
    daemon = start(config(primary, backup, workers=2,
                          retry_budget={"percent": 20, "min": 3, "failovers": True}))
    answers = clients(daemon)
    wait_until(lambda: sum(a.done() for a in answers) + len(backup.requests) == MANY,
               "each to have been refused or to have moved on", MAX_WAIT)
    assert 3 <= len(backup.requests) <= 6
    over.set()
    done = [answer.result() for answer in answers]
    assert {answer.status for answer in done} == {200, 503}
    refused = [answer for answer in done if answer.status == 503]
    assert all(answer.error["message"] == "status 503" for answer in refused)
    assert len(backup.requests) == MANY - len(refused)
    expect_metrics(daemon, (len(refused), "understudy_extra_attempts_refused_total",
                            {"kind": "failover"}))


def test_all_of_it_may_be_allowed_or_nothing(start, upstream, clients):
    primary = upstream(status(503))
    unbounded = start(config(primary, route={"retries": 1, "retry": NOW},
                             retry_budget={"percent": 100}))
    assert {answer.result().status for answer in clients(unbounded)} == {503}
    assert len(primary.requests) == 2 * MANY
    primary.requests.clear()
    never = start(config(primary, route={"retries": 1, "retry": NOW},
                         retry_budget={"percent": 0, "min": 0}))
    assert chat(never).status == 503 and len(primary.requests) == 1
    expect_metrics(never, (1, "understudy_extra_attempts_refused_total", {"kind": "retry"}))
