"""Families are sent to other processes by name."""

import copy
import pickle

import pytest

from hierglm.families import LINKED


@pytest.mark.parametrize("family", LINKED, ids=repr)
def test_families_come_back_as_themselves(family):
    assert pickle.loads(pickle.dumps(family)) is family
    assert copy.deepcopy(family) is family
