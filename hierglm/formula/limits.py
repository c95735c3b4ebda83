"""How much a formula may ask for; every limit of the formula language stands here.

A formula may come from a stranger. Its text is checked before anything is evaluated, and what
it would make of a table is counted before it is made. Where a limit is met, a `FormulaError` or
`DataError` says which.

==================  =========================================================================
`MAX_LENGTH`        characters of a formula
`MAX_EXPRESSION`    characters of one expression, such as ``log(x)``
`MAX_DEPTH`         brackets in brackets
`MAX_NESTING`       operations in operations, within one expression
`MAX_ORDER`         factors in one interaction, and the largest power of a sum
`MAX_BARE`          categories in one interaction without its main effects and lower interactions
`MAX_PRODUCTS`      terms that a formula multiplies out to, all its brackets together
`MAX_GROUPS`        group terms
`MAX_MEMBERS`       factors in ``mm(...)``
`MAX_BASIS`         columns of one basis (``poly``, ``bs``, ``cr``, ``cs``, ``cc``, ``hashed``)
`MAX_DEGREE`        degree of a B-spline
`MAX_POLY_LEVELS`   levels of a factor with polynomial contrasts (R's own limit)
`MAX_EXPONENT`      size of an exponent that is written as a number, as in ``I(x^2)``
`MAX_DIGITS`        digits that ``round`` keeps
`MAX_COLUMNS`       columns of one matrix: common effects, or effects of a group term
`MAX_CELLS`         numbers in one matrix, rows x columns (8 GB); columns
                    that are used as they stand are not counted
==================  =========================================================================
"""

from __future__ import annotations

MAX_LENGTH = 100_000
MAX_EXPRESSION = 20_000
MAX_DEPTH = 100
MAX_NESTING = 100
MAX_ORDER = 12
MAX_BARE = 5
MAX_PRODUCTS = 100_000
MAX_GROUPS = 200
MAX_MEMBERS = 100
MAX_BASIS = 1000
MAX_DEGREE = 20
MAX_POLY_LEVELS = 95
MAX_EXPONENT = 1000
MAX_DIGITS = 300
MAX_COLUMNS = 20_000
MAX_CELLS = 1_000_000_000
