"""Forked workers: what they return, and what happens when they die."""

from __future__ import annotations

import os
import signal
import time

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils._parallel import MAX_CHUNKS, map_forked


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 2, 100, 5000])
def test_the_order_is_the_chunks(workers, count):
    assert map_forked(lambda number: number * 2, range(count), workers) == [number * 2 for number in range(count)]


def test_others_do_part_of_the_work():
    seen = set(map_forked(lambda _n: [os.getpid(), sum(range(20000))][0], range(200), 2))
    assert len(seen) == 2


def test_what_a_dead_worker_took_is_done_all_the_same():
    me = os.getpid()

    def work(number):
        if os.getpid() != me:
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    assert map_forked(work, range(50), 3) == list(range(50))


def test_workers_end_with_who_was_killed(tmp_path):
    def work(number):
        (tmp_path / str(number)).touch()
        time.sleep(0.02)

    pid = os.fork()
    if not pid:
        try:
            map_forked(work, range(1000), 3)
        finally:
            os._exit(0)
    while len(os.listdir(tmp_path)) < 5:
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    time.sleep(0.3)
    seen = len(os.listdir(tmp_path))
    time.sleep(0.3)
    assert len(os.listdir(tmp_path)) == seen < 1000


def test_without_another_process_it_is_done_here(monkeypatch):
    def none():
        raise BlockingIOError

    monkeypatch.setattr(os, "fork", none)
    before = os.listdir("/proc/self/fd")
    assert map_forked(lambda number: [number, os.getpid()], range(50), 3) == [[n, os.getpid()] for n in range(50)]
    assert os.listdir("/proc/self/fd") == before


def test_an_error_in_a_worker_comes_out():
    def work(number):
        if number == 7:
            raise ValueError("seven")
        return number

    with pytest.raises(ValueError, match="seven"):
        map_forked(work, range(50), 3)


def test_too_many_chunks_are_refused():
    with pytest.raises(ValueError, match="make them larger"):
        map_forked(str, range(MAX_CHUNKS + 1), 2)
