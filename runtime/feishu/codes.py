"""Feishu's error codes: the one table from code to class and sentence.

Sources: docs "通用错误码" (ugjM14COyUjL4ITN), "频控策略" (uUzN04SN3QjL1cDN), and the error lists of the
im/v1, bitable/v1, drive/v1, docx/v1, wiki/v2, approval/v4 and task/v2 pages. The code decides, never the HTTP
status: the same refusal comes as 200, 400, 403 or 500 depending on the API.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from runtime.feishu.errors import (
    Ambiguous,
    Busy,
    FeishuError,
    NotFound,
    NotPermitted,
    QuotaExhausted,
    RateLimited,
    Rejected,
    TokenRefused,
    TooLarge,
)


@dataclass(frozen=True, slots=True)
class Rule:
    """What a code means.

    Args:
        kind: class raised. `Ambiguous` holds for calls that write; for reads it becomes `Busy`.
        sentence: what happened and what to do next.
        wait: seconds to wait before the next try when the answer does not say.
    """

    kind: type[FeishuError]
    sentence: str
    wait: float | None = None


DONE = frozenset({0, 1254606})
"""Success; 1254606 (DataNotChange) says that a field already is as asked."""

TOO_MANY = "Feishu asks for a pause; the call is made again later."
CONFLICT = "Another write to this base is under way; the call is made again in a moment."
TOKEN = "The tenant token is no longer accepted."  # noqa: S105 - a sentence
NOT_THERE = "does not exist or was deleted; run `chorus doctor` to compare the base with its specification."
CELL = "A value does not fit its column; Feishu does not say which. Compare the columns with `chorus doctor`."
PROPERTY = "A column's property does not fit its type; correct the table specification."
TOO_MUCH = "A limit of Bitable is exceeded; send less at once or make room in the base."
CARD = "The card is not accepted; correct it where it is built."
INNER = "Feishu had an internal error."
REQUEST = "Feishu does not accept the request; correct the parameter named in its message."
PERSON = "The app cannot reach this person: outside its availability range, resigned, or the bot was stopped."
SCOPE = "The app lacks a permission; grant it in the developer console and publish a version"
DOCUMENT = (
    "The app may not open this document; add it as a document app with edit rights (or 可管理 for roles)."
)
SHARING = (
    "The document cannot be shared so; check the open_id, and that the company allows sharing with them."
)
SHARER = "Only who manages a document may share it; make the app a manager (可管理) of it."
BLOCKS = "The document does not take these blocks; correct them where the page is built."
PLAN = "The tenant's Feishu plan or the base's advanced permissions do not allow this."


def _each(codes: range | tuple[int, ...], kind: type[FeishuError], sentence: str) -> dict[int, Rule]:
    return dict.fromkeys(codes, Rule(kind, sentence))


_GENERAL: dict[int, Rule] = {
    99991400: Rule(RateLimited, TOO_MANY, 1.0),
    1000004: Rule(RateLimited, TOO_MANY, 1.0),
    2200: Rule(Busy, "Feishu is overloaded; the call is made again later.", 1.0),
    99991403: Rule(
        QuotaExhausted,
        "The tenant's API calls of this month are used up; calls resume next month or with a larger plan.",
    ),
    **_each((99991661, 99991663, 99991664, 99991671), TokenRefused, TOKEN),
    **_each((99991672, 99991679), NotPermitted, SCOPE),
    99991401: Rule(
        NotPermitted, "This machine's address is not in the app's IP allow-list; add it in the console."
    ),
    99991662: Rule(NotPermitted, "The app is disabled; enable it in the Feishu admin console."),
    99991673: Rule(
        NotPermitted, "The app is not available in this tenant; ask an administrator to install it."
    ),
    99991676: Rule(NotPermitted, "The app's token has no permission for this API; check the app's scopes."),
    99991668: Rule(
        NotPermitted, "This API takes a user token, which the server never uses; report this as a defect."
    ),
    99991677: Rule(
        NotPermitted, "This API takes a user token, which the server never uses; report this as a defect."
    ),
    10003: Rule(Rejected, REQUEST),
    10014: Rule(
        NotPermitted, "FEISHU_APP_ID or FEISHU_APP_SECRET is wrong; copy both from the developer console."
    ),
    10015: Rule(NotPermitted, "FEISHU_APP_SECRET is wrong; copy it from the developer console."),
    **_each((10012, 10013), Busy, "Feishu could not issue a token just now."),
    99991201: Rule(Rejected, "Feishu does not know this path; check FEISHU_BASE_URL."),
    99991301: Rule(Rejected, "Feishu does not know this method of the path; check FEISHU_BASE_URL."),
    99992361: Rule(Rejected, "The open_id belongs to another app; look the person up again with this app."),
    **_each(
        (99992354, 99992355, 99992356, 99992359, 99992360, 99992363, 99992364),
        NotFound,
        f"The id {NOT_THERE}",
    ),
    **_each((9499, 99992402), Rejected, REQUEST),
    212100: Rule(
        NotPermitted, "The app is not installed in this tenant; publish a version and have it approved."
    ),
}

_MESSAGES: dict[int, Rule] = {
    230020: Rule(RateLimited, "This person, group or card gets too many messages at once; sent later.", 1.0),
    **_each((11232, 11233, 11247), RateLimited, TOO_MANY),
    230049: Rule(Busy, "The same message is being sent right now; ask again with the same uuid.", 1.0),
    200810: Rule(Busy, "Somebody is just tapping this card; it is updated in a moment.", 1.0),
    232019: Rule(Busy, "The group's members are being changed; the call is made again in a moment.", 1.0),
    230002: Rule(NotPermitted, "The bot is not a member of this group; add it to the group."),
    230006: Rule(NotPermitted, "The app has no bot ability; switch it on in the developer console."),
    230012: Rule(NotPermitted, "Only the app that sent a message may change it."),
    230017: Rule(Rejected, "The image or file was uploaded by another app; upload it with this one."),
    **_each((230013, 230029, 230035, 230053), NotPermitted, PERSON),
    **_each(
        (230018, 230027, 230036, 230038, 230050),
        NotPermitted,
        "The group or tenant settings forbid this message.",
    ),
    230034: Rule(NotFound, "The receiver does not exist; look the person or the group up again."),
    **_each((230011, 230110, 230111), NotFound, "The message was recalled or deleted; send a new one."),
    232009: Rule(NotFound, "The group was dissolved; choose another one."),
    230031: Rule(Rejected, "Cards can be updated for 14 days only; send a new one."),
    230025: Rule(Rejected, "The message is too long: 150 KB for text, 30 KB for a card; shorten it."),
    **_each(
        (230022, 230028), Rejected, "The company's content rules stopped this message; word it differently."
    ),
    230054: Rule(Rejected, "This kind of message cannot be changed this way."),
    230099: Rule(Rejected, CARD),
    **_each((230001, 230055, 230072, 230075), Rejected, REQUEST),
    **_each(
        (234006, 234010, 234011, 234039),
        Rejected,
        "The image or file is empty, too large or of a wrong format.",
    ),
    234001: Rule(Rejected, REQUEST),
    234003: Rule(NotFound, "The file does not belong to this message; ask for it to be sent again."),
    234004: Rule(NotPermitted, "The bot is not in the chat of this message; add it."),
    234037: Rule(TooLarge, "Feishu hands out files of at most 100 MB; send a smaller one."),
    234038: Rule(NotPermitted, "The chat is in restricted mode, so its files cannot be downloaded."),
    234040: Rule(NotPermitted, "The bot may not see this message; send the file to it directly."),
    234043: Rule(
        Rejected, "Files of cards and forwarded bundles cannot be downloaded; send the file itself."
    ),
    **_each(
        (234041, 234042), NotPermitted, "The tenant's storage does not take the upload; see an administrator."
    ),
    **_each(
        (40003, 40004, 41050), NotPermitted, "The person or department lies outside the app's contact range."
    ),
    41012: Rule(NotFound, "This person does not exist in the tenant."),
}

_BITABLE: dict[int, Rule] = {
    1254290: Rule(RateLimited, TOO_MANY, 1.0),
    1254112: Rule(RateLimited, TOO_MANY, 1.0),
    1254291: Rule(Busy, CONFLICT, 0.75),
    1254607: Rule(Busy, "The base is still computing an earlier change; the call is made again later.", 2.0),
    1254002: Rule(
        Busy, "Bitable could not do it: lock not obtained, change too large, or a stale page token.", 1.0
    ),
    1254036: Rule(Busy, "The base is still being copied; the call is made again later.", 30.0),
    1254200: Rule(Ambiguous, INNER),
    **_each(range(1255001, 1255006), Ambiguous, INNER),
    1255040: Rule(Ambiguous, "Bitable took too long; the change may have been made."),
    **_each((1254608, 1255006), Ambiguous, "This request was sent before; look whether the rows are there."),
    **_each((1254000, 1254001, 1254007, 1254008, 1254010, 1254011, 1254037, 1254800), Rejected, REQUEST),
    **_each(
        (1254003, 1254004, 1254005, 1254006, 1254009), Rejected, "An id is malformed; run `chorus doctor`."
    ),
    1254030: Rule(Rejected, "The page token is stale or the answer too large; start the scan again."),
    1254015: Rule(Rejected, CELL),
    1254045: Rule(NotFound, "A column was renamed or deleted; run `chorus doctor` to see which."),
    **_each(
        (1254040, 1254041, 1254042, 1254043, 1254044),
        NotFound,
        f"The base, table, view, record or field {NOT_THERE}",
    ),
    **_each(
        (1254047, 1254048, 1254049, 1254050),
        NotFound,
        f"The role, member, form question or block {NOT_THERE}",
    ),
    **_each((1254060, 1254061, 1254062, 1254063, 1254064, 1254065, 1254066), Rejected, CELL),
    **_each((1254067, 1254068, 1254069, 1254072, 1254074), Rejected, CELL),
    **_each(range(1254080, 1254097), Rejected, PROPERTY),
    **_each(range(1254100, 1254112), Rejected, TOO_MUCH),
    1254130: Rule(Rejected, "A cell is too large (100,000 characters at most); shorten the text."),
    1254012: Rule(
        Rejected, "This column type cannot be the first column; put a text, number or date column first."
    ),
    **_each((1254013, 1254014), Rejected, "A table or column of this name exists; rename one of the two."),
    **_each(
        (1254016, 1254018, 1254024), Rejected, "Bitable does not accept this filter, sort or list of columns."
    ),
    **_each((1254019, 1254020, 1254021, 1254022, 1254023), Rejected, REQUEST),
    **_each((1254026, 1254028, 1254029, 1254031, 1254032, 1254033), Rejected, REQUEST),
    1254034: Rule(Rejected, "A base must keep its last table."),
    1254046: Rule(Rejected, "The first column cannot be deleted."),
    1254301: Rule(
        Busy, "Advanced permissions are off or just being switched on; the call is made again later.", 5.0
    ),
    1254302: Rule(NotPermitted, DOCUMENT),
    1254303: Rule(Rejected, "The file was uploaded to another base; upload it to this one."),
    1254027: Rule(Rejected, "The file was not uploaded for this base; upload it again."),
    **_each((1254304, 1254305, 1254306), NotPermitted, PLAN),
    91402: Rule(NotFound, f"The base {NOT_THERE} A wiki link holds another token than the base."),
    91403: Rule(NotPermitted, DOCUMENT),
    91401: Rule(Rejected, REQUEST),
    91404: Rule(NotPermitted, DOCUMENT),
}

_FILES_AND_APPROVALS: dict[int, Rule] = {
    1061045: Rule(Busy, "Uploads must come one after another; this one is sent again in a moment.", 1.0),
    **_each((1061001, 1061006), Ambiguous, INNER),
    **_each((1061003, 1061007, 1061041, 1061044), NotFound, f"The file or its place {NOT_THERE}"),
    **_each((1061004, 1061073, 1062007), NotPermitted, DOCUMENT),
    **_each((1061002, 1061005, 1061008, 1061021), Rejected, REQUEST),
    **_each(
        (1062008, 1062009, 1062010, 1062011),
        Rejected,
        "The upload arrived incomplete; upload the file again.",
    ),
    1061043: Rule(Rejected, "The file is larger than this kind of upload allows."),
    **_each(
        (1061042, 1061061, 1061101), NotPermitted, "The place or the tenant's storage is full; make room."
    ),
    **_each((1061109, 1061113), Rejected, "The company's content rules stopped this file."),
    **_each((1063001, 1063003), Rejected, SHARING),
    **_each((1063002, 1063004), NotPermitted, SHARER),
    1063005: Rule(NotFound, f"The document {NOT_THERE}"),
    1063006: Rule(RateLimited, TOO_MANY, 1.0),
    1064001: Rule(Rejected, REQUEST),
    1066001: Rule(Ambiguous, INNER),
    1066002: Rule(Busy, CONFLICT, 1.0),
    1069601: Rule(Ambiguous, INNER),
    **_each((1069602,), Rejected, REQUEST),
    1069603: Rule(
        NotPermitted, "Only a manager of the base may subscribe to it; make the app a manager (可管理)."
    ),
    1069604: Rule(NotFound, f"The base {NOT_THERE}"),
    1390001: Rule(
        Rejected, "The approval form does not fit its definition; compare the widget named in the message."
    ),
    1390002: Rule(NotFound, "The approval definition does not exist; put its code into feishu_app.yaml."),
    **_each((1390003, 1390004, 1390010), NotFound, "The approval or the person in it does not exist."),
    **_each(
        (1390009, 60009), NotPermitted, "The app may not use this approval; grant it in the approval console."
    ),
    1390015: Rule(Rejected, "The approval definition is not active; activate it in the approval console."),
    **_each(
        (1390013, 60013, 1390018), Rejected, "The approval's process cannot be used by an app; simplify it."
    ),
    60011: Rule(NotPermitted, PLAN),
    **_each((60006,), Rejected, "The approval form does not fit its definition."),
    **_each((1390007, 60007), Rejected, "This subscription exists already."),
    60012: Rule(Rejected, "This uuid was used before; the approval exists, fetch it by its uuid."),
    1395001: Rule(Ambiguous, INNER),
}

_ATTENDANCE: dict[int, Rule] = {
    **_each((1220001, 1220002, 1220600), Rejected, REQUEST),
    1220004: Rule(
        NotPermitted,
        "Attendance does not know this person, or may not show them; check the data range in its console.",
    ),
    1220005: Rule(NotPermitted, "The app may not read this attendance data; widen its range in the console."),
    **_each((1225000, 1226000, 1226500, 1227500, 1228000), Busy, "Feishu attendance had an internal error."),
}

_WIKI_AND_DOCX: dict[int, Rule] = {
    **_each((131001, 131007), Ambiguous, INNER),
    131002: Rule(Rejected, REQUEST),
    131003: Rule(
        Rejected,
        "The wiki is full (400,000 pages a space, 2,000 below one page, 50 levels); use another page.",
    ),
    131004: Rule(Rejected, "The person is not known in this tenant; look the open_id up again."),
    131005: Rule(NotFound, "The wiki space or page does not exist or was deleted; check its link."),
    131006: Rule(
        NotPermitted,
        "The app is not a member of the wiki space, or may not edit this page: put the bot into a group and "
        "add that group as an administrator of the space (知识库设置 → 成员管理).",
    ),
    131008: Rule(Rejected, "This is in the wiki already; look the page up and use it."),
    131009: Rule(
        Busy, "Somebody else changes this part of the wiki; the call is made again in a moment.", 1.0
    ),
    **_each((1770001, 1770006, 1770024, 1770025, 1770028, 1770029, 1770030), Rejected, BLOCKS),
    **_each((1770002, 1770003), NotFound, "The document or block does not exist or was deleted."),
    **_each(
        (1770004, 1770005, 1770007, 1770010, 1770011, 1770012, 1770033, 1770034, 1770035),
        Rejected,
        "A limit of documents is exceeded; write fewer or smaller blocks, or begin another page.",
    ),
    1770008: Rule(Rejected, "The picture or file is too large for a document; make it smaller."),
    1770013: Rule(
        Rejected, "The file was not uploaded for this block; upload it with the block's id as its place."
    ),
    **_each((1770014, 1770015, 1770019), Rejected, BLOCKS),
    **_each((1770020, 1771005), Busy, "The document cannot be changed just now; the call is made again."),
    **_each((1770021, 1770022), Rejected, "The document changed meanwhile; read it again from the start."),
    1770032: Rule(
        NotPermitted,
        "The app may not edit this document; add it to the wiki space or the document with edit rights.",
    ),
    **_each((1771001, 1771002, 1771003, 1771004, 1771006), Ambiguous, INNER),
}

_TASKS: dict[int, Rule] = {
    1470400: Rule(Rejected, REQUEST),
    1470403: Rule(NotPermitted, "The app may change only Feishu tasks that it made or is a member of."),
    1470404: Rule(NotFound, "The Feishu task does not exist or was deleted."),
    1470422: Rule(Busy, "A call with this client_token is under way; it is made again in a moment.", 1.0),
    1470500: Rule(Ambiguous, INNER),
}

RULES: Mapping[int, Rule] = {
    **_GENERAL, **_MESSAGES, **_BITABLE, **_FILES_AND_APPROVALS, **_ATTENDANCE, **_WIKI_AND_DOCX, **_TASKS,
}  # fmt: skip

OVERRIDES: Mapping[tuple[str, int], Rule] = {
    ("/reply", 230071): Rule(Rejected, "This group has no topics; reply without one."),
    ("/reply", 230072): Rule(Rejected, "Forwarded bundles cannot be answered; send a message of its own."),
    ("/reply", 230075): Rule(Rejected, "Secret chats cannot be answered; send a message elsewhere."),
    ("/im/v1/messages/:message_id", 230071): Rule(NotPermitted, "Only the sender may change a message."),
    ("/im/v1/messages/:message_id", 230072): Rule(
        Rejected, "A message can be changed 20 times; send a new one."
    ),
    ("/im/v1/messages/:message_id", 230075): Rule(
        Rejected, "The time for changing messages is over; send a new one."
    ),
    ("/tenant_access_token/internal", 10003): Rule(
        NotPermitted, "FEISHU_APP_ID or FEISHU_APP_SECRET is wrong; copy both from the developer console."
    ),
}
"""Codes whose meaning depends on the API: (end of the path pattern, code)."""

CARD_RULES: Mapping[int, Rule] = {
    100290: Rule(Rejected, "The card mentions a person who does not exist; look the person up again."),
    200570: Rule(Rejected, "The card shows an image this app did not upload; upload it first."),
    200380: Rule(Rejected, "The card template does not exist or is not published."),
    200381: Rule(Rejected, "The card template is not visible to this app; add the app to its users."),
    200621: Rule(Rejected, "The card is not valid JSON; correct it where it is built."),
    200861: Rule(Rejected, "The card uses a component that cards of version 2.0 no longer have."),
}
"""Inner codes of 230099 (docs: card JSON 2.0, im/v1/messages)."""

CARD_LOCKED = Rule(Busy, "Somebody is just tapping this card; it is updated in a moment.", 1.0)


def rule_for(uri: str, code: int) -> Rule | None:
    """Return what a code means on an API (its path pattern), or None for a code not in the table."""
    for (ending, number), rule in OVERRIDES.items():
        if number == code and uri.endswith(ending):
            return rule
    return RULES.get(code)
