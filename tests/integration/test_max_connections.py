"""`max_connections` is one bound for all workers: whoever is asked finds the free places of all, and
there are never more connections than allowed, whatever each worker has idle."""

import concurrent.futures
import threading
import time

import pytest

from harness import MAX_WAIT, chat, config, metric, well
from tests.support.daemon import wait_until


def at_once(count, daemon):
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda _: chat(daemon).status, range(count)))


class Crowd:
    """An upstream that answers when as many requests are there as are expected at once."""

    def __init__(self, expected):
        self.lock = threading.Lock()
        self.now = self.most = 0
        self.barrier = threading.Barrier(expected)

    def __call__(self, connection, request):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            self.barrier.wait(MAX_WAIT)
        finally:
            with self.lock:
                self.now -= 1
        well()(connection, request)


@pytest.mark.parametrize("workers,places", [(2, 4), (4, 4), (4, 8)])
def test_every_place_can_be_taken_whatever_worker_is_asked(start, upstream, workers, places):
    crowd = Crowd(places)
    primary = upstream(crowd)
    daemon = start(config(primary.entry("primary", max_connections=places), workers=workers,
                          route={"retries": 0}))
    assert at_once(places, daemon) == [200] * places
    assert crowd.most == places


@pytest.mark.parametrize("places", [1, 2])
def test_no_more_connections_than_allowed_and_everybody_is_served(start, upstream, places):
    lock, open_now, most = threading.Lock(), set(), [0]

    def watched(connection, request):
        with lock:
            open_now.add(connection)
            most[0] = max(most[0], len(open_now))
        time.sleep(0.002)
        with lock:  # before its answer: with that the place is free
            open_now.discard(connection)
        well()(connection, request)

    primary = upstream(watched)
    daemon = start(config(primary.entry("primary", max_connections=places), workers=4,
                          route={"retries": 0}))
    for _ in range(5):
        assert at_once(8, daemon) == [200] * 8
        assert most[0] <= places
        wait_until(lambda: metric(daemon, "understudy_upstream_connections") <= places, "closed",
                   MAX_WAIT)
