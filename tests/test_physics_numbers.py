"""Every number that rules may write into the engine's records works or is refused, and what they change is exact."""

import math
from pathlib import Path

import numpy as np
import pytest

from puffer_arena import load_env, make
from puffer_arena.core.bodies import physics_fields
from puffer_arena.core.definition.physics import ENGINES
from puffer_arena.core.records import FORCES, OUTPUTS
from puffer_arena.errors import ArenaError, DefinitionError, PhysicsError
from tests.playing import CRANE, SLUICE, everything, play

# Records of every kind, as rules name them.
RECORDS = {
    SLUICE: (
        *("s.ball", "s.lift", "s.motor", "s.pin", "s.gate", "s.deck", "s.shelf", "s.eyes[0]", "s.hits[0, 1]"),
        *("s.weight", "s.sizes[1]", "s.spring", "s.groove"),
    ),
    CRANE: (
        *("s.ball", "s.plate", "s.elevator", "s.hinge", "s.slider", "s.wheels[2]", "s.hits[1]", "s.feet"),
        *("s.eyes[0]",),
    ),
}
UNMOVED = ("lift", "plate", "elevator")  # bodies whose own record says nothing of what the engine does with them
VALUES = {"ny": -1.0, "nx": -9.0, "ay": 4.0, "by": -2.0, "angle": 0.7}


def numbers():
    """Return (game, record's expression, its kind, number) of all numbers that rules may write."""
    found = []
    for env_id, records in RECORDS.items():
        fields = physics_fields(load_env(env_id).state)
        for record in records:
            field = fields[record[2:].partition("[")[0]]
            found += [(env_id, record, field.kind, part) for part in np.dtype(field.dtype).names]
    return found


def written(folder, env_id, record, part, rule="act"):
    """Return a file of the game in which a rule writes a number, once, after some steps."""
    value = VALUES.get(part, 2 if part in ("touching", "began", "other") else 1.7)
    lines = Path(env_id).read_text().split("\n")
    first = next(k for k, line in enumerate(lines) if line.startswith(f"def {rule}(")) + 1
    at = next(k for k in range(first, len(lines)) if not lines[k] or lines[k].startswith("    return"))
    lines.insert(at, f"    if s.step_count >= 4:\n        {record}.{part} = {value}")
    path = folder / f"{record.partition('.')[2][:4]}_{part}_{rule}.py".replace("[", "_")
    path.write_text("\n".join(lines))
    return str(path)


def poses(env_id, steps=30):
    """Return where the bodies and what the engine says of them are after a short game."""
    with make(env_id, seed=3, compiled=False) as batch:
        fields = physics_fields(batch.env.state)
        outputs = {name: OUTPUTS.get(field.kind, ()) for name, field in fields.items()}
        seen, row = [], batch.rows.states[0]
        for k in range(steps):
            batch.step(np.full_like(batch.actions, 0.3 * (-1) ** k))
            moved = [name for name, field in fields.items() if field.kind in FORCES and name not in UNMOVED]
            seen += [row[name].tobytes() for name in moved]
            seen += [row[name][part].tobytes() for name, parts in outputs.items() for part in parts]
        return hash(tuple(seen))


@pytest.mark.parametrize("env_id", RECORDS, ids=lambda env_id: Path(env_id).stem)
def test_a_game_has_every_record_of_its_engine(env_id):
    env = load_env(env_id)
    assert {field.kind for field in physics_fields(env.state).values()} == set(ENGINES[env.engine])


@pytest.fixture(scope="module")
def undisturbed():
    """Return where things stand in each game when nothing is written."""
    return {env_id: poses(env_id) for env_id in RECORDS}


@pytest.mark.parametrize(("env_id", "record", "kind", "part"), numbers(), ids=lambda part: Path(part).stem)
def test_a_number_that_act_writes_changes_the_game_or_is_refused(env_id, record, kind, part, undisturbed, tmp_path):
    path = written(tmp_path, env_id, record, part)
    if part in OUTPUTS.get(kind, ()):
        with pytest.raises(
            DefinitionError, match=rf"'act' \(.*\n +writes the {part} of a {kind}, which the engine fills"
        ):
            make(path)
        return
    try:
        assert poses(path) != undisturbed[env_id]
    except PhysicsError as error:
        assert part in str(error) or "static or kinematic" in str(error)


