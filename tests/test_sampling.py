"""What is decided about warmup and steps, and what happens when it was too little."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

import hierglm as hg
from hierglm.draws.draws import Draws, Variable
from hierglm.engines.engine import Settings
from hierglm.errors import SamplingError, SettingsError
from hierglm.models import specify
from hierglm.plan.choose import choose
from hierglm.plan.forms import Ability, GroupForm
from hierglm.program.fragment import Place, Program
from hierglm.sampling import sample
from tests.designs import design_of, schools

LED = Program("", "", {}, (), (), {"b": Place(0.0, np.ones(1))}, led=True)
IN_UNITS = replace(LED, led=False)
ALONE = replace(IN_UNITS, start={})
PLAN = choose(specify(design_of("won ~ x + (1 | school)", schools()), "bernoulli"),
              frozenset(Ability))  # fmt: skip
TOLD = choose(specify(design_of("won ~ x + (1 | person)", schools().assign(
    person=np.arange(40) // 2, won=np.arange(40) // 2 % 2)), "bernoulli"),
    frozenset(Ability))  # fmt: skip
INTEGRATED = choose(specify(design_of("score ~ x + (1 | school)", schools())), frozenset(Ability))


@dataclass
class Engine:
    """Hands out what it was given, draw by draw, and remembers what it was asked."""

    answers: list
    starts: bool = True
    abilities: frozenset = frozenset(Ability)
    asked: list = field(default_factory=list)

    def sample(self, program, settings):
        self.asked.append(settings)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def draws(apart=0.0, divergent=0, sticky=False):
    r = np.random.default_rng(0)
    values = r.normal(size=(4, 500, 1)) + apart * np.arange(4)[:, None, None]
    if sticky:
        values = np.cumsum(values, axis=1)
        values -= values.mean(axis=1, keepdims=True)
    diverging = np.zeros((4, 500), dtype=bool)
    diverging[0, :divergent] = True
    b = Variable("b", "fixed", "", values, (("term", ("x",)),))
    return Draws({"b": b}, {"diverging": diverging})


def test_chains_that_are_led_warm_up_briefly():
    engine = Engine([draws()])
    found = sample(TOLD, LED, engine, Settings())
    assert (found.settings.warmup, found.settings.adapt_delta) == (300, 0.65)
    assert found.notes == ("300 warmup iterations, since chains start about the penalised fit",)


def test_steps_are_careful_where_few_levels_tell_an_sd():
    found = sample(PLAN, LED, Engine([draws()]), Settings())
    assert (found.settings.warmup, found.settings.adapt_delta) == (300, 0.8)


@pytest.mark.parametrize(("program", "starts"), [(ALONE, True), (IN_UNITS, True), (LED, False)])
def test_chains_that_are_not_led_warm_up_in_full(program, starts):
    engine = Engine([draws(apart=3)], starts)
    found = sample(PLAN, program, engine, Settings())
    assert (found.settings.warmup, found.settings.adapt_delta, found.notes) == (1000, 0.8, ())
    assert len(engine.asked) == 1


TROUBLES = [
    ({"divergent": 1}, "1 transition diverged"),
    ({"divergent": 7}, "7 transitions diverged"),
    ({"apart": 1}, "R-hat was 1."),
    ({"sticky": True}, "R-hat was|effective sample size was"),
]


@pytest.mark.parametrize(("trouble", "words"), TROUBLES)
def test_trouble_after_a_short_warmup_has_all_sampled_again(trouble, words):
    good = draws()
    engine = Engine([draws(**trouble), good])
    found = sample(TOLD, LED, engine, Settings(seed=3))
    assert found.draws is good
    assert found.plan is TOLD
    assert [(s.warmup, s.adapt_delta) for s in engine.asked] == [(300, 0.65), (1000, 0.8)]
    assert found.settings is engine.asked[1]
    assert found.settings.seed == 3
    (note,) = found.notes
    assert note.startswith("1,000 warmup iterations: after 300 ")
    assert any(w in note for w in words.split("|"))


def test_trouble_after_a_full_warmup_steps_back_to_standardised_effects():
    good = draws()
    engine = Engine([draws(divergent=1), draws(apart=1), good])
    found = sample(PLAN, LED, engine, Settings())
    assert found.draws is good
    assert [c.form for c in found.plan.groups] == [GroupForm.STANDARDISED]
    assert "std_normal" in found.program.code
    assert found.notes[1].startswith("standardised effects: about their conditional means R-hat")


def test_draws_are_kept_where_standardised_effects_cannot_start():
    kept = draws(apart=1)
    engine = Engine([draws(divergent=1), kept, SamplingError("no starting point")])
    found = sample(PLAN, LED, engine, Settings())
    assert found.draws is kept
    assert found.plan is PLAN
    assert len(found.notes) == 1


def test_it_does_not_step_back_where_that_is_worse_or_there_is_nothing_to_step_from():
    engine = Engine([draws(divergent=1), draws(apart=1), draws(apart=2)])
    found = sample(PLAN, LED, engine, Settings())
    assert found.plan is PLAN
    assert len(found.notes) == 1
    engine = Engine([draws(divergent=1), draws(apart=1)])
    assert sample(INTEGRATED, LED, engine, Settings()).plan is INTEGRATED


def test_what_the_user_says_is_done():
    engine = Engine([draws(divergent=3)])
    found = sample(PLAN, LED, engine, Settings(), warmup=50, adapt_delta=0.9)
    assert (found.settings.warmup, found.settings.adapt_delta, found.notes) == (50, 0.9, ())
    engine = Engine([draws(divergent=3), draws()])
    sample(PLAN, LED, engine, Settings(), adapt_delta=0.99)
    assert [s.adapt_delta for s in engine.asked] == [0.99, 0.99]


def test_the_fit_says_what_was_decided():
    fit = hg.fit("score ~ x + (1 | school)", schools(rows=200), seed=1, progress=False)
    assert fit.settings.warmup == 300
    assert "Note: 300 warmup iterations, since" in str(fit)
    fit = hg.fit("score ~ x", schools(), plan="textbook", seed=1, draws=200, progress=False)
    assert fit.settings.warmup == 1000
    assert fit.approx is None


def test_the_fit_says_why_it_was_not_led():
    # One row a group: the two variances cannot be told apart.
    data = schools(rows=30).assign(own=range(30))
    fit = hg.fit("score ~ x + (1 | own)", data, seed=1, draws=200, progress=False)
    assert fit.approx is None
    assert fit.settings.warmup == 1000
    (note,) = [n for n in fit.notes if "warmup" in n]
    assert note.startswith("1,000 warmup iterations: no penalised fit to start about, it had not")


def test_unknown_method():
    with pytest.raises(SettingsError, match="no method 'aprox'; did you mean 'approx'"):
        hg.fit("score ~ x", schools(), method="aprox")


def test_no_approximation_without_a_penalised_fit(monkeypatch):
    monkeypatch.setattr("hierglm.plan.compute.penalise", lambda *found: None)
    with pytest.raises(SettingsError, match=r"no penalised fit.*its numbers broke down"):
        hg.fit("score ~ x + (1 | school)", schools(), method="approx")
