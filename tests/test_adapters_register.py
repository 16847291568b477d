"""How Gymnasium and PettingZoo learn of the environments, in processes of their own."""

import pkgutil
import shutil
import sys
import textwrap
from pathlib import Path

import pytest

import puffer_arena
from puffer_arena import list_envs, load_env
from puffer_arena.adapters import register
from puffer_arena.errors import ParameterError, UnknownName
from tests.playing import COUNTDOWN, DUEL
from tests.processes import run_python

STARTUP = Path(__file__).parent.parent / "tools" / "startup"


def start(code: str, installed: bool = True) -> str:
    """Return what code prints where these sources, and no others, are installed, or where none are."""
    forget = """
        import site, sys
        sys.modules.pop("puffer_arena_startup", None)
        sys.meta_path[:] = [finder for finder in sys.meta_path if getattr(finder, "__name__", "") != "Usher"]
    """
    read = f"""
        sys.path.insert(0, {str(STARTUP)!r})
        site.addsitedir({str(STARTUP)!r})
    """
    return run_python("".join(textwrap.dedent(part) for part in (forget, read if installed else "", code)))


def test_gymnasium_and_pettingzoo_make_environments_without_an_import_of_ours() -> None:
    printed = start("""
        print([name for name in ("puffer_arena", "gymnasium", "numpy") if name in sys.modules])
        import gymnasium
        env = gymnasium.make("puffer_arena/Snake-v0")
        env.reset(seed=0)
        env.step(env.action_space.sample())
        envs = gymnasium.make_vec("puffer_arena/Snake-v0", num_envs=2, vectorization_mode="vector_entry_point")
        print(type(envs).__name__, envs.reset(seed=0)[0].shape)
        print([name for name in ("pygame", "torch", "pettingzoo", "imgui_bundle") if name in sys.modules])
        import pettingzoo
        print("puffer_arena/tag-v0" in pettingzoo.parallel_registry)
    """)
    assert printed.splitlines() == ["[]", "GymnasiumVectorEnv (2, 11, 11)", "[]", "True"]


@pytest.mark.parametrize(("error", "said"), [
    ("ModuleNotFoundError('moved', name='puffer_arena')", ""),
    ("RuntimeError('half an update')", "gymnasium will not know puffer_arena's environments: half an update"),
])  # fmt: skip
def test_gymnasium_works_where_we_cannot_be_imported(error: str, said: str) -> None:
    printed = start(f"""
        import warnings
        class Broken:
            def find_spec(name, path=None, target=None):
                if name == "puffer_arena":
                    raise {error}
        sys.meta_path.insert(0, Broken)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            import gymnasium
        print(*[warning.message for warning in caught])
        print(gymnasium.make("CartPole-v1").spec.id)
    """)
    assert printed == f"{said}\nCartPole-v1\n"


def test_an_id_can_name_the_package_where_it_is_not_installed() -> None:
    code = """
        import gymnasium
        print("puffer_arena/Snake-v0" in gymnasium.registry)
        print(gymnasium.make("puffer_arena:puffer_arena/Snake-v0").reset(seed=0)[0].shape)
    """
    printed = start(code, installed=False)
    assert printed.splitlines() == ["False", "(11, 11)"]


def test_both_ways_in_which_python_starts_call_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    called = (STARTUP / "puffer_arena.start").read_text().strip()  # PEP 829, from Python 3.15 on
    module, function = called.split(":")
    assert (STARTUP / "puffer_arena.pth").read_text() == f"import {module}; {module}.{function}()\n"
    monkeypatch.syspath_prepend(STARTUP)
    before = [finder for finder in sys.meta_path if getattr(finder, "__name__", "") != "Usher"]
    monkeypatch.setattr(sys, "meta_path", before.copy())
    for _ in range(2):  # Python may read a folder twice
        pkgutil.resolve_name(called)()
        assert sys.meta_path[0].__name__ == "Usher" and sys.meta_path[1:] == before


@pytest.mark.parametrize(
    "imports",
    [
        "import gymnasium, pettingzoo, puffer_arena",
        "import puffer_arena, gymnasium, pettingzoo",
        "import puffer_arena, pettingzoo, gymnasium",
        "import puffer_arena.adapters.pettingzoo, gymnasium, pettingzoo",
        "import importlib.util, puffer_arena; importlib.util.find_spec('gymnasium'); import gymnasium, pettingzoo",
    ],
)
def test_the_order_of_imports_does_not_matter(imports: str) -> None:
    printed = run_python(f"""
        import sys, warnings
        warnings.simplefilter("error")
        {imports}
        print(sorted(known for known in gymnasium.registry if known.startswith("puffer_arena/")))
        print(sorted(known for known in pettingzoo.parallel_registry if known.startswith("puffer_arena/")))
        print(sorted(known for known in pettingzoo.aec_registry if known.startswith("puffer_arena/")))
        print("numba" in sys.modules)
    """)
    solo = sorted(
        register.gymnasium_id(name, load_env(name).version) for name in list_envs() if not load_env(name).agents
    )
    several = [f"puffer_arena/{name}-v{load_env(name).version}" for name in list_envs() if load_env(name).agents]
    assert printed.splitlines() == [str(solo), str(several), str(several), "False"]


