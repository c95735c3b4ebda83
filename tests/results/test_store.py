"""A saved fit comes back as it was, bit for bit, or says why it cannot."""

from __future__ import annotations

import json
import zipfile
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hierglm.design.design import Design
from hierglm.draws.draws import Draws, Variable, assemble
from hierglm.draws.integrated import with_effects
from hierglm.engines.engine import Settings
from hierglm.errors import FileError
from hierglm.families import BERNOULLI
from hierglm.models import specify
from hierglm.plan.choose import choose
from hierglm.plan.forms import Ability
from hierglm.priors import distributions as prior
from hierglm.program.write import write
from hierglm.results.approximate import approximate
from hierglm.results.archive import read_archive, write_archive
from hierglm.results.fitted import Fitted
from hierglm.results.store import load, save
from hierglm.results.text import text
from hierglm.results.tidy import tidy
from tests.designs import design_of
from tests.results.made import stats


def _table() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    rows = 60
    period = pd.Categorical(rng.choice(["b", "a", "c"], rows), categories=["c", "b", "a"])
    return pd.DataFrame(
        {
            "y": rng.normal(10, 3, rows),
            "x": np.where(np.arange(rows) == 7, np.nan, rng.normal(2, 1, rows)),
            "z": rng.normal(size=rows),
            "n": rng.integers(5, 9, rows),
            "won": rng.integers(0, 5, rows),
            "yes": rng.integers(0, 2, rows).astype(bool),
            "period": period,
            "school": rng.choice(["Ä", "b, c", "`q`", "d\n"], rows),
            "year": rng.integers(1990, 1994, rows),
            "lvl b": rng.choice(["p", "q"], rows),
            "day": np.datetime64("2024-02-28T12", "ns") + 86_400 * 10**9 * rng.integers(0, 3, rows),
            "half": rng.integers(0, 3, rows) / 2 + 0.1,
        }
    )


FORMULAS: list[tuple[str, str]] = [
    ("y ~ x + (x | school)", "gaussian"),
    ("y ~ 1", "gaussian"),
    ("y ~ 0 + x + (0 + x | year)", "gaussian"),
    ("log(y**2) ~ scale(x) + poly(z, 2) + (poly(z, 2) || school)", "gaussian"),
    ("y ~ bs(z, df=4) + C(period, contr.sum) + (1 | school/year)", "gaussian"),
    ("y ~ x * period + (period | year)", "gaussian"),
    ("y | weights(n) ~ `lvl b` + offset(log(n)) + (1 | school) + (0 + z | school)", "gaussian"),
    ("y | se(n) ~ 1 + (1 | year)", "gaussian"),
    ("won | trials(n) ~ period + (1 | school:year)", "binomial"),
    ("yes ~ z + (1 | school)", "bernoulli"),
    ("won ~ z + (z | year)", "poisson"),
    ("won ~ z + (1 | year)", "negbinomial"),
    ("won | weights(n) ~ z + (1 | year)", "zero_inflated_negbinomial"),
    ("won ~ z", "hurdle_poisson"),
    ("yes ~ z + (1 | school)", "bernoulli(probit)"),
    ("won | trials(n) ~ z", "binomial(cloglog)"),
    ("won | trials(n) ~ z + (1 | year)", "beta_binomial"),
    ("y ~ z + (1 | year)", "student"),
    ("exp(z) ~ x + (1 | year)", "gamma"),
    ("exp(z) ~ x", "lognormal"),
    ("plogis(z) ~ x", "beta"),
    ("period ~ z + (1 | year)", "cumulative"),
    ("I(won + 1) ~ z", "cumulative(probit)"),
    ("y ~ z + (1 | yes) + (1 | period) + (1 | half)", "gaussian"),
    ("y ~ z + (1 | day)", "gaussian"),
    ("y ~ z + C(year) + (C(year) | period:school)", "gaussian"),
]


def _fitted(formula: str, family: str, table: pd.DataFrame | None = None, **priors: Any) -> Fitted:
    return fitted_of(design_of(formula, _table() if table is None else table), family, **priors)


def fitted_of(design: Design, family: str, **priors: Any) -> Fitted:
    plan = choose(specify(design, family, priors or None), frozenset(Ability))
    program = write(plan)
    rng = np.random.default_rng(1)
    outputs = [replace(out, pick=None) for out in program.outputs]
    values = {}
    for k, out in enumerate(outputs):
        shape = tuple(len(labels) for _, labels in out.dims)
        outputs[k] = replace(out, stan=str(k))
        values[str(k)] = np.tanh(rng.normal(size=(2, 30, *shape))) ** 2
    return Fitted(
        plan=replace(plan, numbers=None),
        program=program,
        settings=Settings(chains=2, draws=30, seed=5, progress=False),
        draws=with_effects(plan, assemble(outputs, values, stats(2, 30), (0.25, 1 / 3)), 5),
        engine="embedded",
        versions={"hierglm": "0.1.0", "stanli": "0.24.0"},
        approx=approximate(plan),
        seconds=1.0 + 1e-15,
        notes=(*design.notes, "a note"),
    )


