"""State that outlives the process: one file, loaded before serving, written on a clean stop and now and then.

The file is a pickle of the world's own parts and of every area's attributes, except those an area names in
``transient`` (threads, sockets, locks, what is only counted or cached) and compiled formulas, which an area
makes anew in ``awake()``. Load only files you wrote yourself, as with every pickle.
"""

import contextlib
import io
import os
import pickle
import sys
import threading
import zlib
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import FunctionType
from typing import Any

from sandbox.kernel import World

MAGIC = b"chorus sandbox state"
VERSION = 1
EVERY = 30.0
TRIES = 5
LOCKS: dict[type, Callable[[], Any]] = {
    type(threading.Lock()): threading.Lock,
    type(threading.RLock()): threading.RLock,
    threading.Condition: threading.Condition,
}
OWN = ("company", "limits_on", "tenant_key", "apps", "people")


class StateError(Exception):
    """The file cannot be used; the sentence says what to do."""


class Keeper:
    """Keeps one world in one file.

    Args:
        world: a world just founded, not yet served.
        path: the file; its folder must exist.
    """

    def __init__(self, world: World, path: Path) -> None:
        self._world = world
        self._path = path
        self._written = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sandbox-keeper", daemon=True)

    def load(self) -> bool:
        """Put the file's state into the world; False when there is no file yet.

        Raises:
            StateError: the file is not ours or was made by another version.
        """
        try:
            raw = self._path.read_bytes()
        except FileNotFoundError:
            return False
        restore(self._world, raw, str(self._path))
        return True

    def start(self) -> None:
        """Begin to write every 30 s when something changed."""
        self._thread.start()

    def stop(self) -> None:
        """Write a last time. Call it when the server has stopped."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()
        self.save()

    def save(self) -> None:
        """Write the file if the state differs from what is in it; a reader sees the old or the new one."""
        raw = dump(self._world)
        mark = zlib.crc32(raw)
        if mark == self._written and self._path.exists():
            return
        draft = self._path.with_name(self._path.name + ".new")
        with draft.open("wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
        self._written = mark

    def _run(self) -> None:
        while not self._stop.wait(EVERY):
            try:
                self.save()
            except OSError as problem:
                sys.stderr.write(f"sandbox: the state could not be written to {self._path}: {problem}\n")


def dump(world: World) -> bytes:
    """The state of a world as bytes."""
    for _ in range(TRIES):  # a few areas change some things outside the world's lock
        with world.lock, contextlib.suppress(RuntimeError):
            return _dump(world)
    with world.lock:
        return _dump(world)


def restore(world: World, raw: bytes, name: str = "the state") -> None:
    """Put kept state into a world that nobody is calling; what it runs in the background is stopped before.

    Raises:
        StateError: these bytes are not a state, or that of another version; the world is unchanged.
    """
    head, _, rest = raw.partition(b"\n")
    if not head.startswith(MAGIC):
        raise StateError(f"{name} is not a kept state of the sandbox; name another file")
    other = StateError(f"{name} was written by another version of the sandbox; remove it to begin afresh")
    if head != MAGIC + b" %d" % VERSION:
        raise other
    body = io.BytesIO(rest)
    try:
        first = _Reader(body, world)
        shapes: dict[tuple[str, str], tuple[str, ...]] = first.load()
        if any(_shape(first.find_class(*place)) != shape for place, shape in shapes.items()):
            raise other
        kept = _Reader(body, world).load()
    except (AttributeError, ImportError, TypeError) as gone:
        raise other from gone
    except (pickle.UnpicklingError, EOFError, KeyError) as broken:
        raise StateError(f"{name} is damaged; remove it to begin afresh") from broken
    names = {area: set(_parts(state)) for area, state in world.areas.items()}
    if names != {area: set(parts) for area, parts in kept["areas"].items()}:
        raise other
    _put(world, kept)


def _put(world: World, kept: dict[str, Any]) -> None:
    for state in world.areas.values():
        if hasattr(state, "rest"):
            state.rest()
    for name in OWN:
        setattr(world, name, kept["world"][name])
    world.ids = kept["world"]["ids"]
    world.clock.advance(kept["world"]["offset"] - world.clock.offset)
    for area, parts in kept["areas"].items():
        for name, value in parts.items():
            setattr(world.areas[area], name, value)
    for state in world.areas.values():
        if hasattr(state, "awake"):
            state.awake()


def _dump(world: World) -> bytes:
    own = {name: getattr(world, name) for name in (*OWN, "ids")} | {"offset": world.clock.offset}
    body = io.BytesIO()
    writer = _Writer(body, world)
    writer.dump({"world": own, "areas": {name: _parts(state) for name, state in world.areas.items()}})
    shapes = {(cls.__module__, cls.__qualname__): _shape(cls) for cls in writer.classes}
    return MAGIC + b" %d\n" % VERSION + pickle.dumps(shapes) + body.getvalue()


def _parts(state: Any) -> dict[str, Any]:
    """The attributes of an area that outlive the process."""
    names = [f.name for f in fields(state)] if is_dataclass(state) else list(vars(state))
    left = {"world", "_world", *getattr(state, "transient", ())}
    return {name: getattr(state, name) for name in names if name not in left}


def _shape(cls: type) -> tuple[str, ...]:
    return tuple(f.name for f in fields(cls))


class _Writer(pickle.Pickler):
    """Names the world, its clock, lock and areas instead of writing them; writes no code."""

    def __init__(self, file: io.BytesIO, world: World) -> None:
        super().__init__(file, protocol=5)
        self.fixed = {id(obj): name for name, obj in _fixed(world).items() if obj is not None}
        self.classes: dict[type, None] = {}

    def persistent_id(self, obj: Any) -> str | None:
        """A name for what is not written; compiled code becomes nothing."""
        if isinstance(obj, FunctionType) and "<locals>" in obj.__qualname__:
            return "nothing"
        if hasattr(obj, "__dataclass_fields__") and not isinstance(obj, type):
            self.classes.setdefault(type(obj))
        return self.fixed.get(id(obj))

    def reducer_override(self, obj: Any) -> Any:
        """A lock comes back as a free one."""
        maker = LOCKS.get(type(obj))
        return (maker, ()) if maker else NotImplemented


class _Reader(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, world: World) -> None:
        super().__init__(file)
        self._fixed = _fixed(world)

    def persistent_load(self, pid: Any) -> Any:
        """What stands behind a name."""
        return self._fixed[pid]


def _fixed(world: World) -> dict[str, Any]:
    own = {"world": world, "lock": world.lock, "clock": world.clock, "nothing": None}
    return own | {f"area {name}": state for name, state in world.areas.items()}
