"""The scoreboard as a test: one run, one result per fault and kind of request."""

import pytest

import scoreboard


@pytest.fixture(scope="module")
def board():
    results = scoreboard.run_all()
    print("\n" + "\n".join(map(str, results)) + "\n" + scoreboard.summary(results))
    return {(result.fault.id, result.stream): result for result in results}


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("fault", [fault.id for fault in scoreboard.FAULTS])
def test_it_passes_in_the_strictest_reading(board, fault, stream):
    result = board[fault, stream]
    assert result.verdict == "pass", str(result)
