"""Where a command brings its results: a folder, or a store by way of a folder on this machine.

Work is done in a folder always. For a store that is a scratch folder, from which whole results go up and are then
cleared away; it is found again by the next run into the same place, so that what was made and not brought up is not
made twice.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.checksums import Basis
from pipeline.errors import OptionError, OutputError, SecretError, output_errors
from pipeline.publish.target import Destination, resolve_destination
from pipeline.record.result import ITEM_NAME, is_result_there, is_standing, read_fingerprint

if TYPE_CHECKING:
    from pipeline.publish.store import Store
    from pipeline.record.catalogue import WrittenCatalogue

__all__ = ["SCRATCH", "Outlet", "fetch_results", "open_outlet", "open_outlet_of"]

SCRATCH = "STRANDLINE_SCRATCH"
"""Variable of the environment: folder for what goes to stores, while it is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlet:
    """A place for results, and where they are made.

    Attributes:
        folder: In which results are made; the place itself, where there is no store.
        store: To which they go.
    """

    folder: Path
    store: Store | None = None

    def name_address(self, path: str) -> str:
        """Where something stands in the end, as a path or a URL.

        Args:
            path: As seen from the place.
        """
        return str(self.folder / path) if self.store is None else self.store.name_address(path)

    def is_there(self, name: str, basis: Basis, *, overwrite: bool) -> bool:
        """Whether the very result that is asked for stands in its place already.

        Args:
            name: Of the result.
            basis: What would decide it.
            overwrite: Whether another result may be replaced.

        Raises:
            StaleResultError: Another result stands there, which was not to be replaced.
            OutputError: The store cannot be read.
        """
        if self.store is None:
            return is_result_there(self.folder / name, basis, overwrite=overwrite)
        return is_standing(self.store.read_standing(name), basis, overwrite=overwrite)

    def is_made(self, name: str, basis: Basis) -> bool:
        """Whether an earlier run made the result and did not bring it up.

        Args:
            name: Of the result.
            basis: What would decide it.
        """
        return self.store is not None and read_fingerprint(self.folder / name) == basis.fingerprint

    def read_item(self, name: str) -> Any:  # noqa: ANN401 (JSON)
        """The item of a result that stands.

        Args:
            name: Of the result.

        Raises:
            OutputError: There is none, or it cannot be read.
        """
        if self.store is None:
            return json.loads((self.folder / name / ITEM_NAME).read_text(encoding="utf-8"))
        return self.store.read_standing(name).item

    def deliver(self, name: str) -> str:
        """Bring a result that was made to its place.

        Args:
            name: Of the result.

        Returns:
            Where it stands.

        Raises:
            OutputError: The store did not take it; it stays in the folder for the next run.
        """
        made = self.folder / name
        if self.store is not None:
            fingerprint = read_fingerprint(made)
            if fingerprint is None:
                raise OutputError(f"Expected a whole result in {made}, found none: run this again.")
            self.store.upload_result(made, fingerprint=fingerprint)
            with output_errors(made):
                shutil.rmtree(made)
        return self.name_address(name)

    def enter(self, name: str) -> Outlet:
        """The place of a folder within.

        Args:
            name: Of the folder.
        """
        return Outlet(folder=self.folder / name, store=None if self.store is None else self.store.enter(name))

    def fetch_results(self) -> tuple[str, ...]:
        """Bring the results that stand in the store down into the folder; what is there already stays.

        Returns:
            Names of those that stand in the store.

        Raises:
            OutputError: The store cannot be read, or a result did not arrive whole.
        """
        if self.store is None:
            return ()
        standing = [result for result in self.store.list_results() if result.whole]
        for result in standing:
            if read_fingerprint(self.folder / result.name) != result.fingerprint:
                self.store.download_result(result.name, self.folder)
        return tuple(result.name for result in standing)

    def upload_results(self) -> None:
        """Bring all whole results of the folder up; they stay in the folder as well.

        Raises:
            OutputError: The store did not take one.
        """
        if self.store is not None and self.folder.is_dir():
            for path in sorted(path.parent for path in self.folder.glob(f"*/{ITEM_NAME}")):
                if (fingerprint := read_fingerprint(path)) is not None:
                    self.store.upload_result(path, fingerprint=fingerprint)

    def deliver_file(self, name: str) -> None:
        """Bring a file of the place itself, such as a summary, up from the folder; it stays there as well.

        Raises:
            OutputError: The store did not take it.
        """
        if self.store is not None:
            self.store.upload_file(self.folder / name)

    def fetch_file(self, name: str) -> None:
        """Bring a file of the place itself down into the folder, where the store has it.

        Raises:
            OutputError: The store cannot be read, or the folder not be written.
        """
        if self.store is not None and (content := self.store.read_file(name)) is not None:
            with output_errors(self.folder / name):
                self.folder.mkdir(parents=True, exist_ok=True)
                (self.folder / name).write_bytes(content)

    def write_catalogue(self) -> WrittenCatalogue:
        """Write the catalogue of what stands in the place.

        Raises:
            OutputError: It cannot be written.
        """
        if self.store is not None:
            return self.store.write_catalogue()
        from pipeline.record.catalogue import write_catalogue  # noqa: PLC0415 (which no map needs)

        return write_catalogue(self.folder)


