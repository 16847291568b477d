"""Hostile files and wrong arguments: one clear error, never a crash, and the bot as it was."""

import json
import warnings

import numpy as np
import pytest
from bots_support import ACTIONS, OBSERVATIONS, bot_bytes, make_policy, small_bot

from puffer_arena.bots import file as bots_file
from puffer_arena.bots.bot import Bot, BotWarning
from puffer_arena.bots.heads import Sampling
from puffer_arena.bots.model import Model
from puffer_arena.errors import ActionError, ArenaError, FileError, ParameterError, SpaceError, UnknownName
from puffer_arena.trainers.export.bot import with_earlier


@pytest.fixture(scope="module")
def data() -> bytes:
    policies = (
        make_policy(OBSERVATIONS["numbers"], ACTIONS["discrete"], seed, hidden=(3,), memory="gru") for seed in range(2)
    )
    whole, earlier = map(bot_bytes, policies)
    return with_earlier(whole, [earlier])


def with_header(data: bytes, change) -> bytes:
    """Return a file whose header was changed by somebody who knows to mend the checksum."""
    size = int.from_bytes(data[:8], "little")
    table = json.loads(data[8 : 8 + size])
    labels = table["__metadata__"]
    change(table, labels)
    labels["sha256"] = bots_file.NO_DIGEST
    header = json.dumps(table).encode()
    whole = len(header).to_bytes(8, "little") + header + data[8 + size :]
    return whole.replace(bots_file.NO_DIGEST.encode(), bots_file.hashlib.sha256(whole).hexdigest().encode(), 1)


def test_a_file_cut_off_anywhere_is_refused(data: bytes) -> None:
    for size in range(0, len(data), 3):
        with pytest.raises(FileError, match=r"truncated|damaged"):
            bots_file.unpack(data[:size], "it")


def test_every_flipped_bit_is_noticed(data: bytes) -> None:
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(data) * 8, 2000):
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << (place % 8)
        with pytest.raises(FileError):
            Model(bytes(flipped))


def test_descriptions_with_a_mended_checksum_are_refused_or_hold(data: bytes) -> None:
    # Random values put anywhere into the description: whoever makes files by hand gets an error or a working bot.
    odd = (None, -1, 0, 10**12, 1e300, "x", [], {}, [[1]], True, 2**63, "gru", {"kind": "dict", "parts": {}})
    rng = np.random.default_rng(1)
    for _ in range(500):

        def spoil(_, labels) -> None:
            about = json.loads(labels["about"])
            place = about
            while True:
                keys = list(place) if isinstance(place, dict) else list(range(len(place)))
                key = keys[rng.integers(len(keys))]
                if not isinstance(place[key], dict | list) or not place[key] or rng.random() < 0.3:
                    place[key] = odd[rng.integers(len(odd))]
                    break
                place = place[key]
            labels["about"] = json.dumps(about)

        try:
            with warnings.catch_warnings(action="ignore"):
                Bot(Model(with_header(data, spoil))).act(np.zeros(5, np.float32))
        except ArenaError as error:
            assert len(str(error)) < 400


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda table, labels: labels.update(kind="something else"), "is a 'something else', not a bot"),
        (lambda table, labels: labels.update(version="2"), "a bot of version 2; 1 is the newest known here: update"),
        (lambda table, labels: labels.update(version="-1"), "its version is '-1'"),
        (lambda table, labels: table["network.actor.bias"].update(shape=[10**9]), "does not lie where it should"),
        (lambda table, labels: table["network.actor.bias"].update(shape=[2**40, 2**40]), "has shape"),
        (lambda table, labels: table["network.actor.bias"].update(data_offsets=[0, 2**60]), "does not lie"),
        (lambda table, labels: table["network.actor.bias"].update(dtype="O"), "damaged"),
        (lambda table, labels: labels.update(about=labels["about"].replace('"hidden": [3]', '"hidden": [60000]')), "shape"),
        (lambda table, labels: labels.update(about=labels["about"].replace('"size": 6', '"size": 9000000')), "a width is"),
        (lambda table, labels: labels.update(about=labels["about"].replace("[{\"steps\": 0}]", "[1, 2, 3]")), "among its arrays only"),
        (lambda table, labels: labels.update(about=labels["about"].replace("{\"steps\": 0}", "0," * 99 + "0")), "at most 16 are read"),
        (lambda table, labels: labels.update(about=labels["about"].replace('"strength": {}', '"strength": 3')), "its 'strength' is 3"),
        (lambda table, labels: labels.update(about=labels["about"].replace('"strength": {}', '"strength": {"return": {}}')), "'mean'"),
        (lambda table, labels: labels.update(about=labels["about"].replace('"strength": {}', '"strength": {"rating": "x"}')), "its strength is"),
        (lambda table, labels: labels.update(about=labels["about"].replace('"params": {', '"params": [], "other": {')), "its 'params' is"),
        (lambda table, labels: labels.update(about=labels["about"].replace('"version": ', '"version": "x", "other": ')), "its game is"),
        (lambda table, labels: labels.update(about="[" * 100_000), "damaged"),
        (lambda table, labels: labels.update(about='{"env": NaN}'), "NaN is no number"),
    ],
)  # fmt: skip
def test_impossible_headers_are_refused_before_anything_is_made(data: bytes, change, said: str) -> None:
    with pytest.raises(FileError, match=said):
        Model(with_header(data, change))


def test_weights_that_are_not_finite_are_refused(data: bytes) -> None:
    about, arrays = bots_file.unpack(data, "it")
    for bad in (np.nan, np.inf):
        for of in ("", "earlier.0."):
            spoiled = {**arrays, f"{of}network.actor.bias": np.full(3, bad, np.float32)}
            with pytest.raises(FileError, match=r"'network.actor.bias' holds numbers that are not finite"):
                Model(bots_file.pack(about, spoiled))