def assert_same(one: Any, other: Any, path: str = "fit") -> None:
    """Compare values through and through; arrays bit for bit."""
    assert type(one) is type(other), path
    if isinstance(one, np.ndarray):
        assert (one.dtype, one.shape) == (other.dtype, other.shape), path
        equal = one.tolist() == other.tolist() if one.dtype.hasobject else None
        assert one.tobytes() == other.tobytes() if equal is None else equal, path
    elif is_dataclass(one):
        for f in fields(one):
            # How to encode again, and the table itself, are judged by what they make.
            if f.name not in ("encoding", "table", "functions"):
                assert_same(getattr(one, f.name), getattr(other, f.name), f"{path}.{f.name}")
    elif isinstance(one, dict):
        assert list(one) == list(other), path
        for key in one:
            assert_same(one[key], other[key], f"{path}[{key!r}]")
    elif isinstance(one, tuple | list):
        assert len(one) == len(other), path
        for i, (a, b) in enumerate(zip(one, other, strict=True)):
            assert_same(a, b, f"{path}[{i}]")
    elif not callable(one):
        assert one == other, path


@pytest.mark.parametrize(("formula", "family"), FORMULAS)
def test_a_saved_fit_comes_back_bit_for_bit(formula: str, family: str, tmp_path: Path) -> None:
    fit = _fitted(formula, family)
    path = save(fit, tmp_path / "fit.hglm")
    assert path == tmp_path / "fit.hglm"
    found = load(path)
    assert_same(fit, found)
    assert text(found) == text(fit)
    effects = ("fixed", "ran_sd", "ran_cor", "family", "ran_vals", "ran_coefs")
    pd.testing.assert_frame_equal(tidy(found, effects), tidy(fit, effects), check_exact=True)
    again = tmp_path / "again.hglm"
    save(found, again)
    assert again.read_bytes() == path.read_bytes()


def test_priors_come_back_with_their_numbers(tmp_path: Path) -> None:
    given = {"b[x]": prior.normal(0.1, 1 / 3), "cor": prior.lkj(2), "sd": prior.exponential(3)}
    fit = _fitted("y ~ x + (x | school)", "gaussian", **given)
    found = load(save(fit, tmp_path / "f"))
    assert found.plan.model.priors == fit.plan.model.priors
    assert found.plan.model.prior_table().equals(fit.plan.model.prior_table())


def test_new_data_is_encoded_as_before(tmp_path: Path) -> None:
    fit = _fitted("y ~ poly(z, 2) + C(period, contr.sum) + (scale(x) | school)", "gaussian")
    found = load(save(fit, tmp_path / "f"))
    one, other = fit.plan.model.design, found.plan.model.design
    np.testing.assert_array_equal(one.common.matrix, other.common.matrix)
    assert other.total == 60
    assert other.rows == 59
    assert 7 not in other.kept


def _without(members: dict[str, bytes], name: str) -> dict[str, bytes]:
    return {k: v for k, v in members.items() if k != name}


def _edit(path: Path, change: Any) -> None:
    """Write the members again, changed, with right checksums: the cunning case."""
    members = read_archive(path)
    said = json.loads(members["fit.json"])
    changed = change(said)
    members["fit.json"] = json.dumps(said if changed is None else changed).encode()
    write_archive(path, list(members.items()))


def _set(*keys: Any, value: Any) -> Any:
    def change(said: Any) -> None:
        for key in keys[:-1]:
            said = said[key]
        said[keys[-1]] = value

    return change


def _lasting(seconds: float) -> Any:
    def change(said: Any) -> None:
        next(pair for pair in said["fit"]["map"] if pair[0] == "seconds")[1] = seconds

    return change


DAMAGE = [
    (_set("formula", value="y ~ x + (1 | school)"), "cannot be restored"),
    (_set("formula", value="y ~ z + (z | school)"), "cannot be restored"),
    (_set("formula", value="y ~ x +"), "cannot be restored by this hierglm"),
    (_set("formula", value="y ~ __import__('os').system('x')"), "cannot be restored by this"),
    (_set("family", value="gausian"), "no family 'gausian'"),
    (_set("family", value=3), "cannot be restored|is damaged"),
    (_set("table", value={"map": []}), "cannot be restored|is damaged"),
    (_set("priors", value={"record": "Prior", "fields": {"kind": "normal"}}), "restored|damaged"),
    (_set("plan", value={"map": [["name", "x"]]}), "damaged file: Plan has no 'name'"),
    (_set("fit", value=None), "is damaged"),
    *((_lasting(x), f"damaged file: a fit that took {x} s") for x in (np.nan, np.inf, -1.0)),
    (lambda said: {}, "is damaged: KeyError"),
    (lambda said: [], "is damaged"),
    (lambda said: said.pop("rows") and None, "is damaged: KeyError: 'rows'"),
]


