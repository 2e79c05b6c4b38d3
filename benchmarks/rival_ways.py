"""Ways to map water on a scene with the same network: ours, and how others would; each is one call of a fresh process.

All write ``water.tif`` and polygons; those that answer with probabilities keep them (``probability.npy``), so that
their seams can be measured. GeoTIFFs are stacks of the twelve L2A bands at 10 m in digital numbers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

BANDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12")
SIZE, STRIDE, BATCH = 256, 192, 8

Precision = Literal["auto", "fp32"]


def map_ours(scene: Path, out: Path, model: str, precision: Precision = "auto") -> None:
    """As ``strandline map`` does, all default outputs."""
    import strandline

    stack = strandline.StackOptions(offset=_read_offset(scene)) if scene.suffix.lower() == ".tif" else None
    strandline.map_scene(
        scene, out, options=strandline.MapOptions(model=model, overwrite=True, precision=precision), stack=stack
    )


def map_ours_whole(scene: Path, out: Path, model: str) -> None:
    """The same in fp32, as all others calculate."""
    map_ours(scene, out, model, precision="fp32")


def map_with_torchgeo(scene: Path, out: Path, model: str) -> None:
    """As torchgeo's documentation has it: a dataset, a grid sampler, a data loader; stitched in memory."""
    import torch
    from torch.utils.data import DataLoader
    from torchgeo import samplers
    from torchgeo.datasets import RasterDataset, Sentinel2, stack_samples

    class Stack(RasterDataset):  # type: ignore[misc]
        """All bands in one file."""

        filename_glob = scene.name
        separate_files = False

    whole = scene.suffix.lower() == ".tif"
    dataset = Stack(scene.parent) if whole else Sentinel2(scene, res=10, bands=BANDS)
    gridded = getattr(samplers, "GriddedPatchSampler", None) or samplers.GridGeoSampler  # the first from 0.10 on
    sampler = gridded(dataset, size=SIZE, stride=STRIDE)
    loader = DataLoader(
        dataset, batch_size=BATCH, sampler=sampler, num_workers=os.cpu_count() or 1, collate_fn=stack_samples
    )
    x, y, _ = dataset.bounds
    width, height = round((x.stop - x.start) / 10), round((y.stop - y.start) / 10)
    total, count = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    network = load_network(model, offset=_read_offset(scene))
    with torch.inference_mode():
        for batch in loader:
            answers = torch.softmax(network(batch["image"]), dim=1)[:, 1].numpy()
            for answer, bounds in zip(answers, batch["bounds"], strict=True):
                left, top = _read_corner(bounds)
                add(answer, total, count, round((y.stop - top) / 10), round((left - x.start) / 10))
    write(total / np.maximum(count, 1), out, dataset.crs, (x.start, y.stop))


def map_with_geoai(scene: Path, out: Path, model: str) -> None:
    """``geoai.train.semantic_inference_on_geotiff`` with its default windows: 512, half of which overlap."""
    import rasterio
    from geoai.train import semantic_inference_on_geotiff

    network = load_network(model, offset=_read_offset(scene), scale=255.0)  # it divides by 255
    semantic_inference_on_geotiff(
        network,
        str(scene),
        str(out / "classes.tif"),
        num_channels=len(BANDS),
        num_classes=2,
        probability_path=str(out / "probability.tif"),
        quiet=True,
    )
    with rasterio.open(out / "probability.tif") as dataset:
        write(dataset.read(2), out, dataset.crs, (dataset.transform.c, dataset.transform.f))


def map_with_omniwatermask(scene: Path, out: Path, model: str) -> None:
    """OmniWaterMask's tiled inference, ``omnicloudmask.predict_from_array``: windows of 1000, 300 of which overlap.

    It scales each window by its own mean and deviation, which our network does not expect: time and memory are the
    answer here, not the map.
    """
    import rasterio
    from omnicloudmask import predict_from_array

    with rasterio.open(scene) as dataset:
        image = dataset.read()
        crs, corner = dataset.crs, (dataset.transform.c, dataset.transform.f)
    network = load_network(model, offset=0.0)
    answer = predict_from_array(
        image, custom_models=network, pred_classes=2, export_confidence=True, inference_device="cpu"
    )
    write(answer[1], out, crs, corner, keep=False)


def map_by_hand(scene: Path, out: Path, model: str) -> None:
    """Rasterio and PyTorch, as one would write it: windows of 512 every 448, averaged."""
    import rasterio
    import torch
    from rasterio.windows import Window

    size, stride = 512, 448
    network = load_network(model, offset=_read_offset(scene))
    with rasterio.open(scene) as dataset, torch.inference_mode():
        total, count = np.zeros(dataset.shape, np.float32), np.zeros(dataset.shape, np.float32)
        for row in _list_starts(dataset.height, size, stride):
            for col in _list_starts(dataset.width, size, stride):
                image = dataset.read(window=Window(col, row, size, size), boundless=True).astype(np.float32)
                answer = torch.softmax(network(torch.from_numpy(image)[None]), dim=1)[0, 1].numpy()
                add(answer, total, count, row, col)
        write(total / count, out, dataset.crs, (dataset.transform.c, dataset.transform.f))


