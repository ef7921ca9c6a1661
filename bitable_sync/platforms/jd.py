"""JD over JOS: orders and SKU stock of a POP store, and the 京准通 report.

Wire facts: XiBao/jos, PsKs/jd-sdk, kfx2007's SDK. All business parameters as one JSON object in
``360buy_param_json``; the answer's key ends in ``_responce`` (sic) or ``_response``; ok is the *string* "0";
amounts and counts are strings; an unpaid order has the year 1. Not verified on a live account: which
``dateType`` means the time of change, names of some order states, largest page.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from bitable_sync.platforms import signing
from bitable_sync.platforms.credentials import Pair
from bitable_sync.platforms.facts import JINGDONG, AdPlan, Order, PlanState, StockRow
from bitable_sync.platforms.orders import Reading, last_page_first
from bitable_sync.platforms.refusals import Why, cannot_pause, refusal
from bitable_sync.platforms.tokens import Access, with_token
from bitable_sync.platforms.wire import Wire, moment, number, pages, whole, written
from runtime.clock import Clock, day_of
from runtime.errors import ChorusError, PermanentError

BASE, AUTH = "https://api.jd.com", "https://open-oauth.jd.com"
PATH = "/routerjson"
PAGE = 100
READING = Reading(longest=timedelta(days=1), overlap=timedelta(minutes=10))
GMV = ("orderPayment", "orderSellerPrice")
"""What may count as sales: what the buyer has to pay, or goods after discounts."""
STATES = (
    "WAIT_SELLER_STOCK_OUT,WAIT_SELLER_DELIVERY,WAIT_GOODS_RECEIVE_CONFIRM,PAUSE,FINISHED_L,"
    "TRADE_CANCELED,LOCKED"
)
VOID = {"TRADE_CANCELED"}
BY_CHANGE = 0  # dateType
CODES = {
    "2": Why.BUSY, "7": Why.CLOCK, "8": Why.CLOCK, "11": Why.SIGN, "12": Why.SIGN, "18": Why.TOKEN,
    "19": Why.TOKEN, "20": Why.SIGN, "21": Why.SIGN, "24": Why.RIGHT,
}  # fmt: skip


class Jos:
    """Signed calls in the name of one shop; ``app`` holds app_key and app_secret. ±6 minutes of clock."""

    def __init__(self, wire: Wire, access: Access, *, app: Mapping[str, str], clock: Clock) -> None:
        self.wire = wire
        self.access = access
        self.clock = clock
        self._app = app

    def call(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Call a method (a read) and give back what its answer holds; errors as every gateway call."""
        return with_token(self.access, lambda token: self._once(method, params, token))

    def _once(self, method: str, params: Mapping[str, Any], token: str) -> dict[str, Any]:
        form = {
            "method": method, "app_key": self._app["app_key"], "access_token": token, "v": "2.0",
            "timestamp": written(self.clock.now()), "360buy_param_json": signing.canonical(params),
        }  # fmt: skip
        form["sign"] = signing.jd(form, self._app["app_secret"])
        answer = self.wire.call("POST", PATH, data=form)
        if "error_response" in answer:
            error = answer["error_response"]
            raise _refusal(method, str(error.get("code")), error.get("zh_desc") or error.get("en_desc"))
        for key, value in answer.items():
            if key.endswith(("_responce", "_response")) and isinstance(value, dict):
                if str(value.get("code", "0")) != "0":
                    raise _refusal(method, str(value["code"]), value.get("zh_desc"))
                return value
        raise PermanentError(f"京东 {method} 的回答里没有 *_responce，请把这句话告诉 Chorus 的维护者")


