"""The twelve signing vectors of the fact sheet: published, or derived by two independent implementations.

Numbers in brackets are the sheet's (§11).
"""

import json

import pytest

from bitable_sync.platforms import signing

TOP = {
    "app_key": "12345678",
    "method": "taobao.item.seller.get",
    "session": "test",
    "timestamp": "2016-01-01 12:00:00",
    "format": "json",
    "v": "2.0",
    "fields": "num_iid,title,nick,price,num",
    "num_iid": "11223344",
}
DOUDIAN = ("3409409348479354011", "7d1a0b5c-0000-4000-8000-0123456789ab")
SEARCH = {
    "page": 0, "size": 100, "order_by": "create_time", "order_asc": False, "create_time_start": 1772294400,
    "create_time_end": 1772380799,
}  # fmt: skip
AT = "2026-03-01 09:30:00"


def test_top_md5_as_published() -> None:
    """Article 101617 [1]."""
    assert signing.top(TOP | {"sign_method": "md5"}, "helloworld") == "66987CB115214E59E6EC978214934FB8"


def test_top_hmac_wraps_nothing() -> None:
    """The secret is the key and stands nowhere in the text; empty values and the sign do not count [2]."""
    params = TOP | {"sign_method": "hmac", "empty": "", "sign": "x"}
    assert signing.top(params, "helloworld", method="hmac") == "D56D7858309C31B6251083A874D48273"


def test_top_sha256_is_another_sign_over_the_same_text() -> None:
    """No vector is public: 64 upper hex digits, and they follow every value."""
    params = TOP | {"sign_method": "hmac-sha256"}
    signed = signing.top(params, "helloworld", method="hmac-sha256")
    assert (len(signed), signed) == (64, signed.upper())
    assert signed != signing.top(params | {"num_iid": "11223345"}, "helloworld", method="hmac-sha256")


def test_jd_as_published() -> None:
    """An SDK's own test; ``360buy_param_json`` sorts before the letters [3]."""
    params = {
        "v": "2.0",
        "method": "jingdong.innovation.product.write.createSkus",
        "app_key": "yourappkey",
        "access_token": "yourtoken",
        "timestamp": "2019-06-27 15:41:49",
        "360buy_param_json": '{"paramStrin":"abc"}',
    }
    assert signing.jd(params, "yourappSecret") == "E79CD3D49918172CA907A4CB493D9361"


def test_jushuitan_as_published() -> None:
    """The secret stands in front only [4]."""
    form = {
        "app_key": "5b53060f23d84ddf9703056e84fa5a2d",
        "charset": "utf-8",
        "code": "123456",
        "grant_type": "authorization_code",
        "timestamp": "1639128407",
        "empty": "",
    }
    assert signing.jushuitan(form, "e9c5ca33fecb404b8e6cdbd0ef4a6d25") == "05e3a51e19e0883afd1882ccd309e0b9"


WDT = {
    "appkey": "test2-xx",
    "sid": "test2",
    "page_no": "0",
    "page_size": "40",
    "start_time": "2016-08-01 12:00:00",
    "end_time": "2016-08-01 13:00:00",
    "timestamp": "1470042310",
}


def test_wdt_enterprise_as_published() -> None:
    """Pairs carry their lengths [5]."""
    assert signing.wdt_enterprise(WDT, "12345") == "ad4e6fe037ea6e3ba4768317be9d1309"


def test_wdt_enterprise_counts_characters() -> None:
    """A Chinese value of two characters is 0002 long, not 0006: the sign of the text written out by hand."""
    import hashlib  # noqa: PLC0415 - the other side of the comparison

    by_hand = hashlib.md5("04-name:0002-老板sec".encode()).hexdigest()  # noqa: S324
    assert signing.wdt_enterprise({"name": "老板"}, "sec") == by_hand


