"""The manifest, feishu_app.yaml."""

from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

from runtime.errors import ConfigError


class ManifestError(ConfigError):
    """The manifest is wrong; the message names the key, the line and what is expected."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BaseManifest(_Strict):
    """The Bitable base."""

    name: str
    time_zone: str = "Asia/Shanghai"
    tables: dict[str, str] = {}


class QuotaManifest(_Strict):
    """The monthly allowance of API calls."""

    monthly_calls: int = 10000
    warn_at: float = 0.8


class LimitsManifest(_Strict):
    """Guards against bad data."""

    mass_delete: int = 10
    max_age: dict[str, str] = {}


class RoleManifest(_Strict):
    """A role of the base."""

    name: str
    tables: dict[str, str] = {}


class ApprovalManifest(_Strict):
    """An approval definition."""

    code: str | None = None


class Manifest(_Strict):
    """What the app is, as far as Feishu must know it."""

    name: str
    connection: Literal["webhook", "websocket"] = "webhook"
    scopes: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    callbacks: tuple[str, ...] = ()
    base: BaseManifest
    schedules: dict[str, str] = {}
    quota: QuotaManifest = QuotaManifest()
    limits: LimitsManifest = LimitsManifest()
    roles: tuple[RoleManifest, ...] = ()
    approvals: dict[str, ApprovalManifest] = {}


def load_manifest(path: Path) -> Manifest:
    """Read and check the manifest."""
    return Manifest.model_validate(yaml.safe_load(path.read_text("utf-8")))
