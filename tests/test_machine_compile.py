"""Compiling rules: what a fingerprint sees, and what rests meanwhile."""

import gc
import subprocess
import sys
from pathlib import Path

import pytest
from numba.core import event
from numba.core.errors import TypingError

from puffer_arena.machine.compile import compile_function, fingerprint, jit
from tests.countdown import COUNTDOWN


def test_a_changed_rule_is_not_served_from_the_disk_cache(tmp_path: Path) -> None:
    script = "import sys, puffer_arena; b = puffer_arena.make(sys.argv[1]); print(b.step([[2, 0]]).rewards[0])"
    file = tmp_path / "game.py"
    outputs = []
    for reward in ("10.0", "20.0"):  # the same size, so that only the content tells
        file.write_text(COUNTDOWN.replace("param(5,", "param(2,").replace("return 10.0", f"return {reward}"))
        run = subprocess.run([sys.executable, "-c", script, str(file)], capture_output=True, text=True, check=True)
        outputs.append(run.stdout.strip())
    assert outputs == ["10.0", "20.0"]


def test_fingerprints_see_constants_and_functions_that_are_reached() -> None:
    def variant(constant: int, inner_value: int):
        namespace: dict = {"jit": jit, "CONSTANT": constant}
        exec(
            f"@jit\ndef inner():\n    return {inner_value}\n@jit\ndef outer():\n    return inner() + CONSTANT",
            namespace,
        )
        return namespace["outer"]

    prints = {fingerprint(variant(c, v)) for c in (1, 2) for v in (1, 2)}
    assert len(prints) == 4 and fingerprint(variant(1, 1)) in prints
    assert compile_function(variant(5, 6), "test")() == 11


@pytest.mark.parametrize(("line", "matters"), [("x += 1", False), ("raise ValueError(x)", True)])
def test_fingerprints_see_where_a_function_lies_if_its_machine_code_tells(line: str, matters: bool) -> None:
    def variant(file: str, above: str):
        namespace: dict = {}
        exec(compile(f"{above}def rule(x):\n    {line}\n    return x", file, "exec"), namespace)
        return fingerprint(namespace["rule"])

    assert len({variant("a.py", ""), variant("b.py", ""), variant("a.py", "\n")}) == (3 if matters else 1)


@pytest.mark.parametrize("collecting", [True, False])
def test_the_garbage_collector_rests_while_a_function_compiles(collecting: bool) -> None:
    during: list[bool] = []

    class Witness(event.Listener):
        def on_start(self, _: object) -> None:
            during.append(gc.isenabled())

        on_end = on_start

    (gc.enable if collecting else gc.disable)()
    try:
        with event.install_listener("numba:run_pass", Witness()):
            compile_function(jit(lambda x: x + 1), "test")(1)
            with pytest.raises(TypingError):
                compile_function(jit(lambda x: x + undefined), "test")(1)  # noqa: F821
        assert during
        assert not any(during)
        assert gc.isenabled() == collecting
    finally:
        gc.enable()
