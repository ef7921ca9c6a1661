"""Guards of invariants 1 to 3: nothing is lost, nothing happens twice, unknown is not OK."""

from tests.guards.model import Mutation

GUARDS = (
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
        2, "a Feishu task that may exist by now is not made again", "rules/feishu_tasks.py",
        'if self.deps.clock.now() - datetime.fromisoformat(wanted["tried_at"]) > REPEAT_WINDOW:', "if False:",
        "tests/rules/test_feishu_tasks.py::test_what_may_have_been_made_long_ago_is_not_made_again",
    ),
    Mutation(
        2, "a Feishu task is asked for again with its token", "rules/feishu_tasks.py",
        'client_token=wanted["id"]', 'client_token=f"{wanted[\'id\']} {self.deps.clock.now()}"',
        "tests/rules/test_feishu_tasks.py::test_a_lost_answer_makes_no_second_task",
    ),
    Mutation(
        2, "trouble with Feishu tasks is told once", "rules/feishu_tasks.py",
        "return bool(trouble) and not before", "return bool(trouble)",
        "tests/rules/test_feishu_tasks.py::test_a_missing_permission_disturbs_nothing_and_is_told_once",
    ),
    Mutation(
        2, "an answer that may stand in the chat is looked for first", "bot/replies.py",
        'run.attempt("send", send, lookup=sent)', 'run.attempt("send", send)',
        "tests/feishu/test_replies.py::test_a_worker_that_comes_back_late_says_it_once",
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
        3, "old numbers are not judged by", "rules/freshness.py",
        "        return limit is not None and self.since is not None and now - self.since > limit",
        "        return False",
        "tests/rules/test_check.py::test_a_stale_source_makes_open_alerts_unknown_and_opens_none",
    ),
    Mutation(
        3, "an old file is missing data", "bitable_sync/platforms/folder.py",
        "        if now - changed > self.fresh:",
        "        if False:",
        "tests/sync/test_files_and_databases.py::test_old_files_are_missing_data",
    ),
)  # fmt: skip
