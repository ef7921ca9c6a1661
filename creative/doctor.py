"""What of images is not in order, each with the next step: models, labels, the wiki, the machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PIL import features

from bitable_sync.doctor import Check, Level
from creative.deps import make_policy
from creative.studio.label import producer_fault
from runtime.errors import ChorusError

if TYPE_CHECKING:
    from creative.deps import Policy
    from runtime.feishu import Feishu
    from runtime.floor import Floor

MODELS, LABEL, WIKI, MACHINE = "素材·图像模型", "素材·AI 标识", "素材·知识库", "素材·本机"


def examine(floor: Floor, feishu: Feishu) -> list[Check]:
    """Run every check of images; never raises for what it finds."""
    try:
        policy = make_policy(floor.manifest, floor.settings)
    except ChorusError as error:
        return [Check(Level.FAIL, MODELS, str(error), "改正 feishu_app.yaml 的 creative.providers")]
    named = tuple(each.name for each in floor.manifest.creative.providers)
    return [
        check_models(policy, named),
        *check_label(floor.manifest.creative.label_producer, policy.mark),
        *_gather(lambda: check_wiki(policy, feishu)),
        check_machine(floor),
    ]


def check_models(policy: Policy, named: tuple[str, ...]) -> Check:
    """Whether a model can be asked at all, and which ones lack a key."""
    usable = [each.name for each in policy.profiles]
    lacking = [name for name in named if name not in usable]
    step = "；".join(f"设置 CHORUS_IMAGE_KEY_{name.upper()}" for name in lacking[:3])
    if not usable:
        said = "没有图像模型的密钥，底图由 Chorus 按品牌色绘制（不花钱，也不带 AI 标识）"
        return Check(Level.WARN, MODELS, said, step or "在 feishu_app.yaml 的 creative.providers 写上模型")
    backup = "" if len(usable) > 1 else "；只有一个，它停用时底图由本机绘制"
    return Check(Level.OK, MODELS, f"按顺序使用 {'、'.join(usable)}{backup}")


def check_label(producer: str, mark: str) -> list[Check]:
    """Whether labels say who is behind them (GB 45438-2025), and whether they are visible."""
    checks = []
    if not producer:
        said = "没有填服务提供者编码，文件里的标识写的是 CHORUS-UNREGISTERED"
        step = "把主管部门给的 27 位编码写到 creative.label_producer；没有编码的先咨询法务"
        checks.append(Check(Level.WARN, LABEL, said, step))
    elif fault := producer_fault(producer):
        checks.append(Check(Level.FAIL, LABEL, fault, "改正 feishu_app.yaml 的 creative.label_producer"))
    else:
        checks.append(Check(Level.OK, LABEL, "编码符合规范"))
    if not mark:
        said = "图上没有可见的 AI 标识，发布的人必须在平台上声明"
        checks.append(Check(Level.WARN, LABEL, said, "要在图上标出来，把 creative.mark 写成 AI生成"))
    return checks


def check_wiki(policy: Policy, feishu: Feishu) -> list[Check]:
    """Whether the app may write where finished material is archived."""
    if not policy.wiki_space:
        step = "在 feishu_app.yaml 的 creative.wiki_space 写上知识库 ID"
        return [Check(Level.WARN, WIKI, "没有设置知识库，定稿只归档到“素材库”表", step)]
    spaces = {str(each.space_id): each.name for each in feishu.wiki.list_spaces()}
    if policy.wiki_space not in spaces:
        step = "把机器人拉进一个群，再把这个群设为知识库的管理员"
        return [Check(Level.FAIL, WIKI, f"应用不是知识库 {policy.wiki_space} 的成员，归档页写不进去", step)]
    checks = [Check(Level.OK, WIKI, f"归档到知识库“{spaces[policy.wiki_space]}”")]
    if not policy.site:
        said = "没有填 creative.site，卡片和表格里没有归档页的链接"
        checks.append(Check(Level.WARN, WIKI, said, "写上公司飞书的地址，如 https://yourcompany.feishu.cn"))
    return checks


def check_machine(floor: Floor) -> Check:
    """Whether texts can be shaped, and pictures be kept."""
    folder = floor.settings.blob_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".doctor"
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        return Check(Level.FAIL, MACHINE, f"写不进 {folder}：{error.strerror}", "检查目录权限和磁盘空间")
    if not features.check("raqm"):
        said = "没有 libfribidi，全角标点不能压缩，排版稍松"
        return Check(Level.WARN, MACHINE, said, "安装系统包 libfribidi0（Debian）或 fribidi")
    return Check(Level.OK, MACHINE, "图片能保存，文字排版可用")


def _gather(check: Callable[[], list[Check]]) -> list[Check]:
    try:
        return check()
    except ChorusError as error:
        return [Check(Level.FAIL, WIKI, str(error), "按这句话处理后再运行 chorus doctor")]
