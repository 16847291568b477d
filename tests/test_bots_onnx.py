"""Bots as ONNX graphs: what ONNX Runtime makes of them is what the bots make."""

import numpy as np
import onnxruntime
import pytest
from bots_support import ACTIONS, NETWORKS, OBSERVATIONS, SEEN, bot_bytes, make_policy

from puffer_arena.bots.bot import Bot
from puffer_arena.bots.heads import Sampling
from puffer_arena.bots.model import TOLERANCE, Model
from puffer_arena.bots.onnx import onnx_bytes


def run(model: Model, data: bytes, **more) -> dict[str, np.ndarray]:
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(data, settings, providers=["CPUExecutionProvider"])
    given = {each.name: model.vectors[each.name] for each in session.get_inputs() if each.name in model.vectors} | more
    return dict(zip([each.name for each in session.get_outputs()], session.run(None, given), strict=True))


def test_onnxruntime_gives_the_same_for_every_network_and_head() -> None:
    for network, settings in NETWORKS.items():
        for action in ACTIONS if network in ("gru", "squashed") else ("discrete",):
            for observation in SEEN.get(network, ("parts",)):
                model = Model(bot_bytes(make_policy(OBSERVATIONS[observation], ACTIONS[action], **settings)))
                found = run(model, onnx_bytes(model))
                ours = np.concatenate([found["logits"], found["values"]], 1)
                np.testing.assert_allclose(ours, model.vectors["outputs"], rtol=TOLERANCE, atol=TOLERANCE)
                for name in model.memory_shapes:
                    wanted = model.vectors[f"next.{name}"]
                    np.testing.assert_allclose(found[f"next.{name}"], wanted, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize(
    ("action", "observation", "head"),
    [
        *((action, seen, "auto") for action in ACTIONS for seen in ("whole numbers", "one code", "a tuple")),
        *((action, "a tuple", "squashed") for action in ("box", "parts")),
    ],
)
def test_the_likeliest_action_is_taken_within_the_graph(action: str, observation: str, head: str) -> None:
    model = Model(bot_bytes(make_policy(OBSERVATIONS[observation], ACTIONS[action], head=head)))
    mask = np.random.default_rng(0).random((64, model.choices)) < 0.5
    if model.choices:
        mask[:, [0, *np.cumsum(model.heads[0].leaf.codes[:-1]).astype(int)]] = True  # one is open of each component
    given = {"mask": mask} if model.choices else {}
    found = run(model, onnx_bytes(model, choose=True), **given)
    parts = [model.vectors[f"obs.{k}"] for k in range(len(model.leaves))]
    wanted = Bot(model).act_on(parts, mask if model.choices else None, np.arange(64), Sampling(greedy=True))
    for k, part in enumerate(wanted):
        np.testing.assert_allclose(found[f"action.{k}"], part, rtol=1e-5, atol=1e-5)
        assert found[f"action.{k}"].dtype == part.dtype
