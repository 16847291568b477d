"""Laws about people and bots: what can be steered, seen and beaten, and that it comes to an end."""

import itertools
import time

import numpy as np

from puffer_arena.authoring.explain import ending_rule, place_of
from puffer_arena.core.actions import action_bounds, lies_in
from puffer_arena.core.canvas import RecordingCanvas
from puffer_arena.core.composites import leaves
from puffer_arena.core.keys import Binding, find_binding
from puffer_arena.core.spaces import Box
from puffer_arena.errors import ArenaError
from puffer_arena.laws.law import DoesNotApplyError, Subject, play

ENDING_STEPS, ENDING_ROWS = 5000, 16
SPEED_SECONDS = 0.5
CLICKS = 25  # along each side of a picture


def bots(subject: Subject) -> str:
    """Bots only read the row."""
    batch = subject.make(8, 2)
    if not batch.env.bots:
        raise DoesNotApplyError("no bots")
    for bot, rule in batch.env.bots.items():
        play(batch, 10)
        before = batch.rows.states.tobytes()
        batch.act(bot)
        if batch.rows.states.tobytes() != before:
            raise place_of(batch.env, rule, "writes State, which a bot may only read")
    return ", ".join(batch.env.bots)


def mean_returns(subject: Subject, role: str | None) -> tuple[float, float]:
    """Return the mean return of a role's agents (of the agent, where it is None) with its bot, and without."""
    results = []
    for playing in (True, False):
        batch = subject.make(32 if subject.env.engine else 128, 6)  # a step of physics takes as long as many of rules
        rng, bot = np.random.default_rng(7), next(iter(batch.env.bots))
        mine = np.array([role is None or batch.env.role_of(name) == role for name in batch.agent_ids or ("",)])
        which = np.broadcast_to(mine & playing, batch.acting.shape).copy()
        for _ in range(600):
            batch.step(batch.act(bot, out=batch.sample_actions(rng), which=which))
        name, running = (
            "episode_return" if role is None else f"episode_return/{role}",
            batch.rows.states["episode_return"],
        )
        so_far = running if role is None else running[:, mine]  # where none has ended
        results.append(batch.episodes().get(name, float(so_far.mean())))
    return results[0], results[1]


def seat_returns(subject: Subject) -> tuple[float, float]:
    """Return the mean return of the first agent with the first bot, and without, where all others play at random."""
    results = []
    for playing in (True, False):
        batch = subject.make(32 if subject.env.engine else 128, 6)
        rng, bot, got = np.random.default_rng(7), next(iter(batch.env.bots)), [0.0]
        which = np.zeros(batch.acting.shape, np.bool_)
        which[:, 0] = playing
        for _ in range(600):
            batch.step(batch.act(bot, out=batch.sample_actions(rng), which=which))
            got += batch.finished["episode_return"][batch.began[:, 0], 0].tolist()
        results.append(float(np.mean(got)))
    return results[0], results[1]


def strength(subject: Subject) -> str:
    """The first bot beats random play in every role."""
    env, told = subject.env, []
    if not env.bots:
        raise DoesNotApplyError("no bots")
    bot, rule = next(iter(env.bots.items()))
    for role in env.agents or (None,):
        with_bot, without = mean_returns(subject, role)
        if with_bot <= without + 0.2 * abs(without) and len(env.agents) == 1:  # what one wins there, others may lose
            with_bot, without = seat_returns(subject)
        told.append(f"{with_bot:.3g} against {without:.3g}")
        if with_bot <= without + 0.2 * abs(without):
            who = f"as {role} " if role else ""
            raise place_of(
                env, rule, f"{who}bot '{bot}' has a mean return of {with_bot:.4g}, random play {without:.4g}"
            )
    return ", ".join(told)


def keys(subject: Subject) -> str:
    """Keys and the idle action are valid actions."""
    env, batch = subject.env, subject.make(1, 0)
    bindings = 0
    for role in env.agents or (None,):
        space, idle = env.keyed(batch.action, role), env.idle_of(role)
        for key, given in env.keys_of(role).items():
            bindings += 1
            bound = find_binding(space, given)
            if bound is None or not is_within(bound):
                raise env.error("keys", f"'{key}' is {given!r}, which does not lie in {space}")
        continuous = any(isinstance(leaf, Box) for _, leaf in leaves(space))
        if (continuous or idle is not None) and (idle is None or not lies_in(space, idle)):
            raise env.error("idle", f"is {idle!r}, which does not lie in {space}; it is what is done without keys")
    if not bindings:
        raise DoesNotApplyError("no keys, so nobody can play it")
    return f"{bindings} keys"


