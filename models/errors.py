"""Errors about models: files, names, inputs and the device that a model runs on."""

from __future__ import annotations

from strandline import StrandlineError

__all__ = [
    "DeviceError",
    "ExportError",
    "ModelConfigError",
    "ModelFileError",
    "ModelInputError",
    "TrainingError",
    "UnknownModelError",
]


class ModelConfigError(StrandlineError, ValueError):
    """The hyperparameters of a network are impossible."""

    exit_code = 2


class ModelFileError(StrandlineError, OSError):
    """A model file is missing, truncated, or no model of ours."""

    exit_code = 4


class UnknownModelError(StrandlineError, ValueError):
    """No bundled model has that name, and no file is there either."""

    exit_code = 2


class ModelInputError(StrandlineError, ValueError):
    """An array does not fit the network that it is fed to."""

    exit_code = 2


class DeviceError(StrandlineError, ValueError):
    """The device or precision that was asked for is not on this machine."""

    exit_code = 2


class ExportError(StrandlineError, ValueError):
    """A model cannot be written in another format, or would not answer as it does here."""

    exit_code = 2


class TrainingError(StrandlineError, ValueError):
    """A training cannot start or go on: its folder holds something else, or nothing to learn from."""

    exit_code = 2
