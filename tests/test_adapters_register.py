"""How Gymnasium and PettingZoo learn of the environments, in processes of their own."""

import pytest

from puffer_arena import list_envs, load_env
from puffer_arena.adapters import register
from tests.processes import run_python


def test_gymnasium_makes_an_environment_without_an_import_of_ours() -> None:
    printed = run_python("""
        import sys
        import gymnasium
        env = gymnasium.make("puffer_arena:puffer_arena/Snake-v0")
        env.reset(seed=0)
        env.step(env.action_space.sample())
        envs = gymnasium.make_vec("puffer_arena:puffer_arena/Snake-v0", num_envs=2, vectorization_mode="vector_entry_point")
        print(type(envs).__name__, envs.reset(seed=0)[0].shape)
        print([name for name in ("pygame", "torch", "pettingzoo", "imgui_bundle") if name in sys.modules])
    """)
    assert printed.splitlines() == ["GymnasiumVectorEnv (2, 11, 11)", "[]"]


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

    monkeypatch.setattr("puffer_arena.core.registry.list_envs", lambda: ["broken_game"])
    monkeypatch.setattr("puffer_arena.core.registry.load_env", load)
    monkeypatch.setattr("puffer_arena.batch.batch.load_env", load)
    try:
        register.register_gymnasium()
        with pytest.raises(SyntaxError, match="broken_game is broken"):
            gymnasium.make("puffer_arena/BrokenGame-v0")
    finally:
        gymnasium.registry.pop("puffer_arena/BrokenGame-v0", None)


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
