"""A few SVG elements (W3C SVG 1.1), escaped and without dependencies."""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

Point = tuple[float, float]


def element(name: str, body: str = "", /, **attributes: object) -> str:
    """One element; ``stroke_width=1`` becomes ``stroke-width="1"``, floats get two decimals."""
    parts = [name]
    for key, value in attributes.items():
        shown = f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
        parts.append(f"{key.strip('_').replace('_', '-')}={quoteattr(_legal(shown))}")
    return f"<{' '.join(parts)}>{body}</{name}>" if body else f"<{' '.join(parts)}/>"


def text(x: float, y: float, words: str, **attributes: object) -> str:
    """Text at a point, escaped."""
    return element("text", escape(_legal(words)), x=x, y=y, **attributes)


def line(x1: float, y1: float, x2: float, y2: float, **attributes: object) -> str:
    """A straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, **attributes)


def rect(x: float, y: float, width: float, height: float, **attributes: object) -> str:
    """A rectangle; a negative size becomes 0."""
    return element("rect", x=x, y=y, width=max(0.0, width), height=max(0.0, height), **attributes)


def polyline(points: Iterable[Point], **attributes: object) -> str:
    """Joined lines."""
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return element("polyline", points=joined, fill="none", **attributes)


def polygon(points: Iterable[Point], **attributes: object) -> str:
    """A filled outline."""
    return element("polygon", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in points), **attributes)


def document(width: float, height: float, title: str, parts: Iterable[str]) -> str:
    """A whole file with a white background of its own, readable on dark pages too."""
    body = "\n".join(
        [element("title", escape(_legal(title))), rect(0, 0, width, height, fill="white"), *parts]
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}" role="img" '
        'font-family="system-ui, Segoe UI, Helvetica, Arial, sans-serif" font-size="12">\n'
        f"{body}\n</svg>\n"
    )


def _legal(words: str) -> str:
    """Without the characters that XML 1.0 forbids, such as those of odd file names."""
    return "".join(
        c if c in "\t\n\r" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c > "\uffff"
        else "\ufffd"
        for c in words
    )  # fmt: skip
