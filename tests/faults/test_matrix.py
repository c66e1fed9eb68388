"""The matrix as a test: one run, one result per fault, client, pair of upstreams and kind of request."""

import pytest

import matrix

ROWS = matrix.all_rows()


@pytest.fixture(scope="module")
def board():
    rows = matrix.run(ROWS)
    print("\n" + matrix.board(rows))
    return {row.name: row for row in rows}


def test_every_api_is_client_primary_and_backup_of_every_other():
    for client in matrix.CALLERS:
        assert sorted(row.primary for row in ROWS if row.client == client) == \
            sorted(row.backup for row in ROWS if row.client == client)
    met = {(row.primary, row.backup) for row in ROWS}
    assert len(met) == len(matrix.APIS) * (len(matrix.APIS) - 1)
    assert all({row.primary for row in ROWS if row.client == client} == {*matrix.APIS}
               for client in matrix.CALLERS)


@pytest.mark.parametrize("name", [row.name for row in ROWS])
def test_the_caller_has_the_whole_answer_or_a_clear_error(board, name):
    row = board[name]
    assert row.verdict == "pass", str(row)
