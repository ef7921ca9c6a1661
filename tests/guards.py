"""What `make mutate` takes out: the guards of docs/INVARIANTS.md, each with the test that must notice.

Where a rule has several guards that stand alone (a card, a purchase, a budget, a payslip …), each has an
entry, and the test is one that nothing else protects from failing.
"""

from __future__ import annotations

from dataclasses import dataclass

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
        1, "an event that could not be stored is asked for again", "bot/webhook.py",
        '        return _busy("error")',
        "        return 200, {}",
        "tests/bot/test_webhook.py::test_an_event_the_database_refuses_is_not_acknowledged",
    ),
    Mutation(
        1, "who waits hears that the commit failed", "bot/writer.py",
        "                item.error = error\n            self._finish(items)",
        "                pass\n            self._finish(items)",
        "tests/bot/test_writer.py::test_a_commit_that_fails_is_heard_by_everybody",
    ),
    Mutation(
        1, "an event is marked after it was handled", "bot/drain.py",
        "        error = _call(handlers, batch)\n        ids = [claimed.event.id for claimed in batch]\n",
        "        ids = [claimed.event.id for claimed in batch]\n"
        "        self._inbox.finish(ids, by=self._me, now=self._clock.now())\n"
        "        error = _call(handlers, batch)\n",
        "tests/bot/test_drain.py::test_an_event_is_done_only_after_its_handler",
    ),
    Mutation(
        1, "a transaction that SQLite undid fails to its end", "runtime/db.py",
        "            context.is_disconnect = True\n", "            pass\n",
        "tests/bot/test_writer.py::test_what_shares_a_transaction_that_the_database_undid_is_not_acknowledged",
    ),
    Mutation(
        1, "work nobody is at is put back", "runtime/engine.py",
        "                    self.orphans.reclaim()\n", "                    pass\n",
        "tests/runtime/test_engine_life.py::test_work_whose_end_could_not_be_written_does_not_close_its_lane",
    ),
    Mutation(
        2, "what was silenced since it was decided is not sent", "rules/sending.py",
        'return view, {"held": why.value} if why else {}', "return view, {}",
        "tests/rules/test_told.py::test_what_was_silenced_after_it_was_decided_is_sent_when_that_ends",
    ),
    Mutation(
        2, "a large rule just switched on tells nobody yet", "rules/silence.py",
        "    if alert.rule_id in around.waiting:", "    if False:",
        "tests/rules/test_previews.py::test_a_large_rule_stands_on_the_board_and_tells_nobody_until_confirmed",
    ),
    Mutation(
        2, "who was corrected is paid by the correction only", "payslip/payout.py",
        "if later.version > run.version and later.state in PAID", "if False",
        "tests/payslip/test_payout_store.py::test_a_figure_that_was_corrected_is_never_paid",
    ),
    Mutation(
        2, "a tap that was decided is not decided again", "bot/reception.py",
        '            raise Refused("replayed")',
        "            pass",
        "tests/bot/test_taps.py::test_a_replayed_tap_is_refused_and_changes_nothing",
    ),
    Mutation(
        2, "two payouts of one month do not pay one person twice", "payslip/payout.py",
        "if any(before.get(member.no, Decimal(0)) != member.before for member in members):",
        "if False:",
        "tests/payslip/test_payout_store.py::test_nobody_is_paid_twice",
    ),
    Mutation(
        2, "what a receiver was told is not told again", "rules/notices.py",
        "    return None if key in told else Notice(kind, key, str(reason))",
        "    return Notice(kind, key, str(reason))",
        "tests/rules/test_notices.py::test_deciding_twice_is_deciding_once",
    ),
    Mutation(
        2, "one change of an object at a time", "rules/actions.py",
        "        busy = store.running_task(conn, ready.alert.object_id)\n"
        "        if busy is not None:\n            self._refused",
        "        busy = store.running_task(conn, ready.alert.object_id)\n        if False:\n"
        "            self._refused",
        "tests/rules/test_actions.py::test_two_alerts_of_one_plan_make_one_change_at_a_time",
    ),
    Mutation(
        2, "a look that fails leaves the doubt", "bitable_sync/platforms/wire.py",
        "    except ChorusError:\n        raise lost from None\n",
        "    except UnknownOutcome:\n        raise lost from None\n",
        "tests/rules/test_worker.py::test_what_somebody_changed_after_a_lost_answer_is_left_alone",
    ),
    Mutation(
        2, "a budget whose change was not heard of is looked up", "rules/acting.py",
        ", lookup=lambda: _is_set(ads, task, budget))",
        ")",
        "tests/rules/test_worker.py::test_what_somebody_changed_after_a_lost_answer_is_left_alone",
    ),
    Mutation(
        2, "a resumed work looks before it calls", "runtime/jobrun.py",
        "            if not (doubtful and lookup):",
        "            if True:",
        "tests/runtime/test_engine_kill.py::test_an_order_placed_just_before_the_kill_is_found_and_not_placed_again",
    ),
    Mutation(
        2, "a purchase order is looked for before it is made", "bitable_sync/platforms/wangdiantong.py",
        "        if made is not None:\n            return made\n        try:",
        "        try:",
        "tests/sync/test_wangdiantong.py::test_a_purchase_exists_once_whatever_happens_to_the_answer",
    ),
    Mutation(
        2, "a token is renewed by whoever is first", "bitable_sync/platforms/tokens.py",
        "            if held.access != old:\n",
        "            if False:\n",
        "tests/sync/test_platform_tokens.py::test_twenty_threads_of_two_processes_refresh_once",
    ),
    Mutation(
        2, "a picture that was ordered is not ordered again", "creative/generating.py",
        "            if call.state is CallState.SENT:",
        "            if False:",
        "tests/creative/test_paid_once.py::test_a_call_found_sent_after_a_crash_is_never_sent_again",
    ),
    Mutation(
        2, "what may have been billed counts as spent", "creative/generating.py",
        "                return self._settle(call_id, CallState.UNKNOWN, note)",
        "                return self._settle(call_id, CallState.FAILED, note)",
        "tests/creative/test_paid_once.py::test_everything_that_may_have_been_billed_is_counted_and_never_repeated",
    ),
    Mutation(
        2, "the allowance for pictures is counted", "creative/budget.py",
        "        if spent + price > most:",
        "        if False:",
        "tests/creative/test_budget.py::test_lanes_that_ask_at_once_do_not_share_the_last_picture",
    ),
    Mutation(
        2, "a restored work asks before it acts", "runtime/backup.py",
        "        .values(recovery_attempts=1)",
        "        .values(recovery_attempts=0)",
        "tests/runtime/test_backup.py::test_work_that_was_waiting_asks_before_it_acts",
    ),
    Mutation(
        2, "a payslip's card in doubt is looked for", "payslip/doubt.py",
        "    if row.tried_at is None or safe_to_repeat(row.tried_at, now):",
        "    if True:",
        "tests/payslip/test_doubt.py::test_a_card_that_is_out_is_found_and_not_sent_again",
    ),
    Mutation(
        2, "a work that was told of is not told again", "bot/care.py",
        'where(parked.c.card.is_(None), parked.c.state == "waiting")',
        'where(parked.c.state == "waiting")',
        "tests/bot/test_care.py::test_works_given_up_are_told_together_and_each_once",
    ),
    Mutation(
        2, "a request is decided once", "creative/actions.py",
        "        if request.state is not State.REVIEW:",
        "        if False:",
        "tests/creative/test_taps.py::test_simultaneous_taps_are_one_decision",
    ),
    Mutation(
        3, "whatever is not clear starts the second clock anew", "rules/lifecycle.py",
        "before, alert = back.alert, replace(_measured(back.alert, finding), clear_since=None)",
        "before, alert = back.alert, _measured(back.alert, finding)",
        "tests/rules/test_alert_model.py::test_any_order_agrees_with_the_reference",
    ),
    Mutation(
        3, "an unknown finding is a doubt, not an end", "rules/lifecycle.py",
        "    if finding.verdict is Verdict.UNKNOWN:",
        "    if False:",
        "tests/rules/test_lifecycle.py::test_unknown_never_resolves",
    ),
    Mutation(
        3, "a doubt starts the second clock anew", "rules/lifecycle.py",
        "before, alert = back.alert, replace(_measured(back.alert, finding), clear_since=None)",
        "before, alert = back.alert, _measured(back.alert, finding)",
        "tests/rules/test_lifecycle.py::test_whatever_is_not_clear_starts_the_second_clock_anew",
    ),
    Mutation(
        3, "old numbers are not judged by", "rules/check.py",
        "        if pulled is None or self.clock.now() - pulled <= limit:",
        "        if True:",
        "tests/rules/test_check.py::test_a_stale_source_makes_open_alerts_unknown_and_opens_none",
    ),
    Mutation(
        3, "an old file is missing data", "bitable_sync/platforms/folder.py",
        "        if now - changed > self.fresh:",
        "        if False:",
        "tests/sync/test_files_and_databases.py::test_old_files_are_missing_data",
    ),
    Mutation(
        4, "sensitive keys are hidden in the log", "runtime/log.py",
        "        if value is not None and is_sensitive(key):\n            return HIDDEN\n",
        "",
        "tests/runtime/test_log.py::test_secrets_and_amounts_never_reach_the_log",
    ),
    Mutation(
        4, "a refusal says nothing", "bot/webhook.py",
        '        return status, {"error": "refused"}',
        '        return status, {"error": f"refused {reason} {environ!r}"}',
        "tests/bot/test_webhook.py::test_a_refusal_says_nothing_about_the_request",
    ),
    Mutation(
        4, "a private row is sealed with us", "bitable_sync/sealing.py",
        "        if not spec.private:\n            return text\n        self.require(spec)",
        "        if True:\n            return text\n        self.require(spec)",
        "tests/sync/test_private.py::test_nothing_of_a_private_row_is_readable_with_us",
    ),
    Mutation(
        5, "the signature is compared", "bot/envelope.py",
        'if not hmac.compare_digest(digest.encode(), signature.encode("utf-8", "surrogatepass")):',
        "if not digest:",
        "tests/bot/test_webhook.py::test_every_flipped_character_of_a_signing_header_is_refused",
    ),
    Mutation(
        5, "an approval is for the digest in its form", "payslip/signing.py",
        "    if digest not in values:",
        "    if False:",
        "tests/payslip/test_signing.py::test_an_approval_counts_for_its_digest_and_total_only",
    ),
    Mutation(
        5, "three people, and not the one who began", "payslip/signing.py",
        "        if starter in three:",
        "        if False:",
        "tests/payslip/test_signing.py::test_the_gate_wants_three_people_and_not_the_starter",
    ),
    Mutation(
        5, "what was signed is computed anew before it is sealed", "payslip/sealing.py",
        "            if not changed and self.computing.digest(conn, mine) == mine.digest:",
        "            if True:",
        "tests/payslip/test_flow.py::test_signatures_are_for_these_bytes_only",
    ),
    Mutation(
        6, "who tapped is one of those who may act", "rules/access.py",
        "    return next((person for person in able if person.open_id == open_id), None)",
        "    return next(iter(able), None)",
        "tests/rules/test_actions.py::test_the_right_is_read_at_the_moment_of_the_tap",
    ),
    Mutation(
        6, "who decides about pictures", "creative/actions.py",
        "        if request.may_decide(tap.operator) or tap.operator == self.policy.admin:",
        "        if True:",
        "tests/creative/test_taps.py::test_only_those_the_row_and_the_brand_name_may_decide",
    ),
    Mutation(
        6, "only the administrator repeats works", "bot/care.py",
        "        if tap.operator != floor.settings.admin_open_id:",
        "        if False:",
        "tests/access/test_matrix.py::test_an_action_is_refused_to_all_but_those_of_the_table",
    ),
    Mutation(
        7, "money that is no Decimal is refused at the database", "runtime/db.py",
        "        if not isinstance(value, Decimal) or not value.is_finite():\n            msg",
        "        if False:\n            msg",
        "tests/runtime/test_db.py::test_inexact_values_are_refused_at_the_door",
    ),
    Mutation(
        7, "a moment without a zone is refused at the database", "runtime/db.py",
        "        if value.tzinfo is None:\n            msg",
        "        if False:\n            msg",
        "tests/runtime/test_db.py::test_inexact_values_are_refused_at_the_door",
    ),
    Mutation(
        8, "one door to the SDK", "bot/web.py",
        "from bot.inbox import Inbox\n",
        "import lark_oapi  # noqa\nfrom bot.inbox import Inbox\n",
        CONTRACTS,
    ),
    Mutation(
        9, "the product does not know the sandbox", "rules/core.py",
        "from dataclasses",
        "import sandbox.server  # noqa\nfrom dataclasses",
        CONTRACTS,
    ),
    Mutation(
        9, "the sandbox does not know the product", "sandbox/clock.py",
        "import threading\nimport time\n",
        "import runtime.clock  # noqa\nimport threading\nimport time\n",
        CONTRACTS,
    ),
    Mutation(
        10, "many rows gone at once are kept and told", "bitable_sync/pull.py",
        "limit = len(unseen) if accept_deletes else self.mass_delete",
        "limit = len(unseen)",
        "tests/sync/test_pull.py::test_mass_delete_is_kept_and_told",
    ),
    Mutation(
        10, "what is no number is unreadable, in words", "bitable_sync/readers.py",
        '    return Unreadable(f"「{field.name}」应为{wanted}，现在是{_found(raw)}，请改正这个单元格")',
        "    return EMPTY",
        "tests/sync/test_pull.py::test_retyped_column_reads_as_unreadable_and_is_told",
    ),
    Mutation(
        11, "an exhausted allowance stops every process", "runtime/feishu/limits.py",
        "                    raise _exhausted()",
        "                    pass",
        "tests/feishu/test_faults.py::test_an_exhausted_quota_stops_all_calls_until_next_month",
    ),
    Mutation(
        11, "a pause is written down for every process", "runtime/feishu/limits.py",
        "        with self._db.begin() as conn:\n            conn.execute(keep_later)\n",
        "",
        "tests/feishu/test_faults.py::test_the_platforms_pause_is_obeyed_by_every_process",
    ),
    Mutation(
        11, "every attempt is counted", "runtime/feishu/transport.py",
        "        self._count(endpoint.name)\n",
        "",
        "tests/feishu/test_faults.py::test_every_attempt_is_counted",
    ),
    Mutation(
        12, "a payslip is sealed for its reader", "payslip/slip.py",
        'if reader is not None and slip.reader not in {"", reader}:', "if False:",
        "tests/payslip/test_access.py::test_bs_row_given_to_a_in_the_database_does_not_open",
    ),
    Mutation(
        12, "a payslip opens for its owner only", "payslip/pages_slips.py",
        "    if row.open_id != viewer:\n        return Opening.NOT_OWNER\n",
        "",
        "tests/payslip/test_access.py::test_bs_link_or_forwarded_card_shows_a_nothing",
    ),
    Mutation(
        12, "a PIN is counted before it is verified", "payslip/pin.py",
        "            .values(failures=after, locked_until",
        "            .values(failures=pins.c.failures, locked_until",
        "tests/payslip/test_pin.py::test_parallel_guesses_share_no_count",
    ),
    Mutation(
        12, "the PIN stands before every payslip", "payslip/pages_desk.py",
        "        if pin and not session.pin_fresh(self.deps.clock.now()):",
        "        if False:",
        "tests/payslip/test_access.py::test_a_stolen_session_without_the_pin_shows_nothing",
    ),
    Mutation(
        12, "a sign-in is bound to its browser", "bot/signin.py",
        'hashlib.sha256(f"{state}.{browser}".encode())',
        'hashlib.sha256(f"{state}".encode())',
        "tests/payslip/test_access.py::test_bs_unused_callback_signs_in_only_the_browser_it_began_in",
    ),
    Mutation(
        13, "a cent between the two programs is a difference", "payslip/agree.py",
        "abs(here - there) >= _CENT",
        "abs(here - there) >= 100 * _CENT",
        "tests/payslip/test_agree.py::test_each_spoilt_figure_of_the_first_is_named_alone",
    ),
    Mutation(
        14, "who is no viewer reads why not", "rules/cockpit/access.py",
        "        return Right.NO if len(lists) == len(self.departments) else Right.UNSURE",
        "        return Right.YES",
        "tests/rules/test_cockpit_access.py::test_members_of_a_department_may_and_others_read_why_not",
    ),
    Mutation(
        14, "the right is read at every request", "rules/cockpit/desk.py",
        "        if right is not Right.YES:\n            self.refuse(session.name, right)\n",
        "",
        "tests/rules/test_cockpit_access.py::test_the_right_is_read_at_every_request",
    ),
    Mutation(
        15, "a change beyond an allowance waits", "rules/allowance.py",
        "    return most is not None and amount > most",
        "    return False",
        "tests/rules/test_approving.py::test_a_large_budget_waits_and_is_made_once_when_approved",
    ),
    Mutation(
        15, "an approval of something else approves nothing", "rules/approving.py",
        "    if task.id not in values or task.amount",
        "    if task.amount",
        "tests/rules/test_approving.py::test_only_an_approval_of_this_very_change_counts",
    ),
    Mutation(
        15, "a plan that moved while it waited is left alone", "rules/acting.py",
        "        if moved is not None:\n",
        "        if False:\n",
        "tests/rules/test_approving.py::test_what_moved_while_it_waited_is_not_overridden",
    ),
    Mutation(
        15, "an approval carries the task's own key", "rules/approving.py",
        "items, uuid=task.id)",
        "items, uuid=f\"{task.id}.{self.deps.clock.now():%f}\")",
        "tests/rules/test_approving.py::test_a_lost_answer_starts_one_approval",
    ),
    Mutation(
        16, "a row that was slipped in is found", "runtime/audit.py",
        "fault = fault or _unchained(conn) or",
        "fault = fault or",
        "tests/runtime/test_audit.py::test_what_was_done_past_the_product_is_told",
    ),
    Mutation(
        16, "a row fits its entry", "runtime/audit.py",
        "    if link(last.hash, row) != row.hash:",
        "    if False:",
        "tests/runtime/test_audit.py::test_what_was_done_past_the_product_is_told",
    ),
    Mutation(
        16, "a head somebody knew must still stand", "runtime/audit.py",
        '    if found is None and int(number) > last.seq:\n        return f"Entry',
        '    if found is None and int(number) > last.seq:\n        return None\n        return f"Entry',
        "tests/runtime/test_audit.py::test_a_chain_that_was_cut_short_is_found_by_a_head_somebody_knew",
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
)  # fmt: skip
