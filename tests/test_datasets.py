"""Datasets: what was played is what is read, whoever it comes from, and nothing else is."""

import json
import shutil

import numpy as np
import pytest

from puffer_arena import make
from puffer_arena.datasets.dataset import About, Dataset, Episode
from puffer_arena.datasets.file import read_dataset, write_dataset
from puffer_arena.datasets.recording import record
from puffer_arena.errors import FileError, ParameterError
from puffer_arena.players.player import chance, scripted
from puffer_arena.replay.relabel import to_dataset
from puffer_arena.replay.writer import Writer
from tests.commands import here  # noqa: F401  a fixture

SMALL_MAZE = {"size": 7, "distance": 4, "max_steps": 20}
PARTED = "examples/turret.py"  # actions of parts, one of them a Box


@pytest.fixture(scope="module")
def maze():
    return record("maze", [scripted("shortest"), chance(3)], 20, params=SMALL_MAZE)


@pytest.fixture
def folder(maze, tmp_path):
    write_dataset(maze, tmp_path / "maze")
    return tmp_path / "maze"


def assert_same(one, other):
    for name in ("observations", "masks", "actions", "rewards", "lengths", "terminated"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), name)


@pytest.mark.parametrize("env_id", ["bandit", "target", PARTED])
def test_what_is_written_is_read(env_id, tmp_path):
    made = record(env_id, [chance(1)], 5)
    assert made.episodes >= 5
    write_dataset(made, tmp_path / "it")
    assert_same(read_dataset(tmp_path / "it", env_id), made)
    assert [path.name for path in tmp_path.iterdir()] == ["it"]


def test_the_same_seed_records_the_same(maze):
    assert_same(record("maze", [scripted("shortest"), chance(3)], 20, params=SMALL_MAZE), maze)


def test_an_episode_is_what_the_game_gave(maze):
    """The first player's rows play the levels of a batch of the same seed."""
    with make("maze", 10, seed=1, autoreset="same_step_final", **SMALL_MAZE) as batch:
        first = {i: [batch.obs[i].copy()] for i in range(10)}
        for _ in range(SMALL_MAZE["max_steps"]):
            batch.step(batch.act("shortest"))
            for i in range(10):
                if batch.finished["episodes"][i] == 0:
                    first[i].append(batch.obs[i].copy())
                elif len(first[i]) and first[i][-1] is not None:
                    first[i] += [batch.final_obs[i].copy(), None]
            if batch.finished["episodes"].min():
                break
    episodes = list(maze.each())[:10]
    played = sorted(np.stack(seen[:-1]).tobytes() for seen in first.values())
    assert sorted(each.observations.tobytes() for each in episodes) == played
    for each in episodes:
        assert each.terminated and each.masks[np.arange(len(each.actions)), each.actions].all()
        assert each.rewards[:-1].sum() == 0.0 and each.rewards[-1] > 0.0
    assert maze.about.sources == ("bot:shortest", "random")


def test_columns_know_their_episodes(maze):
    assert maze.steps == maze.lengths.sum() and len(maze.observations) == maze.steps + maze.episodes
    for k, each in enumerate(maze.each()):
        steps = np.flatnonzero(maze.episode == k)
        np.testing.assert_array_equal(maze.observations[maze.seen[steps]], each.observations[:-1])
        np.testing.assert_array_equal(maze.observations[maze.seen[steps] + 1], each.observations[1:])
        assert maze.returns[k] == pytest.approx(each.rewards.sum())
        assert maze.ends[steps].tolist() == [False] * (len(steps) - 1) + [each.terminated]
    top = {int(maze.episode[step]) for step in maze.best(0.1)}
    assert len(top) == 2 and min(maze.returns[list(top)]) >= np.sort(maze.returns)[-2]