def clicks(subject: Subject) -> str:
    """Clicks on the picture are choices, and leave the row as it is."""
    batch = subject.make(1, 4)
    env = batch.env
    if env.click is None:
        raise DoesNotApplyError("nothing to click on")
    found = set()
    for _ in range(8):
        before, canvas = batch.rows.states.tobytes(), RecordingCanvas()
        env.draw(batch.state(0), batch.state_params(0), canvas)
        seen = canvas.primitives[0][1]
        ends = [(seen[low], seen[low] + seen[size]) for low, size in (("left", "width"), ("low", "height"))]
        for x, y in itertools.product(*(np.linspace(*end, CLICKS) for end in ends)):
            for agent in range(batch.num_agents) or [None]:
                found.add(env.clicked(batch.state(0), batch.state_params(0), agent, float(x), float(y)))
        if batch.rows.states.tobytes() != before:
            raise place_of(env, env.click, "writes State, which it may only read")
        play(batch, 1, bots=True)
    if not (choices := found - {None}):
        raise place_of(env, env.click, "finds nothing anywhere in the picture; x and y are in the units of draw")
    return f"{len(choices)} choices"


def is_within(bound: Binding) -> bool:
    """Tell whether what a key does lies within its component's bounds."""
    shape, k = bound.leaf.dtype.shape, bound.component
    low, high = (np.broadcast_to(end, shape).reshape(-1)[k] for end in action_bounds(bound.leaf))
    return bool(low <= bound.value <= high)


def drawing(subject: Subject) -> str:
    """It draws without a window, in colours of the palette, and leaves the row as it is."""
    from puffer_arena.render.draw.palette import color

    batch = subject.make(1, 9)
    env = batch.env
    for t in range(60):
        before = batch.rows.states.tobytes()
        canvas = RecordingCanvas(moment=t % 3 / 2)  # between two steps, too
        env.draw(batch.state(0), batch.state_params(0), canvas)
        if not canvas.primitives or canvas.primitives[0][0] != "view":
            raise place_of(env, env.draw, "must call canvas.view(width, height) first, which says what is seen")
        if len(canvas.primitives) < 2:
            raise place_of(env, env.draw, "draws nothing after canvas.view(...)")
        for _, arguments in canvas.primitives[1:]:
            try:
                color(arguments.get("color", "white"))  # a picture brings its own
            except ArenaError as error:
                raise place_of(env, env.draw, str(error)) from None
        if batch.rows.states.tobytes() != before:
            raise place_of(env, env.draw, "writes State, which it may only read")
        if not canvas.message:
            raise place_of(env, env.draw, "says nothing; tell people what is going on by canvas.status(text)")
        missing = set(np.flatnonzero(batch.acting[0])) - set(canvas.agents) if batch.num_agents else set()
        if missing:
            raise place_of(
                env, env.draw, f"does not tell where agent {min(missing)} is; call canvas.agent(k, x, y, radius)"
            )
        play(batch, 1, bots=True)
    return ""


def endings(subject: Subject) -> str:
    """Episodes end, by random play or a bot's."""
    batch = subject.make(ENDING_ROWS, 3)
    rng, done = np.random.default_rng(2), 0
    for _ in range(ENDING_STEPS):
        actions = batch.sample_actions(rng)
        for bot in list(batch.env.bots)[:1]:  # in every other row
            which = np.zeros_like(batch.acting)
            which[::2] = True
            batch.act(bot, out=actions, which=which)
        batch.step(actions)
        done += int(np.count_nonzero(batch.began if not batch.num_agents else batch.began[:, 0]))
        if done >= ENDING_ROWS:
            break
    means = batch.episodes()
    if not means["episodes"]:
        rule, _ = ending_rule(batch.env)
        raise place_of(
            batch.env,
            rule,
            f"no episode of {ENDING_ROWS} rows has ended after {ENDING_STEPS:,} steps; let it return True for truncated "
            "after some number of steps, as by s.step_count",
        )
    return f"after {means['episode_length']:.4g} steps on average"


def speed(subject: Subject) -> str:
    """Steps a second of one core, random actions drawn beforehand."""
    with subject.make(subject.env.usual_rows, 0) as batch:
        rng = np.random.default_rng(0)
        actions = [batch.sample_actions(rng) for _ in range(8)]
        batch.step(actions[0])
        calls, begun = 0, time.perf_counter()
        while (taken := time.perf_counter() - begun) < SPEED_SECONDS:
            batch.step(actions[calls % len(actions)])
            calls += 1
        each = f", each of {batch.num_agents} agents" if batch.num_agents else ""
        return f"{calls * batch.num_envs / taken:,.0f} steps/s a core{each}"
