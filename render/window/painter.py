"""From Dear ImGui's triangles to the window: only where the picture has changed since the frame before.

The picture is kept in a framebuffer of our own, since what a window's back buffer holds after a flip is anybody's
guess.  Where a processor draws in place of a graphics card, this is most of a frame's cost.
"""

import ctypes
from typing import Any

import numpy as np
from imgui_bundle import imgui

from puffer_arena.core.fields import Array
from puffer_arena.render.draw.palette import color
from puffer_arena.render.toolkit import pygame
from puffer_arena.render.window import changes
from puffer_arena.render.window.changes import CELL, PRIME, Box, find_boxes, hash_cells, pick_triangles
from puffer_arena.render.window.opengl import gl, link_program, uploads

VERTEX = """
#version 330 core
uniform vec2 size;
layout(location = 0) in vec2 place;
layout(location = 1) in vec2 uv;
layout(location = 2) in vec4 tint;
out vec2 at;
out vec4 shade;
void main() {
    at = uv;
    shade = tint;
    gl_Position = vec4(2.0 * place.x / size.x - 1.0, 1.0 - 2.0 * place.y / size.y, 0.0, 1.0);
}
"""
FRAGMENT = """
#version 330 core
uniform sampler2D picture;
in vec2 at;
in vec4 shade;
out vec4 shown;
void main() { shown = shade * texture(picture, at); }
"""
SOFTWARE = (b"llvmpipe", b"softpipe")  # how Mesa calls a processor that draws
PLACE, UV, TINT = range(3)  # the vertex shader's inputs
WORDS = imgui.VERTEX_SIZE // 4


