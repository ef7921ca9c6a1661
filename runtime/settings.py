"""Settings from the environment. Secrets come only from here, never from the manifest or a command line."""

import os
from pathlib import Path
from typing import Any, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from runtime.errors import ConfigError

PREFIX = "CHORUS_"


class Settings(BaseSettings):
    """Everything that differs between two installations. Names in the environment stand in `env_name`.

    Attributes:
        feishu_app_id: App ID of the custom app, from Credentials & Basic Info in the console.
        feishu_app_secret: App Secret, from the same page.
        feishu_encrypt_key: Encrypt Key of Events & Callbacks > Encryption strategy; required unless
            CHORUS_ALLOW_UNENCRYPTED_EVENTS is true.
        feishu_verification_token: Verification Token of the same page; checked when given.
        feishu_base_url: address of the open platform; https://open.larksuite.com for Lark.
        host: address the web process listens on; 0.0.0.0 in a container.
        port: port the web process listens on.
        public_url: address under which people and Feishu reach this installation, for links in cards and for
            signing in.
        var_dir: folder of everything the product writes, unless another setting says otherwise.
        manifest: the file described below.
        instance: name of this machine among several; must differ on each, and stay the same over restarts.
        leave_seconds: how long a process that was told to stop goes on answering while `/readyz` says 503, so
            that a load balancer sends the next request elsewhere: two of its health checks. 0 where there is
            one machine.
        log_level: debug, info, warning or error.
        allow_unencrypted_events: accept events without signature; for a trial on this machine only.
        database_url: where state is kept: sqlite:///<file>, or postgresql://<user>@<host>/<name>, which
            several machines need.
        mirror_url: where the rows of Bitable are kept as last read; may be lost at any time.
        pay_keys: keys that seal pay, `name:base64` separated by commas, the first one seals; made by
            `chorus payroll new-key`. Without one pay is off.
        pay_keys_file: a file with the same content, instead of CHORUS_PAY_KEYS.
        pay_kms: `module:function` that opens keys by a key-management service of your own.
        payer_bank: bank of the company's account, for payout files.
        payer_account: number of that account.
        payer_name: its holder.
        payer_alipay: the company's account at Alipay, for the template `alipay`.
        payout_template: form of payout files: `cmb`, `icbc` or `alipay`.
        image_keys: key of an image model, one variable a provider: `CHORUS_IMAGE_KEY_ARK`, `…_QWEN`,
            `…_OPENAI`.
        image_urls: another address of a provider, one variable each.
        backup_key: seals backups, made by `chorus backup --new-key`; keep a copy elsewhere.
        blob_dir: folder of pictures and files by their hash; shared when there are several machines.
        base_app_token: the Bitable base to use, if it is not the one `chorus setup` made.
        admin_open_id: who manages the base and is told what has nobody else to be told to.
        ads_base_url: address of the ad platform (巨量千川).
        ads_access_token: its access token; without one ad plans are not fetched.
        ads_advertiser_id: the advertiser.
        ads_shop: the shop it advertises, as 店铺日报 calls it; the 抖音号 of each plan if left out.
        shop_base_url: address of the shop platform (抖店).
        shop_app_key: its app key; without one shops are not fetched.
        shop_app_secret: its app secret.
        shop_access_token: its access token.
        erp_base_url: address of the ERP (聚水潭).
        erp_app_key: its app key; without one stock is not fetched.
        erp_app_secret: its app secret.
        erp_access_token: its access token.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", populate_by_name=True, env_ignore_empty=True
    )

    feishu_app_id: str = Field(validation_alias="FEISHU_APP_ID")
    feishu_app_secret: SecretStr = Field(validation_alias="FEISHU_APP_SECRET")
    feishu_encrypt_key: SecretStr | None = Field(default=None, validation_alias="FEISHU_ENCRYPT_KEY")
    feishu_verification_token: SecretStr | None = Field(
        default=None, validation_alias="FEISHU_VERIFICATION_TOKEN"
    )
    feishu_base_url: str = Field(default="https://open.feishu.cn", validation_alias="FEISHU_BASE_URL")

    host: str = "127.0.0.1"
    port: int = Field(default=8460, ge=0, le=65535)
    public_url: str | None = None
    var_dir: Path = Path("var")
    manifest: Path = Path("feishu_app.yaml")
    instance: str = Field(default="chorus-1", pattern=r"^[A-Za-z0-9._-]{1,64}$")
    leave_seconds: float = Field(default=0.0, ge=0, le=300)
    log_level: str = "info"
    allow_unencrypted_events: bool = False

    database_url: str = Field(
        default_factory=lambda data: f"sqlite:///{data.get('var_dir', Path('var'))}/chorus.db",
        validation_alias="DATABASE_URL",
    )
    mirror_url: str = Field(default_factory=lambda data: _sibling(data.get("database_url", "")))

    pay_keys: SecretStr | None = None
    pay_keys_file: Path | None = None
    pay_kms: str | None = Field(default=None, pattern=r"^[\w.]+:\w+$")
    payer_bank: str = ""
    payer_account: str = ""
    payer_name: str = ""
    payer_alipay: str = ""
    payout_template: str = Field(default="cmb", pattern=r"^(cmb|icbc|alipay)$")

    image_keys: dict[str, SecretStr] = Field(default_factory=lambda: _named("CHORUS_IMAGE_KEY_"), repr=False)
    image_urls: dict[str, SecretStr] = Field(default_factory=lambda: _named("CHORUS_IMAGE_URL_"), repr=False)
    backup_key: SecretStr | None = None
    blob_dir: Path = Field(default_factory=lambda data: data.get("var_dir", Path("var")) / "blobs")

    base_app_token: str | None = None
    admin_open_id: str | None = Field(default=None, pattern=r"^ou_")
    ads_base_url: str = "https://api.oceanengine.com"
    ads_access_token: SecretStr | None = None
    ads_advertiser_id: str | None = None
    ads_shop: str | None = None
    shop_base_url: str = "https://openapi-fxg.jinritemai.com"
    shop_app_key: str | None = None
    shop_app_secret: SecretStr | None = None
    shop_access_token: SecretStr | None = None
    erp_base_url: str = "https://openapi.jushuitan.com"
    erp_app_key: str | None = None
    erp_app_secret: SecretStr | None = None
    erp_access_token: SecretStr | None = None

    @property
    def origin(self) -> str:
        """Our address as browsers know it; never taken from a request."""
        return self.public_url or f"http://{self.host}:{self.port}"

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.lower() not in {"debug", "info", "warning", "error"}:
            msg = "is none of debug, info, warning, error"
            raise ValueError(msg)
        return value.lower()

    @field_validator("database_url", "mirror_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        if not value.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://", "postgres://")):
            msg = "is no address we can use; give sqlite:///<file> or postgresql://<user>@<host>/<name>"
            raise ValueError(msg)
        return value

    @field_validator("feishu_base_url", "ads_base_url", "shop_base_url", "erp_base_url", "public_url")
    @classmethod
    def _http_address(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            msg = "is no address; it must start with https:// (or http:// on this machine)"
            raise ValueError(msg)
        return value.rstrip("/") if value else value

    @model_validator(mode="after")
    def _events_are_protected(self) -> Self:
        if self.feishu_encrypt_key is None and not self.allow_unencrypted_events:
            msg = (
                "FEISHU_ENCRYPT_KEY is missing. Without it anybody can post events. Set an Encrypt Key in "
                "the Feishu console (Events and callbacks > Encryption strategy) and give the same value "
                "here; for a trial on this machine only, set CHORUS_ALLOW_UNENCRYPTED_EVENTS=true"
            )
            raise ValueError(msg)
        return self


def load_settings(**overrides: Any) -> Settings:
    """Read the settings from the environment.

    Args:
        overrides: field names with values that win over the environment (used by the command line and tests).

    Raises:
        ConfigError: a sentence for each wrong or missing variable: its name, what is expected, not its value.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise ConfigError(_explain(error)) from None


