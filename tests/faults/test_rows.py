"""Every row of the list that this build touches has a test, and the table in README.md names it."""

import rows


def test_every_row_has_a_test():
    assert not [row for row, tests in rows.marked_tests().items() if not tests]


def test_the_table_in_the_readme_is_the_one_the_marks_say():
    assert rows.current() == rows.table(), "run tests/faults/rows.py --write"