@pytest.mark.parametrize(("change", "words"), DAMAGE)
def test_edited_files_are_refused(change: Any, words: str, tmp_path: Path) -> None:
    path = save(_fitted("y ~ x + (x | school)", "gaussian"), tmp_path / "f")
    _edit(path, change)
    with pytest.raises(FileError, match=words):
        load(path)


def test_changed_levels_are_noticed(tmp_path: Path) -> None:
    """Levels as stored and levels as made again from the table must be the same."""
    path = save(_fitted("y ~ x + (x | school)", "gaussian"), tmp_path / "f")
    members = read_archive(path)
    data = members["fit.json"].replace(b"b, c", b"b. c")
    assert data.count(b"b. c") > 1
    # All but the table.
    first = data.index(b"b. c")
    members["fit.json"] = data[:first] + b"b, c" + data[first + 4 :]
    write_archive(path, list(members.items()))
    with pytest.raises(FileError, match=r"differ from those that were fitted|restored|damaged"):
        load(path)


def test_changed_numbers_of_the_table_are_noticed(tmp_path: Path) -> None:
    fit = _fitted("y ~ z", "gaussian")
    path = save(fit, tmp_path / "f")
    members = read_archive(path)
    y = fit.plan.model.design.response.values
    name = next(k for k, v in members.items() if v.endswith(y.tobytes()))
    members[name] = members[name][:-8] + np.float64(99.5).tobytes()
    write_archive(path, list(members.items()))
    with pytest.raises(FileError, match="the response values made from its table differ"):
        load(path)


def test_a_missing_member(tmp_path: Path) -> None:
    path = save(_fitted("y ~ z", "gaussian"), tmp_path / "f")
    members = read_archive(path)
    write_archive(path, list(_without(members, "array_0.npy").items()))
    with pytest.raises(FileError, match="it has no member 'array_0"):
        load(path)
    write_archive(path, list(_without(members, "fit.json").items()))
    with pytest.raises(FileError, match="it has no member 'fit"):
        load(path)


def test_functions_of_the_user_must_be_given_again(tmp_path: Path) -> None:
    from hierglm.design.encode import encode
    from hierglm.design.reading import as_table
    from hierglm.formula.parse import parse

    def half(x: Any) -> Any:
        return x / 2

    table = as_table(_table())
    fit = _fitted("y ~ z", "gaussian")
    parsed = parse("y ~ half(z)", table.columns, ("half",))
    design = encode(parsed, table, functions={"half": half})
    plan = choose(specify(design, "gaussian"), frozenset(Ability))
    fit = replace(fit, plan=plan, program=write(plan))
    path = save(fit, tmp_path / "f")
    with pytest.raises(FileError, match="calls 'half', a function of yours"):
        load(path)
    found = load(path, functions={"half": half})
    np.testing.assert_array_equal(found.plan.model.design.common.matrix, design.common.matrix)
    with pytest.raises(FileError, match="common values made from its table differ"):
        load(path, functions={"half": lambda x: x / 3})


def test_a_family_of_ones_own_is_refused_before_writing(tmp_path: Path) -> None:
    fit = _fitted("yes ~ z", "bernoulli")
    own = replace(fit.plan.model, family=replace(BERNOULLI, name="mine"))
    with pytest.raises(FileError, match="a family of your own"):
        save(replace(fit, plan=replace(fit.plan, model=own)), tmp_path / "f")
    assert list(tmp_path.iterdir()) == []


def test_no_code_and_no_pickles_inside(tmp_path: Path) -> None:
    path = save(_fitted("y ~ x + (x | school)", "gaussian"), tmp_path / "f")
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        assert {n.rsplit(".", 1)[1] for n in names} == {"json", "npy"}
        for name in names:
            if name.endswith(".npy"):
                with archive.open(name) as file:
                    np.lib.format.read_array(file, allow_pickle=False)


def test_draws_that_are_views_are_saved_whole(tmp_path: Path) -> None:
    fit = _fitted("y ~ x + (x | school)", "gaussian")
    variables = {
        v.name: Variable(v.name, v.effect, v.group, np.asfortranarray(v.values), v.dims)
        for v in fit.draws
    }
    fit = replace(fit, draws=Draws(variables, fit.draws.stats, fit.draws.seconds))
    found = load(save(fit, tmp_path / "f"))
    for name, variable in variables.items():
        np.testing.assert_array_equal(found.draws[name].values, variable.values)
