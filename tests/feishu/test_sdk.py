"""The SDK behind its stand-in: the same names, a fraction of the cost."""

import json
import subprocess
import sys

from runtime.feishu import sdk
from runtime.feishu.endpoint import Endpoint, Rate

COST = """
import json, resource, sys, time
import requests, urllib3, tenacity  # what the rest of the product has loaded anyway
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.process_time()
from runtime.feishu import sdk
sdk.websocket_client(app_id="a", app_secret="b", domain="http://localhost")
Frame = sys.modules["lark_oapi.ws.client"].Frame
frame = Frame(SeqID=1, LogID=2, service=3, method=0)
header = frame.headers.add()
header.key, header.value = "type", "ping"
assert Frame.FromString(frame.SerializeToString()).headers[0].value == "ping"
assert "lark_oapi" not in sys.modules
spent = time.process_time() - start
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
apis = [name for name in sys.modules if name.startswith("lark_oapi.api")]
print(json.dumps({"seconds": spent, "mb": grown, "apis": apis}))
"""

SAME = """
import json, sys
{first}
from runtime.feishu import sdk
import inspect
wanted = ("BaseRequest", "HttpMethod", "AccessTokenType", "RequestOption", "Config")
names = {{name: getattr(sdk, name) for name in wanted}}
names["Client"] = type(sdk.websocket_client(app_id="a", app_secret="b", domain="http://localhost"))
facts = {{n: [o.__module__, o.__qualname__, inspect.getsource(o)] for n, o in names.items()}}
request = sdk.BaseRequest()
request.uri = "/open-apis/x/:app_token/y/:table_id"
request.paths = {{"app_token": "a/b", "table_id": "表"}}
request.token_types = {{sdk.AccessTokenType.TENANT}}
facts["url"] = sdk.build_url("http://h", request)
facts["headers"] = dict(sdk.build_headers(request, "t-1"))
facts["version"] = sdk.VERSION
print(json.dumps(facts))
"""


BOTH = """
import json
from runtime.feishu import sdk
sdk.websocket_client(app_id="a", app_secret="b", domain="http://localhost")
import lark_oapi as lark
client = lark.Client.builder().app_id("a").app_secret("b").domain("http://localhost").build()
handler = lark.EventDispatcherHandler.builder("", "").build()
print(json.dumps({"same": lark.BaseRequest is sdk.BaseRequest, "im": client.im.v1 is not None}))
"""


def run(code: str) -> dict[str, object]:
    """Run code in a fresh interpreter and return the JSON it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=110
    )
    result: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return result


def test_stand_in_costs_little() -> None:
    """Loading the SDK's parts, WebSocket client included, stays far below the 4 s and 170 MB of all APIs."""
    cost = run(COST)
    assert cost["apis"] == []
    assert float(str(cost["seconds"])) < 1.5
    assert float(str(cost["mb"])) < 60


def test_stand_in_gives_the_names_of_the_normal_import() -> None:
    """Every name used is the very code the normal import gives, and builds the same address and headers."""
    assert run(SAME.format(first="")) == run(SAME.format(first="import lark_oapi"))


def test_the_whole_package_can_still_be_imported_afterwards() -> None:
    """A tool or test with the typed SDK in the same process gets the whole package and the same classes."""
    assert run(BOTH) == {"same": True, "im": True}


def test_paths_are_percent_encoded_by_the_sdk() -> None:
    """An id with a slash cannot leave its place in the path."""
    request = sdk.BaseRequest()
    request.uri = "/open-apis/drive/v1/files/:file_token/subscribe"
    request.paths = {"file_token": "a/../b?c"}
    assert sdk.build_url("http://h", request) == "http://h/open-apis/drive/v1/files/a%2F..%2Fb%3Fc/subscribe"


def test_endpoint_name_is_method_and_pattern() -> None:
    """Limits, quota and errors call an API by its pattern, not by the ids in a path."""
    assert Endpoint("GET", "/open-apis/x/:id", Rate()).name == "GET /open-apis/x/:id"
