"""The table in Markdown."""

from figures import Figures, Spread
from targets import CHANGE_SHARE, targets_of
from tools import NAMES

STEP_TITLES = {
    "first": "first backup",
    "again": "backup again, nothing changed",
    "change": "backup after the change",
    "restore": "restore",
}
FIGURE_TITLES = {
    "wall": "wall",
    "cpu": "processor",
    "memory": "peak memory",
    "size": "repository",
    "raw": "added, raw",
    "stored": "added, stored",
    "grown": "repository grew by",
}
# Figures of each step, in the order of the table.
ROWS = {
    "first": ("wall", "cpu", "memory", "size"),
    "again": ("wall", "cpu", "memory", "grown"),
    "change": ("wall", "cpu", "memory", "raw", "stored", "grown"),
    "restore": ("wall", "cpu", "memory"),
}
BASE = "restic"


def markdown(results: dict) -> str:
    """The report of a run, from the content of results.json."""
    lines = ["# Whole processes, same data, same run", ""]
    lines += _head(results)
    for place in dict.fromkeys(record["place"] for record in results["records"]):
        figures = Figures(r for r in results["records"] if r["place"] == place)
        lines += ["", f"## Repository on {place}", "", *_noise(figures), ""]
        lines += _table(figures, results)
        verdicts = _verdicts(figures, results)
        if verdicts:
            lines += ["", "### Targets", "", "| target | reached | |", "|---|--:|---|", *verdicts]
    return "\n".join(lines) + "\n"


def _head(results: dict) -> list[str]:
    machine = ", ".join(f"{name} {value}" for name, value in results["machine"].items())
    tools = ", ".join(f"{name} ({line})" for name, line in results["tools"].items())
    return [
        f"Started {results['started']}. Machine: {machine}.",
        "",
        f"Tools: {tools}.",
        "",
        f"Medians of {results['runs']} runs after a warm-up, tools taking turns, page cache warm."
        f" Times as median [least-most]. In brackets how many times less than {BASE}: 2.00x is"
        " twice as fast, half the memory or half the bytes.",
    ]


def _noise(figures: Figures) -> list[str]:
    noise = figures.noise()
    if noise is None:
        return []
    return [
        f"Processor time taken by others during the measured runs: median {noise.median:.0%} of all"
        f" cores, worst {noise.most:.0%}."
    ]


def _table(figures: Figures, results: dict) -> list[str]:
    present = figures.distinct("tool")
    columns = [name for name in NAMES if name in present]
    columns += [name for name in present if name not in columns]
    lines = ["| | " + " | ".join(columns) + " |", "|---|" + "--:|" * len(columns)]
    for data in figures.distinct("data"):
        for step, names in ROWS.items():
            for figure in names:
                cells = [
                    _cell(figures, data, step, figure, tool, columns) for tool in columns
                ]
                if any(cells):
                    title = f"{results['titles'][data]}: {STEP_TITLES[step]}"
                    lines.append(
                        f"| {title}, {FIGURE_TITLES[figure]} | " + " | ".join(cells) + " |"
                    )
    return lines


def _cell(
    figures: Figures, data: str, step: str, figure: str, tool: str, columns: list[str]
) -> str:
    spread = figures.get(data, step, tool, figure)
    if spread is None:
        return ""
    text = _amount(figure, spread)
    if tool != BASE and BASE in columns:
        ratio = figures.ratio(data, step, figure, tool, BASE)
        if ratio is not None:
            text += f" ({ratio:.2f}x)"
    return text


def _amount(figure: str, spread: Spread) -> str:
    if figure in ("wall", "cpu"):
        return f"{spread.median:.2f} s [{spread.least:.2f}-{spread.most:.2f}]"
    if spread.median < 1 << 20:
        return f"{spread.median / (1 << 10):.1f} KiB"
    return f"{spread.median / (1 << 20):.1f} MiB"


def _verdicts(figures: Figures, results: dict) -> list[str]:
    lines = []
    for data in figures.distinct("data"):
        for step, names in ROWS.items():
            for figure in names:
                title = f"{results['titles'][data]}: {STEP_TITLES[step]}, {FIGURE_TITLES[figure]}"
                for target in targets_of(data, step, figure):
                    ratio = figures.ratio(data, step, figure, target.tool, target.peer)
                    if ratio is not None:
                        lines.append(
                            f"| {title}: {target.tool} at least {target.factor:.2f}x of"
                            f" {target.peer} | {ratio:.2f}x | {_word(ratio >= target.factor)} |"
                        )
                lines += _never_behind(figures, data, step, figure, title)
    stored = figures.get("postgres", "change", "orlop", "grown")
    folder = results["source_bytes"].get("postgres")
    if stored and folder:
        share = stored.median / folder
        lines.append(
            f"| database: repository grows by at most {CHANGE_SHARE:.0%} of the folder |"
            f" {share:.1%} | {_word(share <= CHANGE_SHARE)} |"
        )
    return lines


def _never_behind(figures: Figures, data: str, step: str, figure: str, title: str) -> list[str]:
    """Ahead of every peer in time; in memory and size not behind restic."""
    if figure == "wall":
        peers = [tool for tool in figures.distinct("tool") if not tool.startswith("orlop")]
        peers = [tool for tool in peers if tool != "find"]
    elif figure in ("memory", "size"):
        peers = [BASE]
    else:
        return []
    lines = []
    for peer in peers:
        ratio = figures.ratio(data, step, figure, "orlop", peer)
        if ratio is not None and ratio < 1:
            lines.append(f"| {title}: not behind {peer} | {ratio:.2f}x | **missed** |")
    return lines


def _word(reached: bool) -> str:
    return "reached" if reached else "**missed**"
