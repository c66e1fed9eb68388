"""Keys whose limits go and come back by reloads, while their requests run."""

import signal

import pytest

from harness import config, metric, well
from test_budgets import KEY, PRICE, Gate, limited, talk, under_way, usage
from tests.support.daemon import wait_until

FREE = [{"name": "team-a", "key": KEY}]


@pytest.mark.parametrize("keys", [FREE, [{"name": "team-b", "key": "sk-unlimited-0123456789"}]],
                         ids=["its limits", "the key"])
def test_what_is_spent_while_a_key_has_no_limits_counts_when_it_has_them_again(start, upstream, tmp_path, keys):
    at_once = well(usage=usage(10))
    primary = upstream(at_once)
    with_limits = limited(primary, limits={"budget_usd_per_day": 0.2, "requests_per_minute": 100},
                          ledger=str(tmp_path / "ledger.db"))
    without = config(primary.entry("primary", price=PRICE), keys=keys, ledger=str(tmp_path / "ledger.db"))
    daemon = start(with_limits)

    def reload(text):
        before = metric(daemon, "understudy_config_reloads_total", result="success")
        daemon.write_config(text)
        daemon.signal(signal.SIGHUP)
        wait_until(lambda: metric(daemon, "understudy_config_reloads_total", result="success") > before, "reload")

    def left():
        return round(metric(daemon, "understudy_key_budget_left_usd", period="day"), 6)

    assert talk(daemon).status == 200
    through_both, through_one = Gate(at_once), Gate(at_once)
    primary.answer = through_both
    with under_way(lambda: talk(daemon)) as (running,):
        through_both.wait_for(1)
        reload(without)
        primary.answer = at_once
        served = 200 if keys is FREE else 401
        assert [talk(daemon).status for _ in range(5)] == [served] * 5
        primary.answer = through_one
        with under_way(lambda: talk(daemon)) as (other,):
            if keys is FREE:
                through_one.wait_for(1)
            reload(with_limits)
            through_one.open.set()
            assert other.result().status == served
        through_both.open.set()
        assert running.result().status == 200
    primary.answer = at_once
    answers = 8 if keys is FREE else 2
    wait_until(lambda: left() == round(0.2 - answers / 100, 6), "what it cost")
    # Of the minute is known what the ledger had when the limits came back: six requests, or the two let in before.
    assert talk(daemon).header("ratelimit-remaining") == ("93" if keys is FREE else "97")
