"""Run algorithms of the plugin in QGIS without a window, and print what came of it as JSON.

Run by the interpreter that QGIS belongs to: ``python3 qgis_run.py REQUEST.json``, whose keys are ``plugins`` (folder
that holds the unpacked plugin) and ``runs``: each has ``algorithm``, ``parameters``, and where wanted ``cancel_at`` (a
text of progress at which the user stops it) and ``picture``. It knows nothing of Strandline.
"""

# ruff: noqa: ANN001, N802 (QGIS's own interpreter has no stubs for its types, and QGIS names its methods)

import json
import os
import sys
from pathlib import Path

from qgis.core import (
    QgsApplication,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProject,
)
from qgis.PyQt.QtCore import QSize


class Watcher(QgsProcessingFeedback):
    """Keeps what a user would see, and stops where one would."""

    def __init__(self, cancel_at: str) -> None:
        super().__init__(False)
        self.said, self.percents, self.stages = [], [], []
        self._cancel_at = cancel_at
        self.progressChanged.connect(self.percents.append)

    def pushInfo(self, info) -> None:
        self.said.append(info)

    def pushWarning(self, warning) -> None:
        self.said.append(warning)

    def setProgressText(self, text) -> None:
        self.stages.append(text)
        if text == self._cancel_at:
            self.cancel()


def describe_project() -> list:
    """Groups from top to bottom, and their layers."""
    return [
        {
            "group": group.name(),
            "layers": [
                {
                    "name": node.name(),
                    "shown": node.isVisible(),
                    "renderer": node.layer().renderer().type(),
                    "crs": node.layer().crs().authid(),
                }
                for node in group.findLayers()
            ],
        }
        for group in QgsProject.instance().layerTreeRoot().findGroups()
    ]


def draw(path: str) -> list:
    """Draw the project as it stands; returns the colours."""
    root = QgsProject.instance().layerTreeRoot()
    layers = [layer for layer in root.layerOrder() if root.findLayer(layer).isVisible()]
    settings = QgsMapSettings()
    settings.setLayers(layers)
    settings.setDestinationCrs(layers[-1].crs())
    settings.setExtent(layers[-1].extent())
    box = settings.extent()
    settings.setOutputSize(QSize(900, max(1, round(900 * box.height() / box.width()))))
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    image = job.renderedImage()
    image.save(path)
    return sorted({image.pixelColor(x, y).name() for x in range(image.width()) for y in range(image.height())})


def run(processing, request: dict) -> dict:
    """Run one algorithm, as a user would in the toolbox or in a script."""
    watcher = Watcher(request.get("cancel_at", ""))
    answer = {"error": "", "results": {}}
    try:
        answer["results"] = processing.run(request["algorithm"], request["parameters"], feedback=watcher)
    except QgsProcessingException as error:
        answer["error"] = str(error)
    algorithm = QgsApplication.processingRegistry().createAlgorithmById(request["algorithm"])
    command = algorithm.parameterDefinition("COMMAND")
    return {
        **answer,
        "said": watcher.said,
        "percents": watcher.percents,
        "stages": watcher.stages,
        "project": describe_project(),
        "asks_for_command": not command.flags() & command.FlagAdvanced,
        "colours": draw(request["picture"]) if "picture" in request else [],
    }


def main(request: dict) -> dict:
    sys.path[:0] = [request["plugins"], "/usr/share/qgis/python/plugins"]
    import processing
    from processing.core.Processing import Processing
    from strandline_qgis import classFactory

    Processing.initialize()
    plugin = classFactory(None)
    plugin.initGui()
    runs = [run(processing, one) for one in request["runs"]]
    registry = QgsApplication.processingRegistry()
    algorithms = sorted(one.id() for one in registry.providerById("strandline").algorithms())
    QgsProject.instance().clear()
    plugin.unload()
    unloaded = registry.providerById("strandline") is None
    return {"runs": runs, "algorithms": algorithms, "unloaded": unloaded}


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    application = QgsApplication([], True)
    application.initQgis()
    print(json.dumps(main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))))
    # QGIS 3.22 may crash while Python takes its objects down one by one; everything is written by now.
    sys.stdout.flush()
    os._exit(0)
