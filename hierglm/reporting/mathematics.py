"""A model as a statistician writes it: its distributions, links, group effects and priors.

Normal and Student t distributions are written with their variance or squared scale, N(m, s^2)
and t(m, s^2), as in Gelman et al. (2013, appendix A); gamma distributions with shape and rate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hierglm.models import Model
from hierglm.reporting.distributions import distributions
from hierglm.reporting.group_terms import group_lines, group_meanings
from hierglm.reporting.latex import latex_block
from hierglm.reporting.likelihood import has_terms, likelihood, linked, meanings
from hierglm.reporting.notation import (
    Node,
    label,
    letter,
    listed,
    script,
    sign,
)
from hierglm.reporting.predictors import predictor
from hierglm.reporting.prior_lines import prior_lines, prior_meanings
from hierglm.reporting.symbols import ROW, SPELLED, Block, Effects, Line, effects


@dataclass(frozen=True, slots=True)
class Mathematics:
    """A model in mathematics.

    Attributes
    ----------
    blocks : tuple of Block
        Responses, group effects, priors.
    meanings : tuple of (Node, str)
        Symbols and names of distributions, in words.
    """

    blocks: tuple[Block, ...]
    meanings: tuple[tuple[Node, str], ...]

    def to_latex(self) -> str:
        r"""Return all blocks as LaTeX, one ``aligned`` environment each (amsmath)."""
        return "\n".join(latex_block(block) for block in self.blocks)


def mathematics(model: Model) -> Mathematics:
    r"""Return a model in mathematics.

    Parameters
    ----------
    model : Model

    Returns
    -------
    Mathematics

    Examples
    --------
    >>> import hierglm as hg
    >>> from hierglm.reporting.latex import latex_line
    >>> schools = hg.model("y | se(se) ~ 1 + (1 | school)", hg.datasets.eight_schools())
    >>> for line in mathematics(schools.model).blocks[0].lines:
    ...     print(latex_line(line)[0])
    \text{y}_{i} &\sim \operatorname{Normal} (\mu_{i}, \text{se}_{i}^{2})
    \mu_{i} &= \beta_{0} + u_{\text{school} [i]}
    """
    own = effects(model)
    blocks = [
        Block(_response_title(model, first), tuple(_response(model, first, own)))
        for first in model.responses
    ]
    for one in own:
        size = len(one.grouping.levels)
        title = f"{one.grouping.source}: {size:,} {'level' if size == 1 else 'levels'}"
        blocks.append(Block(title, group_lines(one)))
    blocks.append(Block("Priors", prior_lines(model, own)))
    shown = [p for b in blocks for x in b.lines for p in (x.left, x.relation, *x.terms)]
    return Mathematics(tuple(blocks), tuple(_meanings(model, own, shown)))


def _response_title(model: Model, first: Model) -> str:
    name = first.part.response or first.design.response.label
    return f"{name}, rows i = 1, …, {first.design.rows:,}"


def _response(whole: Model, first: Model, own: Sequence[Effects]) -> Iterator[Line]:
    yield from likelihood(first)
    for model in whole.predictors(first):
        if not first.family.thresholds or model.part.dpar or has_terms(first):
            terms = predictor(whole, model, own)
            yield Line(linked(model, first), sign("="), terms)


def _meanings(
    model: Model, own: Sequence[Effects], shown: Sequence[Node]
) -> Iterator[tuple[Node, str]]:
    for first in model.responses:
        yield from meanings(first)
        yield from _weights(first)
    for m in model.parts or (model,):
        labels = m.design.common.labels
        if len(labels) > SPELLED:
            of = f" of {m.part.label}" if m.part.label else ""
            yield (
                script(letter("x"), listed((letter("k"), ROW))),
                f"columns{of}: "
                + ", ".join(f"{k} {text}" for k, text in enumerate(labels, start=1)),
            )
    for one in own:
        yield from group_meanings(one)
    yield from prior_meanings(model, own)
    yield from distributions(shown)


def _weights(model: Model) -> Iterator[tuple[Node, str]]:
    if model.design.response.weights is not None:
        yield letter("L"), "likelihood: each row's log likelihood counts as often as its weight"
    if model.part.weight != 1:
        text = f"its log likelihood counts {model.part.weight:g} times"
        yield label(model.part.response or model.design.response.label), text