@pytest.mark.parametrize("env_id", ["maze", "lander"])
def test_replays_are_a_source(env_id, tmp_path):
    """What people play is recorded as replays; chance stands in for them."""
    rng, params = np.random.default_rng(4), SMALL_MAZE if env_id == "maze" else {"max_steps": 80}
    with (
        make(env_id, 2, seed=4, autoreset="same_step_final", **params) as batch,
        Writer(batch, tmp_path / "it.mcap", players={"all": "a person"}),
    ):
        seen, actions, masks, over = [], [], [], []
        for _ in range(200):
            seen.append(batch.obs[0].copy())
            masks.append(batch.action_mask[0].copy())
            actions.append(batch.sample_actions(rng).copy())
            batch.step(actions[-1])
            over.append(bool(batch.terminated[0] or batch.truncated[0]))
    found = to_dataset([tmp_path / "it.mcap"])
    assert found.about.sources == ("a person",) and found.episodes >= 2
    length = over.index(True) + 1
    mine = next(each for each in found.each() if np.array_equal(each.observations[0], seen[0]))
    np.testing.assert_array_equal(mine.observations[:-1], seen[:length])
    np.testing.assert_array_equal(mine.masks[:-1], masks[:length])
    np.testing.assert_array_equal(mine.actions, np.array(actions)[:length, 0])


@pytest.mark.parametrize("env_id", ["maze", PARTED])
def test_minari_has_it_and_gives_it_back(env_id, maze, tmp_path, monkeypatch):
    pytest.importorskip("minari")
    from puffer_arena.adapters.minari import read_minari, write_minari

    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    made = maze if env_id == "maze" else record(env_id, [chance(1)], 3)
    assert write_minari(made, "it/test-v0") == made.episodes
    back = read_minari("it/test-v0", made.about)
    assert back.masks.all() and back.about.sources == ("minari:it/test-v0",)
    for name in ("observations", "rewards", "lengths", "terminated"):
        np.testing.assert_array_equal(getattr(back, name), getattr(made, name), name)
    if env_id == "maze":
        np.testing.assert_array_equal(back.actions, made.actions)
        with pytest.raises(FileError, match="is of other spaces than 'bandit'"):
            read_minari("it/test-v0", About("bandit"))
    else:  # numbers of a Box are float32 there
        np.testing.assert_allclose(back.actions["turn"], made.actions["turn"], rtol=1e-6)
    with pytest.raises(FileError, match="cannot be read"):
        read_minari("no/such-v0", made.about)


def test_what_is_of_another_game_version_or_spaces_is_refused(folder):
    with pytest.raises(FileError, match="is of 'maze', not of 'bandit'"):
        read_dataset(folder, "bandit")
    about = json.loads((folder / "dataset.json").read_text())

    def refused(message, **changes):
        (folder / "dataset.json").write_text(json.dumps({**about, **changes}))
        with pytest.raises(FileError, match=message):
            read_dataset(folder, "maze")

    refused("is of version 99 of 'maze'", env={**about["env"], "version": 99})
    refused("is of other spaces than 'maze' has", params={**about["params"], "sight": 5})
    refused("does not fit 'maze': .*size", params={**about["params"], "size": 10**9})
    refused("does not fit 'maze'", spaces=[{"kind": "dict", "parts": 3}, None])
    refused("its description lacks", env=None)
    refused("its description lacks", spaces=[])
    refused("is empty", steps=0, episodes=0)
    for wrong in (-1, True, 1.5, "7", 10**30, None):
        refused("is damaged: it says that it has", steps=wrong)
    refused("'observations' has [0-9]+ bytes", steps=about["steps"] + 1)
    refused("the checksum of 'actions' does not fit", sha256={**about["sha256"], "actions": "0" * 64})
    refused("update it", version=2)
    refused("damaged or no dataset", kind="another")


def test_what_does_not_fit_into_memory_is_said_before_it_is_read(folder):
    about = json.loads((folder / "dataset.json").read_text())
    (folder / "dataset.json").write_text(json.dumps({**about, "steps": 1 << 40}))
    with pytest.raises(ParameterError, match="TB of memory, and there are"):
        read_dataset(folder, "maze")