def map_untiled(scene: Path, out: Path, model: str) -> None:
    """The network once over all of it: what no seam can be in."""
    import rasterio
    import torch

    with rasterio.open(scene) as dataset, torch.inference_mode():
        image = torch.from_numpy(dataset.read().astype(np.float32))[None]
        network = load_network(model, offset=_read_offset(scene))
        answer = torch.softmax(network(image), dim=1)[0, 1].numpy()
        write(answer, out, dataset.crs, (dataset.transform.c, dataset.transform.f))


WAYS: Mapping[str, Callable[[Path, Path, str], None]] = {
    "ours": map_ours,
    "ours in fp32": map_ours_whole,
    "torchgeo": map_with_torchgeo,
    "geoai": map_with_geoai,
    "omniwatermask": map_with_omniwatermask,
    "by hand": map_by_hand,
    "untiled": map_untiled,
}
OF_STACKS = {"geoai", "omniwatermask", "by hand", "untiled"}
"""Ways that take a GeoTIFF of all bands, and no product."""


def load_network(model: str, *, offset: float, scale: float = 1.0) -> Any:  # noqa: ANN401 (torch is imported late)
    """Our network as others would have it: digital numbers in, logits of land and water out."""
    import torch

    from models.networks.checkpoint import read_model
    from models.networks.normalisation import Normalisation
    from models.runtimes.registry import resolve_path

    loaded = read_model(resolve_path(model))
    order = [BANDS.index(name) for name in loaded.card.inputs]
    classes = [1 - loaded.card.water_class, loaded.card.water_class]

    class Bare(torch.nn.Module):
        """Scaling, normalisation, network."""

        def __init__(self) -> None:
            super().__init__()
            self.normalise, self.network = Normalisation.from_card(loaded.card), loaded.network

        def forward(self, image: Any) -> Any:  # noqa: ANN401
            height, width = image.shape[2:]
            reflectance = self.normalise((image[:, order] * scale + offset) / 10_000)
            padded = torch.nn.functional.pad(reflectance, (0, -width % 16, 0, -height % 16))
            return self.network(padded)[:, classes, :height, :width] / loaded.card.temperature

    return Bare().eval()


def add(
    answer: NDArray[np.float32], total: NDArray[np.float32], count: NDArray[np.float32], row: int, col: int
) -> None:
    """Add a window's answer to the sums; what lies beyond the scene is cut."""
    rows = slice(max(row, 0), min(row + answer.shape[0], total.shape[0]))
    cols = slice(max(col, 0), min(col + answer.shape[1], total.shape[1]))
    total[rows, cols] += answer[rows.start - row : rows.stop - row, cols.start - col : cols.stop - col]
    count[rows, cols] += 1


def write(
    probability: NDArray[np.float32],
    out: Path,
    crs: Any,  # noqa: ANN401 (rasterio's)
    corner: tuple[float, float],
    *,
    keep: bool = True,
) -> None:
    """One raster of classes, and polygons of them; the probability itself beside, for the seams."""
    import geopandas as gpd
    import rasterio
    from rasterio.features import shapes
    from rasterio.transform import from_origin
    from shapely.geometry import shape

    water = (probability > 0.5).astype(np.uint8)
    transform = from_origin(*corner, 10, 10)
    height, width = water.shape
    profile = {"driver": "GTiff", "width": width, "height": height, "count": 1, "dtype": "uint8", "crs": crs}
    with rasterio.open(out / "water.tif", "w", **profile, transform=transform, compress="deflate") as dst:
        dst.write(water, 1)
    features = [(shape(geometry), value) for geometry, value in shapes(water, transform=transform)]
    frame = gpd.GeoDataFrame({"water": [v for _, v in features]}, geometry=[g for g, _ in features], crs=crs)
    frame.to_file(out / "water.gpkg", driver="GPKG")
    if keep:
        np.save(out / "probability.npy", probability.astype(np.float32))


def read_probability(out: Path) -> NDArray[np.float32] | None:
    """What a way answered, to its own precision, NaN where it has no answer; ``None``: it keeps none."""
    import rasterio

    path = out / "probability.npy"
    if path.exists():
        return np.asarray(np.load(path))
    found = [*out.rglob("probability.tif")]
    if not found:
        return None
    with rasterio.open(found[0]) as dataset:
        values = dataset.read(1) * dataset.scales[0] + dataset.offsets[0]
        return np.where(dataset.read_masks(1) > 0, values, np.nan).astype(np.float32)


def _list_starts(length: int, size: int, stride: int) -> Iterator[int]:
    yield from range(0, max(length - size + stride, 1), stride)


def _read_offset(scene: Path) -> float:
    return -1000.0 if any(f"_N{number}" in scene.name for number in ("04", "05")) else 0.0


def _read_corner(bounds: Any) -> tuple[float, float]:  # noqa: ANN401 (as torchgeo gives it)
    """West and north of a sample, as torchgeo gives its bounds: slices of x, y and time, or the same as numbers."""
    if isinstance(bounds, tuple | list) and isinstance(bounds[0], slice):
        return float(bounds[0].start), float(bounds[1].stop)
    values = [float(value) for value in bounds]
    return values[0], values[4]
