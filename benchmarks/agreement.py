"""Whether our posteriors agree with brms' and rstanarm's, within Monte Carlo error.

``python -m benchmarks.agreement --data FOLDER`` fits every case whose data set and
reference are below FOLDER (``data/*.csv``, ``reference/peers_bayes.csv``) with that
package's priors and prints one row a quantity: our mean, theirs, and the difference in
Monte Carlo standard errors of both. Exit code 1 if any quantity is more than `LIMIT` away.

With hundreds of quantities some lie beyond 3 standard errors by chance; 4.5 is exceeded
with probability 7e-6 each.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

import hierglm as hg
from hierglm.draws.diagnostics import ess_bulk

LIMIT = 4.5


@dataclass(frozen=True, slots=True)
class Case:
    """A data set, its formula, and the columns of numbers that are categories."""

    name: str
    file: str
    formula: str
    family: str
    factors: tuple[str, ...] = ()


CASES = (
    Case("sleepstudy", "sleepstudy.csv", "Reaction ~ Days + (Days | Subject)", "gaussian"),
    Case(
        "cbpp",
        "cbpp.csv",
        "incidence | trials(size) ~ period + (1 | herd)",
        "binomial",
        ("period",),
    ),
    Case("epilepsy", "epilepsy.csv", "count ~ zAge + zBase * Trt + (1 | patient)", "poisson"),
    Case(
        "radon",
        "radon.csv",
        "log_radon ~ floor + log_uranium + (floor | county)",
        "gaussian",
    ),
    Case(
        "grouseticks",
        "grouseticks.csv",
        "TICKS ~ YEAR + HEIGHT + (1 | BROOD) + (1 | LOCATION)",
        "poisson",
        ("YEAR",),
    ),
    Case(
        "VerbAgg",
        "VerbAgg.csv",
        "r2 ~ Anger + Gender + btype + situ + (1 | id) + (1 | item)",
        "bernoulli",
    ),
)


def quantity(fit: hg.Fit, name: str) -> np.ndarray:
    """Return the draws (chains, draws) of a quantity by the reference's name for it.

    Parameters
    ----------
    fit : Fit
        The posterior.
    name : str
        ``b:x``, ``sd:group:term``, ``cor:group:term:term``, ``cov:group:term:term``,
        ``coef:group[level]:term`` or ``sigma``; factor levels stand behind the factor's name.
    """
    kind, _, rest = name.partition(":")
    if kind == "sigma":
        return fit.draws["sigma"].values
    if kind == "b":
        return _entry(fit, "b", rest)
    group, _, terms = rest.partition(":")
    if kind == "sd":
        return _entry(fit, f"sd_{group}", terms)
    if kind == "coef":
        return _coefficient(fit, group, terms)
    first, second = terms.split(":")
    cor = _entry(fit, f"cor_{group}", (first, second)) if first != second else np.ones(())
    if kind == "cor":
        return cor
    return cor * _entry(fit, f"sd_{group}", first) * _entry(fit, f"sd_{group}", second)


def _entry(fit: hg.Fit, variable: str, label: object) -> np.ndarray:
    labels = [_plain(x) for x in fit.draws[variable].dims[-1][1]]
    if isinstance(label, tuple) and label not in labels:
        label = label[::-1]
    return fit.draws[variable].values[..., labels.index(label)]


def _plain(label: object) -> object:
    # period[T.2] is period2 in R.
    return label.replace("[T.", "").replace("]", "") if isinstance(label, str) else label


def _coefficient(fit: hg.Fit, group: str, term: str) -> np.ndarray:
    name, _, level = group.rstrip("]").partition("[")
    levels = [str(x) for x in fit.draws[f"r_{name}"].dims[0][1]]
    effects = _plain_index(fit, name, term)
    return (
        _entry(fit, "b", term) + fit.draws[f"r_{name}"].values[:, :, levels.index(level), effects]
    )


def _plain_index(fit: hg.Fit, group: str, term: str) -> int:
    return [_plain(x) for x in fit.draws[f"r_{group}"].dims[1][1]].index(term)


def compare(fit: hg.Fit, reference: pd.DataFrame) -> pd.DataFrame:
    """Return one row a quantity: both means and sds, and their distance in standard errors.

    Parameters
    ----------
    fit : Fit
        Our posterior.
    reference : DataFrame
        Columns quantity, mean, sd, mcse_mean; ess_bulk where the sd is to be judged too.

    Returns
    -------
    DataFrame
        Columns quantity, ours, theirs, z (of the means), sd_ours, sd_theirs, z_sd. The
        standard error of an sd is ``sd / sqrt(2 ess)``, that of normal draws.
    """
    rows = []
    for row in reference.itertuples():
        draws = quantity(fit, row.quantity)
        ess = float(ess_bulk(draws[..., None])[0])
        mean, sd = float(draws.mean()), float(draws.std(ddof=1))
        z = (mean - row.mean) / np.hypot(sd / np.sqrt(ess), row.mcse_mean)
        error = np.hypot(sd / np.sqrt(2 * ess), row.sd / np.sqrt(2 * row.ess_bulk))
        rows.append((row.quantity, mean, row.mean, z, sd, row.sd, (sd - row.sd) / error))
    columns = ["quantity", "ours", "theirs", "z", "sd_ours", "sd_theirs", "z_sd"]
    return pd.DataFrame(rows, columns=columns)


def results(folder: Path, draws: int, seed: int) -> Iterator[pd.DataFrame]:
    """Yield the comparison of each case and package."""
    peers = pd.read_csv(folder / "reference" / "peers_bayes.csv")
    for case in CASES:
        data = pd.read_csv(folder / "data" / case.file)
        data = data.assign(**{c: data[c].astype(str) for c in case.factors})
        for package in ("brms", "rstanarm"):
            mine = peers[(peers["case"] == case.name) & peers["package"].str.startswith(package)]
            fit = hg.fit(
                case.formula,
                data,
                case.family,
                priors=package,
                seed=seed,
                draws=draws,
                adapt_delta=0.95,
                progress=False,
            )
            table = compare(fit, mine)
            table.insert(0, "package", mine["package"].to_numpy())
            table.insert(0, "case", case.name)
            yield table


def main() -> int:
    """Print the comparison; return 1 if a mean is more than `LIMIT` standard errors away."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="holds data/ and reference/")
    parser.add_argument("--draws", type=int, default=2000, help="a chain")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    worst = 0.0
    for table in results(options.data, options.draws, options.seed):
        print(table.to_string(index=False, float_format=lambda x: f"{x:.4g}"), flush=True)
        print(flush=True)
        worst = max(worst, float(table["z"].abs().max()))
    print(f"largest distance of a mean: {worst:.2f} Monte Carlo standard errors (limit {LIMIT})")
    return int(worst > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