class Jd:
    """One POP store.

    Args:
        jos: signed calls.
        shop_id: how the tables know it.
        shop: its name.
        gmv: the amount that counts, one of `GMV`.
    """

    platform = JINGDONG

    def __init__(self, jos: Jos, *, shop_id: str, shop: str, gmv: str = GMV[0]) -> None:
        self.jos = jos
        self.shop_id = shop_id
        self.shop = shop
        self.shops: Mapping[str, str] = {shop_id: shop}
        self.counts = gmv

    def orders(self, begin: datetime, end: datetime) -> Iterable[Order]:
        """Orders changed in the window."""
        for found in last_page_first(lambda page: self._search(begin, end, page), "orderTotal", PAGE):
            yield from self._read(found)

    def stock(self, since: int = 0) -> list[StockRow]:
        """Every SKU of the store; the platform cannot be asked for changes, so ``since`` is not used."""
        del since
        rows = [sku for sku in pages(self._skus, PAGE) if sku.get("outerId")]
        return [_stock(sku, self._pieces(str(sku["skuId"])), self.shop) for sku in rows]

    def _search(self, begin: datetime, end: datetime, page: int) -> dict[str, Any]:
        wanted = f"orderId,orderState,modified,paymentConfirmTime,orderStartTime,{','.join(GMV)}"
        data = self.jos.call("jingdong.pop.order.enSearch", {
            "start_date": written(begin), "end_date": written(end), "order_state": STATES,
            "optional_fields": wanted, "page": page, "page_size": PAGE, "sortType": 1, "dateType": BY_CHANGE,
        })  # fmt: skip
        found: dict[str, Any] = data.get("searchorderinfo_result") or {}
        result = found.get("apiResult") or {}
        if str(result.get("success")).lower() != "true":
            raise PermanentError(
                f"京东订单查询失败：{result.get('chineseErrCode') or result.get('numberCode')}"
            )
        return found

    def _read(self, data: Mapping[str, Any]) -> Iterator[Order]:
        for row in data.get("orderInfoList") or []:
            changed = moment(row.get("modified")) or moment(row.get("orderStartTime"))
            if changed is None:
                raise PermanentError(f"京东订单 {row.get('orderId')} 没有修改时间；这次不更新店铺日报")
            yield Order(
                order_id=str(row["orderId"]),
                shop_id=self.shop_id,
                shop=self.shop,
                amount=number(row.get(self.counts) or 0),
                paid=moment(row.get("paymentConfirmTime")),
                modified=changed,
                void=str(row.get("orderState")) in VOID,
                status=str(row.get("orderState") or ""),
            )

    def _skus(self, page: int) -> tuple[list[dict[str, Any]] | None, Any]:
        data = self.jos.call("jingdong.sku.read.searchSkuList", {
            "pageNo": page, "page_size": PAGE, "field": "skuId,outerId,skuName,wareId",
        })  # fmt: skip
        found = data.get("page") or {}
        return found.get("data"), found.get("totalItem")

    def _pieces(self, sku_id: str) -> int:
        data = self.jos.call("jingdong.stock.read.findSkuStock", {"skuId": sku_id})
        return sum(whole(each.get("stockNum")) for each in data.get("skuStocks") or [])