def open_outlet(out: str | Path, *, scratch: Path | None = None) -> Outlet:
    """Open a place for results; of a folder nothing is made yet.

    Args:
        out: Folder, or URL of a store that fsspec knows.
        scratch: Folder for what goes to a store, for this very place; ``None``: one a place, in the folder that
            ``STRANDLINE_SCRATCH`` names, or in the user's cache.

    Raises:
        OptionError: The place is none.
        SecretError: There are credentials in it.
        OutputError: The store does not open.
        MissingExtraError: The package that speaks its protocol is not installed.
    """
    if isinstance(out, Path):
        return Outlet(folder=out)
    target = _resolve(out)
    if target.folder is not None:
        return Outlet(folder=target.folder if "://" in out else Path(out))
    from pipeline.publish.store import Store  # noqa: PLC0415 (which no folder needs)

    text = target.text.rstrip("/")
    files, root = target.open()
    return Outlet(folder=scratch or _name_scratch(text), store=Store(files=files, root=root, text=text))


def open_outlet_of(result: str | Path) -> tuple[Outlet, str]:
    """Open the place of one result, which is named by its own path.

    Args:
        result: Folder of the result, or its URL.

    Returns:
        The place, and the name of the result in it.

    Raises:
        OptionError: Nothing is above it that could hold it.
    """
    folder = result if isinstance(result, Path) else _resolve(result).folder
    if folder is not None:
        return Outlet(folder=folder.resolve().parent), folder.resolve().name
    text = str(result).rstrip("/")
    above, slash, name = text.rpartition("/")
    if not slash or above.endswith(("/", ":")):
        raise OptionError(f"Expected a result within a bucket, as {text}/coast, found the bucket alone.")
    return open_outlet(above), name


def fetch_results(source: str | Path) -> Path:
    """Bring the results of a store down, for what works on folders; those that came before stay.

    Args:
        source: Folder of results, or the URL of one.

    Returns:
        The folder; one of this machine as it is.

    Raises:
        OutputError: The store cannot be read, or a result did not arrive whole.
    """
    place = open_outlet(source)
    if place.store is None:
        return place.folder
    fetched = replace(place, folder=place.folder.with_name(f"{place.folder.name}-fetched"))
    fetched.fetch_results()
    return fetched.folder


def _resolve(out: str) -> Destination:
    """Decide what a place is."""
    try:
        return resolve_destination(out)
    except SecretError:
        raise SecretError(
            "Expected an --out without keys in it, found some: leave them to the environment (AWS_ACCESS_KEY_ID ...), "
            "or to a profile."
        ) from None


def _name_scratch(text: str) -> Path:
    root = os.environ.get(SCRATCH)
    if not root:
        cache = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
        root = str(Path(cache) / "strandline" / "scratch")
    return Path(root).absolute() / hashlib.sha256(text.encode()).hexdigest()[:16]