def test_files_that_are_none(tmp_path) -> None:
    for content in (b"", b"\0" * 100, b"\xff" * 100, (10**12).to_bytes(8, "little") + b"{}" * 50, b"PK\x03\x04" * 99):
        path = tmp_path / "a.bot"
        path.write_bytes(content)
        with pytest.raises(FileError, match="truncated, damaged or no bot"):
            Bot.load(path)
    with pytest.raises(FileError, match="cannot be read"):
        Bot.load(tmp_path / "none")
    with pytest.raises(FileError, match="cannot be read"):
        Bot.load(tmp_path)


@pytest.mark.parametrize(
    ("observation", "value", "said"),
    [
        ("numbers", np.zeros(4, np.float32), r"the observation has shape \(4,\); it must be \(5,\), or \(actors, 5\)"),
        ("numbers", [0.0, 0.0, np.nan, 0.0, 0.0], "'speed' of actor 0 is NaN or infinite"),
        ("numbers", [0.0, np.inf, 0.0, 0.0, 0.0], "'y' of actor 0 is NaN or infinite"),
        ("numbers", ["a"] * 5, "has dtype <U1; float32 is what this bot sees"),
        ("numbers", [[1.0], [2.0, 3.0]], "no array of numbers"),
        ("numbers", None, r"has shape \(\)"),
        ("codes", np.full((6, 5), 4, np.uint8), r"element \(0, 0\) is 4; codes 0 to 3 exist"),
        ("codes", np.full((6, 5), -1, np.int8), "is -1; codes 0 to 3 exist"),
        ("codes", np.zeros((6, 5)), "has dtype float64; uint8 is what this bot sees"),
        ("one code", 9, "it is 9; codes 0 to 8 exist"),
        ("parts", {"board": np.zeros((5, 5), np.uint8)}, "has no part 'own'"),
        ("parts", 3.0, "has no part 'board'"),
        ("a tuple", (np.array([0, 5]), np.zeros(6, np.int8), np.zeros(2)), "part 0: element .* is 5; codes 0 to 4"),
    ],
)  # fmt: skip
def test_observations_that_do_not_fit_are_named(observation: str, value, said: str) -> None:
    bot = small_bot(observation, memory="gru")
    before = bot.state()
    with pytest.raises(SpaceError, match=said):
        bot.act(value)
    assert bot.state() == before


def test_masks_that_do_not_fit() -> None:
    bot, obs = small_bot(), np.zeros(5, np.float32)
    for mask, said in (([False] * 4, "bars choices 0 to 3"), ([True] * 3, r"shape \(3,\); it must be \(4,\)")):
        with pytest.raises(ActionError, match=said):
            bot.act(obs, mask)
    with pytest.raises(ActionError, match="of actor 1; leave one open"):
        bot.act(np.zeros((2, 5), np.float32), [[True] * 4, [False] * 4])
    for _ in range(50):
        assert bot.act(obs, [False, False, True, False], sampling=Sampling(100.0, 1.0, 0.5)) == 2


@pytest.mark.parametrize(
    ("actor", "said"), [(-1, "0 to"), (1 << 20, "0 to"), ("a", "one number"), ([0], "one number"), (1.5, "one number")]
)
def test_actors_that_cannot_be(actor, said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        small_bot().act(np.zeros(5, np.float32), actor=actor)
    with pytest.raises(ParameterError, match="2 observations need 2 different"):
        small_bot().act(np.zeros((2, 5), np.float32), actor=[3, 3])


@pytest.mark.parametrize("wrong", [{"temperature": 0.0}, {"top_p": 0.0}, {"epsilon": 1.5}, {"temperature": "hot"}])
def test_sampling_out_of_range(wrong) -> None:
    with pytest.raises(ParameterError, match=f"{next(iter(wrong))} = "):
        Sampling(**wrong)


def test_saved_states_are_checked() -> None:
    bot = small_bot(memory="lstm")
    bot.act(np.zeros((3, 5), np.float32))
    state = json.loads(json.dumps(bot.state()))
    for spoil in (
        {"seed": -1},
        {"counts": [-1] * 3},
        {"counts": ["x"]},
        {"memory": {}},
        {"memory": {**state["memory"], "actor.h": [[float("nan")] * 6] * 3}},
        {"memory": {**state["memory"], "actor.h": [[0.0] * 5] * 3}},
        {"memory": {**state["memory"], "actor.z": [[0.0] * 6] * 3}},
        {"memory": 3},
    ):
        with pytest.raises(ParameterError, match="state"):
            bot.set_state({**state, **spoil})
    assert bot.state() == state


def test_fields_are_checked_and_said_once_when_out_of_range() -> None:
    bot = small_bot()
    with pytest.raises(UnknownName, match="no field 'sped'; did you mean 'speed'"):
        bot.observe(x=0, y=0, sped=0, ray=[0, 0])
    with pytest.raises(SpaceError, match=r"also sees speed, ray; give every field"):
        bot.observe(x=0, y=0)
    with pytest.raises(SpaceError, match=r"'ray' .* takes 2"):
        bot.observe(x=0, y=0, speed=0, ray=[1, 2, 3])
    with pytest.warns(BotWarning, match="'speed' is 99; in training it was from"):
        obs = bot.observe(x=0, y=0, speed=99, ray=[0.5, 0.25])
    assert obs.tolist() == [0, 0, 99, 0.5, 0.25]
    with warnings.catch_warnings(action="error"):
        bot.observe(x=0, y=0, speed=99, ray=[0, 0])
