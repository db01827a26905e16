"""Modules loaded without looking for garbage among what they are made of."""

import gc

import pytest

from app.loading import loading_code


def test_what_is_loaded_is_left_alone_and_what_comes_later_is_collected() -> None:
    try:
        with loading_code():
            assert not gc.isenabled()
            loaded = [object()]
        later = [object()]
        looked_through = gc.get_objects()
        assert gc.isenabled()
        assert not any(one is loaded for one in looked_through)
        assert any(one is later for one in looked_through)
    finally:
        gc.unfreeze()


def test_the_collector_is_on_again_when_a_module_does_not_load() -> None:
    try:
        with pytest.raises(ImportError), loading_code():
            raise ImportError
        assert gc.isenabled()
    finally:
        gc.unfreeze()