def test_wdt_flagship() -> None:
    """The raw body is signed as ``body``; the timestamp counts from 2012 [6]."""
    query = {
        "sid": "wdtapi3",
        "key": "demo-ot",
        "salt": "5f6c1a2b",
        "method": "wms.StockSpec.search2",
        "v": "1.0",
        "timestamp": str(1772328600 - 1325347200),
        "page_no": "0",
        "page_size": "100",
        "calc_total": "1",
    }
    body = '[{"start_time":"2026-03-01 09:00:00","end_time":"2026-03-01 09:30:00"}]'
    assert signing.wdt_flagship(query, body, "e1d2c3b4a5") == "8ef808a68313fb29394f38010b1e0390"


@pytest.mark.parametrize(
    ("sign_method", "sign"),
    [
        ("hmac-sha256", "93af290ead3c53be52c84a0b9b4df7bce1480a9d74ac2f323548c93ad9f899c9"),
        ("md5", "b3c03647217469ddbf206aaba8538d53"),
    ],
)
def test_doudian_requests(sign_method: str, sign: str) -> None:
    """The new way and the old one over what is sent [7, 8]."""
    body = signing.canonical(SEARCH)
    assert signing.doudian(*DOUDIAN, "order.searchList", AT, body, sign_method=sign_method) == sign
    if sign_method == "hmac-sha256":
        assert signing.doudian(*DOUDIAN, "order.searchList", AT, body) == sign  # what our own calls use


PUSH = (
    '[{"tag":"101","msg_id":"1772328600:101:1",'
    '"data":"{\\"shop_id\\":4463798,\\"p_id\\":6987654321,\\"order_status\\":105}"}]'
)


def test_a_push_of_doudian() -> None:
    """``event-sign`` over the raw body [9]; one more blank in it is another body."""
    assert json.loads(json.loads(PUSH)[0]["data"])["order_status"] == 105
    signed = "00e196277069d386174613af681c45c2"
    assert signing.doudian_push(*DOUDIAN, PUSH) == signed
    assert signing.same(signing.doudian_push(*DOUDIAN, PUSH), signed)
    assert not signing.same(signing.doudian_push(*DOUDIAN, PUSH + " "), signed)
    assert not signing.same(signed, "不是签名")


@pytest.mark.parametrize(
    ("sign_method", "sign"),
    [
        ("md5", "43dfc0e046e27155ea594d006daaa3cd"),
        ("hmac-sha256", "3c8f129ad9f6b13e30fbd1af45214f699aa359590d0c7880ff720ad12f11cb3d"),
    ],
)
def test_spi_calls_of_doudian(sign_method: str, sign: str) -> None:
    """No method and no version in the text, MD5 where nothing else is said [10]."""
    body = signing.canonical({"b": "x", "a": 1})
    assert signing.doudian_spi(*DOUDIAN, AT, body, sign_method=sign_method) == sign
    assert (signing.doudian_spi(*DOUDIAN, AT, body) == sign) is (sign_method == "md5")


def test_the_token_call_of_yonyou() -> None:
    """URL-encoded as it goes into the address [11]."""
    keys = ("41832a3d2df94989b500da6a22268747", "2b7b1f0a9f1c4d0c8a5e6f7081920a3b")
    signed = signing.yonyou(*keys, "1772328600000")
    assert signed == "IvlDkmYJebyAEfD%2B3vAOnoFoOBgPCq02qPqryuTNiog%3D"


def test_the_app_signature_of_kingdee_as_published() -> None:
    """Base64 of the hex text, not of the digest: an SDK's README [12]."""
    assert signing.kingdee("abc", "abc123") == (
        "ZDljMTI3NGIyNTE1MTRkYzlkNjc1MDNhYjUzMzgzNWMyY2M4YTdjMzdmNmM3YTVlNDkxMTkzNjdiOTFjNzUyZQ=="
    )


def test_bodies_are_sorted_and_unescaped() -> None:
    """Keys at every depth, Chinese and angle brackets as they are."""
    assert signing.canonical({"z": "老板", "a": {"d": 1, "c": "<&>/"}}) == (
        '{"a":{"c":"<&>/","d":1},"z":"老板"}'
    )
