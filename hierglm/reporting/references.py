"""What a report cites: each source once, as text and as BibTeX."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Reference:
    """One source.

    Attributes
    ----------
    kind : {"article", "misc", "inproceedings", "software"}
    authors : tuple of str
        "Family, G. H." each.
    year : int
        0 of software without one.
    title, where : str
        `where` is the journal, or who publishes it.
    number : str
        Volume, issue and pages: ``"76(1):1-32"``.
    doi, url : str
        One of them, or neither.
    """

    kind: Literal["article", "misc", "inproceedings", "software"]
    authors: tuple[str, ...]
    year: int
    title: str
    where: str = ""
    number: str = ""
    doi: str = ""
    url: str = ""

    @property
    def short(self) -> str:
        """As a text cites it: ``"Carpenter et al. 2017"``."""
        families = [name.partition(",")[0].strip("{}") for name in self.authors]
        who = f"{families[0]} et al." if len(families) > 2 else " and ".join(families)
        return f"{who} {self.year}" if self.year else who

    @property
    def text(self) -> str:
        """As a list of references has it."""
        names = [name.translate(_PLAIN).strip() for name in self.authors]
        year = f" ({self.year})" if self.year else ""
        place = " ".join(part for part in (self.where, self.number) if part)
        link = f"https://doi.org/{self.doi}" if self.doi else self.url
        parts = [f"{', '.join(names)}{year}", self.title, place, link]
        return ". ".join(part for part in parts if part) + ("" if link else ".")

    def bibtex(self, key: str) -> str:
        """Return the entry of a BibTeX file; capitals of the title are kept."""
        volume, _, pages = self.number.partition(":")
        volume, _, issue = volume.partition("(")
        fields = {
            "author": " and ".join(self.authors),
            "year": str(self.year) if self.year else "",
            "title": f"{{{self.title}}}",
            "booktitle" if self.kind == "inproceedings" else
            "publisher" if self.kind == "software" else "journal": self.where,
            "volume": volume.strip(),
            "number": issue.rstrip(")"),
            "pages": pages.strip().replace("-", "--"),
            "doi": self.doi,
            "url": self.url,
        }  # fmt: skip
        if self.kind in ("misc", "software"):
            held = " ".join(part for part in (self.where, self.number) if part)
            fields |= {"volume": "", "number": "", "pages": "", "journal": "", "publisher": ""}
            fields["howpublished"] = held
        kind = "misc" if self.kind == "software" else self.kind
        inside = ",\n".join(f"  {k} = {{{v}}}" for k, v in fields.items() if v)
        return f"@{kind}{{{key},\n{inside}\n}}"


_PLAIN = str.maketrans("", "", ",.{}")
"""Marks between the names of an author, and what keeps BibTeX from reading a name in parts."""


def _article(
    authors: str, year: int, title: str, where: str, number: str, doi: str = ""
) -> Reference:
    return Reference("article", tuple(authors.split("; ")), year, title, where, number, doi)


REFERENCES: Mapping[str, Reference] = {
    "hierglm": Reference(
        "software", ("{The hierglm founders}",), 0,
        "hierglm: R-like formulas compiled to the fastest exact Stan program for hierarchical "
        "generalised linear models", "Python package",
    ),
    "besag1974": _article(
        "Besag, J.", 1974,
        "Spatial interaction and the statistical analysis of lattice systems",
        "Journal of the Royal Statistical Society B", "36(2):192-225",
        "10.1111/j.2517-6161.1974.tb00999.x",
    ),
    "betancourt2017": Reference(
        "misc", ("Betancourt, M.",), 2017, "A conceptual introduction to Hamiltonian Monte Carlo",
        "arXiv", "1701.02434",
    ),
    "brms": _article(
        "Bürkner, P.-C.", 2017, "brms: An R package for Bayesian multilevel models using Stan",
        "Journal of Statistical Software", "80(1):1-28", "10.18637/jss.v080.i01",
    ),
    "carpenter2017": _article(
        "Carpenter, B.; Gelman, A.; Hoffman, M. D.; Lee, D.; Goodrich, B.; Betancourt, M.; "
        "Brubaker, M.; Guo, J.; Li, P.; Riddell, A.", 2017,
        "Stan: A probabilistic programming language", "Journal of Statistical Software",
        "76(1):1-32", "10.18637/jss.v076.i01",
    ),
    "ferrari2004": _article(
        "Ferrari, S.; Cribari-Neto, F.", 2004,
        "Beta regression for modelling rates and proportions", "Journal of Applied Statistics",
        "31(7):799-815", "10.1080/0266476042000214501",
    ),
    "gabry2019": _article(
        "Gabry, J.; Simpson, D.; Vehtari, A.; Betancourt, M.; Gelman, A.", 2019,
        "Visualization in Bayesian workflow", "Journal of the Royal Statistical Society A",
        "182(2):389-402", "10.1111/rssa.12378",
    ),
    "gelman2008": _article(
        "Gelman, A.; Jakulin, A.; Pittau, M. G.; Su, Y.-S.", 2008,
        "A weakly informative default prior distribution for logistic and other regression models",
        "The Annals of Applied Statistics", "2(4):1360-1383", "10.1214/08-AOAS191",
    ),
    "gelman2019": _article(
        "Gelman, A.; Goodrich, B.; Gabry, J.; Vehtari, A.", 2019,
        "R-squared for Bayesian regression models", "The American Statistician",
        "73(3):307-309", "10.1080/00031305.2018.1549100",
    ),
    "hoffman2014": _article(
        "Hoffman, M. D.; Gelman, A.", 2014,
        "The No-U-Turn sampler: Adaptively setting path lengths in Hamiltonian Monte Carlo",
        "Journal of Machine Learning Research", "15:1593-1623",
    ),
    "kallioinen2024": _article(
        "Kallioinen, N.; Paananen, T.; Bürkner, P.-C.; Vehtari, A.", 2024,
        "Detecting and diagnosing prior and likelihood sensitivity with power-scaling",
        "Statistics and Computing", "34:57", "10.1007/s11222-023-10366-5",
    ),
    "kucukelbir2017": _article(
        "Kucukelbir, A.; Tran, D.; Ranganath, R.; Gelman, A.; Blei, D. M.", 2017,
        "Automatic differentiation variational inference", "Journal of Machine Learning Research",
        "18(14):1-45",
    ),
    "lambert1992": _article(
        "Lambert, D.", 1992,
        "Zero-inflated Poisson regression, with an application to defects in manufacturing",
        "Technometrics", "34(1):1-14", "10.2307/1269547",
    ),
    "lewandowski2009": _article(
        "Lewandowski, D.; Kurowicka, D.; Joe, H.", 2009,
        "Generating random correlation matrices based on vines and extended onion method",
        "Journal of Multivariate Analysis", "100(9):1989-2001", "10.1016/j.jmva.2009.04.008",
    ),
    "mccullagh1980": _article(
        "McCullagh, P.", 1980, "Regression models for ordinal data",
        "Journal of the Royal Statistical Society B", "42(2):109-127",
        "10.1111/j.2517-6161.1980.tb01109.x",
    ),
    "mullahy1986": _article(
        "Mullahy, J.", 1986, "Specification and testing of some modified count data models",
        "Journal of Econometrics", "33(3):341-365", "10.1016/0304-4076(86)90002-3",
    ),
    "nakagawa2017": _article(
        "Nakagawa, S.; Johnson, P. C. D.; Schielzeth, H.", 2017,
        "The coefficient of determination R2 and intra-class correlation coefficient from "
        "generalized linear mixed-effects models revisited and expanded",
        "Journal of the Royal Society Interface", "14(134):20170213", "10.1098/rsif.2017.0213",
    ),
    "riebler2016": _article(
        "Riebler, A.; Sørbye, S. H.; Simpson, D.; Rue, H.", 2016,
        "An intuitive Bayesian spatial model for disease mapping that accounts for scaling",
        "Statistical Methods in Medical Research", "25(4):1145-1165", "10.1177/0962280216660421",
    ),
    "rstanarm": Reference(
        "software", ("Goodrich, B.", "Gabry, J.", "Ali, I.", "Brilleman, S."), 0,
        "rstanarm: Bayesian applied regression modeling via Stan", "R package",
        url="https://mc-stan.org/rstanarm/",
    ),
    "sivula2025": _article(
        "Sivula, T.; Magnusson, M.; Matamoros, A. A.; Vehtari, A.", 2025,
        "Uncertainty in Bayesian leave-one-out cross-validation based model comparison",
        "Bayesian Analysis", "", "10.1214/25-BA1569",
    ),
    "vehtari2017": _article(
        "Vehtari, A.; Gelman, A.; Gabry, J.", 2017,
        "Practical Bayesian model evaluation using leave-one-out cross-validation and WAIC",
        "Statistics and Computing", "27(5):1413-1432", "10.1007/s11222-016-9696-4",
    ),
    "vehtari2021": _article(
        "Vehtari, A.; Gelman, A.; Simpson, D.; Carpenter, B.; Bürkner, P.-C.", 2021,
        "Rank-normalization, folding, and localization: An improved R-hat for assessing "
        "convergence of MCMC", "Bayesian Analysis", "16(2):667-718", "10.1214/20-BA1221",
    ),
    "yao2018": _article(
        "Yao, Y.; Vehtari, A.; Simpson, D.; Gelman, A.", 2018,
        "Using stacking to average Bayesian predictive distributions", "Bayesian Analysis",
        "13(3):917-1007", "10.1214/17-BA1091",
    ),
    "yao2018khat": Reference(
        "inproceedings", ("Yao, Y.", "Vehtari, A.", "Simpson, D.", "Gelman, A."), 2018,
        "Yes, but did it work?: Evaluating variational inference",
        "Proceedings of the 35th International Conference on Machine Learning", "80:5581-5590",
    ),
    "zhang2022": _article(
        "Zhang, L.; Carpenter, B.; Gelman, A.; Vehtari, A.", 2022,
        "Pathfinder: Parallel quasi-Newton variational inference",
        "Journal of Machine Learning Research", "23(306):1-49",
    ),
}  # fmt: skip
"""By the key of the BibTeX entry."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence without its full stop, and what it cites."""

    text: str
    cites: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = f" ({'; '.join(REFERENCES[key].short for key in self.cites)})" if self.cites else ""
        return f"{self.text}{where}."


def cited(sentences: Sequence[Sentence]) -> tuple[str, ...]:
    """Return the keys of all that some sentences cite, in the order of their authors."""
    keys = dict.fromkeys(key for s in sentences for key in s.cites)
    return tuple(sorted(keys, key=lambda k: (REFERENCES[k].short.casefold(), k)))


def bibliography(keys: Iterable[str]) -> str:
    """Return sources as a BibTeX file."""
    return "\n\n".join(REFERENCES[key].bibtex(key) for key in keys) + "\n"
