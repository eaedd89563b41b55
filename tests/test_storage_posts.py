"""What is kept of posted reports: claims by several processes, what is given back, what is taken over."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from botmon_cog.store.posts import LEASE, RETRY_AFTER, Post, PostKey
from tests.retention_helpers import believe, make_cleaner
from tests.storage_helpers import NOON, invocation

KEY = PostKey(NOON, "weekly", 7)
MS = timedelta(milliseconds=1)


async def test_of_many_claims_one_is_granted(storage):
    claims = await asyncio.gather(*(storage.posts.claim(KEY, str(n), NOON) for n in range(20)))
    assert claims.count(True) == 1
    (post,) = (await storage.posts.since(NOON)).values()
    by = str(claims.index(True))
    assert post == Post(key=KEY, state="due", claimed_by=by, tried_at=NOON, attempts=1)
    assert await storage.posts.claim(PostKey(NOON, "weekly", 8), "b", NOON), "another server's"
    assert await storage.posts.claim(PostKey(NOON, "own_weekly", 7), "b", NOON), "of another kind"
    assert await storage.posts.claim(PostKey(NOON + MS, "weekly", 7), "b", NOON), "another week's"


async def test_what_is_done_is_claimed_by_nobody(storage):
    for scope, state in enumerate(("sent", "skipped", "failed"), 1):
        key = PostKey(NOON, "weekly", scope)
        assert await storage.posts.claim(key, "a", NOON)
        await storage.posts.finish(key, "somebody else", "due", "no", NOON)
        await storage.posts.finish(key, "a", state, "words", NOON)
        for later in (timedelta(), LEASE, RETRY_AFTER, timedelta(days=1)):
            assert not await storage.posts.claim(key, "b", NOON + later)
        post = await storage.posts.last("weekly", scope, NOON + MS)
        assert (post.state, post.result, post.attempts) == (state, "words", 1)
        assert not post.may_be_claimed(NOON + timedelta(days=1))
        assert await storage.posts.last("weekly", scope, NOON) is None


async def test_what_is_given_back_waits_five_minutes(storage):
    assert await storage.posts.claim(KEY, "a", NOON)
    await storage.posts.finish(KEY, "a", "due", "Discord is away", NOON + MS)
    for later, is_granted in ((timedelta(), False), (RETRY_AFTER, False), (RETRY_AFTER + MS, True)):
        (post,) = (await storage.posts.since(NOON)).values()
        assert post.may_be_claimed(NOON + later) is is_granted
        assert await storage.posts.claim(KEY, "b", NOON + later) is is_granted
    (post,) = (await storage.posts.since(NOON)).values()
    assert (post.claimed_by, post.attempts, post.result) == ("b", 2, "Discord is away")


async def test_a_claim_without_result_is_taken_over_once(storage):
    assert await storage.posts.claim(KEY, "a", NOON)
    assert not await storage.posts.claim(KEY, "b", NOON + LEASE - MS)
    (post,) = (await storage.posts.since(NOON)).values()
    assert not post.may_be_claimed(NOON + LEASE - MS)
    assert post.may_be_claimed(NOON + LEASE)
    assert await storage.posts.claim(KEY, "b", NOON + LEASE)
    (post,) = (await storage.posts.since(NOON)).values()
    assert (post.claimed_by, post.attempts) == ("b", 2)
    assert not post.may_be_claimed(NOON + timedelta(hours=1))
    assert not await storage.posts.claim(KEY, "c", NOON + timedelta(hours=1))
    await storage.posts.finish(KEY, "b", "sent", "posted", NOON + LEASE)
    assert (await storage.posts.last("weekly", 7, NOON + MS)).state == "sent"


async def test_old_posts_go_with_the_health_checks(storage):
    for days in (1, 29, 31, 400):
        key = PostKey(NOON - timedelta(days=days), "weekly", 7)
        assert await storage.posts.claim(key, "a", NOON)
        await storage.posts.finish(key, "a", "sent", "", NOON)
    await storage.write([invocation(started_at=NOON)])  # retention goes by the newest row
    await believe(storage, NOON)
    assert (await make_cleaner(storage, health_days=30).clean())["posts"] == 2
    assert [key.due_at for key in sorted(await storage.posts.since(NOON - timedelta(days=500)))] == [
        NOON - timedelta(days=29),
        NOON - timedelta(days=1),
    ]
