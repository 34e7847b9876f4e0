"""Which places are proposed as the best ones: near the front, together, without lonely seats left over."""

# ruff: noqa: S311 -- dice with a seed

import json
import random
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookings.picking import CHOICE, Place, Wish, best_available, in_two_blocks, together
from bookings.services import NoWheelchairPlace, SoldOut, hold_best
from bookings.tests.actions import ANN, BOB, best, hold
from events.models import Seat
from events.tests.factories import Hall, make_hall

DICE = random.Random(1)

# How many seats lie together and into which parties their owner lets them be sold: 130 ticket groups of one concert, from
# ticketevolution/seatmaps-client (MIT). None of them may leave exactly one seat.
TICKET_GROUPS = json.loads(Path(__file__).with_name("ticket_groups.json").read_text())


def row(*free: int, rank: int = 0) -> list[Place]:
    """Free places at these positions of rows that end where a position is missing from `range(100)`, ranked as they come."""
    known = set(free)

    def beside(position: int, step: int) -> list[int] | None:
        if position + step in known:
            return None
        return [distance for distance in (1, 2) if position + step * distance in known]

    return [
        Place(UUID(int=position), position, rank + index, False, beside(position, -1), beside(position, 1))
        for index, position in enumerate(free)
    ]


def positions(seats: Sequence[UUID]) -> list[int]:
    return sorted(seat.int for seat in seats)


def lonely(free: set[int]) -> set[int]:
    return {position for position in free if not {position - 1, position + 1} & free}


@pytest.mark.parametrize(("seats", "splits"), sorted({(seats, tuple(splits)) for seats, splits in TICKET_GROUPS}))
def test_a_party_that_may_be_sold_from_a_group_of_seats_leaves_no_single_one(seats: int, splits: Sequence[int]) -> None:
    group = set(range(seats))
    for party in splits:
        left = group - set(positions(together(row(*group), party, chance=DICE)))
        assert len(left) == seats - party
        assert not lonely(left)
    assert seats - 1 not in splits


def test_all_the_ticket_groups_are_looked_at() -> None:
    assert len(TICKET_GROUPS) == 130


@given(free=st.sets(st.integers(0, 60), min_size=1), party=st.integers(1, 8), seed=st.integers())
def test_a_block_is_free_in_one_piece_and_leaves_a_single_seat_only_where_all_blocks_do(
    free: set[int], party: int, seed: int
) -> None:
    blocks = [set(range(start, start + party)) for start in free if set(range(start, start + party)) <= free]
    chosen = set(positions(together(row(*sorted(free)), party, chance=random.Random(seed))))

    if not blocks:
        assert chosen == set()
        return
    assert chosen in blocks
    new = {frozenset(block): len(lonely(free - block) - lonely(free)) for block in blocks}
    assert new[frozenset(chosen)] == min(new.values())


@given(free=st.sets(st.integers(0, 40), min_size=2), party=st.integers(2, 9))
def test_a_party_in_two_blocks_sits_in_two_pieces_and_nobody_of_four_alone(free: set[int], party: int) -> None:
    chosen = positions(in_two_blocks(row(*sorted(free)), party, chance=DICE))

    if not chosen:
        return
    assert len(set(chosen)) == party
    assert set(chosen) <= free
    gaps = [index for index, (one, two) in enumerate(pairwise(chosen), start=1) if two != one + 1]
    assert len(gaps) <= 1
    if party > 3 and gaps:
        assert min(gaps[0], party - gaps[0]) >= 2


def test_the_two_blocks_of_a_party_are_as_equal_and_as_near_as_there_are() -> None:
    assert positions(in_two_blocks(row(0, 1, 2, 10, 11, 12, 50, 51, 52), 6, chance=DICE)) in (
        [0, 1, 2, 10, 11, 12],
        [10, 11, 12, 50, 51, 52],
    )
    assert positions(in_two_blocks(row(0, 1, 2, 3, 10, 11), 6, chance=DICE)) == [0, 1, 2, 3, 10, 11]
    assert positions(in_two_blocks(row(0, 1, 20, 40, 41), 3, chance=DICE)) in ([0, 1, 20], [20, 40, 41])


