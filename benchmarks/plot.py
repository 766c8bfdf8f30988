"""Draws horizontal bars as SVG, without a library."""

from collections.abc import Mapping
from xml.sax.saxutils import escape

_WIDTH, _LEFT, _RIGHT = 760, 190, 70
_BAR, _GAP, _TITLE = 16, 14, 40
_COLOURS = ("#1565c0", "#78909c", "#ef9a3c", "#c2185b", "#689f38")
_FONT = "font-family='sans-serif' font-size='12'"

Panel = Mapping[str, Mapping[str, float]]


def bars(panels: Mapping[str, Panel], unit: str) -> str:
    """Draw a panel for each title, in it a group for each label, in it a bar for each name."""
    names = list(dict.fromkeys(n for p in panels.values() for group in p.values() for n in group))
    colours = {name: _COLOURS[place % len(_COLOURS)] for place, name in enumerate(names)}
    parts: list[str] = []
    top = _legend(parts, colours)
    for title, panel in panels.items():
        parts.append(_text(8, top + 22, title, "font-weight='bold'"))
        top = _panel(parts, panel, colours, top + _TITLE, unit)
    size = f"viewBox='0 0 {_WIDTH} {top}' width='{_WIDTH}' height='{top}'"
    ground = f"<rect width='{_WIDTH}' height='{top}' fill='white'/>"
    return (
        "\n".join([f"<svg xmlns='http://www.w3.org/2000/svg' {size}>", ground, *parts, "</svg>"])
        + "\n"
    )


def _legend(parts: list[str], colours: Mapping[str, str]) -> int:
    left = 8
    for name, colour in colours.items():
        parts.append(f"<rect x='{left}' y='8' width='12' height='12' fill='{colour}'/>")
        parts.append(_text(left + 16, 18, name))
        left += 40 + 8 * len(name)
    return 24


def _panel(parts: list[str], panel: Panel, colours: Mapping[str, str], top: int, unit: str) -> int:
    most = max((value for group in panel.values() for value in group.values()), default=1) or 1
    for label, group in panel.items():
        parts.append(_text(8, top + len(group) * _BAR // 2 + 4, label))
        for name, value in group.items():
            long = max(1, round(value / most * (_WIDTH - _LEFT - _RIGHT)))
            place = f"x='{_LEFT}' y='{top}' width='{long}' height='{_BAR - 2}'"
            parts.append(f"<rect {place} fill='{colours[name]}'/>")
            parts.append(_text(_LEFT + long + 5, top + _BAR - 5, f"{value:.2f} {unit}".strip()))
            top += _BAR
        top += _GAP
    return top


def _text(left: int, top: int, text: str, more: str = "") -> str:
    return f"<text x='{left}' y='{top}' {_FONT} {more}>{escape(text)}</text>"
