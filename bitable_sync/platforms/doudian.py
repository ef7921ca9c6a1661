"""抖店: what the shops sold today.

Wire facts: the vendor's guide ("API调用指南", "签名算法"). POST with the business parameters as JSON body;
the sign is HMAC-SHA256 over exactly that body; pages from 0; amounts are integers in 分; times unix
seconds; ok is 10000.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from bitable_sync.platforms.wire import Wire, need
from runtime.clock import SHANGHAI, Clock
from runtime.errors import ChorusError, PermanentError, TransientError
from runtime.settings import Settings

OK = 10000
PAGE = 100
CANCELLED = 4
RESCANS = 3  # orders arrive while we page; a scan during which the total changed is read again
BUSY = {20000, 20001, 60000}


@dataclass(frozen=True, slots=True)
class ShopSales:
    """One shop and one day (Shanghai): orders paid that day and not cancelled.

    ``amount`` is what buyers pay, in 元.

    Postage is in, platform coupons are not; later refunds are not subtracted.
    """

    shop_id: str
    name: str
    day: date
    orders: int
    amount: Decimal


class ShopGateway:
    """The shop platform of one authorisation."""

    def __init__(self, wire: Wire, *, app_key: str, app_secret: str, token: str, clock: Clock) -> None:
        self.wire = wire
        self.app_key = app_key
        self.clock = clock
        self._secret = app_secret
        self._token = token

    @classmethod
    def from_settings(cls, settings: Settings, clock: Clock) -> ShopGateway:
        """Build it from ``CHORUS_SHOP_*``; ConfigError names what is missing."""
        key, secret, token = settings.shop_app_key, settings.shop_app_secret, settings.shop_access_token
        need(
            {"CHORUS_SHOP_APP_KEY": key, "CHORUS_SHOP_APP_SECRET": secret, "CHORUS_SHOP_ACCESS_TOKEN": token}
        )
        return cls(
            Wire("抖店", settings.shop_base_url),
            app_key=key or "",
            app_secret=secret.get_secret_value() if secret else "",
            token=token.get_secret_value() if token else "",
            clock=clock,
        )

    def daily_sales(self, day: date | None = None, *, before: datetime | None = None) -> list[ShopSales]:
        """Sales per shop of a day; today (Shanghai) when left out. A shop without orders is not listed.

        ``before`` counts only what was paid earlier than that moment (to compare with the same hour of a
        day).
        """
        now = self.clock.now().astimezone(SHANGHAI)
        day = day or now.date()
        begin = datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)
        # An order paid that day was last updated then or later; the end is fixed so that pages stand still.
        orders = self._orders(int(begin.timestamp()), int(now.timestamp()))
        until = int(min(begin + timedelta(days=1), before or now).timestamp()) + (before is None)
        sums: dict[str, tuple[str, int, int]] = {}
        for order in orders.values():
            paid = int(order.get("pay_time") or 0)
            if not int(begin.timestamp()) <= paid < until or order.get("order_status") == CANCELLED:
                continue
            shop_id = str(order["shop_id"])
            _name, count, cents = sums.get(shop_id, ("", 0, 0))
            sums[shop_id] = (
                str(order.get("shop_name") or ""),
                count + 1,
                cents + _cents(order.get("pay_amount")),
            )
        return [
            ShopSales(shop_id, name, day, count, Decimal(cents) / 100)
            for shop_id, (name, count, cents) in sorted(sums.items())
        ]

    def call(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Call e.g. ``order.searchList`` (a read) and give back its ``data``.

        Raises:
            TransientError: busy or rate-limited. PermanentError: refused; the sentence carries sub_code and
            text.
        """
        body = canonical(params)
        timestamp = f"{self.clock.now().astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"
        query = {
            "app_key": self.app_key,
            "method": method,
            "access_token": self._token,
            "timestamp": timestamp,
            "v": "2",
            "sign_method": "hmac-sha256",
            "sign": sign(self.app_key, self._secret, method, timestamp, body),
        }
        headers = {"Content-Type": "application/json;charset=UTF-8"}
        path = "/" + method.replace(".", "/")
        answer = self.wire.call("POST", path, params=query, data=body.encode(), headers=headers)
        code = int(answer.get("code") or 0)
        if code != OK:
            raise _refusal(code, answer)
        return dict(answer.get("data") or {})

    def _orders(self, begin: int, end: int) -> dict[str, dict[str, Any]]:
        """Orders updated in the window by id; scanned again if the platform's total changed while paging."""
        found: dict[str, dict[str, Any]] = {}
        for _ in range(RESCANS):
            totals: set[int] = set()
            page = 0
            while True:
                data = self.call("order.searchList", {
                    "update_time_start": begin, "update_time_end": end, "order_by": "update_time",
                    "order_asc": True, "page": page, "size": PAGE,
                })  # fmt: skip
                rows = data.get("shop_order_list") or []
                found.update((str(row["order_id"]), row) for row in rows)
                totals.add(int(data.get("total") or 0))
                page += 1
                if page * PAGE >= max(totals) or not rows:
                    break
            if len(totals) == 1:
                break
        return found


def canonical(params: Mapping[str, Any]) -> str:
    """The body: keys sorted at every depth, no blanks, nothing escaped that need not be."""
    return json.dumps(params, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def sign(app_key: str, secret: str, method: str, timestamp: str, body: str) -> str:
    """HMAC-SHA256 of the wrapped parameters, lower hex. The access token is not signed."""
    text = f"{secret}app_key{app_key}method{method}param_json{body}timestamp{timestamp}v2{secret}"
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def _cents(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise PermanentError(f"抖店的金额应为以分计的整数，收到 {value!r}；这次不更新店铺日报")
    return value


def _refusal(code: int, answer: Mapping[str, Any]) -> ChorusError:
    sub_code, sub_msg = str(answer.get("sub_code") or ""), str(answer.get("sub_msg") or "")
    said = f"抖店 {code} {answer.get('msg') or ''} {sub_code} {sub_msg}".strip()
    if answer.get("log_id"):
        said += f"（log_id {answer['log_id']}）"
    if code in BUSY or sub_code.startswith("isp."):
        return TransientError(f"{said}；稍后自动重试", wait=1.0 if code == 60000 else None)
    if "access-token" in sub_code:
        return PermanentError(f"{said}：请更新 CHORUS_SHOP_ACCESS_TOKEN")
    return PermanentError(said)
