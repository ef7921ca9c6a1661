"""Starts a sandbox and, as its customer, the product: processes, environment variables, real HTTP."""

from __future__ import annotations

import base64
import http.client
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import yaml

from sandbox.ads import ADVERTISER_ID
from sandbox.approval_state import (
    BUDGET_CODE,
    PAYROLL_COMPANY_CODE,
    PAYROLL_DEPARTMENT_CODE,
    PURCHASE_CODE,
)
from sandbox.client import Control, until
from sandbox.images_state import KEY as IMAGE_KEY

HOME = Path(__file__).resolve().parent.parent
QUICK = {
    "pull_ads": "every 2s",
    "pull_stock": "every 5s",
    "pull_shops": "every 5s",
    "check_rules": "every 2s",
}
APPROVALS = {
    "budget": {"name": "广告预算调整", "code": BUDGET_CODE},
    "purchase": {"name": "紧急补货", "code": PURCHASE_CODE},
    "payroll_department": {"name": "部门工资审批", "code": PAYROLL_DEPARTMENT_CODE},
    "payroll_company": {"name": "月度工资审批", "code": PAYROLL_COMPANY_CODE},
}


PROVIDER_CODE = "001191510100MA6YUERANN10001"
"""Made up: a company asks the authority for its own."""


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Stage:
    """One sandbox and one installation of the product.

    Args:
        folder: where data and logs of this run go; emptied by ``open``.
        company: which company the sandbox founds: demo, small, tiny or empty.
        schedules: what differs from the manifest's schedules, e.g. ``{"pull_ads": "every 2s"}``.
        limits: what differs from the manifest's limits.
        env: further environment of the product, e.g. ``DATABASE_URL``.
        keep_state: let the sandbox keep its state in the folder, so that it can be restarted.

    Attributes:
        sandbox: the sandbox's process.
        server: what ``serve`` started last.
    """

    folder: Path
    company: str = "demo"
    seed: int = 1
    sandbox_port: int = 0
    port: int = 0
    schedules: dict[str, str] = field(default_factory=lambda: dict(QUICK))
    manifest: dict[str, Any] = field(default_factory=dict)
    limits: dict[str, Any] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    keep_state: bool = False
    sandbox: subprocess.Popen[bytes] = field(init=False, repr=False)
    server: subprocess.Popen[bytes] = field(init=False, repr=False)
    _children: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _logs: list[IO[bytes]] = field(default_factory=list)

    @property
    def sandbox_url(self) -> str:
        """Address of the sandbox."""
        return f"http://127.0.0.1:{self.sandbox_port}"

    @property
    def url(self) -> str:
        """Address of the product."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def control(self) -> Control:
        """The control plane of this stage's sandbox."""
        return Control(self.sandbox_url)

    def open(self) -> None:
        """Empty the folder, choose ports, start the sandbox and write the manifest."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.sandbox_port = self.sandbox_port or free_port()
        self.port = self.port or free_port()
        self._start_sandbox()
        self._write_manifest()

    def resume(self) -> None:
        """Start the sandbox from the state that an earlier stage left in the folder, and go on there.

        Raises:
            ValueError: this stage was not made with ``keep_state`` and with the ports of the earlier one.
        """
        if not (self.keep_state and self.sandbox_port and self.port):
            raise ValueError("make the Stage with keep_state=True and with the ports it was opened with")
        self._start_sandbox()

    def restart_sandbox(self) -> None:
        """Stop the sandbox and start it again on the same port, where it goes on with its state.

        Raises:
            ValueError: this stage was not made with ``keep_state``, so the sandbox would forget everything.
        """
        if not self.keep_state:
            raise ValueError("make the Stage with keep_state=True")
        self.sandbox.terminate()
        self.sandbox.wait(30)
        self._children.remove(self.sandbox)
        self._start_sandbox()

    def _start_sandbox(self) -> None:
        args = ["--port", str(self.sandbox_port), "--company", self.company, "--seed", str(self.seed)]
        if self.keep_state:
            args += ["--keep-state", str(self.folder / "sandbox.state")]
        self.sandbox = self.start([sys.executable, "-m", "sandbox", *args], "sandbox")
        self._children.insert(0, self._children.pop())  # stopped last
        until(self._sandbox_answers, 30, "the sandbox answers")
        self._name_administrator()

    def join(self, other: Stage) -> None:
        """Be a second installation beside an opened one: own folder and port, the same sandbox and keys."""
        self.folder.mkdir(parents=True)
        self._keys_file.write_text(other.pay_keys(), "utf-8")
        self.sandbox_port = other.sandbox_port
        self.port = self.port or free_port()
        self._write_manifest()

    def setup(self) -> str:
        """Run ``chorus setup`` and return what it printed."""
        return self.run("setup")

    def serve(self, *args: str, name: str = "serve") -> subprocess.Popen[bytes]:
        """Start ``chorus serve`` and wait until it is ready to be called."""
        self.server = process = self.start([*self.command, "serve", *args], name)
        until(lambda: _alive(process) and answers(self.url + "/readyz"), 90, "chorus serve is ready")
        return process

    def subscribe(self) -> None:
        """Enter the request URL in the sandbox's console, as an administrator would."""
        self.control.post("subscription", url=f"{self.url}/webhook/event")

    @property
    def command(self) -> list[str]:
        """How the product is called."""
        return [sys.executable, str(HOME / "app.py")]

    def run(self, *args: str, check: bool = True) -> str:
        """Run a product command to its end and return its output; RuntimeError if it fails."""
        done = subprocess.run(  # noqa: S603  # our own command line
            [*self.command, *args],
            cwd=HOME,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode != 0:
            raise RuntimeError(f"chorus {' '.join(args)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def start(self, command: list[str], name: str) -> subprocess.Popen[bytes]:
        """Start a process whose output goes to ``<folder>/<name>.log``."""
        log = (self.folder / f"{name}.log").open("ab")
        self._logs.append(log)
        process = subprocess.Popen(  # noqa: S603  # our own command lines
            command, cwd=HOME, env=self.environment(), stdout=log, stderr=log, start_new_session=True
        )
        self._children.append(process)
        return process

    def stop(self) -> None:
        """End everything this stage started, the youngest first."""
        for process in reversed(self._children):
            if process.poll() is None:
                process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(5)
        for log in self._logs:
            log.close()
        self._children.clear()
        self._logs.clear()

    def environment(self) -> dict[str, str]:
        """The product's environment: only addresses and credentials tell it where it is."""
        base = self.sandbox_url
        return {
            **os.environ,
            "FEISHU_APP_ID": "cli_sandbox0000001",
            "FEISHU_APP_SECRET": "sandbox-secret",
            "FEISHU_ENCRYPT_KEY": "sandbox-encrypt-key",
            "FEISHU_VERIFICATION_TOKEN": "sandbox-verification-token",
            "FEISHU_BASE_URL": base,
            "CHORUS_VAR_DIR": str(self.folder / "var"),
            "CHORUS_MANIFEST": str(self.folder / "feishu_app.yaml"),
            "CHORUS_PORT": str(self.port),
            "CHORUS_PUBLIC_URL": self.url,
            "CHORUS_PAY_KEYS": self.pay_keys(),
            "CHORUS_PAYER_BANK": "招商银行成都分行",
            "CHORUS_PAYER_ACCOUNT": "128900000010001",
            "CHORUS_PAYER_NAME": "成都悦然服饰有限公司",
            "CHORUS_PAYER_ALIPAY": "pay@yueran.example",
            "CHORUS_ADS_BASE_URL": base,
            "CHORUS_ADS_ACCESS_TOKEN": "sandbox-ads-token",
            "CHORUS_ADS_ADVERTISER_ID": str(ADVERTISER_ID),
            "CHORUS_SHOP_BASE_URL": base,
            "CHORUS_SHOP_APP_KEY": "sandbox-shop-key",
            "CHORUS_SHOP_APP_SECRET": "sandbox-shop-secret",
            "CHORUS_SHOP_ACCESS_TOKEN": "sandbox-shop-token",
            "CHORUS_ERP_BASE_URL": base,
            "CHORUS_ERP_APP_KEY": "sandbox-erp-key",
            "CHORUS_ERP_APP_SECRET": "sandbox-erp-secret",
            "CHORUS_ERP_ACCESS_TOKEN": "sandbox-erp-token",
            "CHORUS_IMAGE_KEY_ARK": IMAGE_KEY,
            "CHORUS_IMAGE_URL_ARK": f"{base}/api/v3",
            "CHORUS_IMAGE_KEY_OPENAI": IMAGE_KEY,
            "CHORUS_IMAGE_URL_OPENAI": f"{base}/v1",
            **self.env,
        }

    def pay_keys(self) -> str:
        """The key that seals pay, made when first asked for and kept in the folder: ``name:base64``."""
        if not self._keys_file.exists():
            key = base64.b64encode(secrets.token_bytes(32)).decode()
            self._keys_file.write_text(f"demo:{key}", "utf-8")
        return self._keys_file.read_text("utf-8")

    @property
    def _keys_file(self) -> Path:
        return self.folder / "pay.keys"

    def _name_administrator(self) -> None:
        """The general manager, first in the list, manages the base, unless ``env`` says who does."""
        people = self.control.get("people")["people"]
        if people:
            self.env.setdefault("CHORUS_ADMIN_OPEN_ID", str(people[0]["open_id"]))

    def _payroll(self) -> dict[str, Any]:
        """Who pays people: HR and finance with their heads, each the first of their department."""
        people = self.control.get("people")["people"]
        hr, finance = (
            [str(p["open_id"]) for p in people if p["department"] == name] for name in ("人事部", "财务部")
        )
        heads = {"hr_head": hr[0], "finance_head": finance[0]} if hr and finance else {}
        heads |= {"attendance_operator": hr[0]} if hr else {}
        return {"company": "悦然服饰", "tenant": "yueran", "hr": hr, "finance": finance, **heads}

    def _creative(self) -> dict[str, Any]:
        """A wiki space of the company, founded by somebody who then made the app a member."""
        spaces = self.control.get("wiki/spaces")["spaces"]
        space = spaces[0] if spaces else self.control.post("wiki/spaces", name="素材归档")
        return {
            "wiki_space": str(space["space_id"]),
            "site": self.sandbox_url,
            "label_producer": PROVIDER_CODE,
        }

    def _write_manifest(self) -> None:
        manifest = yaml.safe_load((HOME / "feishu_app.yaml").read_text("utf-8"))
        manifest["schedules"] = {**manifest.get("schedules", {}), **self.schedules}
        manifest["approvals"] = {**manifest.get("approvals", {}), **APPROVALS}
        manifest["payroll"] = {**manifest.get("payroll", {}), **self._payroll()}
        manifest["creative"] = {**manifest.get("creative", {}), **self._creative()}
        manifest["limits"] = {**manifest.get("limits", {}), **self.limits}
        manifest.update(self.manifest)
        text = yaml.safe_dump(manifest, allow_unicode=True, sort_keys=False)
        (self.folder / "feishu_app.yaml").write_text(text, "utf-8")

    def _sandbox_answers(self) -> bool:
        return _alive(self.sandbox) and answers(self.sandbox_url + "/_sandbox/clock")


def _alive(process: subprocess.Popen[bytes]) -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"a process ended with {process.returncode}; read its log")
    return True


def answers(url: str) -> bool:
    """Whether a GET of this loopback address is answered with 200."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=2)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
