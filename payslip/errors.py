"""What can be wrong with pay, in sentences without amounts: they are shown, stored and sent as they are."""

from __future__ import annotations

from runtime.errors import PermanentError


class CannotCompute(PermanentError):  # noqa: N818 - it names the state of the person's pay: 无法核算
    """One person's pay cannot be computed; mend the cause and collect again.

    Args:
        component: the line or component that failed, as people call it.
        reason: a Chinese sentence without amounts that says what is wrong and what to do.
    """

    def __init__(self, component: str, reason: str) -> None:
        super().__init__(f"“{component}”无法核算：{reason}")
        self.component = component
        self.reason = reason


class FormulaError(PermanentError):
    """A formula that cannot be read or has no value; the message is a Chinese sentence without amounts.

    Args:
        message: what is wrong.
        position: which character of the formula, counted from 1; None when no single place is to blame.
    """

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message if position is None else f"第 {position} 个字符附近：{message}")
        self.position = position
