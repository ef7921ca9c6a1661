"""From the manifest and the environment to gateways. A connection that is wrong says so whenever it is used.

The environment may name one ad account, one shop and one ERP (``CHORUS_ADS_*``, ``CHORUS_SHOP_*``,
``CHORUS_ERP_*``, with tokens a person renews); everything else stands under ``connections`` of the manifest,
with credentials entered by ``chorus shops add``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from bitable_sync.platforms.credentials import Credentials
from bitable_sync.platforms.doudian import READING, Doudian
from bitable_sync.platforms.facts import Ads, Stock
from bitable_sync.platforms.gateways import Gateways
from bitable_sync.platforms.jushuitan import PACES, Jushuitan
from bitable_sync.platforms.kinds import ADDRESSES, KINDS, Ask, Built, Kind
from bitable_sync.platforms.ledger import Ledger
from bitable_sync.platforms.orders import OrderBook
from bitable_sync.platforms.qianchuan import Qianchuan
from bitable_sync.platforms.tokens import Access, FixedToken, Tokens
from bitable_sync.platforms.wire import Paces, Wire
from runtime.clock import Clock
from runtime.db import Database
from runtime.errors import ChorusError, ConfigError
from runtime.floor import Floor
from runtime.manifest_model import ConnectionManifest
from runtime.settings import Settings
from runtime.vault import Vault


class Broken:
    """A connection that is not set up rightly: whoever uses it hears why."""

    counts = ""
    shops: Mapping[str, str] = {}

    def __init__(self, platform: str, error: ChorusError) -> None:
        self.platform = platform
        self.error = error

    def _say(self, *_args: object, **_kw: object) -> NoReturn:
        raise self.error

    plans = plan = set_budget = set_enabled = orders = stock = _say


class Connector:
    """Builds the connections of one process; authorisations used by several share their tokens.

    Args:
        store: where credentials are; None when the installation has no key to seal them.
        clock: the time.
    """

    def __init__(self, store: Credentials | None, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self._tokens: dict[str, Tokens] = {}

    def build(self, each: ConnectionManifest) -> Built:
        """Make the gateways of one connection.

        Raises:
            ConfigError: something is missing or unknown; the sentence names it and what to do.
        """
        kind = KINDS[each.kind]
        check_options(each, kind)
        keys = self._keys(each, kind)

        def wire(base: str, paces: Paces = ()) -> Wire:
            return Wire(kind.label, each.options.get("base_url", base), paces=paces)

        def option(name: str, default: str) -> str:
            return each.options.get(name, default)

        def access() -> Access:
            return self._access(each, kind, keys)

        try:
            shop, given = each.shop or each.name, each.shop or ""
            return kind.build(Ask(each.name, shop, given, keys, option, wire, access, self.clock))
        except ValueError as error:
            raise ConfigError(f"feishu_app.yaml 的 connections「{each.name}」：{error}") from None

    def _keys(self, each: ConnectionManifest, kind: Kind) -> Mapping[str, str]:
        if not kind.needs:
            return {}
        if self.store is None:
            raise ConfigError(
                f"连接 {each.name} 的凭证要加密保存：先设置 CHORUS_PAY_KEYS（chorus payroll new-key 生成）"
            )
        return self.store.keys(each.credential or each.name, kind.credentials or each.kind)

    def _access(self, each: ConnectionManifest, kind: Kind, keys: Mapping[str, str]) -> Access:
        name, refresh = each.credential or each.name, kind.refresh
        if self.store is None or refresh is None:
            raise ConfigError(f"连接 {each.name} 的平台没有令牌")
        if name not in self._tokens:
            address = each.options.get("auth_url") or each.options.get("base_url") or kind.auth
            wire = Wire(kind.label, address)
            self._tokens[name] = Tokens(
                self.store, name, lambda token: refresh(wire, keys, self.clock, token)
            )
        return self._tokens[name]


def check_options(each: ConnectionManifest, kind: Kind) -> None:
    """Refuse options the kind does not know.

    Raises:
        ConfigError: names the place and what is expected.
    """
    known = {**kind.options, **(ADDRESSES if kind.needs else {})}
    at = f"feishu_app.yaml 的 connections「{each.name}」"
    for name, value in each.options.items():
        if name not in known:
            raise ConfigError(f"{at}：没有选项 {name}；可用的是 {'、'.join(known) or '（无）'}")
        if known[name] and value not in known[name]:
            raise ConfigError(f"{at}：{name} 应为 {'、'.join(known[name])} 之一，写的是 {value}")


def environment(settings: Settings, clock: Clock, db: Database) -> Gateways:
    """The account, the shop and the ERP that the environment names; orders are kept in ``db``.

    Raises:
        ConfigError: a token is there without what belongs to it.
    """
    ads: dict[str, Ads] = {"ads": _ads(settings, clock)} if settings.ads_access_token else {}
    shops: dict[str, OrderBook] = {}
    if settings.shop_access_token:
        shops["shop"] = OrderBook(_shop(settings, clock), READING, Ledger(db, "shop"))
    erp = _erp(settings, clock) if settings.erp_access_token else None
    stock: dict[str, Stock] = {"erp": erp} if erp else {}
    return Gateways(ads, shops, stock, erp)


def connect(floor: Floor, vault: Vault | None) -> Gateways:
    """All gateways of an installation; what is wrong with one is heard when it is asked, and by doctor."""
    found = environment(floor.settings, floor.clock, floor.db)
    ads, shops, stock = dict(found.ads), dict(found.shops), dict(found.stock)
    purchases = found.purchases
    store = Credentials(floor.db, vault, floor.clock) if vault else None
    connector = Connector(store, floor.clock)
    for each in floor.manifest.connections:
        kind = KINDS[each.kind]
        feeds = each.fed
        try:
            built = connector.build(each)
        except ChorusError as error:
            broken = Broken(kind.platform, error)
            built = Built(broken, broken, broken)
        if "plans" in feeds and built.ads:
            ads[each.name] = built.ads
        if "shops" in feeds and built.orders:
            shops[each.name] = OrderBook(built.orders, kind.reading, Ledger(floor.db, each.name))
        if "stock" in feeds and built.stock:
            stock[each.name] = built.stock
        if "purchases" in feeds and built.purchases:
            purchases = purchases or built.purchases
    return Gateways(ads, shops, stock, purchases)


def _fixed(settings: Settings, field: str, variable: str) -> FixedToken:
    token = getattr(settings, field)
    return FixedToken(token.get_secret_value(), variable)


def _app(settings: Settings, prefix: str) -> dict[str, str]:
    """app_key and app_secret of the environment; ConfigError names what is missing."""
    key, secret = getattr(settings, f"{prefix}_app_key"), getattr(settings, f"{prefix}_app_secret")
    need({f"CHORUS_{prefix.upper()}_APP_KEY": key, f"CHORUS_{prefix.upper()}_APP_SECRET": secret})
    return {"app_key": key, "app_secret": secret.get_secret_value()}


def need(values: Mapping[str, Any]) -> None:
    """ConfigError naming the settings that are not set."""
    missing = [name for name, value in values.items() if not value]
    if missing:
        raise ConfigError(f"set {', '.join(missing)} to use this platform; see the README on credentials")


def _ads(settings: Settings, clock: Clock) -> Qianchuan:
    need({"CHORUS_ADS_ADVERTISER_ID": settings.ads_advertiser_id})
    access = _fixed(settings, "ads_access_token", "CHORUS_ADS_ACCESS_TOKEN")
    account = settings.ads_advertiser_id or ""
    wire, shop = Wire("巨量千川", settings.ads_base_url), settings.ads_shop or ""
    return Qianchuan(wire, access, advertiser_id=account, clock=clock, shop=shop)


def _shop(settings: Settings, clock: Clock) -> Doudian:
    access = _fixed(settings, "shop_access_token", "CHORUS_SHOP_ACCESS_TOKEN")
    app = _app(settings, "shop")
    return Doudian(Wire("抖店", settings.shop_base_url), access, app=app, clock=clock)


def _erp(settings: Settings, clock: Clock) -> Jushuitan:
    access = _fixed(settings, "erp_access_token", "CHORUS_ERP_ACCESS_TOKEN")
    wire = Wire("聚水潭", settings.erp_base_url, paces=PACES)
    return Jushuitan(wire, access, app=_app(settings, "erp"), clock=clock)
