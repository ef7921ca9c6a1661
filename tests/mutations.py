"""The guards of docs/INVARIANTS.md, taken out one at a time: the named test must fail.

`make mutate` copies the project, runs every named test on it as it is, then once with each change.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = "import contracts"
"""Instead of a test: `lint-imports`."""


@dataclass(frozen=True)
class Mutation:
    """A guard and what must notice that it is gone.

    Attributes:
        invariant: its number.
        guard: what is taken out, in words.
        file: where it stands.
        old: the text, which stands there once.
        new: what takes its place.
        test: the test, as pytest names it, or `CONTRACTS`.
    """

    invariant: int
    guard: str
    file: str
    old: str
    new: str
    test: str


MUTATIONS = (
    Mutation(
        1, "an event is stored before it is answered", "bot/reception.py",
        "        self._writer.append(self._inbox.bulk, self._row(event))",
        "        del event",
        "tests/bot/test_webhook.py::test_a_verified_event_is_durable_before_the_answer",
    ),
    Mutation(
        1, "so is one that is answered in the server's loop", "bot/reception.py",
        "        await self._writer.appended(self._inbox.bulk, self._row(event))",
        "        del event",
        "tests/bot/test_acceptor.py::test_many_events_at_once_are_all_durable_when_they_are_answered",
    ),
    Mutation(
        17, "a newer database that was only added to fits", "runtime/migrations/stamp.py",
        "(found.stamp == wanted_stamp() or found.knows(head()))", "found.stamp == wanted_stamp()",
        "tests/runtime/test_migrations.py::"
        "test_a_newer_database_that_was_only_added_to_is_worked_with_and_left_alone",
    ),
    Mutation(
        18, "a loop that is late refuses", "bot/acceptor.py",
        " or self._behind > BEHIND:", ":",
        "tests/bot/test_acceptor.py::test_a_loop_that_is_far_behind_refuses_before_it_reads",
    ),
    Mutation(
        2, "a tap that was decided is not decided again", "bot/reception.py",
        '            raise Refused("replayed")', "            pass",
        "tests/bot/test_taps.py::test_a_replayed_tap_is_refused_and_changes_nothing",
    ),
    Mutation(
        2, "two payouts of one month do not pay one person twice", "payslip/payout.py",
        "if any(before.get(member.no, Decimal(0)) != member.before for member in members):", "if False:",
        "tests/payslip/test_payout_store.py::test_nobody_is_paid_twice",
    ),
    Mutation(
        3, "an unknown finding is a doubt, not an end", "rules/lifecycle.py",
        "    if finding.verdict is Verdict.UNKNOWN:", "    if False:",
        "tests/rules/test_lifecycle.py::test_unknown_never_resolves",
    ),
    Mutation(
        4, "sensitive keys are hidden in the log", "runtime/log.py",
        "        if value is not None and is_sensitive(key):\n            return HIDDEN\n", "",
        "tests/runtime/test_log.py::test_secrets_and_amounts_never_reach_the_log",
    ),
    Mutation(
        5, "the signature is compared", "bot/envelope.py",
        "if not hmac.compare_digest(digest.encode(), signature.encode(\"utf-8\", \"surrogatepass\")):",
        "if not digest:",
        "tests/bot/test_webhook.py::test_every_flipped_character_of_a_signing_header_is_refused",
    ),
    Mutation(
        6, "who tapped is one of those who may act", "rules/access.py",
        "    return next((person for person in able if person.open_id == open_id), None)",
        "    return next(iter(able), None)",
        "tests/rules/test_actions.py::test_the_right_is_read_at_the_moment_of_the_tap",
    ),
    Mutation(
        7, "money that is no Decimal is refused at the database", "runtime/db.py",
        "        if not isinstance(value, Decimal) or not value.is_finite():\n            msg",
        "        if False:\n            msg",
        "tests/runtime/test_db.py::test_inexact_values_are_refused_at_the_door",
    ),
    Mutation(
        8, "one door to the SDK", "bot/web.py",
        "from bot.inbox import Inbox\n", "import lark_oapi  # noqa\nfrom bot.inbox import Inbox\n", CONTRACTS,
    ),
    Mutation(
        9, "the product does not know the sandbox", "rules/core.py",
        "from dataclasses", "import sandbox.server  # noqa\nfrom dataclasses", CONTRACTS,
    ),
    Mutation(
        10, "many rows gone at once are kept and told", "bitable_sync/pull.py",
        "limit = len(unseen) if accept_deletes else self.mass_delete", "limit = len(unseen)",
        "tests/sync/test_pull.py::test_mass_delete_is_kept_and_told",
    ),
    Mutation(
        11, "an exhausted allowance stops every process", "runtime/feishu/limits.py",
        "                    raise _exhausted()", "                    pass",
        "tests/feishu/test_faults.py::test_an_exhausted_quota_stops_all_calls_until_next_month",
    ),
    Mutation(
        12, "a payslip opens for its owner only", "payslip/pages_slips.py",
        "    if row.open_id != viewer:\n        return Opening.NOT_OWNER\n", "",
        "tests/payslip/test_access.py::test_bs_link_or_forwarded_card_shows_a_nothing",
    ),
    Mutation(
        13, "a cent between the two programs is a difference", "payslip/agree.py",
        "abs(here - there) >= _CENT", "abs(here - there) >= 100 * _CENT",
        "tests/payslip/test_agree.py::test_each_spoilt_figure_of_the_first_is_named_alone",
    ),
    Mutation(
        14, "who is no viewer reads why not", "rules/cockpit/access.py",
        "        return Right.NO if len(lists) == len(self.departments) else Right.UNSURE",
        "        return Right.YES",
        "tests/rules/test_cockpit_access.py::test_members_of_a_department_may_and_others_read_why_not",
    ),
    Mutation(
        15, "a change beyond an allowance waits", "rules/allowance.py",
        "    return most is not None and amount > most", "    return False",
        "tests/rules/test_approving.py::test_a_large_budget_waits_and_is_made_once_when_approved",
    ),
    Mutation(
        16, "a row that was slipped in is found", "runtime/audit.py",
        "fault = fault or _unchained(conn) or", "fault = fault or",
        "tests/runtime/test_audit.py::test_what_was_done_past_the_product_is_told",
    ),
)  # fmt: skip


def copied(folder: Path) -> Path:
    """The project's files under version control, in a folder of their own."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in listed.splitlines():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    return folder


