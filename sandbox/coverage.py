"""The list of what the sandbox answers, as the page docs/sandbox-coverage.md."""

from itertools import groupby

from sandbox.kernel import Route, World

HEAD = """# What the sandbox answers

Made from the routes themselves by `python -m sandbox --coverage`; do not edit. Each line says what the
behaviour was taken from: the documentation page, as restated in the project's fact sheets of
October and November 2026, or the month the page itself says. Nothing was compared with a live tenant yet.
A path that is not here is refused with 99991201 (404).
"""


def coverage() -> str:
    """The whole page as Markdown."""
    routes = [
        route for route in World().routes if not route.pattern.startswith("/_sandbox") and is_platform(route)
    ]
    parts = [HEAD]
    for area, items in groupby(routes, key=lambda route: route.area):
        parts.append(f"\n## {area}\n\n| Call | Token | Limit | Source |\n|---|---|---|---|\n")
        parts += [line(route) for route in items]
    return "".join(parts)


def is_platform(route: Route) -> bool:
    """Whether a route belongs to a platform and not to the web client."""
    return route.area not in ("page", "control", "simulator")


def line(route: Route) -> str:
    """One row."""
    windows = route.rate.windows() if route.rate else []
    limit = ", ".join(f"{calls} / {'min' if seconds == 60 else 's'}" for calls, seconds in windows)
    return f"| `{route.method} {route.pattern}` | {route.auth} | {limit} | {route.claim} |\n"