def test_importing_us_imports_neither_library() -> None:
    printed = run_python("""
        import sys
        import puffer_arena
        print([name for name in ("gymnasium", "pettingzoo", "numpy", "numba") if name in sys.modules])
    """)
    assert printed.strip() == "[]"


def test_registering_twice_changes_nothing() -> None:
    printed = run_python("""
        import warnings
        warnings.simplefilter("error")
        import gymnasium, pettingzoo, puffer_arena
        from puffer_arena.adapters.gymnasium import register_envs
        from puffer_arena.adapters.pettingzoo import register_envs as register_several
        before = dict(gymnasium.registry), dict(pettingzoo.parallel_registry)
        register_envs()
        register_several()
        print(before == (gymnasium.registry, pettingzoo.parallel_registry))
    """)
    assert printed.strip() == "True"


def test_an_environment_that_cannot_be_imported_says_why_when_made(monkeypatch: pytest.MonkeyPatch) -> None:
    import gymnasium

    def load(name: str):
        raise SyntaxError(f"{name} is broken")

    monkeypatch.setattr("puffer_arena.adapters.parts.load_env", load)  # first: it must be imported with the true one
    monkeypatch.setattr("puffer_arena.registry.list_envs", lambda: ["broken_game"])
    monkeypatch.setattr("puffer_arena.registry.load_env", load)
    try:
        register.register_gymnasium()
        with pytest.raises(SyntaxError, match="broken_game is broken"):
            gymnasium.make("puffer_arena/BrokenGame-v0")
    finally:
        gymnasium.registry.pop("puffer_arena/BrokenGame-v0", None)


@pytest.fixture
def registries():
    """Put Gymnasium's and PettingZoo's registries back as they were."""
    import gymnasium
    import pettingzoo

    each = gymnasium.registry, pettingzoo.parallel_registry, pettingzoo.aec_registry
    before = [dict(registry) for registry in each]
    yield
    for registry, known in zip(each, before, strict=True):
        registry.clear()
        registry.update(known)


@pytest.mark.usefixtures("registries")
def test_a_file_of_yours_is_made_by_its_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import gymnasium

    shutil.copy(COUNTDOWN, tmp_path / "my_game.py")
    with monkeypatch.context() as there:
        there.chdir(tmp_path)
        assert puffer_arena.register("my_game.py") == "puffer_arena/MyGame-v0"
    env = gymnasium.make("puffer_arena/MyGame-v0", start=9)
    assert env.reset(seed=0)[0][0] == 9
    envs = gymnasium.make_vec("puffer_arena/MyGame-v0", num_envs=2, start=9)
    assert envs.reset(seed=0)[0][:, 0].tolist() == [9, 9]
    assert puffer_arena.register(str(tmp_path / "my_game.py")) == "puffer_arena/MyGame-v0"  # again: no warning


@pytest.mark.usefixtures("registries")
def test_a_file_of_yours_with_several_agents_is_pettingzoos() -> None:
    import pettingzoo

    assert puffer_arena.register(DUEL) == "puffer_arena/duel_v0"
    for kind in ("parallel", "aec"):
        env = pettingzoo.make(kind, "puffer_arena/duel_v0", limit=3)
        env.reset(seed=0)
        assert env.possible_agents == ["red_0", "blue_0", "blue_1"]


@pytest.mark.usefixtures("registries")
def test_no_file_takes_the_id_of_another_environment(tmp_path: Path) -> None:
    import gymnasium

    assert puffer_arena.register("snake") == "puffer_arena/Snake-v0"
    version = load_env("snake").version
    source = Path(COUNTDOWN).read_text().replace("ENV = Env(", f"ENV = Env(version={version}, ")
    (tmp_path / "snake.py").write_text(source)
    with pytest.raises(ParameterError, match=r"'puffer_arena/Snake-v0' is 'snake' already; give '.*snake\.py' another"):
        puffer_arena.register(str(tmp_path / "snake.py"))
    assert gymnasium.spec("puffer_arena/Snake-v0").kwargs == {"env_id": "snake"}
    with pytest.raises(UnknownName, match="there is no such file"):
        puffer_arena.register("nowhere.py")


def test_ids_are_each_librarys_own_style() -> None:
    assert register.gymnasium_id("my_game", 3) == "puffer_arena/MyGame-v3"
    assert register.pettingzoo_id("my_game", 3) == "puffer_arena/my_game_v3"
    assert register.gymnasium_style("puffer_arena/my_v_game_v3") == "puffer_arena/my_v_game-v3"


def test_gymnasiums_registry_knows_when_an_environment_counts_as_solved() -> None:
    import gymnasium

    for name in list_envs():
        env = load_env(name)
        if not env.agents:
            spec = gymnasium.spec(register.gymnasium_id(name, env.version))
            assert spec.reward_threshold == env.solved and spec.max_episode_steps is None
