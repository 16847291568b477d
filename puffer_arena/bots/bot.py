"""A trained bot: load its file, let it act for one actor or many, save and restore what it remembers.

    bot = Bot.load("snake.bot.safetensors", seed=7)
    action = bot.act(obs)                        # one actor
    actions = bot.act(many_obs)                  # (actors, *shape) in, (actors, ...) out

What an actor does depends on the seed, on its number and on what it saw, not on the other actors: random numbers are
the same bits on every platform (a network's outputs may differ in the last digits where another BLAS adds them up).
"""

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from puffer_arena.bots.fields import action_name, check_fields, choice_names, from_fields, nest
from puffer_arena.bots.file import Numbers, brief, read_file
from puffer_arena.bots.heads import Sampling, draw_choice, read_mask
from puffer_arena.bots.layout import Leaf, pick, pick_leaf, read_part
from puffer_arena.bots.model import Model
from puffer_arena.bots.stream import key_of, uniform, uniforms
from puffer_arena.errors import ParameterError, SpaceError, shown

MOST_ACTORS = 1 << 20
MANY, AHEAD = 16, 8  # actors from which random numbers are drawn for so many decisions at once
FIRST_ROOM = 16  # actors for whom there is room from the start
TRAINED = Sampling()


class BotWarning(UserWarning):
    """Something that a bot was not trained for; it plays on."""


@dataclass(frozen=True)
class Decision:
    """Why a bot did what it did, for a debug overlay.

    Attributes:
        action: what was chosen.
        name: its name, or the names of its components.
        probabilities: name of every choice -> its probability as the bot was trained; empty for continuous actions.
        value: the return that the bot expects from here on; NaN where it was learned with the global state in sight.
    """

    action: Any
    name: str
    probabilities: dict[str, float]
    value: float