@pytest.mark.parametrize(
    ("column", "place", "value", "message"),
    [
        ("observations", 3, 200, "an observation does not lie in"),
        ("actions", 2, 4, "an action does not lie in"),
        ("rewards", 1, np.nan, "a reward is not finite"),
        ("lengths", 0, 0, "lengths do not add up"),
        ("lengths", 0, 2**62, "lengths do not add up"),
        ("masks", 0, 7, "a flag is neither 0 nor 1"),
        ("masks", slice(None), 0, "an action was taken that its mask bars"),
        ("terminated", 0, 9, "a flag is neither 0 nor 1"),
    ],
)
def test_damaged_columns_are_refused(column, place, value, message, folder):
    """Their checksums fit: whoever damaged them knew the form."""
    import hashlib

    raw = np.fromfile(
        folder / column, {"rewards": np.float32, "actions": np.int64, "lengths": np.int64}.get(column, np.uint8)
    )
    raw[place] = value
    raw.tofile(folder / column)
    about = json.loads((folder / "dataset.json").read_text())
    about["sha256"][column] = hashlib.sha256(raw.tobytes()).hexdigest()
    (folder / "dataset.json").write_text(json.dumps(about))
    with pytest.raises(FileError, match=message):
        read_dataset(folder, "maze")


def test_a_dataset_cut_anywhere_is_refused(folder, tmp_path):
    for path in sorted(folder.iterdir()):
        for size in (0, path.stat().st_size // 2):
            copy = shutil.copytree(folder, tmp_path / "copy")
            with (copy / path.name).open("rb+") as file:
                file.truncate(size)
            with pytest.raises(FileError):
                read_dataset(copy, "maze")
            shutil.rmtree(copy)
    (folder / "dataset.json").write_text("[" * 100_000)
    with pytest.raises(FileError, match="damaged or no dataset"):
        read_dataset(folder, "maze")
    (folder / "dataset.json").write_bytes(b" " * (1 << 21))
    with pytest.raises(FileError, match="more than 1048576 bytes"):
        read_dataset(folder, "maze")


def test_what_cannot_be_recorded_is_said():
    with pytest.raises(ParameterError, match="'tag' has several agents"):
        record("tag", [chance(1)], 2)
    with pytest.raises(ParameterError, match="a dataset of 0 episodes"):
        record("bandit", [chance(1)], 0)
    with pytest.raises(ParameterError, match="have not ended 1 episodes after 3 steps"):
        record("maze", [chance(1)], 2, params=SMALL_MAZE, max_steps=3)
    with pytest.raises(ParameterError, match="no episode is whole"):
        Dataset.of(About("bandit"), [])


def test_numbers_of_a_box_are_kept_as_the_game_took_them():
    seen = np.zeros((2, 2), np.float32)
    made = Dataset.of(About("target"), [Episode(seen, None, np.full((1, 2), 9.0), np.zeros(1, np.float32), True)])
    assert np.abs(made.actions).max() <= 1.0


def test_the_command_records_and_says_what_is_wrong(here, tmp_path):  # noqa: F811
    params = [word for name, value in SMALL_MAZE.items() for word in ("--param", f"{name}={value}")]
    code, out, err = here(
        tmp_path,
        "record-dataset",
        "maze",
        "--player",
        "bot:shortest",
        "--player",
        "random",
        "--episodes",
        6,
        "-o",
        "it",
        *params,
    )
    assert code == 0, err
    assert "6 episodes" in out and "by bot:shortest, random; mean return" in out
    assert read_dataset(tmp_path / "it", "maze").episodes == 6
    for arguments, message in (
        (("-o", "it", "--player", "random"), "'it' exists"),
        (("-o", "new"), "say what the dataset is made of"),
        (("-o", "new", "--player", "bot:nobody"), "nobody"),
        (("-o", "new", "--player", "random", "--replay", "x.mcap"), "given are --player and --replay"),
        (("-o", "new", "--replay", "x.mcap"), "x.mcap"),
    ):
        code, _, err = here(tmp_path, "record-dataset", "maze", *arguments)
        assert code == 2 and message in err, err
        assert not (tmp_path / "new").exists()
