"""The refusals of Bitable: real codes, texts and HTTP statuses.

Source: error tables of the record, field, table and view pages of bitable-v1 (Feishu docs, 2025-07 to
2026-02). The same code has another HTTP status on write, search and get pages, so handlers say which kind
they are (``answers``).
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, Literal

from sandbox.kernel import ApiError, Handler, Reply, Request, World

Kind = Literal["write", "search", "get", "field", "table"]

TEXTS: dict[int, str] = {
    1254000: "WrongRequestJson",
    1254001: "WrongRequestBody",
    1254002: "Fail",
    1254003: "WrongBaseToken",
    1254004: "WrongTableId",
    1254005: "WrongViewId",
    1254006: "WrongRecordId",
    1254007: "EmptyValue",
    1254008: "EmptyView",
    1254009: "WrongFieldId",
    1254010: "ReqConvError",
    1254011: "InvalidPageSize",
    1254012: "NotSupportFieldOrView",
    1254013: "TableNameDuplicated",
    1254014: "FieldNameDuplicated",
    1254015: "Field types do not match.",
    1254016: "InvalidSort",
    1254018: "InvalidFilter",
    1254019: "InvalidViewType",
    1254020: "ViewNameDuplicated",
    1254021: "EmptyViewName",
    1254022: "InvalidViewName",
    1254023: "LastViewDeleteNotAllowed",
    1254024: "InvalidFieldNames",
    1254026: "EmptyOptionName",
    1254027: "UploadAttachNotAllowed",
    1254028: "EmptyFieldName",
    1254029: "InvalidFieldName",
    1254030: "InvalidPageToken",
    1254031: "InvalidAppName",
    1254032: "InvalidRoleName",
    1254033: "RoleNameDuplicated",
    1254034: "LastTableDeleteNotAllowed",
    1254036: "Base is copying, please try again later.",
    1254037: "Invalid client token, make sure that it complies with the specification.",
    1254040: "BaseTokenNotFound",
    1254041: "TableIdNotFound",
    1254042: "ViewIdNotFound",
    1254043: "RecordIdNotFound",
    1254044: "FieldIdNotFound",
    1254045: "FieldNameNotFound",
    1254046: "IndexFieldDeleteNotAllowed",
    1254047: "RoleIdNotFound",
    1254048: "MemberIdNotFound",
    1254049: "FormFieldNotFound",
    1254060: "TextFieldConvFail",
    1254061: "NumberFieldConvFail",
    1254062: "SingleSelectFieldConvFail",
    1254063: "MultiSelectFieldConvFail",
    1254064: "DatetimeFieldConvFail",
    1254065: "CheckboxFieldConvFail",
    1254066: "UserFieldConvFail",
    1254067: "LinkFieldConvFail",
    1254068: "URLFieldConvFail",
    1254069: "AttachFieldConvFail",
    1254072: "Failed to convert phone field, please make sure it is correct.",
    1254074: "The parameters of Duplex Link field are invalid and need to be filled with an array of string.",
    1254080: "TextFieldPropertyError",
    1254081: "NumberFieldPropertyError",
    1254082: "SingleSelectFieldPropertyError",
    1254083: "MultiSelectFieldPropertyError",
    1254084: "DateFieldPropertyError",
    1254085: "CheckboxFieldPropertyError",
    1254086: "UserFieldPropertyError",
    1254087: "URLFieldPropertyError",
    1254088: "AttachFieldPropertyError",
    1254089: "LinkFieldPropertyError",
    1254090: "LookUpFieldPropertyError",
    1254091: "FormulaFieldPropertyError",
    1254092: "DuplexLinkFieldPropertyError",
    1254093: "CreatedTimeFieldPropertyError",
    1254094: "ModifiedTimeFieldPropertyError",
    1254095: "CreatedUserFieldPropertyError",
    1254096: "ModifiedUserFieldPropertyError",
    1254100: "TableExceedLimit",
    1254101: "ViewExceedLimit",
    1254103: "RecordExceedLimit",
    1254104: "RecordAddOnceExceedLimit",
    1254105: "ColumnExceedLimit",
    1254106: "AttachExceedLimit",
    1254107: "FilterLengthExceedLimit",
    1254108: "SortLengthExceedLimit",
    1254110: "RoleExceedLimit",
    1254111: "MemberExceedLimit",
    1254130: "TooLargeCell",
    1254290: "TooManyRequest",
    1254291: "Write conflict",
    1254301: "OperationTypeError",
    1254302: "Permission denied.",
    1254303: "The attachment does not belong to this bitable.",
    1254304: "Permission denied.",
    1254606: "DataNotChange",
    1254607: "Data not ready, please try again later",
    1254608: "Same API requests are submitted repeatedly.",
    1255006: "Client token conflict, please generate a new client token and try again.",
    1255040: "Request timed out, please try again later.",
    91402: "NOTEXIST",
    91403: "FORBIDDEN",
}

# Status by kind of page; a code in none of these answers 200 on writes and searches and 400 on gets.
_FIXED = {
    **dict.fromkeys((1254028, 1254029, 1254031, 1254032, 1254033, 1254036, 1254037, 1254074, 1255006), 400),
    **dict.fromkeys((1254019, 1254020, 1254021, 1254022), 400),
    **dict.fromkeys((1254023, 1254046, 1254301, 1254606), 200),
    **dict.fromkeys((1254027, 1254034, 1254304, 1254608, 91403), 403),
    1255040: 504,
    91402: 404,
    **dict.fromkeys(range(1254080, 1254097), 400),
}  # fmt: skip
_BY_KIND: dict[int, tuple[int, int, int]] = {
    1254015: (400, 400, 400),
    1254011: (400, 400, 400),
    1254002: (200, 200, 500),
    1254302: (403, 200, 400),
    1254607: (400, 400, 500),
    **dict.fromkeys(range(1254040, 1254046), (200, 200, 404)),
    **dict.fromkeys((*range(1254060, 1254070), 1254072), (200, 200, 500)),
}
_COLUMN: dict[Kind, int] = {"write": 0, "field": 0, "table": 0, "search": 1, "get": 2}


def status_of(code: int, kind: Kind) -> int:
    """HTTP status of ``code`` on pages of ``kind``."""
    if code == 1254015 and kind == "field":
        return 200
    if code in _FIXED:
        return _FIXED[code]
    return _BY_KIND.get(code, (200, 200, 400))[_COLUMN[kind]]


class BitableError(ApiError):
    """A Bitable refusal whose HTTP status depends on the endpoint it came out of."""


def refuse(code: int, msg: str | None = None) -> BitableError:
    """Build the refusal ``code`` with the platform's text; ``answers`` gives it its HTTP status."""
    return BitableError(code, msg or TEXTS[code])


def answers(kind: Kind) -> Callable[[Handler], Handler]:
    """Give the refusals of a handler the HTTP status that pages of this kind print."""

    def wrap(handler: Handler) -> Handler:
        @functools.wraps(handler)
        def call(world: World, req: Request) -> Mapping[str, Any] | Reply:
            try:
                return handler(world, req)
            except BitableError as error:
                error.status = status_of(error.code, kind)
                raise

        return call

    return wrap