def holds(folder: Path, test: str) -> bool:
    """Whether a test passes in a copy; what is neither passed nor failed is a mistake of this list."""
    command = [sys.executable, "-m", "pytest", "-x", "-p", "no:randomly", test]
    if test == CONTRACTS:
        script = Path(sys.executable).with_name("lint-imports")
        command = [sys.executable, str(script), "--no-cache"]
    env = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=env)
    if done.returncode not in {0, 1} or (test != CONTRACTS and "no tests ran" in done.stdout):
        raise RuntimeError(f"{test} cannot be run:\n{(done.stdout + done.stderr)[-2000:]}")
    return done.returncode == 0


def mutated(folder: Path, mutation: Mutation) -> bool:
    """Whether the test still passes without the guard; the file is as it was afterwards."""
    path = folder / mutation.file
    before = path.read_text("utf-8")
    if before.count(mutation.old) != 1:
        raise RuntimeError(
            f"{mutation.file} no longer holds the guard “{mutation.guard}” once; correct the list."
        )
    path.write_text(before.replace(mutation.old, mutation.new), "utf-8")
    try:
        return holds(folder, mutation.test)
    finally:
        path.write_text(before, "utf-8")


def main() -> int:
    """Run all and print a table; exit code 1 when a test does not notice."""
    unnoticed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = copied(Path(name))
        for each in MUTATIONS:
            if not holds(folder, each.test):
                sys.stdout.write(f"{each.test} fails before anything is changed\n")
                return 1
            survived = mutated(folder, each)
            unnoticed += survived
            word = "NOT NOTICED" if survived else "noticed"
            sys.stdout.write(f"{each.invariant:>2}  {word:<12}{each.guard}  [{each.file}]  {each.test}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{len(MUTATIONS)} guards taken out, {unnoticed} not noticed\n")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    raise SystemExit(main())