@pytest.mark.parametrize("rule", ["reset", "judge"])
@pytest.mark.parametrize("part", ["fx", "torque"])
def test_forces_that_would_be_forgotten_are_refused(rule, part, tmp_path):
    path = written(tmp_path, SLUICE, "s.ball", part, rule)
    with pytest.raises(DefinitionError, match=f"'{rule}' .*\n +writes {part} of a body2d: forces are zero again"):
        make(path)


REFUSED = {
    "a mass of nothing": ("s.weight.mass = 0.0", "State.weight.mass = 0.0: it must be finite and above 0"),
    "an oval circle": ("s.sizes[0].scale_y = 3.0", "State.sizes.scale_x = .*a circle's scales must be equal"),
    "a shape without size": ("s.sizes[1].scale_x = 0.0", "State.sizes.scale_x = 0.0"),
    "no number": ("s.groove.ay = 1e30", r"State.groove.ax"),
    "a spring's limit": ("s.spring.low = 1.0", "State.spring.low = 1.0: .*one that a joint of this class has"),
    "a groove's stiffness": ("s.groove.stiffness = 1.0", "State.groove.stiffness = 1.0"),
    "a pivot's target": ("s.pin.target = 1.0", "State.pin.target, but a joint of its class has none"),
    "a force on what none moves": ("s.lift.fx = 1.0", "into State.lift, a static or kinematic body"),
    "an edge out of the world": ("s.gate.ax = 1e300", "State.gate|an edge"),
    "a ray out of the world": ("s.eyes[1].bx = 1e9", "a pose, an edge or a joint"),
}


REFUSED_3D = {
    "a brake and a force": ("s.wheels[3].brake = 1.0", r"both force and brake into State.wheels\[2\]|.*wheels\[3\]"),
    "a wheel turned about": ("s.wheels[0].steer = 9.0", "row 0, step 1"),
    "a force on a plate": ("s.plate.fz = 1.0", "into State.plate, a static or kinematic body"),
    "a speed of an elevator": ("s.elevator.vz = 1.0", "into State.elevator, a static or kinematic body"),
    "a motor without an end": ("s.hinge.max_force = 1e300", "State.hinge.max_force"),
    "a ray out of the world": ("s.eyes[1].bx = 1e9", "a pose, an edge or a joint"),
}


@pytest.mark.parametrize(("line", "said"), REFUSED_3D.values(), ids=REFUSED_3D)
def test_what_bullet_cannot_do_is_said(line, said, tmp_path):
    path = tmp_path / "refused.py"
    path.write_text(
        Path(CRANE).read_text().replace("    s.elevator.z += 0.01\n", f"    s.elevator.z += 0.01\n    {line}\n")
    )
    with pytest.raises(PhysicsError, match=said), make(str(path), compiled=False) as batch:
        batch.step(np.ones_like(batch.actions))


@pytest.mark.parametrize(("line", "said"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "interpreted"])
def test_what_the_engine_cannot_do_is_said(line, said, compiled, tmp_path):
    path = tmp_path / "refused.py"
    path.write_text(Path(SLUICE).read_text().replace("    s.lift.vy = 0.5\n", f"    s.lift.vy = 0.5\n    {line}\n"))
    with pytest.raises(ArenaError, match=said), make(str(path), compiled=compiled) as batch:
        batch.step(batch.actions)


# -- exactness --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_public_api_and_plain_python_change_scenes_as_the_native_functions_do(monkeypatch):
    native = make(SLUICE, num_envs=3, seed=7)
    monkeypatch.setenv("PUFFER_ARENA_PYMUNK", "public")
    public, plain = (make(SLUICE, num_envs=3, seed=7, compiled=compiled) for compiled in (True, False))
    assert native.worlds.fused and not public.worlds.fused
    for batch in (native, public, plain):
        play(batch, 170, seed=3)
    assert everything(native) == everything(public) == everything(plain)


