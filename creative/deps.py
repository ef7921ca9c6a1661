"""What the parts of images need, handed down explicitly."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from creative.blobs import Blobs
from creative.painter import Painter
from creative.providers.model import ImageModel, Kind, Profile
from creative.providers.profiles import PROFILES
from runtime.clock import Clock
from runtime.db import Database
from runtime.errors import ConfigError
from runtime.ids import OpenId
from runtime.work import WorkQueue

if TYPE_CHECKING:
    from bitable_sync.context import Sync
    from runtime.feishu import Feishu
    from runtime.manifest import Manifest
    from runtime.manifest_model import ProviderManifest
    from runtime.settings import Settings


@dataclass(frozen=True, slots=True)
class Budget:
    """Yuan that may be spent on generated pictures."""

    day: Decimal
    requester_day: Decimal
    request: Decimal


@dataclass(frozen=True, slots=True)
class Policy:
    """What the configuration decides about images.

    Attributes:
        profiles: image models with a key, in the order they are asked; none = backgrounds are painted here.
        budget: what may be spent.
        mark: visible sign on pictures with a generated background, or "".
        producer: code of the service provider in the hidden sign.
        wiki_space: where finished material is archived, or "".
        wiki_parent: page it is archived under, or "".
        site: address of the company's Feishu, for links to pages; or "".
        admin: who may decide in everybody's place, or None.
    """

    profiles: tuple[Profile, ...]
    budget: Budget
    mark: str
    producer: str
    wiki_space: str = ""
    wiki_parent: str = ""
    site: str = ""
    admin: OpenId | None = None


UNREGISTERED = "CHORUS-UNREGISTERED"
"""Stands in the hidden sign where no provider code is configured; doctor says so."""


def make_policy(manifest: Manifest, settings: Settings) -> Policy:
    """The policy of a configuration.

    Raises:
        ConfigError: a provider of the manifest is incomplete; the sentence names what is missing.
    """
    section = manifest.creative
    profiles = [profile_of(each, settings) for each in section.providers]
    budget = section.budget
    return Policy(
        tuple(each for each in profiles if each.name in settings.image_keys),
        Budget(Decimal(budget.day), Decimal(budget.requester_day), Decimal(budget.request)),
        section.mark,
        section.label_producer or UNREGISTERED,
        section.wiki_space,
        section.wiki_parent,
        section.site.rstrip("/"),
        OpenId(settings.admin_open_id) if settings.admin_open_id else None,
    )


def profile_of(given: ProviderManifest, settings: Settings) -> Profile:
    """The profile of a provider: what we know of it, changed by manifest and environment."""
    known = PROFILES.get(given.name)
    if known is None and None in (given.kind, given.base_url, given.model, given.price):
        raise ConfigError(
            f"creative.providers: {given.name} is not known; give its kind, base_url, model and price, "
            f"or use one of {', '.join(PROFILES)}."
        )
    address = settings.image_urls.get(given.name)
    start = known or Profile(
        given.name, Kind(str(given.kind)), str(given.base_url), str(given.model), Decimal(str(given.price))
    )
    return Profile(
        **{
            **{name: getattr(start, name) for name in Profile.__dataclass_fields__},
            **({"kind": Kind(given.kind)} if given.kind else {}),
            **({"base_url": given.base_url} if given.base_url else {}),
            **({"base_url": address.get_secret_value()} if address else {}),
            **({"model": given.model} if given.model else {}),
            **({"price": Decimal(given.price)} if given.price else {}),
            **({"quality": given.quality} if given.quality else {}),
        }
    )


@dataclass(frozen=True, slots=True)
class Art:
    """The worker's side of images.

    Attributes:
        db: durable database.
        queue: durable work.
        clock: the time.
        sync: the tables.
        feishu: messages, drive, wiki.
        blobs: files by hash.
        painter: where pixels are worked on.
        models: image models in order; made when first asked for.
        policy: what the configuration decides.
    """

    db: Database
    queue: WorkQueue
    clock: Clock
    sync: Sync
    feishu: Feishu
    blobs: Blobs
    painter: Painter
    models: Callable[[], tuple[ImageModel, ...]]
    policy: Policy

    def warm(self) -> None:
        """Start painters and load the models' library beside what the worker does; returns at once."""
        threading.Thread(target=self._warm, name="art-warm", daemon=True).start()

    def _warm(self) -> None:
        from creative.painting import get_ready  # noqa: PLC0415 - its name is enough here; painters import it

        self.painter.warm(get_ready)
        self.models()
