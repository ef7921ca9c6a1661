"""What a platform's refusal means, in one small set: what to do next, and whether repeating can help."""

from __future__ import annotations

from enum import Enum

from runtime.errors import ChorusError, PermanentError, TransientError


class Why(Enum):
    """Why a platform refused; the value is the next step, for people."""

    BUSY = "稍后自动重试"
    QUOTA = "今天的调用额度已用完，明天自动恢复；经常如此请在开放平台申请提额"
    TOKEN = "授权已失效，请店主重新授权，再运行 chorus shops add 录入新令牌"  # noqa: S105 - a sentence
    RIGHT = "应用没有这个接口的权限，请在开放平台申请对应权限包"
    ADDRESS = "服务器 IP 不在白名单，请在开放平台的应用设置里加上"
    CLOCK = "本机时间与平台相差太多，请打开网络校时（NTP）"
    SIGN = "签名不对，请核对应用密钥（chorus shops add 重新录入）"
    RULE = "平台按业务规则拒绝，重试没有用，请按上面的说明修改"


class TokenRefused(PermanentError):  # noqa: N818 - it names what happened, as the others do
    """The access token is not accepted; nothing happened. A fresh one may be tried once."""


def cannot_pause(where: str) -> PermanentError:
    """The refusal of a platform whose call for pausing plans was never verified, or that has none."""
    return PermanentError(f"Chorus 不能暂停或恢复{where}的计划；请在广告平台的后台操作")


def refusal(said: str, why: Why, *, wait: float | None = None) -> ChorusError:
    """The error of a refusal.

    Args:
        said: platform, code and text as the platform gave them; no secret.
        why: what it means.
        wait: seconds the platform asked for.
    """
    sentence = f"{said}；{why.value}"
    if why in (Why.BUSY, Why.CLOCK):
        # A clock that is wrong is mostly put right within a minute, as after a machine's sleep: what somebody
        # decided must not end there.
        return TransientError(sentence, wait=wait)
    return TokenRefused(sentence) if why is Why.TOKEN else PermanentError(sentence)