def test_a_used_scene_begins_as_a_new_one():
    used, fresh = (make(SLUICE, num_envs=2, seed=1) for _ in range(2))
    play(used, 57, seed=5)
    for batch in (used, fresh):
        batch.reset(levels=np.array([21, 22]))
        play(batch, 79, seed=2)
    for name in physics_fields(fresh.env.state):
        assert used.rows.states[name].tobytes() == fresh.rows.states[name].tobytes()


def test_a_game_that_moves_its_scene_rewinds_and_restores():
    batch = make(SLUICE, num_envs=2, seed=1, record=True)
    rng, held = np.random.default_rng(1), []
    for _ in range(40):
        held.append(batch.rows.states[1].tobytes())
        batch.step(batch.sample_actions(rng))
    kept, end = batch.snapshot(1), batch.rows.states[1].tobytes()
    batch.rewind(1, 23)
    assert batch.rows.states[1].tobytes() == held[23]
    assert batch.restore(0, kept) and batch.rows.states[0].tobytes() == end


# -- what the numbers mean --------------------------------------------------------------------------


def altered(folder, old, new):
    """Return a batch of the sluice with a line changed, and levels that do not differ."""
    path = folder / "altered.py"
    text = Path(SLUICE).read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return make(str(path), compiled=False, vary=0.0, max_steps=10_000)


def idle(batch, steps):
    for _ in range(steps):
        batch.step(np.zeros_like(batch.actions))


def test_a_gate_holds_until_it_is_lifted(tmp_path):
    at = "    s.ball.fx = p.push * action[0]\n"
    with altered(tmp_path, at, "    s.ball.x, s.ball.y, s.ball.vx, s.ball.vy = 3.0, 0.6, 0.0, 0.0\n") as batch:
        idle(batch, 1)
        row = batch.rows.states[0]
        assert row["eyes"][0]["fraction"] > 0.4  # lifted by half its height, it lets the ray through
        batch.step(np.array([[0.0, -1.0]]))
        # From the ball's middle at 3 to the gate's near side at 3.9, of the ray's 8 m.
        assert row["eyes"][0]["fraction"] == pytest.approx((row["gate"]["ax"] - 0.1 - row["ball"]["x"]) / 8.0, abs=1e-6)
        assert row["eyes"][0]["other"] == -1


def test_bodies_pass_a_one_way_shape_from_behind_alone(tmp_path):
    start = "    s.ball.vy = uniform(s, 5.0, 9.0)\n"
    up = "    s.ball.x, s.ball.y, s.ball.vx, s.ball.vy, s.deck.nx = -6.0, 1.0, 0.0, 9.0, 0.2\n    s.spring.stiffness = 0.0\n"
    with altered(tmp_path, start, up) as batch:
        row, highest = batch.rows.states[0], 0.0
        while not row["shelf"]["touching"]:
            idle(batch, 1)
            highest = max(highest, float(row["ball"]["y"]))
            assert row["step_count"] < 150
        # It rose through the deck, whose middle is 3 m high, without touching it, and came to lie on its upper side.
        assert highest > 4.0 and 3.0 < row["ball"]["y"] < 4.0
        hit = row["hits"][0, 0]
        assert (hit["touching"], hit["other"], row["shelf"]["other"]) == (1, -1, 0)
        assert hit["impulse"] == row["shelf"]["impulse"] > 0.0
        slope = math.hypot(4.0, 0.8)
        assert (hit["nx"], hit["ny"]) == pytest.approx((-0.8 / slope, -4.0 / slope), abs=0.01)


