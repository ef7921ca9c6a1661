"""The page on which a person lets an app know who they are.

Inside Feishu the client knows who is signed in. Here the person whose page was opened last is proposed
(a cookie says who), and everybody else can be chosen.
"""

from sandbox.card_html import avatar, esc
from sandbox.kernel import App, Person, World

ME = "sandbox_me"
"""The cookie of a browser that looks at somebody's page; `remember` sets it."""

PAGE = (
    '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>授权登录</title>'
    '<meta name="viewport" content="width=device-width,initial-scale=1">'
    '<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">'
    '<link rel="stylesheet" href="/web/card.css"><link rel="stylesheet" href="/web/shell.css"></head>'
    '<body class="consent"><form method="post"><h1>{app} 申请登录</h1>'
    "<p>同意后，{app} 会知道你的姓名和飞书账号。</p>{body}"
    '<button class="btn wide" name="decision" value="deny">拒绝</button></form></body></html>'
)


def remember(person: Person) -> dict[str, str]:
    """The header by which a browser remembers whose page it shows."""
    return {"Set-Cookie": f"{ME}={person.open_id}; Path=/open-apis/authen/; SameSite=Lax; HttpOnly"}


def who(cookies: str) -> str:
    """The open_id in a Cookie header; empty when there is none."""
    pairs = (pair.strip().partition("=") for pair in cookies.split(";"))
    return next((value for name, _, value in pairs if name == ME), "")


def consent_page(world: World, app: App, cookies: str) -> str:
    """The page: whose Feishu this is first, and everybody by department below."""
    people = [person for person in world.people.values() if not person.resigned]
    me = next((person for person in people if person.open_id == who(cookies)), None)
    everybody = "".join(
        f'<h2>{esc(department)}</h2><div class="tiles">{tiles}</div>'
        for department, tiles in _departments(people).items()
    )
    if me is None:
        body = f"<p>选择以谁的身份登录（沙箱）：</p>{everybody}"
    else:
        said = f"<span><b>{esc(me.name)}</b><i>{esc(me.title)}</i></span>"
        body = (
            f'<div class="self">{avatar(me.name)}{said}</div>'
            '<button class="btn btn-primary_filled wide" name="open_id" '
            f'value="{me.open_id}">同意并登录</button>'
            f"<details><summary>换一个人（沙箱）</summary>{everybody}</details>"
        )
    return PAGE.format(app=esc(app.name), body=body)


def _departments(people: list[Person]) -> dict[str, str]:
    found: dict[str, str] = {}
    for person in people:
        department = person.department or "公司"
        found[department] = found.get(department, "") + (
            f'<button class="tile" name="open_id" value="{person.open_id}">{avatar(person.name)}'
            f"<span><b>{esc(person.name)}</b><i>{esc(person.title)}</i></span></button>"
        )
    return found
