"""What is wrong with a definition is one error, with its game, its place and what to write instead."""

from pathlib import Path

import pytest

from puffer_arena import load_env
from puffer_arena.authoring.check import check_definition
from puffer_arena.batch.batch import Batch
from puffer_arena.batch.settings import Settings
from puffer_arena.errors import DefinitionError
from tests.playing import source_of

ROOT = Path(__file__).parent.parent
OWN = {"connect4", "memory", "target"}  # games of the package; the others are examples
BOTS = 'bots={"steady": {"guard": guard, "van": drive}}'
AGENTS = 'agents={"guard": "guards", "van": "vans"}'
SET = 'Entities(-1, 1, ("mines", 2))'
FIRE = '"fire": Discrete(2, ("hold", "fire"))'
PILOT = "draw=draw, pilot=__import__('puffer_arena.core').core.Pilot(%s),"
WANTED = PILOT.replace("draw=draw, ", "").replace("%s", "Box(-1, 1, (1,)), fly")
FLY = f"@jit\ndef fly(s, p, wanted, memory, action):\n    %s\n\n\nENV = Env({WANTED}"
IDLE = 'idle={"turn": (0.0,), "fire": HOLD}'


def changed(folder: Path, game: str, old: str, new: str) -> str:
    """Write one of the games with a change, and return its path."""
    source = source_of(game) if game in OWN else (ROOT / "examples" / f"{game}.py").read_text("utf-8")
    assert old in source
    (folder / "wrong.py").write_text(source.replace(old, new, 1))
    return str(folder / "wrong.py")


