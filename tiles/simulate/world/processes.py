"""Renders the blocks of a world in processes of their own.

What NumPy does to a block is done in many short steps, so that threads wait for the interpreter's lock: on two cores a
row of 46 blocks takes 6.2 s in threads and 4.1 s in processes.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

from tiles.cores import count_cores
from tiles.simulate.world.single_thread import single_threaded
from tiles.simulate.world.world import MOST_WORKERS, Block, Submit, World

__all__ = ["count_processes", "open_processes"]

_HELD: list[World] = []
_WORTHWHILE_PX = 1500


def count_processes(size: int) -> int:
    """How many processes are worth starting for a scene; 0: threads are done before.

    Args:
        size: Pixels of 10 m a side.
    """
    return min(MOST_WORKERS, count_cores()) if size >= _WORTHWHILE_PX else 0


@contextmanager
def open_processes(world: World, count: int) -> Iterator[Submit]:
    """Start processes that render a world's blocks; they end with the block.

    They are new interpreters, which import the program that starts them: it must be one that can be imported without
    starting them again (``if __name__ == "__main__":``).

    Args:
        world: Of which blocks; a day or ground of it is another world.
        count: How many.

    Yields:
        What ``World.render`` takes.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context, initializer=_hold, initargs=(world,)) as pool:
        try:
            yield lambda row, col: pool.submit(_render_held, row, col)
        finally:
            pool.shutdown(cancel_futures=True)


def _hold(world: World) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who is interrupted ends them
    _HELD.append(world)


@single_threaded()
def _render_held(row: int, col: int) -> Block:
    return _HELD[0].render_block(row, col)
