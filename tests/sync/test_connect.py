"""From the manifest to gateways: credentials typed in, mistakes told, one failure takes no other along."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from pydantic import ValidationError

import app
from bitable_sync.doctor import Level, check_keys
from bitable_sync.platforms.connect import connect
from bitable_sync.platforms.credentials import Credentials, Pair
from bitable_sync.platforms.doctor import examine
from bitable_sync.platforms.facts import DOUYIN, TAOBAO, AdPlan, PlanState
from bitable_sync.platforms.gateways import Gateways
from bitable_sync.platforms.kinds import KINDS
from bitable_sync.platforms.taobao import Taobao
from bitable_sync.platforms.wangdiantong import WdtFlagship
from runtime.clock import SHANGHAI, ManualClock
from runtime.db import Database, open_mirror
from runtime.errors import ConfigError, PermanentError, TransientError
from runtime.floor import Floor
from runtime.manifest import BaseManifest, Manifest
from runtime.manifest_model import USUAL_FEEDS, ConnectionManifest
from runtime.settings import load_settings
from runtime.vault import Keys, Vault, new_key, parse_keys
from runtime.work import WorkQueue
from sandbox.taobao import APP_KEY, APP_SECRET, REFRESH, SESSION

pytestmark = pytest.mark.db
VAULT = Vault(Keys({"k1": b"1" * 32}))
START = datetime(2026, 3, 1, 1, 30, tzinfo=UTC)
TMALL = {"name": "tmall-a", "kind": "taobao", "shop": "悦然旗舰店"}
TMALL_ADS = {
    "name": "tmall-ads",
    "kind": "taobao_ads",
    "credential": "tmall-a",
    "options": {"effect_days": "7"},
}


def floor_of(database: Database, folder: Path, *connections: dict[str, Any]) -> Floor:
    """A floor whose manifest has these connections."""
    settings = load_settings(
        feishu_app_id="a", feishu_app_secret="b", feishu_encrypt_key="c", var_dir=folder,
        database_url=database.url, mirror_url=f"sqlite:///{folder / 'mirror.db'}",
    )  # fmt: skip
    found = tuple(ConnectionManifest(**each) for each in connections)
    manifest = Manifest(name="测试", base=BaseManifest(name="经营数据"), connections=found)
    mirror = open_mirror(settings.mirror_url)
    return Floor(settings, manifest, ManualClock(START), database, mirror, WorkQueue(database))


def test_connections_of_the_manifest_become_gateways(database: Database, tmp_path: Path) -> None:
    """Two connections share one authorisation, and so one lane of refreshing."""
    wdt = {"name": "wdt", "kind": "wdt_flagship"}
    floor = floor_of(database, tmp_path, TMALL, TMALL_ADS, wdt)
    store = Credentials(database, VAULT, floor.clock)
    store.enter("tmall-a", "taobao", {"app_key": "k", "app_secret": "s"}, Pair("t", "r", 86_400))
    store.enter("wdt", "wdt_flagship", {"sid": "s", "key": "k", "app_secret": "x:y"}, None)
    found = connect(floor, VAULT)
    assert (list(found.ads), list(found.shops), list(found.stock)) == (["tmall-ads"], ["tmall-a"], ["wdt"])
    assert isinstance(found.purchases, WdtFlagship)
    shop = found.shops["tmall-a"].source
    assert isinstance(shop, Taobao)
    assert shop.top.access is found.ads["tmall-ads"].top.access  # type: ignore[attr-defined]
    assert [check.level for check in examine(floor, VAULT)] == [Level.WARN, Level.WARN, Level.OK]


@pytest.mark.parametrize(
    ("connection", "said"),
    [
        (TMALL, "chorus shops add tmall-a"),
        (TMALL | {"options": {"gmv": "nonsense"}}, "payment、total_fee"),
        (TMALL | {"options": {"colour": "red"}}, "没有选项 colour"),
        ({"name": "drop", "kind": "folder", "feeds": ["stock"], "options": {"fresh": "soon"}}, "15m"),
    ],
)
def test_a_connection_that_is_wrong_says_so_and_stops_nothing(
    database: Database, tmp_path: Path, connection: dict[str, Any], said: str
) -> None:
    """The others work; whoever asks this one, and doctor, hear the sentence."""
    good = {"name": "files", "kind": "folder", "feeds": ["stock"], "options": {"path": str(tmp_path)}}
    (tmp_path / "stock.csv").write_text("SKU编码,库存\nA1,7", "utf-8")
    floor = floor_of(database, tmp_path, good, {**connection, "feeds": ["stock"]})
    floor.clock.set(datetime.now(UTC) + timedelta(minutes=1))  # type: ignore[attr-defined]
    found = connect(floor, VAULT).all_stock({})
    assert [row.sku_id for row in found.rows["files"]] == ["A1"]
    assert said in found.sentence
    ok, bad = examine(floor, VAULT)
    assert (ok.level, bad.level, said in bad.sentence) == (Level.OK, Level.FAIL, True)


def test_without_a_key_credentials_are_asked_for_a_key(database: Database, tmp_path: Path) -> None:
    """Nothing is kept unsealed."""
    (check,) = examine(floor_of(database, tmp_path, TMALL), None)
    assert (check.level, "CHORUS_PAY_KEYS" in check.sentence) == (Level.FAIL, True)


def test_doctor_tells_of_an_authorisation_that_ended(database: Database, tmp_path: Path) -> None:
    """What made the refresh fail stands there until new tokens are entered."""
    floor = floor_of(database, tmp_path, TMALL)
    store = Credentials(database, VAULT, floor.clock)
    store.enter("tmall-a", "taobao", {"app_key": "k", "app_secret": "s"}, Pair("t", "r"))
    assert [check.level for check in examine(floor, VAULT)] == [Level.OK]
    store.broken("tmall-a", "tmall-a 的授权不能再续")
    (check,) = examine(floor, VAULT)
    assert (check.level, check.sentence) == (Level.FAIL, "tmall-a 的授权不能再续")


def test_names_stand_once_and_every_kind_feeds_something() -> None:
    """Mistakes of the manifest are told when it is read."""
    for wrong in ((TMALL, TMALL), ({**TMALL, "name": "erp"},), ({"name": "x", "kind": "sql"},)):
        with pytest.raises(ValidationError):
            Manifest(
                name="测试", base=BaseManifest(name="经营数据"),
                connections=tuple(ConnectionManifest(**each) for each in wrong),
            )  # fmt: skip
    assert set(USUAL_FEEDS) | {"folder", "sql"} == set(KINDS)


# --- the command line ---


def shops(database: Database, folder: Path, *words: str, typed: str = "") -> Any:
    """Call ``chorus shops …``."""
    manifest = {"name": "测试", "base": {"name": "经营数据"}, "connections": [TMALL]}
    (folder / "feishu_app.yaml").write_text(yaml.safe_dump(manifest, allow_unicode=True), "utf-8")
    env = {
        "FEISHU_APP_ID": "cli_x", "FEISHU_APP_SECRET": "x", "FEISHU_ENCRYPT_KEY": "x",
        "DATABASE_URL": database.url, "CHORUS_VAR_DIR": str(folder),
        "CHORUS_MANIFEST": str(folder / "feishu_app.yaml"), "CHORUS_PAY_KEYS": key(folder),
    }  # fmt: skip
    return CliRunner().invoke(app.main, ["shops", *words], env=env, input=typed)


def key(folder: Path) -> str:
    """One key for the calls of a test."""
    file = folder / "key"
    if not file.exists():
        file.write_text(new_key("k1"), "utf-8")
    return file.read_text("utf-8")


def test_credentials_are_typed_listed_and_forgotten(database: Database, tmp_path: Path) -> None:
    """What is typed is never shown again; the audit trail says that it was."""
    done = shops(
        database, tmp_path, "add", "tmall-a", typed="12345678\nmy-secret-1\nmy-token-1\nmy-refresh-1\n24\n"
    )
    assert done.exit_code == 0, done.output
    listed = shops(database, tmp_path, "list")
    assert "tmall-a  taobao  until" in listed.output
    for secret in ("my-secret-1", "my-token-1", "my-refresh-1"):
        assert secret not in done.output + listed.output
    assert shops(database, tmp_path, "remove", "tmall-a").exit_code == 0
    assert "none yet" in shops(database, tmp_path, "list").output
    with database.read() as conn:
        trail = conn.exec_driver_sql("SELECT action, subject FROM audit ORDER BY id").all()
    assert [tuple(row) for row in trail] == [
        ("shops.add", "connection:tmall-a"), ("shops.remove", "connection:tmall-a"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "nobody"), "no connection nobody"),
        (("add", "x", "--kind", "ebay"), "is none of"),
        (("add", "x", "--kind", "folder"), "needs no credentials"),
        (("remove", "nobody"), "no credentials called nobody"),
    ],
)
def test_mistakes_on_the_command_line_are_sentences(
    database: Database, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    """No stack trace."""
    done = shops(database, tmp_path, *words)
    assert (done.exit_code != 0, said in done.output) == (True, True), done.output


def test_what_was_typed_opens_the_shop(sandbox: Any, database: Database, tmp_path: Path) -> None:
    """From the command line to the platform: entered, sealed, renewed, signed, answered."""
    typed = f"{APP_KEY}\n{APP_SECRET}\ndead-{SESSION}\n{REFRESH}\n0\n"
    assert shops(database, tmp_path, "add", "tmall-a", typed=typed).exit_code == 0
    options = {"base_url": sandbox.url, "auth_url": sandbox.url}
    floor = floor_of(database, tmp_path, TMALL | {"options": options})
    now = datetime.now(UTC)
    floor.clock.set(now)  # type: ignore[attr-defined]
    vault = Vault(Keys(parse_keys(key(tmp_path))))
    paid = (now - timedelta(minutes=1)).astimezone(SHANGHAI)
    sandbox.world.taobao.place("T1", "99.90", paid=f"{paid:%Y-%m-%d %H:%M:%S}")
    today, before = connect(floor, vault).all_sales(now).rows["tmall-a"]
    assert sum(each.amount for each in (*today, *before)) == Decimal("99.90")
    assert {each.name for each in (*today, *before)} == {"悦然旗舰店"}
    assert sandbox.world.taobao.renewals == 1


# --- several accounts ---


class Account:
    """An advertising account of the test."""

    def __init__(self, platform: str, *ids: str, error: Exception | None = None) -> None:
        self.platform = platform
        self.ids = ids
        self.error = error
        self.budgets: dict[str, Decimal] = {}

    def plans(self, day: date | None = None) -> list[AdPlan]:
        """All of them."""
        del day
        if self.error is not None:
            raise self.error
        return [
            AdPlan(
                each,
                each,
                self.platform,
                "店",
                PlanState.LIVE,
                Decimal(500),
                Decimal(1),
                Decimal(1),
                1,
                date.min,
            )
            for each in self.ids
        ]

    def plan(self, plan_id: str) -> AdPlan | None:
        """One."""
        return next((each for each in self.plans() if each.plan_id == plan_id), None)

    def set_budget(self, plan_id: str, budget: Decimal) -> None:
        """Keep what was asked."""
        self.budgets[plan_id] = budget


def test_one_account_that_fails_takes_no_other_along() -> None:
    """Rows of the others come, the trouble is named, and nothing of its platform is taken for deleted."""
    down = Account(DOUYIN, error=TransientError("忙"))
    ads = Gateways({"tb": Account(TAOBAO, "1"), "qc": down, "qc2": Account(DOUYIN, "2")})
    found = ads.all_plans()
    assert [[plan.plan_id for plan in rows] for rows in found.rows.values()] == [["1"], ["2"]]
    assert (found.sentence, ads.answered(found)) == ("qc：忙", {TAOBAO})
    with pytest.raises(TransientError):
        Gateways({"qc": down}).all_plans().heard()
    found.heard()


def test_a_budget_goes_to_the_account_that_has_the_plan() -> None:
    """Also past one that fails; a plan nobody has is refused, unless one could not be asked."""
    down, home = Account(DOUYIN, error=TransientError("忙")), Account(TAOBAO, "1")
    both = Gateways({"qc": down, "tb": home})
    both.set_budget("1", Decimal(800))
    assert (home.budgets, down.budgets) == ({"1": Decimal(800)}, {})
    with pytest.raises(TransientError):
        both.set_budget("9", Decimal(800))
    with pytest.raises(PermanentError, match="没有一个已接入的广告账户"):
        Gateways({"tb": home}).set_budget("9", Decimal(800))


def test_an_unset_connection_is_a_config_error(database: Database, tmp_path: Path) -> None:
    """Broken connections raise their own error wherever they are asked."""
    found = connect(floor_of(database, tmp_path, TMALL_ADS), VAULT)
    with pytest.raises(ConfigError, match="chorus shops add tmall-a"):
        found.plan("1")


def test_doctor_misses_no_token_that_a_connection_makes_needless(database: Database, tmp_path: Path) -> None:
    """A company whose shops are all in the manifest is not told to set variables."""
    settings = floor_of(database, tmp_path).settings
    (alone,) = [check for check in check_keys(settings) if "CHORUS_ADS" in check.sentence]
    assert "CHORUS_SHOP_ACCESS_TOKEN" in alone.sentence
    left = [check.sentence for check in check_keys(settings, {"shops", "plans"}) if "平台" in check.sentence]
    assert ["CHORUS_ERP_ACCESS_TOKEN" in each and "CHORUS_SHOP" not in each for each in left] == [True]
