"""What the algorithms have in common: the command, its progress, its errors, and what becomes of the result."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputFolder,
    QgsProcessingOutputVectorLayer,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
    QgsSettings,
)

from .command import CommandError, ask_version, find_command, run_command
from .results import load_result

SETTING = "strandline/command"
"""Where the command that the user chose is kept."""

KINDS = ("sea", "river", "lake", "open")
FORMATS = ("shp", "shp.zip", "fgb", "parquet", "geojson")


class StrandlineAlgorithm(QgsProcessingAlgorithm):
    """Runs one command of Strandline.

    Those that derive from it say what is asked of the user and what is written on the command line; the names of its
    methods are QGIS's.
    """

    NAME = ""
    TITLE = ""
    HELP = ""
    LINES = ""
    """Where in the folder of the result its lines are, as QGIS names a layer of a file."""

    def __init__(self) -> None:
        super().__init__()
        self._folder: str | None = None
        self._load = False

    def list_parameters(self) -> Iterable[QgsProcessingParameterDefinition]:
        """What is asked of the user, besides what all algorithms ask."""
        raise NotImplementedError

    def list_arguments(self, parameters: dict[str, Any], context: QgsProcessingContext, out: str) -> list[str]:
        """What is written on the command line.

        Args:
            parameters: What the user said.
            context: Of Processing.
            out: Folder for results.
        """
        raise NotImplementedError

    def createInstance(self) -> StrandlineAlgorithm:
        """Another one, for each run."""
        return type(self)()

    def name(self) -> str:
        """After the colon: ``strandline:map``."""
        return self.NAME

    def displayName(self) -> str:
        """In the toolbox."""
        return self.TITLE

    def shortHelpString(self) -> str:
        """Beside the dialog."""
        return self.HELP

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        """Say what is asked, and what comes of it."""
        for parameter in self.list_parameters():
            self.addParameter(parameter)
        extra = QgsProcessingParameterString("EXTRA", "More options, as on the command line", optional=True)
        self.addParameter(mark_advanced(extra))
        self.addParameter(QgsProcessingParameterBoolean("OVERWRITE", "Replace an older, different result", False))
        self.addParameter(_ask_for_command())
        self.addParameter(QgsProcessingParameterBoolean("LOAD", "Load the result, with its styles", True))
        out = str(Path.home() / "Strandline maps")  # a temporary folder would be gone with QGIS
        self.addParameter(QgsProcessingParameterFolderDestination("OUTPUT", "Folder for results", out))
        self.addOutput(QgsProcessingOutputFolder("FOLDER", "Folder of this result"))
        self.addOutput(QgsProcessingOutputVectorLayer("LINES", "Lines"))

    def checkParameterValues(self, parameters: dict[str, Any], context: QgsProcessingContext) -> tuple[bool, str]:
        """Ask for the command before anything is begun."""
        try:
            find_command(self._read_command(parameters, context))
        except CommandError as error:
            return False, str(error)
        right: tuple[bool, str] = super().checkParameterValues(parameters, context)
        return right

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Run the command; empty where the user stopped it."""
        out = self.parameterAsString(parameters, "OUTPUT", context)
        arguments = [self.NAME, *self.list_arguments(parameters, context, out)]
        arguments += ["--overwrite"] if self.parameterAsBool(parameters, "OVERWRITE", context) else []
        arguments += shlex.split(self.parameterAsString(parameters, "EXTRA", context), posix=os.name != "nt")
        try:
            command = self._resolve_command(parameters, context, feedback)
            feedback.pushCommandInfo(" ".join(["strandline", *arguments]))
            teller = _Teller(feedback)
            self._folder = run_command(command, arguments, tell=teller.tell, is_stopped=feedback.isCanceled)
        except CommandError as error:
            raise QgsProcessingException(str(error)) from error
        if self._folder is None:
            feedback.pushInfo("Stopped. Nothing half-made was left.")
            return {}
        lines = str(Path(self._folder) / self.LINES)
        return {"OUTPUT": out, "FOLDER": self._folder, "LINES": lines}

    def postProcessAlgorithm(self, context: QgsProcessingContext, feedback: QgsProcessingFeedback) -> dict[str, Any]:
        """Load the result; QGIS calls this in the thread that may change the project."""
        if self._folder is not None and self._load and context.project() is not None:
            load_result(Path(self._folder), context.project())
        return {}

    def prepareAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> bool:
        """Keep what is needed after the run."""
        self._load = self.parameterAsBool(parameters, "LOAD", context)
        return True

    def list_vector_arguments(self, parameters: dict[str, Any], context: QgsProcessingContext) -> list[str]:
        """What is written of formats, kinds and sizes, which a scene and a mosaic have in common."""
        kinds = self._read_choices(parameters, "ONLY", KINDS, context)
        formats = self._read_choices(parameters, "FORMATS", FORMATS, context)
        return [
            f"--min-area-m2={self.parameterAsDouble(parameters, 'MIN_AREA', context)}",
            f"--min-length-m={self.parameterAsDouble(parameters, 'MIN_LENGTH', context)}",
            f"--formats={','.join(['gpkg', *formats])}",
            *([f"--only={','.join(kinds)}"] if kinds else []),
        ]

    def _read_choices(
        self, parameters: dict[str, Any], name: str, words: Sequence[str], context: QgsProcessingContext
    ) -> list[str]:
        """The words that the user chose; QGIS takes the first for chosen where none is."""
        if parameters.get(name) in (None, [], ""):
            return []
        return [words[number] for number in self.parameterAsEnums(parameters, name, context)]

    def _read_command(self, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
        return self.parameterAsString(parameters, "COMMAND", context) or _read_setting()

    def _resolve_command(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> str:
        """The command, tried; one that the user chose is kept for the next time."""
        said = self.parameterAsString(parameters, "COMMAND", context)
        command = find_command(said or _read_setting())
        feedback.pushInfo(f"Strandline {ask_version(command)}: {command}")
        if said:
            QgsSettings().setValue(SETTING, said)
        return command


class _Teller:
    """Tells the user what the command says."""

    def __init__(self, feedback: QgsProcessingFeedback) -> None:
        self._feedback = feedback
        self._stage = ""

    def tell(self, event: Mapping[str, Any]) -> None:
        """Tell of one event."""
        if event["event"] == "progress":
            self._feedback.setProgress(event["percent"])
            if event["stage"] != self._stage:
                self._stage = event["stage"]
                self._feedback.setProgressText(self._stage.capitalize())
        elif event["event"] == "alert":
            self._feedback.pushWarning(f"Alert: {event['text']}")
        elif event["event"] == "line":
            self._feedback.pushInfo(event["text"])


def mark_advanced(parameter: QgsProcessingParameterDefinition) -> QgsProcessingParameterDefinition:
    """Let a parameter stand among those that most users leave as they are."""
    parameter.setFlags(parameter.flags() | QgsProcessingParameterDefinition.FlagAdvanced)
    return parameter


def ask_path(name: str, title: str, *, optional: bool = False) -> QgsProcessingParameterDefinition:
    """Ask for a file or a folder; QGIS, left to itself, takes no name without a full stop."""
    return QgsProcessingParameterFile(name, title, optional=optional, fileFilter="All files (*)")


def ask_area(name: str, title: str) -> QgsProcessingParameterNumber:
    """Ask for an area in square metres; 0 where all is kept."""
    return QgsProcessingParameterNumber(name, title, QgsProcessingParameterNumber.Double, 0.0, minValue=0.0)


def ask_metres(name: str, title: str, default: float = 0.0) -> QgsProcessingParameterNumber:
    """Ask for a length in metres."""
    return QgsProcessingParameterNumber(name, title, QgsProcessingParameterNumber.Double, default, minValue=0.0)


def ask_for_vectors() -> Iterable[QgsProcessingParameterDefinition]:
    """Ask for formats, kinds and sizes, see ``list_vector_arguments``."""
    title = "Kinds of shore in the vectors (none: all)"
    yield QgsProcessingParameterEnum("ONLY", title, [*KINDS], allowMultiple=True, optional=True)
    yield ask_area("MIN_AREA", "Leave out islands and lakes smaller than (m²)")
    yield ask_metres("MIN_LENGTH", "Leave out lines between clouds shorter than (m)")
    title = "Vector formats besides the GeoPackage"
    yield mark_advanced(QgsProcessingParameterEnum("FORMATS", title, [*FORMATS], allowMultiple=True, optional=True))


def _ask_for_command() -> QgsProcessingParameterDefinition:
    """Ask where the command is; first of all where it is not found, else among what is advanced."""
    title = "Strandline command, or the folder of its environment"
    parameter = ask_path("COMMAND", title, optional=True)
    parameter.setDefaultValue(_read_setting())
    try:
        find_command(_read_setting())
    except CommandError:
        return parameter
    return mark_advanced(parameter)


def _read_setting() -> str:
    return str(QgsSettings().value(SETTING, "") or "")
