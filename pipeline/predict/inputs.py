"""Which scenes a model can map: their level, and the bands that it cannot do without."""

from __future__ import annotations

from models.card import ModelCard
from pipeline.errors import UnfitSceneError
from tiles.errors import BandError
from tiles.scene import BandSource, Scene

__all__ = ["describe_absence", "describe_fit", "describe_need", "list_absent", "resolve_inputs"]


def resolve_inputs(scene: Scene, card: ModelCard) -> tuple[BandSource, ...]:
    """Decide what a model reads of a scene.

    Args:
        scene: The scene.
        card: What the model says about itself.

    Returns:
        The sources of its inputs, in its order; those that the scene lacks and the model can do without are left out.

    Raises:
        UnfitSceneError: The scene is of a level that the model was not made for.
        BandError: A band is missing that the model needs.
    """
    if scene.level != "unknown" and scene.level not in card.levels:
        raise UnfitSceneError(
            f"{scene.id} is {scene.level}, and the model {card.name} wants {' or '.join(card.levels)}: fetch the "
            f"{card.levels[0]} product of this acquisition, or use a model made for {scene.level} (strandline models)."
        )
    return scene.select_bands(card.inputs, required=card.required_inputs)


def list_absent(scene: Scene, card: ModelCard) -> tuple[str, ...]:
    """The model's inputs that the scene lacks, in the model's order."""
    return tuple(name for name in card.inputs if name not in scene.band_names)


def describe_absence(scene: Scene, card: ModelCard) -> tuple[str, ...]:
    """What the user should be told about bands that the scene lacks: a sentence, or none."""
    absent = list_absent(scene, card)
    if not absent:
        return ()
    read = len(card.inputs) - len(absent)
    return (
        f"The scene has no {', '.join(absent)}: {card.name} was told so, and mapped it from the other {read} of its "
        f"{len(card.inputs)} bands.",
    )


def describe_fit(scene: Scene, card: ModelCard) -> str:
    """Whether a model can map a scene, in a few words: ``all bands``, ``without B09``, or why it cannot."""
    try:
        resolve_inputs(scene, card)
    except UnfitSceneError:
        return f"cannot: wants {' or '.join(card.levels)}"
    except BandError:
        return f"cannot: needs {describe_need(card)}"
    absent = list_absent(scene, card)
    return f"without {', '.join(absent)}" if absent else "all its bands are there"


def describe_need(card: ModelCard) -> str:
    """What a scene must have: ``B03 and B08 or B8A``."""
    return " and ".join("/".join(group) for group in card.required_inputs) or f"all of its {len(card.inputs)} bands"
