"""What many ask for is made once, and a change is never missed."""

import asyncio
import weakref

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


def test_what_is_a_moment_old_is_still_given_while_it_is_made_anew():
    async def ask():
        now = [0.0]
        kept, make = Kept(seconds=1, clock=lambda: now[0]), Making()
        make.may.set()
        first = await kept.get("a", make)
        make.may.clear()
        for now[0] in (0.9, 1.1, 1.9):
            assert await kept.get("a", make) is first
        now[0] = 2.1
        waiting = asyncio.create_task(kept.get("a", make))
        await asyncio.sleep(0)
        assert not waiting.done()
        make.may.set()
        second = await waiting
        assert second is not first
        assert await kept.get("a", make) is second
        assert make.made == 2

    asyncio.run(ask())


def test_what_is_too_old_is_not_given():
    async def ask():
        now = [0.0]
        kept, make = Kept(seconds=1, clock=lambda: now[0]), Making()
        make.may.set()
        first = await kept.get("a", make)
        now[0] = 2.1
        assert await kept.get("a", make) is not first

    asyncio.run(ask())


def test_what_cannot_be_made_anew_is_not_given_any_longer():
    async def ask():
        now = [0.0]
        kept, make = Kept(seconds=1, clock=lambda: now[0]), Making()
        make.may.set()
        first = await kept.get("a", make)
        now[0], make.fails = 1.1, True
        assert await kept.get("a", make) is first
        while make.made < 2:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        with pytest.raises(LookupError):
            await kept.get("a", make)

    asyncio.run(ask())


def test_what_nobody_asks_for_any_more_is_forgotten():
    class Thing:
        """Something that tells when nobody holds it."""

    async def ask():
        kept, gone = Kept(seconds=0.01), asyncio.Event()

        async def make():
            thing = Thing()
            weakref.finalize(thing, gone.set)
            return thing

        await kept.get("a", make)
        await asyncio.wait_for(gone.wait(), 30)

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