class JdAds:
    """京准通: what an account (and single campaigns) spent today. Reads only.

    The report has no budgets, and in which unit the budget call takes them is not verified, so budgets are
    changed in JD's back office.

    Args:
        jos: signed calls.
        pin: the advertiser's account, which is also the plan of the whole account.
        shop: name of the shop.
        click_days: how many days after the click an order counts: 0, 1, 3, 7 or 15.
        campaigns: ids of campaigns to report one by one, besides the account.
    """

    platform = JINGDONG

    def __init__(
        self, jos: Jos, *, pin: str, shop: str, click_days: int = 15, campaigns: tuple[str, ...] = ()
    ) -> None:
        self.jos = jos
        self.pin = pin
        self.shop = shop
        self.click_days = click_days
        self.campaigns = campaigns

    def plans(self, day: date | None = None) -> list[AdPlan]:
        """The account as one plan, then each campaign that is named; of today or another day."""
        return [self._account(day), *(self._campaign(each, day) for each in self.campaigns)]

    def plan(self, plan_id: str) -> AdPlan | None:
        """The account or a campaign that is named; None for others."""
        if plan_id == self.pin:
            return self._account()
        return self._campaign(plan_id) if plan_id in self.campaigns else None

    def set_budget(self, plan_id: str, budget: Decimal) -> None:
        """Always refused."""
        del plan_id, budget
        raise PermanentError("京准通的预算接口单位未经核实，Chorus 不改；请在京准通后台调整预算")

    def set_enabled(self, plan_id: str, *, enabled: bool) -> None:
        """Always refused."""
        del plan_id, enabled
        raise cannot_pause("京准通")

    def _account(self, day: date | None = None) -> AdPlan:
        asked = day or day_of(self.jos.clock.now())
        data = self.jos.call("jingdong.dsp.report.queryAccountReport", {
            **_day(asked), "isDaily": False, "platform": "all", "clickOrOrderDay": self.click_days,
            "clickOrOrderCaliber": 0, "orderStatusCategory": 1, "pageIndex": 1, "pageSize": PAGE,
        })  # fmt: skip
        result = data.get("returnType") or data
        return self._plan(self.pin, f"{self.shop} 京准通", _rows(result, "datas"), asked)

    def _campaign(self, campaign_id: str, day: date | None = None) -> AdPlan:
        asked = day or day_of(self.jos.clock.now())
        data = self.jos.call("jingdong.dsp.report.queryCampDailySum", {
            **_day(asked), "isDaily": False, "campaignId": int(campaign_id), "isOrderOrClick": 1,
            "isTodayOr15Days": self.click_days > 0, "orderStatusCategory": 1, "platform": "all",
            "pageIndex": 1, "pageSize": PAGE,
        })  # fmt: skip
        rows = _rows(data.get("returnType") or data, "value")
        return self._plan(campaign_id, f"{self.shop} 计划 {campaign_id}", [
            row.get("figureData") or {} for row in rows
        ], asked)  # fmt: skip

    def _plan(self, plan_id: str, name: str, rows: list[dict[str, Any]], day: date) -> AdPlan:
        def total(key: str) -> Decimal:
            return sum((number(row.get(key) or 0) for row in rows), Decimal(0))

        return AdPlan(
            plan_id, name, JINGDONG, self.shop, PlanState.LIVE, None, total("cost"), total("totalOrderSum"),
            int(total("totalOrderCnt")), day,
        )  # fmt: skip


def refresh(wire: Wire, keys: Mapping[str, str], refresh_token: str) -> Pair:
    """Trade the refresh token in at `AUTH`."""
    query = {
        "app_key": keys["app_key"], "app_secret": keys["app_secret"], "grant_type": "refresh_token",
        "refresh_token": refresh_token,
    }  # fmt: skip
    answer = wire.call("GET", "/oauth2/refresh_token", writes=True, params=query)
    if not answer.get("access_token"):
        raise refusal(f"京东授权 {answer.get('code') or ''} {answer.get('msg') or ''}".strip(), Why.TOKEN)
    return Pair(
        str(answer["access_token"]),
        str(answer.get("refresh_token") or refresh_token),
        whole(answer.get("expires_in")) or None,
    )


def _day(day: date) -> dict[str, str]:
    return {"startDay": day.isoformat(), "endDay": day.isoformat()}


def _rows(result: Any, name: str) -> list[dict[str, Any]]:
    found = result.get(name) if isinstance(result, dict) else None
    if found is None:
        raise PermanentError(f"京准通的回答里没有 {name}，这次不更新计划日报")
    return list(found)


def _stock(sku: Mapping[str, Any], pieces: int, shop: str) -> StockRow:
    return StockRow(
        sku_id=str(sku["outerId"]),
        style=str(sku.get("wareId") or ""),
        name=str(sku.get("skuName") or ""),
        qty=pieces,
        sellable=pieces,
        shop=shop,
    )


def _refusal(method: str, code: str, text: object) -> ChorusError:
    why = CODES.get(code, Why.RULE)
    said = f"京东 {method} {code} {text or ''}".strip()
    return refusal(said, why, wait=60.0 if why is Why.BUSY else None)
