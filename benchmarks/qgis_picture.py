"""What QGIS shows of a map once its files are dragged in: layers, legend and canvas, without a display.

    QT_QPA_PLATFORM=offscreen /usr/bin/python3 benchmarks/qgis_picture.py MAP --out docs/pictures/qgis.jpg

Run by the interpreter that QGIS belongs to; MAP is the folder that ``strandline map`` made.
"""

import argparse
from pathlib import Path

from qgis.core import (
    QgsApplication,
    QgsLayerTreeModel,
    QgsPointXY,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.gui import QgsLayerTreeView, QgsMapCanvas
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QDockWidget, QMainWindow


def main() -> None:
    """Open the files, wait until all is drawn, and take the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("map", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--view", type=float, nargs=3, metavar=("LEFT", "TOP", "WIDTH"), help="Share of the raster, 0 to 1."
    )
    arguments = parser.parse_args()
    application = QgsApplication([], True)
    application.initQgis()
    window = show(arguments.map, arguments.view or (0, 0, 1))
    for _ in range(200):
        application.processEvents()
    window.grab().save(str(arguments.out))
    application.exitQgis()


def show(folder: Path, view: tuple[float, float, float]) -> QMainWindow:
    """A window with the scene, its lines and their legend."""
    project = QgsProject.instance()
    package = folder / "coastline.gpkg"
    ground = QgsRasterLayer(str(folder / "truecolour.tif"), "truecolour")
    lines = QgsVectorLayer(f"{package}|layername=coastline", "coastline", "ogr")
    water = QgsVectorLayer(f"{package}|layername=water", "water", "ogr")
    layers = [lines, water, ground]
    for layer in layers:
        if not layer.isValid():
            raise SystemExit(f"QGIS cannot open {layer.source()}.")
        project.addMapLayer(layer, False)
        project.layerTreeRoot().addLayer(layer)
    project.layerTreeRoot().findLayer(water).setItemVisibilityChecked(False)

    canvas = QgsMapCanvas()
    canvas.setCanvasColor(Qt.white)
    canvas.setDestinationCrs(ground.crs())
    canvas.setLayers([lines, ground])
    model = QgsLayerTreeModel(project.layerTreeRoot())
    model.setAutoCollapseLegendNodes(-1)
    model.setFlag(QgsLayerTreeModel.AllowNodeChangeVisibility)
    tree = QgsLayerTreeView()
    tree.setModel(model)
    tree.expandAllNodes()
    tree.setHeaderHidden(True)
    dock = QDockWidget("Layers")
    dock.setWidget(tree)
    dock.setMinimumWidth(370)
    window = QMainWindow()
    window.setCentralWidget(canvas)
    window.addDockWidget(Qt.LeftDockWidgetArea, dock)
    window.resize(1200, 620)
    window.show()
    extent, (left, top, width) = ground.extent(), view
    corner = QgsPointXY(extent.xMinimum() + left * extent.width(), extent.yMaximum() - top * extent.height())
    side = width * extent.width()
    canvas.setExtent(QgsRectangle(corner.x(), corner.y() - side * 0.74, corner.x() + side, corner.y()))
    canvas.refresh()
    canvas.waitWhileRendering()
    window.kept = (model, tree, canvas)  # Qt holds none of them
    return window


if __name__ == "__main__":
    main()
