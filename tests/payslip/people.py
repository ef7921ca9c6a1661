"""Who is who in tests of pay runs."""

from dataclasses import replace
from typing import Any

from payslip.deps import COMPANY, DEPARTMENT, Policy
from runtime.ids import OpenId

HR, HR_HEAD, FINANCE_HEAD, FINANCE = (
    OpenId("ou_hr"), OpenId("ou_hr_head"), OpenId("ou_finance_head"), OpenId("ou_finance"),
)  # fmt: skip


def policy(**changes: Any) -> Policy:
    """The policy of a small company."""
    made = Policy(
        company="悦然服饰", tenant="test", hr=(HR,), hr_head=HR_HEAD, finance_head=FINANCE_HEAD,
        finance=(FINANCE,), approvals={DEPARTMENT: "DEPT", COMPANY: "ALL"},
        public_url="http://127.0.0.1:8460",
    )  # fmt: skip
    return replace(made, **changes)
