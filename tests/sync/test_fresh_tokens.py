"""How each platform renews a token: what is sent, what comes back, and when a person is needed."""

import json
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import pytest
import responses

from bitable_sync.platforms import doudian, jushuitan, qianchuan, signing
from bitable_sync.platforms.refusals import TokenRefused
from bitable_sync.platforms.wire import Wire
from runtime.clock import ManualClock
from runtime.errors import TransientError

ADS, SHOP, ERP = "https://ads.example.com", "https://shop.example.com", "https://erp.example.com"
CLOCK = ManualClock(datetime(2026, 3, 1, 1, 30, tzinfo=UTC))
APP = {"app_key": "k", "app_secret": "s"}


@pytest.fixture
def net():
    """No request leaves; every answer is prepared by the test."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def test_qianchuan_rotates_both_tokens(net) -> None:
    """Both come new, with their lives; a dead refresh token needs a person."""
    url = f"{ADS}/open_api/oauth2/refresh_token/"
    data = {
        "access_token": "a1",
        "refresh_token": "r1",
        "expires_in": 86399,
        "refresh_token_expires_in": 2591999,
    }
    net.post(url, json={"code": 0, "data": data})
    keys = {"app_id": "1", "secret": "s", "advertiser_id": "9"}
    pair = qianchuan.refresh(Wire("巨量千川", ADS), keys, "r0")
    assert (pair.access, pair.refresh, pair.seconds, pair.refresh_seconds) == ("a1", "r1", 86399, 2591999)
    sent = json.loads(net.calls[0].request.body)
    assert (sent["refresh_token"], sent["app_id"], sent["grant_type"]) == ("r0", "1", "refresh_token")
    net.replace("POST", url, json={"code": 40107, "message": "refresh_token无效"})
    with pytest.raises(TokenRefused):
        qianchuan.refresh(Wire("巨量千川", ADS), keys, "r0")


def test_doudian_refreshes_with_a_signed_call(net) -> None:
    """``token/refresh`` is signed like any call."""
    data = {"access_token": "a1", "refresh_token": "r1", "expires_in": 604800}
    net.post(f"{SHOP}/token/refresh", json={"code": 10000, "data": data})
    pair = doudian.refresh(Wire("抖店", SHOP), APP, CLOCK, "r0")
    request = net.calls[0].request
    body = request.body.decode()
    assert (pair.access, pair.refresh, pair.seconds) == ("a1", "r1", 604800)
    assert json.loads(body) == {"grant_type": "refresh_token", "refresh_token": "r0"}
    assert request.params["sign"] == signing.doudian(
        "k", "s", "token.refresh", request.params["timestamp"], body
    )
    gone = {"code": 50001, "msg": "x", "sub_code": "dop.token-generate-failed:4", "sub_msg": "y"}
    net.replace("POST", f"{SHOP}/token/refresh", json=gone)
    with pytest.raises(TokenRefused):
        doudian.refresh(Wire("抖店", SHOP), APP, CLOCK, "r0")


@pytest.mark.parametrize(("code", "kind"), [(150, TokenRefused), (100, TokenRefused), (199, TransientError)])
def test_jushuitan_may_forbid_the_refresh(net, code: int, kind: type[Exception]) -> None:
    """Apps of software vendors may not refresh (150): a person authorises anew; a limit is no such thing."""
    url = f"{ERP}/openWeb/auth/refreshToken"
    net.post(
        url, json={"code": 0, "data": {"access_token": "a1", "refresh_token": "r1", "expires_in": 2592000}}
    )
    pair = jushuitan.refresh(Wire("聚水潭", ERP), APP, CLOCK, "r0")
    form = dict(parse_qsl(net.calls[0].request.body))
    assert (pair.access, form["scope"], form["sign"]) == ("a1", "all", signing.jushuitan(form, "s"))
    net.replace("POST", url, json={"code": code, "msg": "x"})
    with pytest.raises(kind):
        jushuitan.refresh(Wire("聚水潭", ERP), APP, CLOCK, "r0")
