"""What many ask for is made once, and a change is never missed."""

import asyncio

import pytest

from cloudmesh_airflow.api.kept import Kept


class Making:
    """Makes a new thing when it may, and counts."""

    def __init__(self) -> None:
        self.may, self.made = asyncio.Event(), 0
        self.fails = False

    async def __call__(self) -> object:
        self.made += 1
        await self.may.wait()
        if self.fails:
            raise LookupError("none")
        return object()


def test_who_asks_meanwhile_gets_the_same():
    async def ask():
        kept, make = Kept(), Making()
        asking = [asyncio.create_task(kept.get("a", make)) for _ in range(20)]
        other = asyncio.create_task(kept.get("b", make))
        await asyncio.sleep(0)
        make.may.set()
        answers = await asyncio.gather(*asking)
        assert len(set(answers)) == 1
        assert await other not in answers
        assert await kept.get("a", make) is answers[0]
        assert make.made == 2

    asyncio.run(ask())


def test_what_is_kept_is_made_anew_after_a_moment():
    async def ask():
        kept, make = Kept(seconds=0.01), Making()
        make.may.set()
        first = await kept.get("a", make)
        while await kept.get("a", make) is first:
            await asyncio.sleep(0.001)
        assert make.made == 2

    asyncio.run(ask())


def test_who_asks_after_a_change_does_not_get_what_was_begun_before():
    async def ask():
        kept, make = Kept(), Making()
        before = asyncio.create_task(kept.get("a", make))
        await asyncio.sleep(0)
        kept.drop()
        after = asyncio.create_task(kept.get("a", make))
        await asyncio.sleep(0)
        make.may.set()
        assert await before is not await after
        # Nor is it kept when it is ready later than what was begun after the change.
        assert await kept.get("a", make) is await after

    asyncio.run(ask())


def test_a_failure_reaches_all_who_wait_and_is_not_kept():
    async def ask():
        kept, make = Kept(), Making()
        make.fails = True
        asking = [asyncio.create_task(kept.get("a", make)) for _ in range(3)]
        await asyncio.sleep(0)
        make.may.set()
        failures = await asyncio.gather(*asking, return_exceptions=True)
        assert [str(failure) for failure in failures] == ["none"] * 3
        assert make.made == 1
        make.fails = False
        assert await kept.get("a", make)

    asyncio.run(ask())


def test_who_goes_away_does_not_end_it_for_the_others():
    async def ask():
        kept, make = Kept(), Making()
        gone, stays = (asyncio.create_task(kept.get("a", make)) for _ in range(2))
        await asyncio.sleep(0)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        make.may.set()
        assert await stays
        assert make.made == 1

    asyncio.run(ask())
