"""GET /v1/models and /v1/models/{id}: what clients may ask for, the upstreams' own lists included."""

import json
import time

import pytest

from coding import zstd
from harness import ask, chat, config, get, gzipped, plain, silent, status, well
from tests.support.daemon import wait_until


def listing(*names) -> bytes:
    return json.dumps({"object": "list", "data": [
        {"id": name, "object": "model", "created": 1, "owned_by": "x"} for name in names]}).encode()


def serving(models, answers=None):
    """An upstream that answers GET /models with `models` and everything else with `answers`."""
    def answer(connection, request):
        chosen = models if request.method == "GET" else (answers or well())
        if callable(chosen):
            chosen(connection, request)
        else:
            connection.send(chosen)
    return answer


def ids(daemon, headers=()) -> list:
    got = get(daemon, "/v1/models", headers)
    assert got.status == 200
    return [model["id"] for model in got.json["data"]]


def affirmed(daemon, name, headers=()) -> bool:
    got = get(daemon, "/v1/models/" + name, headers)
    assert got.status in (200, 404)
    return got.status == 200


def test_the_lists_of_the_upstreams_are_merged_where_a_route_is_open(start, upstream):
    primary = upstream(serving(plain(listing("gpt-a", "both"))))
    backup = upstream(serving(plain(listing("both", "team/b"))))
    daemon = start(config(primary, backup))
    assert ids(daemon) == ["both", "gpt-a", "team/b"]
    assert [r.target for r in primary.requests] == ["/v1/models"]
    assert primary.requests[0].headers("authorization") == ["Bearer sk-primary"]
    assert affirmed(daemon, "team/b") and affirmed(daemon, "gpt-a")
    assert not affirmed(daemon, "nobody-has-this")
    assert len(primary.requests) == len(backup.requests) == 1  # kept, not asked for again


def test_a_compressed_list_is_read(start, upstream):
    primary = upstream(serving(plain(gzipped(listing("gpt-a")), "Content-Encoding: gzip")))
    backup = upstream(serving(plain(zstd(listing("team/b")), "Content-Encoding: zstd")))
    assert ids(start(config(primary, backup))) == ["gpt-a", "team/b"]


def test_a_list_is_bounded_by_the_glob_of_its_route_and_by_the_route_that_takes_the_name(
        start, upstream):
    there = upstream(serving(plain(listing("gpt-4o", "gpt-5", "llama", "o3"))))
    routes = [{"model": "gpt-4o", "chain": ["primary"]},
              {"model": "gpt-*", "chain": ["primary"]},
              {"model": "o3", "chain": ["primary/elsewhere"]}]
    daemon = start(config(there, routes=routes))
    assert ids(daemon) == ["gpt-4o", "gpt-5", "o3"]
    assert not affirmed(daemon, "llama")  # no route takes it


def test_names_that_only_a_fallback_uses_are_not_offered(start, upstream):
    primary = upstream(serving(status(404)))
    backup = upstream()
    routes = [{"model": "gpt-*", "chain": ["primary", "backup/gpt-cheap"]},
              {"model": "*", "chain": ["backup/house", "primary/other"]}]
    daemon = start(config(primary, backup, routes=routes))
    assert ids(daemon) == ["house"]
    assert not affirmed(daemon, "gpt-cheap") and not affirmed(daemon, "other")
    assert backup.requests == []  # it is never asked for the client's own name


def test_a_name_that_an_upstream_has_answered_is_affirmed(start, upstream):
    def answer(connection, request):
        good = request.method == "POST" and request.model == "hidden"
        (well() if good else (lambda c, r: c.send(status(404))))(connection, request)
    daemon = start(config(upstream(answer)))
    assert chat(daemon, model="never").status == 404
    assert not affirmed(daemon, "never") and not affirmed(daemon, "hidden")
    assert chat(daemon, model="hidden").status == 200
    assert affirmed(daemon, "hidden") and not affirmed(daemon, "never")


@pytest.mark.parametrize("broken", [status(401), status(500), plain(b"[]"), plain(b"{}"),
                                    plain(b"<html>", content_type="text/html"),
                                    plain(b'{"data":[{"id":7},{"id":""},7,null]}'),
                                    plain(b'{"data":[{"id":"cut')], ids=str)
def test_an_upstream_without_a_good_list_adds_nothing_and_harms_nothing(start, upstream, broken):
    good = upstream(serving(plain(listing("m"))))
    daemon = start(config(upstream(serving(broken)), good))
    assert ids(daemon) == ["m"]
    assert chat(daemon).status == 200


def test_a_silent_upstream_delays_the_list_by_two_seconds_at_most(start, upstream):
    quiet = upstream(serving(silent))
    good = upstream(serving(plain(listing("m"))))
    daemon = start(config(quiet, good))
    began = time.monotonic()
    assert ids(daemon) == ["m"]
    assert 1.5 < time.monotonic() - began < 5
    daemon.stop()  # while the other list is still on its way


def test_a_client_without_a_key_of_ours_gets_the_list_that_its_own_key_gives(start, upstream):
    def models(connection, request):
        key = request.header("authorization")
        if key == "Bearer sk-a":
            connection.send(plain(listing("of-a")))
        elif key == "Bearer sk-b":
            connection.send(plain(listing("of-b")))
        else:
            connection.send(status(401))
    there = upstream(serving(models))
    daemon = start(config(there.entry("there", api_key=None)))
    for _ in range(2):
        assert ids(daemon, {"Authorization": "Bearer sk-a"}) == ["of-a"]
        assert ids(daemon, {"Authorization": "Bearer sk-b"}) == ["of-b"]
    assert ids(daemon) == []
    assert len(there.requests) == 3


def test_a_key_sees_and_affirms_only_what_its_routes_allow(start, upstream):
    there = upstream(serving(plain(listing("gpt-a", "llama"))))
    keys = [{"name": "team", "key": "team-key-0123456789", "routes": ["gpt-*"]},
            {"name": "all", "key": "all-key-0123456789"}]
    daemon = start(config(there, keys=keys))
    team = {"Authorization": "Bearer team-key-0123456789"}
    assert ids(daemon, team) == ["gpt-a"]
    assert not affirmed(daemon, "llama", team)
    assert ids(daemon, {"Authorization": "Bearer all-key-0123456789"}) == ["gpt-a", "llama"]
    # A key of ours never travels.
    assert [r.headers("authorization") for r in there.requests] == [["Bearer sk-primary"]]


def test_googles_names_are_listed_as_the_chat_endpoint_takes_them(start, upstream):
    there = upstream(serving(plain(listing("models/gemini-2.5-pro"))))
    daemon = start(config(there.entry("there", provider="gemini")))
    assert ids(daemon) == ["gemini-2.5-pro"]


def test_a_reload_while_lists_are_on_their_way_harms_nothing(start, upstream):
    quiet = upstream(serving(silent))
    daemon = start(config(quiet))
    assert ids(daemon) == []
    wait_until(lambda: len(quiet.requests) == 1, "the list was asked for")
    assert ask(daemon, "GET", "/v1/models").status == 200
