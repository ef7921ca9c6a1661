"""The second computation of pay: written from docs/PAY.md alone, by other means than the first.

A mistake of the first computation shows only if the second cannot share it. So nothing here is imported from
the rest of the product and nothing of the first computation is used: exact fractions instead of decimals, a
reader over plain characters instead of a grammar, tax by slices instead of quick deductions, months as whole
numbers, and the documents as the plain JSON they are. `payslip.agree` compares the two.
"""

from payslip.second.exact import SecondError
from payslip.second.whole import recompute

__all__ = ["SecondError", "recompute"]