class Layer:
    """A picture in OpenGL's memory."""

    def __init__(self) -> None:
        self.frame, self._store = int(gl.glGenFramebuffers(1)), int(gl.glGenRenderbuffers(1))
        self.cells: Array = np.zeros((0, 0), np.uint64)  # the hashes of what it shows

    def resize(self, size: tuple[int, int]) -> None:
        """Make room for a picture of another size, or forget what it shows."""
        width, height = size
        self.cells = np.full((-(-height // CELL), -(-width // CELL)), np.iinfo(np.uint64).max, np.uint64)
        gl.glBindRenderbuffer(gl.GL_RENDERBUFFER, self._store)
        gl.glRenderbufferStorage(gl.GL_RENDERBUFFER, gl.GL_RGBA8, width, height)
        gl.glBindFramebuffer(gl.GL_FRAMEBUFFER, self.frame)
        gl.glFramebufferRenderbuffer(gl.GL_FRAMEBUFFER, gl.GL_COLOR_ATTACHMENT0, gl.GL_RENDERBUFFER, self._store)
        gl.glBindFramebuffer(gl.GL_FRAMEBUFFER, 0)

    def take(self, cells: Array, size: tuple[int, int]) -> list[Box]:
        """Return where it is to be drawn anew, so that it shows what has these hashes."""
        boxes = find_boxes(cells != self.cells, size)
        self.cells = cells
        return boxes


class Painter:
    """Draws frames into a picture and shows it; needs the window's OpenGL context."""

    def __init__(self) -> None:
        self._program = link_program(VERTEX, FRAGMENT)
        self._size_at = gl.glGetUniformLocation(self._program, "size")
        self._vertices, self._indices = (int(name) for name in gl.glGenBuffers(2))
        self._layout = int(gl.glGenVertexArrays(1))
        gl.glBindVertexArray(self._layout)
        gl.glBindBuffer(gl.GL_ARRAY_BUFFER, self._vertices)
        gl.glBindBuffer(gl.GL_ELEMENT_ARRAY_BUFFER, self._indices)
        for place, length, kind, normed, offset in (
            (PLACE, 2, gl.GL_FLOAT, gl.GL_FALSE, imgui.VERTEX_BUFFER_POS_OFFSET),
            (UV, 2, gl.GL_FLOAT, gl.GL_FALSE, imgui.VERTEX_BUFFER_UV_OFFSET),
            (TINT, 4, gl.GL_UNSIGNED_BYTE, gl.GL_TRUE, imgui.VERTEX_BUFFER_COL_OFFSET),
        ):
            gl.glEnableVertexAttribArray(place)
            gl.glVertexAttribPointer(place, length, kind, normed, imgui.VERTEX_SIZE, ctypes.c_void_p(offset))
        self._below, self._above = Layer(), Layer()  # the window's own, and with what lies over it
        self._size = (0, 0)  # of the picture, in pixels
        self._layer = self._below  # the picture
        self._cells = self._below.cells  # the hashes of what it shows
        self.is_new = False  # the picture differs from what was shown last
        self._unshown: list[Box] = []  # where it does
        self._shown_size = (0, 0)  # of the picture shown last
        self._copies = flips_copy()

    def paint(self, data: Any, size: tuple[int, int], scale: float, *, all_new: bool = False) -> None:
        """Draw what has changed.

        Args:
            data: Dear ImGui's draw data.
            size: width and height of the window in pixels.
            scale: pixels to a unit of Dear ImGui's.
            all_new: a texture was made or has moved, so that equal triangles may look different.
        """
        if min(size) <= 0:
            return
        if size != self._size or all_new:
            self._resize(size)
        points, indices, commands, textures = self._read(data, scale, size[1])
        own = count_commands(data)
        cells = self._hash(points, indices, commands[:own])
        over = self._hash(points, indices, commands[own:])
        mixed = np.where(over == 0, cells, (cells ^ over) * PRIME)
        boxes = find_boxes(mixed != self._cells, size)
        if not boxes:
            return
        self.is_new, self._cells, self._layer = True, mixed, self._above if over.any() else self._below
        self._unshown += boxes
        self._begin(points)
        gl.glBindFramebuffer(gl.GL_FRAMEBUFFER, self._below.frame)
        for box in self._below.take(cells, size):
            clear(box, size[1])
            self._paint_box(points, indices, commands[:own].copy(), textures[:own], box)
        if self._layer is self._above:
            boxes = self._above.take(mixed, size)
            copy_boxes(self._below.frame, self._above.frame, boxes, size[1])
            gl.glBindFramebuffer(gl.GL_FRAMEBUFFER, self._above.frame)
            for box in boxes:
                self._paint_box(points, indices, commands[own:].copy(), textures[own:], box)
        gl.glDisable(gl.GL_SCISSOR_TEST)
        gl.glBindFramebuffer(gl.GL_FRAMEBUFFER, 0)

    def _hash(self, points: Array, indices: Array, commands: Array) -> Array:
        """Return the hash of every cell; 0 where nothing is drawn."""
        cells = np.empty_like(self._cells)
        hash_cells(points.view(np.uint32), points, indices, commands, cells)
        return cells

    def _begin(self, points: Array) -> None:
        """Make OpenGL ready to draw triangles between these points."""
        gl.glViewport(0, 0, *self._size)
        gl.glUseProgram(self._program)
        gl.glUniform2f(self._size_at, *self._size)
        gl.glBindVertexArray(self._layout)
        gl.glBindBuffer(gl.GL_ARRAY_BUFFER, self._vertices)
        gl.glBufferData(gl.GL_ARRAY_BUFFER, points.nbytes, points, gl.GL_STREAM_DRAW)
        gl.glActiveTexture(gl.GL_TEXTURE0)
        self._reset()
        gl.glEnable(gl.GL_BLEND)
        gl.glBlendEquation(gl.GL_FUNC_ADD)
        gl.glBlendFunc(gl.GL_SRC_ALPHA, gl.GL_ONE_MINUS_SRC_ALPHA)

    def _reset(self) -> None:
        """Undo what another renderer of this process may have left: worlds' leaves its own in the window's context."""
        for what in (gl.GL_CULL_FACE, gl.GL_DEPTH_TEST, gl.GL_STENCIL_TEST, gl.GL_PRIMITIVE_RESTART):
            gl.glDisable(what)
        gl.glColorMask(True, True, True, True)
        gl.glPolygonMode(gl.GL_FRONT_AND_BACK, gl.GL_FILL)
        gl.glBindSampler(0, 0)

    def _read(self, data: Any, scale: float, height: int) -> tuple[Array, Array, Array, list[int]]:
        """Return vertices in pixels, indices, the table of commands and each one's texture."""
        parts, indices, rows, textures = [], [], [], []
        before = first = 0  # vertices and indices of the lists before this one
        for part in data.cmd_lists:
            parts.append(memory(part.vtx_buffer, np.float32, WORDS).reshape(-1, WORDS))
            indices.append(memory(part.idx_buffer, np.uint32, 1) + np.uint32(before))
            for command in part.cmd_buffer:
                assert command.vtx_offset == 0  # indices are wide enough for every list
                texture = int(command.tex_ref.get_tex_id())
                left, top, right, bottom = (float(edge) * scale for edge in command.clip_rect)
                clip = scissor(left, top, right, bottom, height)
                salt = hash((texture, uploads(texture), *clip)) & 0x7FFF_FFFF_FFFF_FFFF
                rows.append([first + command.idx_offset, command.elem_count, salt, *clip])
                textures.append(texture)
            before, first = before + len(parts[-1]), first + len(indices[-1])
        points = np.concatenate(parts) if parts else np.zeros((0, WORDS), np.float32)
        if scale != 1.0:
            points[:, :2] *= scale
        table = np.array(rows, np.int64).reshape(-1, changes.COLUMNS)
        return points, np.concatenate(indices) if indices else np.zeros(0, np.uint32), table, textures

    def _paint_box(self, points: Array, indices: Array, commands: Array, textures: list[int], box: Box) -> None:
        """Draw the triangles that reach into a box, there alone."""
        picked = np.empty_like(indices)
        length = pick_triangles(points, indices, commands, box, picked)
        gl.glBufferData(gl.GL_ELEMENT_ARRAY_BUFFER, 4 * length, picked, gl.GL_STREAM_DRAW)
        left, top, right, bottom = box
        height = self._size[1]
        gl.glEnable(gl.GL_SCISSOR_TEST)
        for (first, count, _, x0, y0, x1, y1), texture in zip(commands.tolist(), textures, strict=True):
            if not count:
                continue
            x0, y0, x1, y1 = max(x0, left), max(y0, top), min(x1, right), min(y1, bottom)
            if x0 >= x1 or y0 >= y1:
                continue
            gl.glScissor(x0, height - y1, x1 - x0, y1 - y0)
            gl.glBindTexture(gl.GL_TEXTURE_2D, texture)
            gl.glDrawElements(gl.GL_TRIANGLES, count, gl.GL_UNSIGNED_INT, ctypes.c_void_p(4 * first))

    def _resize(self, size: tuple[int, int]) -> None:
        """Make room for a picture of another size, or forget what it shows."""
        self._size = size
        for layer in (self._below, self._above):
            layer.resize(size)
        self._cells = self._below.cells

    def show(self, *, whole: bool) -> None:
        """Copy the picture into the window's back buffer, where that holds the one before only what has changed.

        Args:
            whole: the back buffer may have lost what it held.
        """
        width, height = self._size
        if whole or not self._copies or self._shown_size != self._size:
            boxes: list[Box] = [(0, 0, width, height)]
        else:
            boxes = self._unshown
        copy_boxes(self._layer.frame, 0, boxes, height)
        gl.glBindFramebuffer(gl.GL_FRAMEBUFFER, 0)
        self.is_new, self._unshown, self._shown_size = False, [], self._size

    def pixels(self) -> Array:
        """Return the picture as uint8, shape (height, width, 3)."""
        width, height = self._size
        data: Array = np.zeros((height, width, 3), np.uint8)
        gl.glBindFramebuffer(gl.GL_READ_FRAMEBUFFER, self._layer.frame)
        gl.glPixelStorei(gl.GL_PACK_ALIGNMENT, 1)
        gl.glReadPixels(0, 0, width, height, gl.GL_RGB, gl.GL_UNSIGNED_BYTE, data)
        gl.glBindFramebuffer(gl.GL_READ_FRAMEBUFFER, 0)
        return data[::-1].copy()


def count_commands(data: Any) -> int:
    """Return how many draw commands are the window's own: its and its parts', not the help's, a menu's or a tooltip's."""
    count, own = 0, None
    for part in data.cmd_lists:
        own = part._owner_name if own is None else own
        if part._owner_name != own and not part._owner_name.startswith(f"{own}/"):
            break
        count += part.cmd_buffer.size()
    return count


def clear(box: Box, height: int) -> None:
    """Empty a box of the picture that is drawn into."""
    left, top, right, bottom = box
    gl.glEnable(gl.GL_SCISSOR_TEST)
    gl.glScissor(left, height - bottom, right - left, bottom - top)
    gl.glClearColor(*(part / 255 for part in color("background")), 1.0)
    gl.glClear(gl.GL_COLOR_BUFFER_BIT)


def copy_boxes(source: int, target: int, boxes: list[Box], height: int) -> None:
    """Copy boxes of one framebuffer, by OpenGL's name, to another; 0 is the window's back buffer."""
    gl.glDisable(gl.GL_SCISSOR_TEST)
    gl.glBindFramebuffer(gl.GL_READ_FRAMEBUFFER, source)
    gl.glBindFramebuffer(gl.GL_DRAW_FRAMEBUFFER, target)
    for left, top, right, bottom in boxes:
        ends = left, height - bottom, right, height - top
        gl.glBlitFramebuffer(*ends, *ends, gl.GL_COLOR_BUFFER_BIT, gl.GL_NEAREST)


def flips_copy() -> bool:
    """Try whether the back buffer holds after a flip what it did before; of graphics cards we expect nothing.

    A processor copies the picture to the screen; a card may copy at one time and swap at another.
    """
    if not bytes(gl.glGetString(gl.GL_RENDERER)).startswith(SOFTWARE):
        return False
    red, green, blue = (part / 255 for part in color("background"))
    for shade in (0.0, blue):  # the window has hardly appeared
        gl.glClearColor(red, green, shade, 1.0)
        gl.glClear(gl.GL_COLOR_BUFFER_BIT)
        pygame.display.flip()
    held = gl.glReadPixels(0, 0, 1, 1, gl.GL_RGB, gl.GL_UNSIGNED_BYTE)
    return bytes(held) == bytes(color("background"))


def scissor(left: float, top: float, right: float, bottom: float, height: int) -> Box:
    """Return a clip rectangle in whole pixels, as Dear ImGui's own backends cut it in a window so high."""
    end = height - int(height - bottom)
    return int(left), end - int(bottom - top), int(left) + int(right - left), end


def memory(vector: Any, kind: type[np.generic], each: int) -> Array:
    """Return a vector of Dear ImGui's, of `each` numbers to an element, as an array on its memory."""
    length = vector.size() * each
    if not length:
        return np.zeros(0, kind)
    held = (ctypes.c_uint8 * (length * np.dtype(kind).itemsize)).from_address(vector.data_address())
    return np.frombuffer(memoryview(held), kind)
