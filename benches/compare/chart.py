"""The chart: wall times as bars, one group a row, written as SVG by hand."""

from html import escape

from figures import Figures
from report import ROWS, STEP_TITLES
from tools import NAMES

COLOURS = {
    "orlop": "#0b6e4f",
    "orlop-xaes": "#3fa34d",
    "orlop-64m": "#8cc084",
    "restic": "#1f5f9e",
    "kopia": "#c8553d",
    "kopia-plain": "#e09f7d",
    "rustic": "#7d5ba6",
    "borg": "#8a817c",
    "find": "#bbbbbb",
}
WIDTH, LABEL, VALUE = 960, 250, 110
BAR, GAP, TOP = 14, 16, 64


def svg(results: dict, place: str) -> str:
    """Bars of the median wall time; in each group the slowest tool has the full width."""
    figures = Figures(r for r in results["records"] if r["place"] == place)
    present = figures.distinct("tool")
    tools = [name for name in NAMES if name in present] + [n for n in present if n not in NAMES]
    parts: list[str] = []
    y = TOP
    for data in figures.distinct("data"):
        for step in ROWS:
            bars = [
                (tool, spread.median)
                for tool in tools
                if (spread := figures.get(data, step, tool, "wall"))
            ]
            if bars:
                title = f"{results['titles'][data]}: {STEP_TITLES[step]}"
                parts += _group(title, bars, y)
                y += BAR * len(bars) + GAP
    head = _text(16, 24, f"Wall time, repository on {place}", size=16, weight="bold")
    note = _text(16, 44, "seconds, median; shorter is better; every group has its own scale")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}"'
        f' viewBox="0 0 {WIDTH} {y}" font-family="sans-serif">\n'
        f'<rect width="{WIDTH}" height="{y}" fill="white"/>\n'
        + "\n".join([head, note, *parts])
        + "\n</svg>\n"
    )


def _group(title: str, bars: list[tuple[str, float]], top: int) -> list[str]:
    slowest = max(value for _, value in bars) or 1.0
    parts = [_text(16, top + BAR - 3, title)]
    for row, (tool, value) in enumerate(bars):
        y = top + row * BAR
        length = max(1.0, (WIDTH - LABEL - VALUE - 16) * value / slowest)
        parts.append(
            f'<rect x="{LABEL}" y="{y}" width="{length:.1f}" height="{BAR - 2}"'
            f' fill="{COLOURS.get(tool, "#444444")}"/>'
        )
        parts.append(_text(LABEL + length + 5, y + BAR - 4, f"{value:.2f} {tool}", size=11))
    return parts


def _text(x: float, y: float, text: str, *, size: int = 12, weight: str = "normal") -> str:
    return (
        f'<text x="{x:.1f}" y="{y}" font-size="{size}" font-weight="{weight}" fill="#222222">'
        f"{escape(text)}</text>"
    )
