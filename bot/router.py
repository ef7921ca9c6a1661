"""Who handles what: events by type, taps by action, chat commands by word. Filled once in ``app.py``."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sqlalchemy.engine import Connection

from bot.model import ChatMessage, Event, FileMessage, Reply, Tap, TapAnswer

EventHandler = Callable[[Sequence[Event]], None]
TapHandler = Callable[[Connection, Tap], TapAnswer]
CommandHandler = Callable[[Connection, ChatMessage], Reply | None]
FileHandler = Callable[[Connection, FileMessage], Reply | None]


@dataclass(frozen=True, slots=True)
class Command:
    """A chat command.

    Attributes:
        words: Any of these as the first word calls it, e.g. ``("状态", "status")``.
        handler: Called with the transaction its effects belong to and the message.
        help: One line for the help text, Chinese; empty hides the command there.
    """

    words: tuple[str, ...]
    handler: CommandHandler
    help: str


@dataclass(slots=True)
class Router:
    """The table of handlers of one process.

    Event handlers run in the worker, get all pending events of a type at once, and must be idempotent: after
    a crash the same events come again. Tap handlers run in the web process inside the transaction that
    records the tap; they decide and commit and never call outside.
    """

    _events: dict[str, list[EventHandler]] = field(default_factory=dict)
    _taps: dict[str, TapHandler] = field(default_factory=dict)
    _commands: list[Command] = field(default_factory=list)
    _file: FileHandler | None = None

    def on_event(self, event_type: str, handler: EventHandler) -> None:
        """Handle events of a type; several handlers of one type are called in the order of their adding."""
        self._events.setdefault(event_type, []).append(handler)

    def on_tap(self, action: str, handler: TapHandler) -> None:
        """Handle taps whose value has ``"a": action``.

        Raises:
            ValueError: The action already has a handler.
        """
        if action in self._taps:
            msg = f"The action {action!r} already has a tap handler; give one of the two another name."
            raise ValueError(msg)
        self._taps[action] = handler

    def on_command(self, words: Sequence[str], handler: CommandHandler, *, help: str = "") -> None:  # noqa: A002
        """Handle chat messages that begin with one of ``words`` (case does not matter).

        Raises:
            ValueError: A word already has a handler.
        """
        command = Command(tuple(word.lower() for word in words), handler, help)
        for word in command.words:
            if self.command(word) is not None:
                msg = f"The chat command {word!r} already has a handler; choose another word."
                raise ValueError(msg)
        self._commands.append(command)

    def on_file(self, handler: FileHandler) -> None:
        """Handle files that people send to the bot in their private chat; called like a command.

        Raises:
            ValueError: Files already have a handler.
        """
        if self._file is not None:
            msg = "Files sent to the bot already have a handler; let that one tell the kinds of files apart."
            raise ValueError(msg)
        self._file = handler

    def event_handlers(self, event_type: str) -> tuple[EventHandler, ...]:
        """Return the handlers of a type, perhaps none."""
        return tuple(self._events.get(event_type, ()))

    def tap_handler(self, action: str) -> TapHandler | None:
        """Return the handler of an action."""
        return self._taps.get(action)

    @property
    def actions(self) -> tuple[str, ...]:
        """All actions that taps may ask for."""
        return tuple(self._taps)

    @property
    def file_handler(self) -> FileHandler | None:
        """What handles files, if anything does."""
        return self._file

    def command(self, word: str) -> Command | None:
        """Return the command a word calls."""
        wanted = word.lower()
        return next((command for command in self._commands if wanted in command.words), None)

    @property
    def commands(self) -> tuple[Command, ...]:
        """All commands in the order they were added."""
        return tuple(self._commands)
