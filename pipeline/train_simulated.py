"""Train the bundled model on simulated scenes: ``python -m pipeline.train_simulated --out DIR --minutes 45``.

One process simulates chips into a store; this one learns from random parts of them. The target is the share of water
in a pixel. A run that was stopped goes on where it was when it is started again with the same folder.
"""

from __future__ import annotations

import argparse
import logging
import time
from pathlib import Path

from models.checkpoint import save_model
from models.errors import TrainingError
from models.unet import UNetConfig
from pipeline.chips import ChipStore, start_filler
from pipeline.model_report import compute_report
from pipeline.simulated_card import write_card
from pipeline.simulated_chips import CHIP_PX, simulate
from pipeline.trainer import OPTIONAL_BANDS, Options, Trainer
from tiles.bands import L2A_STACK

__all__ = ["MODEL_NAME", "train"]

LOG = logging.getLogger("train")
MODEL_NAME = "strandline-small"


def train(options: Options) -> Path:
    """Train, measure, and write the model file.

    Args:
        options: What the run is told.

    Returns:
        The model file.

    Raises:
        TrainingError: The folder holds a store of another shape.
    """
    options.out.mkdir(parents=True, exist_ok=True)
    shape = (options.capacity, CHIP_PX, len(L2A_STACK))
    store = ChipStore(options.out / "chips", capacity=shape[0], size=shape[1], bands=shape[2])
    store.want(options.warm_chips)
    filler = start_filler(options.out / "chips", shape, simulate, first_seed=options.seed * 1_000_000)
    try:
        while store.filled < options.warm_chips:
            if not filler.is_alive():
                raise TrainingError(
                    f"The process that simulates chips for {options.out} has stopped: see its traceback."
                )
            time.sleep(1)
        trainer = Trainer(options, store)
        trainer.run()
    finally:
        filler.terminate()
        filler.join()
    return finish(trainer)


def finish(trainer: Trainer) -> Path:
    """Measure the averaged network on chips that it never saw, and write it with its card."""
    options, progress = trainer.options, trainer.progress
    path = options.out / f"{MODEL_NAME}.safetensors"
    draft = write_card(MODEL_NAME, progress, seed=options.seed, report=None, optional=OPTIONAL_BANDS)
    save_model(path, trainer.best, draft)
    report = compute_report(path, count=options.held_out)  # of the file: its rounding is part of the model
    LOG.info("held out: %s", report)
    card = write_card(MODEL_NAME, progress, seed=options.seed, report=report, optional=OPTIONAL_BANDS)
    save_model(path, trainer.best, card)
    return path


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Train the bundled model on simulated scenes.")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run; a stopped run there goes on")
    parser.add_argument("--minutes", type=float, default=45.0, help="wall time of learning (default 45)")
    parser.add_argument("--seed", type=int, default=1, help="decides chips, first weights and order (default 1)")
    parser.add_argument("--held-out", type=int, default=64, help="chips that measure the result (default 64)")
    parser.add_argument("--depth", type=int, default=4, help="how often the network halves the resolution (default 4)")
    parser.add_argument("--width", type=int, default=16, help="channels at full resolution (default 16)")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    handlers: list[logging.Handler] = [logging.StreamHandler(), logging.FileHandler(given.out / "train.log")]
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", handlers=handlers)
    config = UNetConfig(depth=given.depth, width=given.width)
    options = Options(out=given.out, minutes=given.minutes, seed=given.seed, held_out=given.held_out, config=config)
    LOG.info("%s", options)
    LOG.info("wrote %s", train(options))


if __name__ == "__main__":
    main()
