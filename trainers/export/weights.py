"""A policy's network as a bot's file describes it, with its weights: see `puffer_arena.bots.network`."""

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from puffer_arena.core.fields import Array
from puffer_arena.core.roles import Roles
from puffer_arena.errors import DefinitionError
from puffer_arena.trainers.networks.codes import CodeLayer
from puffer_arena.trainers.networks.convolutions import ConvolutionLayer
from puffer_arena.trainers.networks.encoder import Encoder, EntityLayer, QuantityLayer
from puffer_arena.trainers.networks.heads import Gaussian, Greedy, Squashed, parts_of
from puffer_arena.trainers.networks.memory import Gates, Gru, Lstm, MinGru
from puffer_arena.trainers.networks.policy import Policy, Tower

MEMORIES = {MinGru: "mingru", Gru: "gru", Lstm: "lstm"}


def plain_copy(policy: Policy, half: bool) -> Policy:
    """Return a policy on the CPU that does the same, its normalization folded into weights.

    Args:
        half: round the weights as a file of half precision holds them.

    Raises:
        DefinitionError: its encoder is not one of ours, so that nothing but its own code can run it.
    """
    if isinstance(policy.observation, Roles):
        raise DefinitionError(
            "a bot's file holds one policy, and this one has another for every role; play it from its checkpoint, with "
            "puffer_arena.load"
        )
    if type(policy) is not Policy:
        raise DefinitionError(
            f"a bot's file holds feed-forward and recurrent layers, and this is a {type(policy).__name__}, with network.memory "
            f"= '{policy.network.memory}'; play it from its checkpoint, with puffer_arena.load"
        )
    policy = copy.deepcopy(policy).cpu().eval()
    if policy.central is not None:  # a critic that reads the global state is of no use where a bot plays
        policy.central, policy.critic, policy.values = None, None, ()
    if isinstance(policy.head, Greedy):  # its outputs hold the values
        policy.values = ()
    if policy.network.value_bins and policy.values:
        drop_values(policy)
    for name, tower in policy.towers.items():
        if type(tower.encoder) is not Encoder:
            raise DefinitionError(
                f"the {name}'s encoder is a {type(tower.encoder).__name__} of your own; a bot's file holds those that "
                "puffer_arena makes: train without make_encoder to export a bot"
            )
        tower.encoder.fold()
    if half:
        for parameter in policy.parameters():
            parameter.data = parameter.data.half().float()
    return policy


@torch.no_grad()
def drop_values(policy: Policy) -> None:
    """Leave a policy's actor alone: a bot's file holds values as numbers, not as distributions."""
    output, width = policy.actor.output, policy.head.width
    kept = nn.Linear(output.in_features, width)
    kept.weight.copy_(output.weight[:width])
    kept.bias.copy_(output.bias[:width])
    policy.actor.output, policy.critic, policy.values = kept, None, ()


def describe_network(policy: Policy, half: bool) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return the description and the weights of a policy that `plain_copy` made.

    Raises:
        DefinitionError: a layer that a bot's file does not know.
    """
    towers: dict[str, Any] = {}
    weights: dict[str, Array] = {}
    for name, tower in policy.towers.items():
        towers[name], own = _tower(tower)
        weights |= {f"network.{name}.{key}": value for key, value in own.items()}
    if half:
        weights = {key: value.astype(np.float16) for key, value in weights.items()}
    for k, head in enumerate(parts_of(policy.head)):
        if isinstance(head, Gaussian):
            weights[f"head.{k}.deviation"] = _numpy(head.log_spread().exp())
    squashed = any(isinstance(head, Squashed) for head in parts_of(policy.head))
    return {"towers": towers, "squashed": squashed, "by_values": isinstance(policy.head, Greedy)}, weights


def _tower(tower: Tower) -> tuple[dict[str, Any], dict[str, Array]]:
    encoder: Any = tower.encoder
    weights: dict[str, Array] = {"bias": _numpy(encoder.bias)}
    inputs, widths = [], [len(encoder.bias)]
    for k, layer in enumerate(encoder.inputs):
        about, own = _input(layer)
        inputs.append(about)
        weights |= {f"inputs.{k}.{key}": value for key, value in own.items()}
    for k, layer in enumerate(encoder.hidden):
        weights |= {f"hidden.{k + 1}.{name}": _numpy(weight) for name, weight in layer.named_parameters()}
        widths.append(len(layer.narrow.bias if encoder.blocks == "residual" else layer.bias))
    weights |= {f"norms.{name}": _numpy(weight) for name, weight in encoder.norms.named_parameters()}
    memory = None
    if tower.memory is not None:
        memory = {"kind": MEMORIES[type(tower.memory)], "size": tower.memory.size}
        weights |= {f"memory.{key}": value for key, value in _memory(tower.memory).items()}
    weights |= {"output.weight": _numpy(tower.output.weight), "output.bias": _numpy(tower.output.bias)}
    return {"inputs": inputs, "hidden": widths, "blocks": encoder.blocks, "memory": memory}, weights


def _input(layer: nn.Module) -> tuple[dict[str, Any], dict[str, Array]]:
    if isinstance(layer, CodeLayer):
        return {"kind": "codes"}, {"weight": _numpy(layer.weight)}
    if isinstance(layer, QuantityLayer):
        return {"kind": "numbers", "factor": layer.factor}, {"weight": _numpy(layer.weight)}
    if isinstance(layer, EntityLayer):
        weights = {"embed": _numpy(layer.embed.weight), "embed_bias": _numpy(layer.embed.bias)}
        if layer.look is not None:
            weights["look"] = _numpy(layer.look.weight)
        about = {"kind": "entities", "size": layer.size, "attention": layer.look is not None}
        return about, {**weights, "weight": _numpy(layer.weight)}
    if isinstance(layer, ConvolutionLayer):
        filters: list[Any] = [each for each in layer.convolutions if isinstance(each, nn.Conv2d)]
        weights = {"weight": _numpy(layer.weight)}
        for k, each in enumerate(filters):
            weights |= {f"filter.{k}.weight": _numpy(each.weight), f"filter.{k}.bias": _numpy(each.bias)}
        sizes = [[each.out_channels, each.kernel_size[0], each.stride[0], each.padding[0]] for each in filters]
        return {"kind": "grid", "filters": sizes, "factor": layer.factor}, weights
    raise DefinitionError(f"a bot's file does not know the layer {type(layer).__name__}")


def _memory(memory: Any) -> Mapping[str, Array]:
    if isinstance(memory, MinGru):
        weight, bias = memory.gates.stacked()
        return {"input": _numpy(weight), "bias": _numpy(bias)}
    gates: Gates = memory.inputs
    weight, bias = gates.stacked()
    own, own_bias = memory.recurrent.stacked()
    found = {"input": _numpy(weight), "bias": _numpy(bias), "recurrent": _numpy(own)}
    return found if own_bias is None else {**found, "recurrent_bias": _numpy(own_bias)}


def _numpy(tensor: torch.Tensor | None) -> Array:
    assert tensor is not None  # every layer asked here has it
    return tensor.detach().float().numpy().copy()
