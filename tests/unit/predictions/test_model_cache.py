import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from app.predictions.model_cache import ModelCache

Cache = ModelCache[str, object]


def use(cache: Cache, key: str, *, num_bytes: int = 10) -> object:
    with cache.use(key, num_bytes=num_bytes, load=object) as model:
        return model


def test_twenty_threads_load_a_model_once() -> None:
    cache = Cache(100)
    loads: list[str] = []
    together = threading.Barrier(20)

    def load() -> object:
        loads.append("load")
        return object()

    def ask() -> object:
        together.wait()
        with cache.use("ants", num_bytes=10, load=load) as model:
            return model

    with ThreadPoolExecutor(20) as threads:
        models = [future.result() for future in [threads.submit(ask) for _ in range(20)]]
    assert loads == ["load"]
    assert len(set(map(id, models))) == 1


def test_callers_wait_for_a_model_that_is_loading() -> None:
    cache = Cache(100)
    started, finish = threading.Event(), threading.Event()
    model = object()

    def load_slowly() -> object:
        started.set()
        finish.wait()
        return model

    def ask() -> object:
        with cache.use("ants", num_bytes=10, load=load_slowly) as loaded:
            return loaded

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(ask)
        started.wait()
        second = threads.submit(use, cache, "ants")
        finish.set()
        assert first.result() is second.result() is model


def test_the_least_recently_used_is_evicted_first() -> None:
    cache = Cache(30)
    for key in ("a", "b", "c", "a", "d"):
        use(cache, key)
    assert cache.keys == ["c", "a", "d"]


def test_the_limit_counts_bytes_not_models() -> None:
    cache = Cache(30)
    use(cache, "a")
    use(cache, "b")
    use(cache, "large", num_bytes=25)
    assert cache.keys == ["large"]


def test_models_are_evicted_before_another_is_loaded() -> None:
    cache = Cache(15)
    use(cache, "a")
    there_while_loading: list[list[str]] = []

    def load() -> object:
        there_while_loading.append(cache.keys)
        return object()

    with cache.use("b", num_bytes=10, load=load):
        pass
    assert there_while_loading == [["b"]]


def test_models_in_use_are_never_evicted() -> None:
    cache = Cache(10)
    with ExitStack() as in_use:
        model = in_use.enter_context(cache.use("a", num_bytes=10, load=object))
        in_use.enter_context(cache.use("b", num_bytes=10, load=object))
        use(cache, "c")
        assert cache.keys == ["a", "b"]
        assert use(cache, "a") is model
    assert cache.keys == ["a"]


def test_a_model_larger_than_the_cache_is_evicted_after_use() -> None:
    cache = Cache(10)
    with cache.use("huge", num_bytes=11, load=object):
        assert cache.keys == ["huge"]
    assert cache.keys == []


def test_a_failed_load_fails_all_waiting_callers_and_is_retried() -> None:
    cache = Cache(100)
    waiting, fail = threading.Event(), threading.Event()

    def load() -> object:
        waiting.set()
        fail.wait()
        raise OSError("unreadable")

    def ask() -> object:
        with cache.use("ants", num_bytes=10, load=load) as model:
            return model

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(ask)
        waiting.wait()
        second = threads.submit(ask)
        fail.set()
        for asked in (first, second):
            with pytest.raises(OSError, match="unreadable"):
                asked.result()
    assert cache.keys == []
    assert use(cache, "ants") is not None