def test_one_of_the_best_blocks_is_proposed_and_these_do_not_overlap() -> None:
    """The best seats are in the middle of a long row."""
    places = [Place(UUID(int=n), n, abs(n - 50), False, [] if n == 0 else None, [] if n == 99 else None) for n in range(100)]

    found = {tuple(positions(together(places, 2, chance=random.Random(seed)))) for seed in range(300)}

    seats = [seat for pair in found for seat in pair]
    assert len(found) == CHOICE
    assert len(set(seats)) == 2 * CHOICE
    assert max(abs(seat - 50) for seat in seats) <= CHOICE + 1


def test_what_is_free_beside_the_places_looked_at_counts() -> None:
    """Position 4 is free, but not among the best: taking 2 and 3 would leave it alone."""
    places = [Place(UUID(int=n), n, n, False, [-1, -2] if n == 0 else None, [1] if n == 3 else None) for n in range(4)]

    assert positions(together(places, 2, chance=DICE)) == [0, 1]


def test_who_likes_the_aisle_sits_at_the_end_of_a_row() -> None:
    wish = Wish(aisle=True)
    places = [Place(UUID(int=n), n, abs(n - 5), False, [] if n == 0 else None, [-1, -2] if n == 9 else None) for n in range(10)]

    assert positions(together(places, 2, wish=wish, chance=DICE)) == [0, 1]


@pytest.mark.django_db
class TestBestAvailable:
    def test_a_hall_sold_to_parties_of_all_sizes_keeps_no_lonely_seat_until_it_is_nearly_full(self) -> None:
        hall = make_hall(rows=12, length=14)
        chance = random.Random(7)
        category = hall.adult.category_id
        free = set(hall.seats.values_list("position", flat=True))
        by_id = dict(hall.seats.values_list("pk", "position"))
        while len(free) > 40:
            party = chance.choices((1, 2, 3, 4, 5, 6), (12, 52, 12, 16, 4, 4))[0]
            seats = best_available(event_id=hall.event.pk, category_id=category, quantity=party, adjacent=True, chance=chance)
            assert len(seats) == party
            Seat.objects.filter(pk__in=seats).update(status="blocked")
            free -= {by_id[seat] for seat in seats}
            assert not lonely(free)

    def test_looks_beyond_the_best_places_for_a_block(self) -> None:
        hall = make_hall(rows=30, length=10)
        hall.event.seats.filter(rank__lt=280, position__in=range(0, 400, 2)).update(status="blocked")

        assert all(rank >= 280 for rank in best(hall, 4))

    def test_a_large_party_sits_in_two_blocks_when_no_row_is_long_enough(self) -> None:
        hall = make_hall(rows=4, length=5)

        rows = [rank // 5 for rank in best(hall, 8)]

        assert sorted(map(rows.count, set(rows))) == [4, 4]
        assert abs(rows[0] - rows[-1]) == 1


@pytest.mark.django_db
class TestWheelchairPlaces:
    @pytest.fixture
    def hall(self) -> Hall:
        """A row of ten: places 4 and 8 for wheelchairs, 5 and 9 beside them."""
        hall = make_hall(rows=1, length=10)
        hall.event.seats.filter(rank__in=(4, 8)).update(accessible=True)
        hall.event.seats.filter(rank__in=(5, 9)).update(companion=True)
        return hall

    def test_are_kept_for_those_who_ask(self, hall: Hall) -> None:
        assert best(hall, 4) == [0, 1, 2, 3]
        assert best(hall, 2, buyer=BOB) == [6, 7]
        with pytest.raises(SoldOut):
            best(hall, 1)

    def test_are_given_with_the_seats_beside_them(self, hall: Hall) -> None:
        for _ in range(2):
            booking = hold_best(buyer=ANN, event_id=hall.event.pk, quantities={hall.adult.pk: 2}, wish=Wish(wheelchairs=1))
            seats = [line.seat for line in booking.live_seats]
            assert [seat.accessible for seat in seats].count(True) == 1
            assert seats[1].position == seats[0].position + 1
        with pytest.raises(NoWheelchairPlace):
            hold_best(buyer=BOB, event_id=hall.event.pk, quantities={hall.adult.pk: 1}, wish=Wish(wheelchairs=1))

    def test_lapsed_ones_are_free_again(self, hall: Hall) -> None:
        held = hold(hall, 4, 8)
        Seat.objects.filter(holder=held.pk).update(held_until="2020-01-01T00:00:00Z")

        booking = hold_best(buyer=BOB, event_id=hall.event.pk, quantities={hall.adult.pk: 1}, wish=Wish(wheelchairs=1))

        assert [line.seat.accessible for line in booking.live_seats] == [True]