def env_name(field: str) -> str:
    """Return the name of the environment variable of a settings field, e.g. `port` -> `CHORUS_PORT`."""
    alias = Settings.model_fields[field].validation_alias
    return alias if isinstance(alias, str) else f"{PREFIX}{field}".upper()


def _named(prefix: str) -> dict[str, SecretStr]:
    """Variables of one kind, by the rest of their name in lower case; empty ones are left out."""
    return {
        name.removeprefix(prefix).lower(): SecretStr(value)
        for name, value in os.environ.items()
        if name.startswith(prefix) and value
    }


def _sibling(database_url: str) -> str:
    if not database_url.startswith("sqlite:///"):
        return database_url
    path = Path(database_url.removeprefix("sqlite:///"))
    return f"sqlite:///{path.with_name('mirror.db')}"


def _explain(error: ValidationError) -> str:
    sentences, missing = [], False
    for problem in error.errors(include_input=False, include_url=False):
        where = str(problem["loc"][0]) if problem["loc"] else ""
        name = env_name(where) if where in Settings.model_fields else where
        if problem["type"] == "default_factory_not_called":
            continue  # it follows from another fault, which is told
        if problem["type"] == "missing":
            sentences.append(f"{name} is not set; it is required.")
            missing = True
        elif not where:
            sentences.append(problem["msg"].removeprefix("Value error, ") + ".")
        else:
            sentences.append(f"{name} {_expected(problem['type'], problem['msg'])}.")
    if missing:
        sentences.append("docs/CONFIGURATION.md explains each variable; chorus demo needs none.")
    return " ".join(sentences)


def _expected(kind: str, message: str) -> str:
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    if kind.startswith("bool"):
        return "must be true or false"
    if kind.startswith("int") or kind in {"greater_than_equal", "less_than_equal"}:
        return f"must be a whole number ({message[0].lower()}{message[1:]})"
    return f"is wrong: {message[0].lower()}{message[1:]}"
