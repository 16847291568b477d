"""Laws about bytes: the same seed gives the same ones, however rules run and whoever else is there."""

import hashlib
from collections.abc import Sequence

import numpy as np

from puffer_arena.authoring.explain import place_of
from puffer_arena.core.random import HELD_OUT_BIT
from puffer_arena.laws.law import DoesNotApplyError, Subject, broken, difference, everything, play

BESIDE = ("obs", "rewards", "terminated", "truncated", "acting", "action_mask")  # what a step tells about a row


def digest(subject: Subject, threads: int = 1) -> str:
    """Return a digest of 128 rows after 150 steps."""
    with subject.make(128, 11, threads=threads) as batch:
        play(batch, 150, bots=True)
        return hashlib.sha256(everything(batch)).hexdigest()


def compiled(subject: Subject) -> str:
    """Compiled rules write the bytes that interpreted ones do."""
    first, second = (subject.make(3, 5, compiled=flag) for flag in (True, False))
    rng = np.random.default_rng(0)
    bot = next(iter(first.env.bots), "")
    for t in range(121):
        if found := difference(first, second):
            raise broken(
                first.env, found[0], f"after {t} steps {found[1]}: compiled, and in plain Python; the two must agree"
            )
        actions = first.sample_actions(rng)
        if bot and t % 2:
            drawn = actions.copy()
            first.act(bot, out=actions)
            if t % 40 == 1:  # a bot that thinks takes long in plain Python
                plain = second.act(bot, out=drawn)
                if plain.tobytes() != actions.tobytes():
                    raise place_of(
                        first.env,
                        first.env.bots[bot],
                        f"after {t} steps it chooses {actions.tolist()} compiled and {plain.tolist()} in plain Python",
                    )
            else:
                second.rows.memories[...] = first.rows.memories
        for batch in (first, second):
            batch.step(actions)
    return "120 steps"


def seeds(subject: Subject) -> str:
    """The same seed plays the same again, and another seed plays otherwise."""
    first, second, other = (subject.make(16, seed) for seed in (1, 1, 2))
    for batch in (first, second):
        play(batch, 60)
    if found := difference(first, second):
        raise broken(first.env, found[0], f"with one seed, played twice, {found[1]}")
    if everything(first) == everything(other):
        raise subject.env.error("seeds", "another seed writes the same bytes")
    return ""


def threads(subject: Subject) -> str:
    """Two threads write the bytes of one."""
    if digest(subject, threads=1) != digest(subject, threads=2):
        raise subject.env.error("threads", "two threads write other bytes than one: a rule depends on other rows")
    return ""


def rows(subject: Subject) -> str:
    """What happens in one row leaves the others as they are."""
    first, second = (subject.make(4, 9) for _ in range(2))
    rng = np.random.default_rng(3)
    for t in range(100):
        actions = first.sample_actions(rng)
        first.step(actions)
        others = second.sample_actions(rng)
        others[0] = actions[0]
        second.step(others)
        for name in BESIDE:
            if getattr(first, name)[0].tobytes() != getattr(second, name)[0].tobytes():
                raise broken(
                    first.env,
                    name,
                    f"step {t}: {name} of row 0 changes with the actions of other rows; write no globals",
                )
    return ""


def snapshot(subject: Subject) -> str:
    """A snapshot has the same future in any row."""
    physics = subject.env.engine is not None  # in mid-episode its engine knows more than the row
    batch = subject.make(4, 3, record=physics)
    play(batch, 60)
    kept = batch.snapshot(1)
    if not batch.restore(2, kept) or batch.snapshot(2) != kept or (batch.obs[1] != batch.obs[2]).any():
        raise broken(batch.env, "obs", "a row that was restored from a snapshot is another than the one it is of")
    rng = np.random.default_rng(8)
    for t in range(150):
        actions = batch.sample_actions(rng)
        actions[2] = actions[1]
        batch.step(actions)
        for name in BESIDE:
            array = getattr(batch, name)
            if array[1].tobytes() != array[2].tobytes():
                raise broken(batch.env, name, f"{t + 1} steps after a snapshot was restored, {name} is another")
        if batch.snapshot(1) != batch.snapshot(2):
            raise batch.env.error("snapshot", f"{t + 1} steps after a snapshot was restored, its row is another")
    return ""


def rewind(subject: Subject) -> str:
    """An episode that is rewound was the same at that step, and goes on the same."""
    batch, rng = subject.make(2, 4, record=True), np.random.default_rng(1)
    for t in range(200):
        step = int(batch.state(0).step_count)
        kept, seen = batch.rows.states[0].tobytes(), batch.obs[0].copy()
        batch.step(batch.sample_actions(rng))
        if batch.state(0).step_count == step + 1 and (
            step >= 5 or t >= 100
        ):  # far into the episode, where there are such
            break
    else:
        raise DoesNotApplyError("episodes last a single step")
    batch.rewind(0, step)
    if batch.rows.states[0].tobytes() != kept or batch.obs[0].tobytes() != seen.tobytes():
        raise batch.env.error("rewind", f"rewound to step {step}, the row is another than it was then")
    return ""


def levels(subject: Subject) -> str:
    """Training levels and held-out ones are others, and `num_levels` limits them."""
    train, held_out = (subject.make(32, 1, split=split) for split in ("train", "held_out"))
    own = [name for name in train.rows.states.dtype.names or () if name not in ("level", "row_key")]
    if _all_equal([batch.rows.states[name] for batch in (train, held_out) for name in own]):
        raise DoesNotApplyError("every level begins the same")
    if all((train.rows.states[name] == held_out.rows.states[name]).all() for name in own):
        raise train.env.error("levels", "held-out levels begin as training levels do")
    batch, seen = subject.make(8, 1, num_levels=3, split="held_out"), set()
    starts: dict[int, bytes] = {}
    for _ in range(12):
        batch.reset()
        for i, level in enumerate(batch.rows.states["level"].tolist()):
            seen.add(level)
            if starts.setdefault(level, batch.obs[i].tobytes()) != batch.obs[i].tobytes():
                raise batch.env.error("levels", f"level {level} does not begin as it did before")
    if not seen <= {HELD_OUT_BIT, HELD_OUT_BIT + 1, HELD_OUT_BIT + 2}:
        raise batch.env.error("levels", f"with num_levels=3, levels {sorted(seen)} were played")
    return ""


def _all_equal(columns: Sequence[np.ndarray[tuple[int, ...], np.dtype[np.generic]]]) -> bool:
    """Tell whether every row of these columns is the same as its first, batch by batch."""
    return all((column == column[:1]).all() for column in columns)
