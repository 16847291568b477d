"""The window's look: one palette, one font, one set of distances, for Dear ImGui and ImPlot."""

from collections.abc import Iterator
from contextlib import contextmanager

from imgui_bundle import ImVec2, ImVec4, imgui, implot

from puffer_arena.core.palette import Rgb
from puffer_arena.render.draw.palette import color, mix

BODY, SMALL, TITLE, FIGURE = 17.0, 15.0, 23.0, 22.0  # line heights at scale 1
GAP, PAD, RADIUS = 8, 14, 8  # pixels at scale 1
SERIES = ("sky", "lime", "amber", "rose", "violet", "teal", "orange")


def vec4(rgb: Rgb | str, alpha: float = 1.0) -> ImVec4:
    """Return a colour, by value or by name, as Dear ImGui's floats."""
    red, green, blue = color(rgb) if isinstance(rgb, str) else rgb
    return ImVec4(red / 255, green / 255, blue / 255, alpha)


class Theme:
    """Sizes at one interface scale."""

    def __init__(self, scale: float) -> None:
        self.scale = scale

    def px(self, length: float) -> float:
        """Return a length of scale 1 in pixels."""
        return float(round(length * self.scale))

    def apply(self) -> None:
        """Style the current Dear ImGui and ImPlot contexts."""
        self._apply_sizes(imgui.get_style())
        self._apply_colors(imgui.get_style())
        self._apply_plot()

    def _apply_sizes(self, style: imgui.Style) -> None:
        style.font_scale_main = self.scale
        style.font_size_base = BODY
        style.window_padding = ImVec2(0, 0)
        style.window_rounding = style.window_border_size = style.child_border_size = 0
        style.frame_border_size = 0
        style.popup_border_size = max(self.px(1), 1.0)  # tooltips and menus stand out from what is below
        style.frame_padding = ImVec2(self.px(9), self.px(5))
        style.item_spacing = ImVec2(self.px(GAP), self.px(GAP))
        style.item_inner_spacing = ImVec2(self.px(6), self.px(6))
        style.child_rounding = style.popup_rounding = self.px(RADIUS)
        style.frame_rounding = style.grab_rounding = style.scrollbar_rounding = self.px(6)
        style.grab_min_size = self.px(14)
        style.scrollbar_size = self.px(9)
        style.anti_aliased_lines = style.anti_aliased_fill = True
        style.circle_tessellation_max_error = 0.2

    def _apply_colors(self, style: imgui.Style) -> None:
        raised, hovered, active = color("raised"), mix("raised", "muted", 0.22), mix("raised", "muted", 0.36)
        col = imgui.Col_
        for names, value in (
            ((col.text, col.input_text_cursor), vec4("text")),
            ((col.text_disabled,), vec4("muted")),
            ((col.window_bg,), vec4("background")),
            ((col.child_bg, col.border_shadow, col.scrollbar_bg), vec4("background", 0.0)),
            ((col.border,), vec4("muted", 0.5)),
            ((col.popup_bg,), vec4(mix("panel", "raised", 0.5))),
            ((col.frame_bg, col.button, col.header), vec4(raised)),
            ((col.frame_bg_hovered, col.button_hovered, col.header_hovered), vec4(hovered)),
            ((col.frame_bg_active, col.button_active, col.header_active), vec4(active)),
            ((col.slider_grab, col.slider_grab_active, col.check_mark), vec4("accent")),
            ((col.checkbox_selected_bg,), vec4(raised)),
            ((col.scrollbar_grab,), vec4(raised)),
            ((col.scrollbar_grab_hovered, col.scrollbar_grab_active), vec4(hovered)),
            ((col.separator,), vec4("line")),
        ):
            for name in names:
                style.set_color_(name, value)

    def _apply_plot(self) -> None:
        style = implot.get_style()
        style.plot_border_size = 0
        style.plot_min_size = ImVec2(40, 30)
        style.plot_padding = ImVec2(self.px(4), self.px(6))
        style.label_padding = ImVec2(self.px(6), self.px(4))
        style.legend_padding = ImVec2(self.px(6), self.px(4))
        style.major_tick_len = style.minor_tick_len = ImVec2(0, 0)
        col = implot.Col_
        for name, value in (
            (col.frame_bg, vec4("background", 0.0)),
            (col.plot_bg, vec4("background", 0.0)),
            (col.plot_border, vec4("line")),
            (col.legend_bg, vec4("panel", 0.7)),
            (col.legend_border, vec4("panel", 0.0)),
            (col.legend_text, vec4("muted")),
            (col.axis_text, vec4("muted")),
            (col.axis_grid, vec4("line")),
            (col.axis_bg_hovered, vec4("panel", 0.0)),
            (col.axis_bg_active, vec4("panel", 0.0)),
        ):
            style.set_color_(name, value)


@contextmanager
def font(size: float) -> Iterator[None]:
    """Write in another size, given at scale 1."""
    imgui.push_font(None, size)
    try:
        yield
    finally:
        imgui.pop_font()


@contextmanager
def colored(which: int, name: str) -> Iterator[None]:
    """Use a palette colour for one of Dear ImGui's colours."""
    imgui.push_style_color(which, vec4(name))
    try:
        yield
    finally:
        imgui.pop_style_color()
