"""What every table has in common."""

from evently.database import uuid7


def test_keys_are_version_7_and_sort_as_they_were_made() -> None:
    keys = [uuid7() for _ in range(2_000)]

    assert {(key.version, key.variant) for key in keys} == {(7, "specified in RFC 4122")}
    assert keys == sorted(keys)
    assert len(set(keys)) == 2_000
