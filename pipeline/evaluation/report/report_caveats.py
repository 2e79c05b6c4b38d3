"""What a reader of the report must know before believing it."""

from __future__ import annotations

from pipeline.evaluation.evaluate import Evaluation
from pipeline.evaluation.tally import CAP_M

__all__ = ["list_caveats"]

_OF_SOURCE = {
    "simulated": "The scenes are simulated: this says how well the simulator is read, not how well the world is.",
    "labelled crops": (
        "The masks were made by hand, by looking, and doubtful pixels were left out: what is hardest is not counted, "
        "and who labelled may have erred."
    ),
    "swed": "SWED's labels are known to be wrong in places: some water is labelled land.",
}
_OF_PLACES = {
    "learned": "The network learned from these very places: the figures say how well it remembers.",
    "all": "Places that the network learned from may be among these: compare with --places held-out.",
}
_FEW_SCENES = 20


def list_caveats(places: str, evaluation: Evaluation) -> list[str]:
    """The caveats that apply, a sentence or two each.

    Args:
        places: Which of the data's places: ``all``, ``held-out`` or ``learned``.
        evaluation: What was measured.
    """
    caveats = [words for start, words in _OF_SOURCE.items() if evaluation.source.startswith(start)]
    if places in _OF_PLACES and not evaluation.source.startswith("simulated"):
        caveats.append(_OF_PLACES[places])
    caveats.append(_describe_intervals(evaluation))
    total = sum(evaluation.pixels.values())
    partial = [method.name for method in evaluation.methods if 0 < method.pixels < total]
    if partial:
        caveats.append(
            f"{', '.join(partial)} lacked bands in some tiles and answered fewer pixels: not to be compared with the "
            "others, and never marked as the best."
        )
    unable = [method.name for method in evaluation.methods if method.pixels == 0]
    if unable:
        caveats.append(f"{', '.join(unable)} could not answer at all: a band that each needs is absent.")
    if min(sum(evaluation.water.values()), total - sum(evaluation.water.values())) == 0:
        caveats.append("There is only one class in the truth: most figures mean little here.")
    caveats.append(
        f"Tiles are judged one by one: a shore just beyond a tile's edge is not seen, and a distance of more than "
        f"{CAP_M:.0f} m, or to a shore that is not there, counts as {CAP_M:.0f} m. Beside pixels without a label, "
        "a distance can be too small."
    )
    return caveats


def _describe_intervals(evaluation: Evaluation) -> str:
    if evaluation.resampled == "tile":
        return (
            f"There are only {len(evaluation.places)} scenes, so the intervals come from drawing tiles again: tiles of "
            "one scene are alike, and the intervals are too narrow."
        )
    if len(evaluation.places) < _FEW_SCENES:
        return f"{len(evaluation.places)} scenes are few: the intervals are rough."
    return "The intervals say what other scenes of the same kind would give, not what scenes of another kind would."
