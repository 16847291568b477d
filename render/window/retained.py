"""Drawings that are kept: triangles that Python has laid out once are copied until what they follow from changes.

Dear ImGui lays out everything in every frame.  What takes Python long and seldom changes, as a game's picture between
two of its steps, is drawn through `Retained.draw`.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
from imgui_bundle import ImVec2, imgui

from puffer_arena.core.fields import Array
from puffer_arena.render.window.opengl import uploads
from puffer_arena.render.window.painter import WORDS, memory

MOST = 128  # drawings kept; all go where there are more


@dataclass
class _Piece:
    """Triangles under one clip rectangle and with one texture; its name is 0 where that is the letters'."""

    clip: tuple[float, float, float, float]
    texture: int
    shown: int  # what the texture showed
    vertices: Array  # uint32 (vertices, WORDS)
    indices: Array  # into `vertices`


@dataclass
class _Drawing:
    """What was drawn, what it followed from, and what drawing it returned."""

    key: Hashable
    pieces: list[_Piece]
    result: Any


class Retained:
    """Keeps drawings by name."""

    def __init__(self) -> None:
        self._drawings: dict[Hashable, _Drawing] = {}

    def draw(self, name: Hashable, key: Hashable, draw: Callable[[], Any]) -> Any:
        """Call `draw`, which draws into the current window's list, or copy what it drew; return what it returned.

        Args:
            name: of the drawing.
            key: all that it follows from, but the font.
            draw: pushes no more than it pops.
        """
        draw_list = imgui.get_window_draw_list()
        letters = _letters()
        known = self._drawings.get(name)
        if known is not None and known.key == (key, letters) and _is_whole(known.pieces):
            for piece in known.pieces:
                _copy(draw_list, piece)
            return known.result
        first, base = draw_list.idx_buffer.size(), draw_list.vtx_buffer.size()
        result = draw()
        if len(self._drawings) >= MOST:
            self._drawings.clear()
        if letters == _letters():  # else they have moved in their texture meanwhile
            self._drawings[name] = _Drawing((key, letters), _pieces(draw_list, first, base), result)
        return result


def _letters() -> tuple[object, ...]:
    """Return what differs once letters lie elsewhere in their texture, or are of another size."""
    texture = imgui.get_io().fonts.tex_data
    return texture.unique_id, texture.width, texture.height, imgui.get_font_size()


def _is_whole(pieces: list[_Piece]) -> bool:
    """Tell whether the textures still show what they did."""
    return all(uploads(piece.texture) == piece.shown for piece in pieces)


def _pieces(draw_list: Any, first: int, base: int) -> list[_Piece]:
    """Return what was drawn since a list had so many indices and vertices."""
    vertices = memory(draw_list.vtx_buffer, np.uint32, WORDS).reshape(-1, WORDS)
    indices = memory(draw_list.idx_buffer, np.uint32, 1)
    letters = int(imgui.get_io().fonts.tex_data.tex_id)
    pieces = []
    for command in draw_list.cmd_buffer:
        begun, end = max(command.idx_offset, first), command.idx_offset + command.elem_count
        if begun >= end:
            continue
        own = indices[begun:end]
        low, high = int(own.min()), int(own.max()) + 1
        assert low >= base  # of what was drawn meanwhile
        name = int(command.tex_ref.get_tex_id())
        texture = 0 if name == letters else name
        left, top, right, bottom = (float(edge) for edge in command.clip_rect)
        clip = left, top, right, bottom
        pieces.append(_Piece(clip, texture, uploads(texture), vertices[low:high].copy(), own - np.uint32(low)))
    return pieces


def _copy(draw_list: Any, piece: _Piece) -> None:
    """Draw a piece again."""
    left, top, right, bottom = piece.clip
    draw_list.push_clip_rect(ImVec2(left, top), ImVec2(right, bottom), False)
    if piece.texture:
        draw_list.push_texture(imgui.ImTextureRef(piece.texture))
    count, length = len(piece.vertices), len(piece.indices)
    at = draw_list._vtx_current_idx  # as Dear ImGui's own primitives do
    draw_list.prim_reserve(length, count)
    memory(draw_list.vtx_buffer, np.uint32, WORDS).reshape(-1, WORDS)[-count:] = piece.vertices
    memory(draw_list.idx_buffer, np.uint32, 1)[-length:] = piece.indices + np.uint32(at)
    draw_list._vtx_current_idx = at + count
    if piece.texture:
        draw_list.pop_texture()
    draw_list.pop_clip_rect()
