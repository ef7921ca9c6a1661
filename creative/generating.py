"""One background is generated: paid for at most once, kept before anything else is done with it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.engine import Connection

from creative import store
from creative.budget import beyond
from creative.deps import Art
from creative.effects import compose_work
from creative.model import Call, CallState, Version
from creative.prompt import Brief as Scene
from creative.prompt import Prompt, scene_prompt
from creative.providers.model import ImageModel, Lost, Picture, PictureOrder, Refused, Unavailable
from runtime.errors import TransientError
from runtime.jobrun import JobRun

TRIES = 7
"""Rounds over all models, with growing waits, before a background is painted here instead."""
LONGEST_WAIT = 90.0
PAUSE = timedelta(minutes=10)
"""So long a model is left alone whose account is empty or whose key is refused."""

NO_MODEL = "没有可用的图像模型，底图由 Chorus 按品牌色绘制"
LOST = "底图没有收到，可能已经计费（{model}），不会自动再要；先用本地绘制的底图"
OUT = "图像模型暂时不可用，先用本地绘制的底图"
STOPPED = "需求取消了或有了新的版本，没有生成"

_log = structlog.get_logger("creative.generating")


@dataclass(frozen=True, slots=True)
class _Sent:
    """A call that was committed as sent, with what goes out."""

    call: Call
    order: PictureOrder


class Generating:
    """The job ``art.generate``."""

    def __init__(self, deps: Art) -> None:
        self.deps = deps
        self._paused: dict[str, datetime] = {}

    def generate(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Have one background made by the first model that can, then let its variant be composed.

        The call's own row says how far it is, so the engine records no steps: each would cost a commit.
        """
        call_id = str(args["call"])

        def go_on(_state: str) -> None:
            self._next(call_id)

        try:
            run.deliver("generate", lambda: self._once(call_id), go_on, tries=TRIES)
        except TransientError as error:
            note = f"{OUT}：{error}"
            run.deliver("give up", lambda: self._settle(call_id, CallState.FAILED, note), go_on)

    def _once(self, call_id: str) -> str:
        """One round over the models. What was sent and not heard of is never sent again."""
        models = self.deps.models()
        if not models:
            return self._settle(call_id, CallState.FAILED, NO_MODEL)
        trouble: list[Unavailable] = []
        for model in models:
            if self._resting(model):
                continue
            sent = self._send(call_id, model)
            if isinstance(sent, str):
                return sent
            try:
                return self._keep(sent.call, model.paint(sent.order))
            except Unavailable as error:
                self._back(call_id)
                self._rest(model, error)
                trouble.append(error)
            except Refused as error:
                note = f"{error}；先用本地绘制的底图"
                return self._settle(call_id, CallState.REFUSED, note)
            except Lost as error:
                _log.warning("art.lost", call=call_id, model=model.profile.name, request=error.request_id)
                note = LOST.format(model=model.profile.name)
                return self._settle(call_id, CallState.UNKNOWN, note)
            except Exception:  # noqa: BLE001 - logged with its trace, and counted as spent
                # A fault of ours after the order left: whether it was billed nobody knows.
                _log.exception("art.unforeseen", call=call_id, model=model.profile.name)
                return self._settle(call_id, CallState.UNKNOWN, LOST.format(model=model.profile.name))
        if not trouble or all(each.reason in ("quota", "auth") for each in trouble):
            why = str(trouble[-1]) if trouble else "账户或密钥需要管理员处理"
            return self._settle(call_id, CallState.FAILED, f"{OUT}：{why}")
        wait = min((each.wait for each in trouble if each.wait), default=None)
        raise TransientError(str(trouble[-1]), wait=min(wait, LONGEST_WAIT) if wait else None)

    def _send(self, call_id: str, model: ImageModel) -> _Sent | str:
        """Commit that a call leaves now, with what it may cost; or the state it is in already."""
        profile, now = model.profile, self.deps.clock.now()
        with self.deps.db.begin() as conn:
            call = store.load_call(conn, call_id, lock=True)
            version = store.load_version(conn, call.version_id) if call else None
            if call is None or version is None:
                return "gone"
            if call.state is CallState.SENT:
                # Its worker died between sending and hearing: it may have been made and billed.
                store.change_call(
                    conn, call_id, CallState.UNKNOWN, note=LOST.format(model=call.provider), done_at=now
                )
                return CallState.UNKNOWN.value
            if call.state.settled:
                return call.state.value
            no = self._stopped(conn, version) or beyond(
                conn, self.deps.policy.budget, call, profile.price, now
            )
            if no:
                store.change_call(conn, call_id, CallState.REFUSED, note=no, done_at=now)
                return CallState.REFUSED.value
            prompt, order = self._order(version, call, model)
            store.change_call(
                conn, call_id, CallState.SENT, provider=profile.name, model=profile.model,
                prompt=prompt.text, digest=prompt.digest, seed=prompt.seed, cost=profile.price, sent_at=now,
            )  # fmt: skip
            sent = replace(call, provider=profile.name, model=profile.model, prompt=prompt.text)
            return _Sent(sent, order)

    def _stopped(self, conn: Connection, version: Version) -> str:
        """Why nothing more is paid for a version, or ""."""
        request = store.load_request(conn, version.request_id)
        wanted = request is not None and request.version == version.version and request.state.under_way
        return "" if wanted else STOPPED

    def _order(self, version: Version, call: Call, model: ImageModel) -> tuple[Prompt, PictureOrder]:
        profile, references = model.profile, list[tuple[bytes, str]]()
        photos = version.photos or ()
        if photos and profile.supports_reference:
            photo = photos[(call.variant - 1) % len(photos)]
            references = [(self.deps.blobs.get(photo.product), "image/png")]
        hashes = tuple(hashlib.sha256(data).hexdigest() for data, _mime in references)
        prompt = scene_prompt(_scene(version, call, hashes), profile)
        person = hashlib.sha256(call.requester.encode()).hexdigest()[:32]
        order = PictureOrder(
            prompt.text, call.orientation, prompt.negative, prompt.seed, tuple(references), person
        )
        return prompt, order

    def _keep(self, call: Call, picture: Picture) -> str:
        """First the file, then the row: a picture that was paid for is not lost again."""
        blob = self.deps.blobs.put(picture.bytes)
        with self.deps.db.begin() as conn:
            store.change_call(
                conn, call.id, CallState.STORED, blob=blob, cost=picture.cost, note="",
                request_no=picture.request_id, usage=dict(picture.usage), done_at=self.deps.clock.now(),
            )  # fmt: skip
        return CallState.STORED.value

    def _back(self, call_id: str) -> None:
        """Surely not billed: the call may be sent again."""
        with self.deps.db.begin() as conn:
            store.change_call(conn, call_id, CallState.PLANNED, cost=None)

    def _settle(self, call_id: str, state: CallState, note: str) -> str:
        with self.deps.db.begin() as conn:
            call = store.load_call(conn, call_id, lock=True)
            if call is None or call.state.settled:
                return call.state.value if call else "gone"
            values: dict[str, Any] = {"note": note, "done_at": self.deps.clock.now()}
            if state is not CallState.UNKNOWN:
                values["cost"] = None
            store.change_call(conn, call_id, state, **values)
        return state.value

    def _resting(self, model: ImageModel) -> bool:
        until = self._paused.get(model.profile.name)
        return until is not None and self.deps.clock.now() < until

    def _rest(self, model: ImageModel, error: Unavailable) -> None:
        if error.reason in ("quota", "auth"):
            self._paused[model.profile.name] = self.deps.clock.now() + PAUSE
            _log.error("art.model_paused", model=model.profile.name, reason=error.reason, sentence=str(error))

    def _next(self, call_id: str) -> bool:
        """When a variant's backgrounds are all settled, it is composed."""
        with self.deps.db.begin() as conn:
            call = store.load_call(conn, call_id)
            if call is None:
                return False
            store.lock_version(conn, call.version_id)
            of_variant = [
                each for each in store.calls_of(conn, call.version_id) if each.variant == call.variant
            ]
            if not all(each.state.settled for each in of_variant):
                return False
            self.deps.queue.put(conn, compose_work(call.version_id, call.variant))
        return True


def _scene(version: Version, call: Call, references: tuple[str, ...]) -> Scene:
    """What a background is made from: the operator's words and the brand's."""
    brief, brand = version.brief, version.brief.brand
    wanted = [brief.remark, *_parts(brand.wanted)]
    return Scene(
        product=brief.product or brief.title,
        orientation=call.orientation,
        theme=" ".join(filter(None, (brief.copy.headline.replace("\n", " "), brief.copy.subline))),
        points=brief.copy.points,
        tone=brand.tone,
        wanted=tuple(each for each in wanted if each),
        unwanted=_parts(brand.unwanted),
        styles=brief.styles,
        reasons=tuple(version.reason.splitlines()),
        variant=call.variant - 1,
        version=version.version,
        references=references,
    )


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in re.split(r"[、，,;；\n]", text) if part.strip())