@pytest.mark.parametrize(
    ("game", "old", "new", "said"),
    [
        ("convoy", "    observe={", "    observes={", "Env: got an unexpected keyword argument 'observes'; did you mean 'observe'"),
        ("connect4", "turn=turn,", "turns=turn,", "unexpected keyword argument 'turns'; did you mean 'turn'"),
        ("kart", "draw3d=draw3d", "draw_3d=draw3d", "unexpected keyword argument 'draw_3d'; did you mean 'draw3d'"),
        ("pads", "action_mask=mask_moves, draw=draw,", "action_mask=mask_moves,", "Env: draw is missing; give draw=..."),
        ("minefield", 'signals=("cost",)', "signals=3", r"signals: is 3; give a tuple of names, such as signals=\("),
        ("minefield", 'signals=("cost",)', "signals=(3,)", r"signals: is \(3,\); give a tuple of names"),
        ("minefield", "cost_limit=2.0", "cost_limit=True", "cost_limit: is True; it must be a number of at least 0"),
        ("convoy", BOTS, "bots=drive", "bots: is <function drive .*; give a dict: name -> rule"),
        ("convoy", AGENTS, 'agents=("guard", "van")', r"agents: is \('guard', 'van'\); give a dict: role -> how many"),
        ("pads", "steps_per_second=4.0", "steps_per_second=-1", "steps_per_second: is -1; it must be a number, such as 1"),
        ("turret", "draw=draw,", "draw=3,", r"draw: is 3; give a plain function that takes \(s, p, canvas\)"),
        ("turret", "draw=draw,", "draw=aside,", r"draw: takes \(s\); it must take \(s, p, canvas\)"),
        ("turret", "draw=draw,", "draw=draw, camera=draw,", "camera: is of worlds in space, which engine='panda3d' moves"),
        ("turret", "draw=draw,", "draw=draw, version='a',", "version: is 'a'; it must be a whole number, such as 1"),
        ("turret", "draw=draw,", "draw=draw, solved='a',", "solved: is 'a'; it must be a number, such as 1"),
        ("climber", "time_step=1 / 60", "time_step='x'", "time_step: is 'x'; it must be a number"),
        ("turret", "draw=draw,", "draw=draw, waits='yes',", "waits: is 'yes'; it must be True or False"),
        ("turret", "draw=draw,", "draw=draw, editor=3,", r"editor: is 3; give Editor\(...\), from puffer_arena.core"),
        ("convoy", '"van": "vans"}', '"the van": "vans"}', "agents: 'the van' cannot be a role: rules read roles as names"),
        ("connect4", "turn=turn,", "turn=3,", "turn: is 3; give a function marked @jit"),
        ("pads", "idle=STAY", "idle=7", "idle: is 7, which does not lie in Discrete"),
        ("turret", IDLE, 'idle={"turn": 0.0, "fire": HOLD}', "idle: turn = 0.0, which does not lie in Box"),
        ("turret", IDLE, 'idle={"turn": (5.0,), "fire": HOLD}', r"idle: turn = \(5.0,\), which does not lie in Box"),
        ("convoy", '"turn": (0.0, 0.0)', '"turn": (0.0,)', r"idle: of 'guard' turn = \(0.0,\), which does not lie"),
        ("turret", '"left": ("turn"', '"lfet": ("turn"', "keys: 'lfet' is no key; did you mean 'left'"),
        ("turret", '"space": (', '"F": (', "keys: 'F' is no key"),
        ("minefield", SET, "Entities(-1, 1, (2,))", r"line \d+\): .*Entities\(.*\n +the shape of Entities is \(most, features\)"),
        ("turret", FIRE, '"fire": Discrete(2, ("hold",))', r"line \d+\): .*\n +a Discrete has 2 values and 1 labels"),
        ("turret", FIRE, '"fire": Discrete(0)', r"line \d+\): .*\n +a Discrete of 0 holds nothing"),
        ("turret", "observation=Box(-1, 1, (3,)", "observation=Box(-1, 1, 3", r"the shape of a Box is 3; give a tuple: \(3,\)"),
        ("memory", "click=click,", "click=recall,", r"click: must be a plain function, not @jit, that takes \(s, p, x, y\)"),
        ("connect4", "click=click,", "click=draw,", r"click: must be a plain function, .* that takes \(s, p, agent, x, y\)"),
        ("target", "draw=draw,", "draw=draw, click=lambda s, p, x, y: 0,", r"click: stands for one choice of a Discrete, .* is Box"),
        ("turret", "draw=draw,", "draw=draw, pilot=3,", r"pilot: is 3; give Pilot\(wanted, rule\), from puffer_arena.core"),
        ("convoy", "draw=draw,", "draw=draw, pilot=3,", r"pilot: is 3; give Pilot\(wanted, rule\), from puffer_arena.core"),
        ("convoy", "draw=draw,", PILOT % "Box(0, 1, (2,)), draw", "pilot: is for games whose agents all have one action"),
        ("climber", "draw=draw,", PILOT % "'left', draw", r"pilot: is told 'left'; give a space, such as Box"),
        ("climber", "draw=draw,", PILOT % "Box(0, 1, ('n',)), draw", "pilot: is told Box.*give numbers for its shape"),
        ("climber", "draw=draw,", PILOT % "Box(0, 1, (1,)), draw", "pilot: is not marked for compiling; put @jit above 'def draw'"),
        ("climber", "draw=draw,", PILOT % "Box(0, 1, (1,)), observe", r"pilot: takes \(s, p, obs\); it must take \(s, p, wanted, memory"),
        ("climber", "ENV = Env(", FLY % "pass", r"'fly' .*\n +leaves a part of its action as it was"),
        ("climber", "ENV = Env(", FLY % "action[0] = s.near", r"'fly' .*\n +.*no field 'near'"),
        ("climber", "ENV = Env(", FLY % "s.step_count = 3", r"'fly' .*\n +writes State.step_count, which it may only read"),
        ("climber", "ENV = Env(", FLY % "action[0] = math.nan", r"'fly' .*\n +gives what is no action"),
        ("convoy", "actions.guard[k].turn", "actions[k].turn", r"'step' .*\n +'actions' is no array .*: actions.guard, actions.van"),
        ("turret", "action.turn[0]", "action[0]", r"'step' .*\n +'action' is no array .*: action.turn, action.fire"),
        ("pads", "obs.me.part_1[0]", "obs.me[1]", r"'observe' .*\n +'obs.me' is no array .*: obs.me.part_0, obs.me.part_1"),
        ("convoy", "mask.fire[1] =", "mask[1] =", r"'hold_fire' .*\n +'mask' is no array .*: mask.fire"),
        ("convoy", "mask.fire[1] =", "mask.turn[1] =", r"'hold_fire' .*\n +no field 'turn'; valid are: fire"),
        ("convoy", "action.fire = 1 if", "action.fire = 2 if", r"'guard' .*\n +bot 'steady' gives what is no action: action.fire"),
        ("convoy", "    action.turn[1] = 0.25\n", "", r"'guard' .*\n +bot 'steady' leaves a part of its action as it was"),
        ("convoy", "return min(s.lane", "return 3 + min(s.lane", r"'drive' .*\n +bot 'steady' gives what is no action: .* allowed: 0 to 2"),
        ("convoy", "return min(s.lane", "return 0.5 * min(s.lane", r"'drive' .*\n +returns what may be a fraction; an action is"),
        ("connect4", "mover = s.turn", "s.turn = 1; mover = s.turn", r"writes State.turn, .*; let the rule turn say whose it is"),
        ("connect4", "return s.laid % 2", "code = 'red'\n    return code", r"'turn' .*\n +'turn' must return the agent whose turn it is"),
        ("connect4", "return s.laid % 2", "code = None\n    return code", r"'turn' .*\n +'turn' must return the agent whose turn it is"),
        ("memory", "return RIGHT if s.right else WRONG", "code = 'late'\n    return code", r"'ending' .*\n +gave 'late'; it must be a whole number"),
        ("memory", "return RIGHT if s.right else WRONG", "pass", r"'ending' .*\n +can end without a return; .* the number of one of endings"),
        ("target", "s.goal_x, s.goal_y = later.x, later.y", "return later.x", r"'move_goal' .*\n +returns one value; .* must return nothing"),
        ("target", "s.goal_x, s.goal_y = later.x", "later.x, later.y = s.goal_x", r"'move_goal' .*\n +writes later.x, which it may only read"),
        ("target", "s.goal_x, s.goal_y = later.x, later.y", "pass", r"'move_goal' .*\n +changes nothing in State; it must write the goal"),
        ("target", "goal_y = later.x, later.y", "goal_y = uniform(s, 0, 1), later.y", r"'move_goal' .*\n +draws a random number; the goal is what"),
        ("convoy", "return min(s.lane", "code = 'left'\n    return code or min(s.lane", r"'drive' .*\n +'drive' must return the action, a whole number"),
        ("climber", '"gate": gate', '"gate": ground[0]', "build: the segment of State.gate belongs to another field already"),
        ("climber", "motors.append(motor)", "motors[:] = [motor, motor]", r"build: the joint of State.motors\[1\] belongs to another"),
    ],
)  # fmt: skip
def test_a_mistake_is_said_with_what_to_write_instead(tmp_path: Path, game: str, old: str, new: str, said: str) -> None:
    path = changed(tmp_path, game, old, new)
    with pytest.raises(DefinitionError, match=f"(?s)environment 'wrong'.*{said}"):
        env = load_env(path)
        check_definition(env, lambda: Batch(env, path, Settings(compiled=False), {}))