class Bot:
    """A policy that needs numpy alone.

    Args:
        model: what a file holds; bots may share one.
        seed: of the bot's random numbers: same seed, same observations, same actions.

    Attributes:
        sampling: how it draws, where `act` is told nothing else; as it was trained by default.
    """

    def __init__(self, model: Model, seed: int = 0) -> None:
        if not isinstance(seed, int) or not 0 <= seed < 1 << 64:
            raise ParameterError(f"seed = {shown(seed)}; it must be a whole number from 0 to 2**64 - 1")
        self.model, self.seed, self.sampling = model, seed, TRAINED
        self._playing = model  # whose weights decide: the model's, or those of an earlier policy in its file
        self._room, self._keys_of = 0, list[int]()
        self._counts, self._memory = np.zeros(0, np.int64), dict[str, Numbers]()
        self._make_room(FIRST_ROOM)
        self._last: tuple[Any, Numbers, Numbers | None, Any] | None = None
        self._warned: set[str] = set()
        self._ahead = np.zeros((0, 0, 0)), np.zeros(0, np.int64), 0

    @classmethod
    def load(cls, path: str | Path, seed: int = 0) -> "Bot":
        """Load a bot's file.

        Args:
            path: of the file.
            seed: of the bot's random numbers: same seed, same observations, same actions.

        Raises:
            FileError: it cannot be read, or is truncated, damaged, foreign or from a newer version.
        """
        return cls(Model(read_file(path), f"'{path}'"), seed)

    @classmethod
    def of(cls, data: bytes, name: str = "the bot", seed: int = 0) -> "Bot":
        """Make a bot of a file's bytes, which errors call `name`; see `load`."""
        return cls(Model(data, name), seed)

    @property
    def about(self) -> dict[str, Any]:
        """Everything the file says of it: environment, training, strength."""
        return self.model.about

    def check(self) -> float:
        """Run the file's parity vectors: see `Model.check`."""
        return self.model.check()

    # -- acting -------------------------------------------------------------------------------------

    def act(self, obs: Any, mask: Any = None, actor: Any = None, sampling: Sampling | None = None) -> Any:
        """Choose an action for one observation, or one for each of many.

        Args:
            obs: an array, a number, a dictionary or a tuple, as the environment's observations; or for many actors
                such with a leading axis.
            mask: which choices are open, (choices,) or (actors, choices); None for all.
            actor: whose observation it is: a number from 0 on, 0 by default; of many their numbers, 0, 1, 2, ... by
                default.  Every actor has a memory and random numbers of its own.
            sampling: in place of the bot's own.

        Returns:
            A whole number for a single Discrete action, else an array; a dictionary or tuple for such actions.

        Raises:
            SpaceError: an observation of the wrong shape or type, a NaN, a code that does not exist.
            ActionError: a mask of the wrong shape, or one that bars everything.
            ParameterError: an actor that cannot be.
        """
        parts, many = self._read(obs)
        who = self._actors(actor, parts[0] if many else None)
        if mask is not None and self.model.choices:
            sizes = [head.leaf.codes for head in self.model.heads]
            mask = read_mask(mask, self.model.choices, sizes, len(who) if many else None)
        else:
            mask = None
        if many:
            return nest([leaf.path for leaf in self.model.actions], self.act_on(parts, mask, who, sampling))
        return self._act_alone(parts, mask, who, sampling or self.sampling)

    def _act_alone(self, parts: list[Numbers], mask: Numbers | None, who: int, sampling: Sampling) -> Any:
        """Choose for one actor, whose numbers have no axis of actors."""
        outputs = self._think(parts, who)
        if self.model.is_single_choice and sampling.top_p == 1.0 and sampling.epsilon == 0.0:
            action: Any = self._draw_one(outputs, mask, who, sampling)
        else:
            at = slice(who, who + 1)
            action = self._single(self._draw(outputs[None], None if mask is None else mask[None], at, sampling))
        self._last = (who, outputs, mask, action)
        return action

    def act_on(
        self, parts: list[Numbers], mask: Numbers | None, who: Any, sampling: Sampling | None = None
    ) -> list[Numbers]:
        """Choose for many actors from numbers that are known to fit: the way in for whoever keeps them as arrays.

        Args:
            parts: those of every leaf of the observation, (actors, *shape).
            mask: bool (actors, choices), or None.
            who: the actors' numbers, an array or a range from 0 on.

        Returns:
            The numbers of every part of the actions, (actors, *shape).
        """
        self._have_room(who)
        outputs = self._think(parts, who)
        at = slice(0, len(who)) if isinstance(who, range) else who
        chosen = self._draw(outputs, mask, at, sampling or self.sampling)
        self._last = (who, outputs, mask, nest([leaf.path for leaf in self.model.actions], chosen))
        return chosen

    def _read(self, obs: Any) -> tuple[list[Numbers], bool]:
        """Return the numbers of every leaf, and whether they are those of many actors."""
        if len(self.model.leaves) == 1 and not self.model.leaves[0].path:
            part, many = read_part(self.model.leaves[0], obs)
            return [part], many
        read = [read_part(leaf, pick_leaf(obs, leaf)) for leaf in self.model.leaves]
        kinds = {(many, len(part) if many else 0) for part, many in read}
        if len(kinds) != 1:
            raise SpaceError("parts of the observation are of different numbers of actors; give all of them the same")
        return [part for part, _ in read], read[0][1]

    def _actors(self, actor: Any, many: Numbers | None) -> Any:
        """Return one actor's number, or those of many, and make room for them."""
        if many is None:
            number = 0 if actor is None else actor
            if not isinstance(number, int | np.integer) or not 0 <= number < MOST_ACTORS:
                raise ParameterError(
                    f"actor = {shown(actor)}; one observation needs one number, 0 to {MOST_ACTORS - 1}"
                )
            if number >= self._room:
                self._make_room(int(number) + 1)
            return number
        count = len(many)
        if actor is None:
            return range(count)
        numbers = np.asarray(actor)
        wrong = numbers.dtype.kind not in "iu" or numbers.shape != (count,) or len(np.unique(numbers)) != count
        if wrong or (count and not (numbers.min() >= 0 and numbers.max() < MOST_ACTORS)):
            raise ParameterError(f"actor = {shown(actor)}; {count} observations need {count} different whole numbers")
        return numbers

    def _think(self, parts: list[Numbers], who: Any) -> Numbers:
        """Run the network and let the actors remember."""
        at = slice(0, len(who)) if isinstance(who, range) else who
        found: list[Numbers] = []
        after: dict[str, Numbers] = {}
        for name, tower in self._playing.towers.items():
            state = {part: self._memory[f"{name}.{part}"][at] for part in tower.spec}
            outputs, new = tower.run(parts, state)
            found.append(outputs)
            after |= {f"{name}.{part}": new[part] for part in tower.spec}
        outputs = found[0] if len(found) == 1 else np.concatenate(found, -1)
        flat = outputs.reshape(-1)
        if not math.isfinite(np.dot(flat, flat)):
            raise SpaceError(
                "the observation's numbers are so large that the network overflows; give such as in training"
            )
        for name, part in after.items():
            self._memory[name][at] = part
        return outputs

    def _draw_one(self, outputs: Numbers, mask: Numbers | None, who: int, sampling: Sampling) -> int:
        count = self._counts[who]
        noise = uniform(self._keys_of[who], int(count))
        self._counts[who] = count + self.model.draws
        logits = outputs[: self.model.heads[0].width].tolist()
        return draw_choice(logits, None if mask is None else mask.tolist(), noise, sampling)

    def _draw(self, outputs: Numbers, mask: Numbers | None, at: Any, sampling: Sampling) -> list[Numbers]:
        """Draw actions for the actors at `at`, for every part of the actions (actors, *shape)."""
        noise = self._draw_noise(at)
        chosen: list[Numbers] = []
        begin = drawn = barred = 0
        for head in self._playing.heads:
            own = None if mask is None or not head.masked else mask[:, barred : barred + head.masked]
            part = outputs[:, begin : begin + head.width]
            chosen.append(head.draw(part, own, noise[:, drawn : drawn + head.draws], noise[:, -1], sampling))
            begin, drawn, barred = begin + head.width, drawn + head.draws, barred + head.masked
        return chosen

    def _draw_noise(self, at: Any) -> Numbers:
        """Return the next random numbers of the actors at `at`, (actors, draws).

        Where the same actors decide together again and again, theirs are drawn some decisions ahead.
        """
        counts, draws = self._counts[at], self.model.draws
        if not isinstance(at, slice) or len(counts) < MANY:
            noise = uniforms(self._keys[at], counts, draws)
        else:
            drawn, first, used = self._ahead
            if used == AHEAD or first.tobytes() != counts.tobytes():  # np.array_equal takes ten times as long
                block = uniforms(self._keys[at], counts, AHEAD * draws)
                drawn, first, used = block.reshape(len(counts), AHEAD, draws), counts.copy(), 0
            noise = drawn[:, used]
            first += draws
            self._ahead = drawn, first, used + 1
        self._counts[at] = counts + draws
        return noise

    def _single(self, chosen: list[Numbers]) -> Any:
        """Return the action of one actor from parts (1, *shape)."""
        named = zip(self.model.actions, chosen, strict=True)
        single = [int(part[0]) if leaf.kind == "discrete" else part[0] for leaf, part in named]
        return nest([leaf.path for leaf in self.model.actions], single)

    # -- observing ----------------------------------------------------------------------------------

    def observe(self, **fields: Any) -> Any:
        """Return an observation made of named fields, for a game that has its own objects.

        A field that is numbered in the observation ("ray 0", "ray 1", ...) may be given as one sequence, ray=[...].
        Names are those of `about["observation"]`, spaces as underscores; of a dictionary, its parts' names.  A value
        beyond what occurred in training is said once, by name, as a `BotWarning`.

        Raises:
            UnknownName: a field that does not exist.
            SpaceError: a field that is missing, or numbers that do not fit.
        """
        if len(self.model.leaves) == 1 and self.model.leaves[0].names and not self.model.leaves[0].codes:
            leaf = self.model.leaves[0]
            obs: Any = from_fields(leaf, fields)
            self._watch_range(leaf, obs)
            return nest([leaf.path], [obs])
        paths = [leaf.path for leaf in self.model.leaves]
        names = ["_".join(map(str, path)).replace(" ", "_") if path else "obs" for path in paths]
        check_fields(names, fields)
        parts = []
        for leaf, name in zip(self.model.leaves, names, strict=True):
            part, _ = read_part(leaf, fields[name])
            self._watch_range(leaf, part)
            parts.append(part)
        return nest(paths, parts)

    def _watch_range(self, leaf: Leaf, part: Numbers) -> None:
        low, high = leaf.seen
        flat = part.reshape(-1)
        for element in np.flatnonzero((flat < low) | (flat > high)):
            name = leaf.name_of(int(element))
            if name not in self._warned:
                self._warned.add(name)
                warnings.warn(
                    f"{name} is {flat[element]:g}; in training it was from {low[element]:g} to {high[element]:g}, so the "
                    "bot may act oddly (said once)",
                    BotWarning,
                    stacklevel=3,
                )

    # -- remembering --------------------------------------------------------------------------------

    def reset(self, actor: Any = None) -> None:
        """Let an actor, several, or all of them forget, as when an episode begins; random numbers go on."""
        who = np.arange(self._room) if actor is None else np.atleast_1d(actor)
        for part in self._memory.values():
            part[who[who < self._room]] = 0.0  # who has never acted remembers nothing

    def state(self) -> dict[str, Any]:
        """Return what the actors remember and where their random numbers are, as plain values fit for JSON."""
        used = int(max(np.flatnonzero(self._counts), default=-1)) + 1
        memory = {name: part[:used].tolist() for name, part in self._memory.items()}
        return {"seed": self.seed, "counts": self._counts[:used].tolist(), "memory": memory}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned.

        Raises:
            ParameterError: it is damaged, or of a bot with another network; nothing has changed.
        """
        try:
            seed, counts = state["seed"], np.asarray(state["counts"], np.int64).reshape(-1)
            kinds = {name: kind for name, (_, kind) in self._remembered.items()}
            memory = {name: np.asarray(part, kinds[name]) for name, part in state["memory"].items()}
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ParameterError(f"a bot's state lacks or holds what cannot be: {brief(error)}") from None
        shapes = {name: (len(counts), *shape) for name, (shape, _) in self._remembered.items()}
        given = {name: part.shape for name, part in memory.items()}
        if not isinstance(seed, int) or not 0 <= seed < 1 << 64 or len(counts) > MOST_ACTORS or (counts < 0).any():
            raise ParameterError("a bot's state is damaged: its seed or its counts cannot be")
        if memory.keys() != shapes.keys() or (len(counts) and given != shapes):
            raise ParameterError("a bot's state is of another network; give one that this bot returned")
        if not all(np.isfinite(part).all() for part in memory.values()):
            raise ParameterError("a bot's state is damaged: it holds numbers that are not finite")
        self.seed, self._room = seed, 0
        self._ahead = np.zeros((0, 0, 0)), np.zeros(0, np.int64), 0
        self._make_room(max(len(counts), FIRST_ROOM))
        self._counts[: len(counts)] = counts
        for name, part in self._memory.items():
            part[: len(counts)] = memory[name].reshape(shapes[name])

    def copy(self, seed: int | None = None, model: Model | None = None) -> "Bot":
        """Return another bot with the same weights, or a model's, which remembers nothing."""
        other = Bot(model or self.model, self.seed if seed is None else seed)
        other.sampling = self.sampling
        return other

    def renewed(self, model: Model) -> "Bot":
        """Return this bot with another file's weights; it goes on from what it remembers, where that is of one shape."""
        other = self.copy(model=model)
        if other._remembered == self._remembered:
            other.set_state(self.state())
        return other

    @property
    def _remembered(self) -> dict[str, tuple[tuple[int, ...], Any]]:
        """Shape and type of what is remembered of every actor, all zeros when an episode begins."""
        return {name: (shape, np.dtype(np.float32)) for name, shape in self.model.memory_shapes.items()}

    def _have_room(self, who: Any) -> None:
        """Make room for actors by their numbers."""
        last = int(who[-1] if isinstance(who, range) else who.max()) if len(who) else 0
        if last >= self._room:
            self._make_room(last + 1)

    def _make_room(self, actors: int) -> None:
        """Have keys, counts and memory for so many actors, keeping those that are there."""
        room = max(actors, 2 * self._room)
        keys = [key_of(self.seed, actor) for actor in range(self._room, room)]
        self._keys_of = [*self._keys_of[: self._room], *keys]
        self._keys = np.asarray(self._keys_of, np.uint64)
        counts = np.zeros(room, np.int64)
        memory = {name: np.zeros((room, *shape), kind) for name, (shape, kind) in self._remembered.items()}
        if self._room:
            counts[: self._room] = self._counts
            for name, part in memory.items():
                part[: self._room] = self._memory[name]
        self._counts, self._memory, self._room = counts, memory, room

    # -- looking inside -----------------------------------------------------------------------------

    def explain(self, actor: int | None = None) -> Decision:
        """Return why an actor did what it did when it acted last, None for the first of those who then did.

        Raises:
            ParameterError: it was not among those who acted last.
        """
        if self._last is None:
            raise ParameterError("this bot has not acted yet")
        who, outputs, mask, action = self._last
        if actor is None:
            actor = int(who if isinstance(who, int | np.integer) else who[0])
        row = 0
        if not isinstance(who, int | np.integer):
            found = np.flatnonzero(np.asarray(who) == actor)
            row = int(found[0]) if len(found) else -1
            outputs, mask = outputs[row], None if mask is None else mask[row]
            action = nest([leaf.path for leaf in self.model.actions], [part[row] for part in self._flat(action)])
        elif who != actor:
            row = -1
        if row < 0:
            raise ParameterError(f"actor {actor} was not among those who acted last")
        probabilities: dict[str, float] = {}
        begin = barred = 0
        for head in self._playing.heads:
            own = None if mask is None or not head.masked else mask[None, barred : barred + head.masked]
            part = outputs[None, begin : begin + head.width]
            weights = [row for found in head.probabilities(part, own) for row in found[0].tolist()]
            probabilities |= dict(zip(choice_names(head.leaf), weights, strict=bool(weights)))
            begin, barred = begin + head.width, barred + head.masked
        names = [action_name(leaf, part) for leaf, part in zip(self.model.actions, self._flat(action), strict=True)]
        value = float(outputs[begin]) if begin < len(outputs) else math.nan
        return Decision(action, ", ".join(names), probabilities, value)

    def _flat(self, action: Any) -> list[Any]:
        return [pick(action, leaf.path) for leaf in self.model.actions]