def test_a_heavier_ball_accelerates_less(tmp_path):
    speeds = []
    for mass in (1.0, 4.0):
        with altered(tmp_path, "    s.weight.moment *= s.weight.mass\n", f"    s.weight.mass = {mass}\n") as batch:
            row = batch.rows.states[0]
            before = float(row["ball"]["vx"])
            batch.step(np.array([[1.0, 0.0]]))
            speeds.append(row["ball"]["vx"] - before)
    assert speeds[0] == pytest.approx(4.0 * speeds[1], rel=0.3)  # the spring pulls, too


def test_a_list_of_contacts_has_the_hardest_first():
    with make(SLUICE, num_envs=8, seed=2) as batch:
        most = 0
        for _ in range(80):
            play(batch, 1)
            hits = batch.rows.states["hits"]
            for one in hits.reshape(-1, 3):
                count = int(one["touching"].sum())
                most = max(most, count)
                assert one["touching"].tolist() == [1] * count + [0] * (3 - count)
                assert (np.diff(one["impulse"]) <= 0).all() and (one["other"][count:] == -1).all()
                assert np.allclose(np.hypot(one["nx"], one["ny"])[:count], 1.0)
        assert most >= 2


# -- worlds in space --------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 2])
def test_driven_worlds_play_the_same_in_workers_and_from_any_past(threads):
    with (
        make(CRANE, num_envs=3, seed=4, threads=threads, record=True) as batch,
        make(CRANE, num_envs=3, seed=4, compiled=False) as plain,
    ):
        rngs, held = [np.random.default_rng(1) for _ in range(2)], []
        for k in range(100):
            for one, rng in zip((batch, plain), rngs, strict=True):
                one.step(one.sample_actions(rng))
            if k >= 80:  # a second episode, of 80 steps
                held.append(batch.rows.states[1].tobytes())
        assert everything(batch) == everything(plain)
        kept = batch.snapshot(1)
        batch.rewind(1, 12)
        assert batch.rows.states[1].tobytes() == held[11]
        assert batch.restore(0, kept) and batch.rows.states[0].tobytes() == held[-1]


def test_motors_turn_and_slide_as_they_are_told():
    with make(CRANE, compiled=False, max_steps=1000) as batch:
        for _ in range(60):
            batch.step(np.array([[0.5, 1.0, 0.0]]))
        row = batch.state(0)
        assert abs(row.arm.spin_z) == pytest.approx(1.5, rel=0.01)
        assert row.hinge.position == pytest.approx(1.5, rel=0.1)  # after a second
        assert row.slider.position == pytest.approx(1.0, rel=0.1) and row.lift.z == pytest.approx(2.0, abs=0.1)


def test_wheels_carry_drive_and_steer_a_vehicle():
    with make(CRANE, compiled=False, max_steps=1000) as batch:
        for _ in range(120):
            batch.step(np.array([[0.0, 0.0, 1.0]]))
        row = batch.state(0)
        # Two wheels push 50 kg with 100 N each; Euler's steps and the springs' settling cost little.
        assert row.cart.vy == pytest.approx(2 * 100 / 50 * 2.0, rel=0.1) and abs(row.cart.x) < 0.1
        assert all(wheel.touching for wheel in row.wheels)
        assert row.cart.z + row.wheels[0].z == pytest.approx(0.3, abs=0.03)  # a wheel's radius above the ground
        assert row.wheels[0].turned == pytest.approx((row.cart.y - 10.0) / 0.3, rel=0.1)
        for _ in range(30):
            batch.step(np.array([[1.0, 0.0, 1.0]]))
        assert batch.state(0).cart.spin_z > 0.1  # to the left


def test_a_list_of_contacts_in_space_says_where_and_how_hard():
    with make(CRANE, compiled=False) as batch:
        idle(batch, 60)
        row = batch.state(0)
        hit = row.hits[0]
        assert (hit.touching, hit.other, row.hits[1].touching, row.hits[1].other) == (1, 4, 0, -1)
        assert hit.impulse == pytest.approx(1 * 10 / 60 / 2, rel=0.05)  # the ball's weight, in one of two substeps
        assert hit.nz == pytest.approx(-1.0, abs=0.02) and hit.z == pytest.approx(row.ball.z - 0.5, abs=0.02)
