"""How Strandline was installed here, and so the command that brings one more of its extras to this place."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

__all__ = ["name_install_commands", "resolve_install_command"]

_PLAIN = re.compile(r"pip install '?strandline\[(\w+)\]'?")


def name_install_commands(message: str) -> str:
    """Let a message that names an extra say how to get it here.

    Args:
        message: May hold ``pip install 'strandline[extra]'``, as any room writes it.

    Returns:
        The message with the command of this installation in that place.
    """
    return _PLAIN.sub(lambda match: resolve_install_command(match[1]), message)


def resolve_install_command(extra: str) -> str:
    """The command that adds an extra to the environment that runs this.

    Args:
        extra: Such as ``scale``.

    Returns:
        One line for any shell, of uv, pipx or pip, whichever made the environment, from where it was taken.

    Source: PEP 610 (``direct_url.json``: where a distribution came from).
    """
    prefix = Path(sys.prefix)
    receipt = prefix / "uv-receipt.toml"
    if receipt.is_file():
        return _install_tool(extra, tomllib.loads(receipt.read_text(encoding="utf-8")))
    what = _name_source(extra)
    if (prefix / "pipx_metadata.json").is_file():
        return f"pipx runpip strandline install {what}"
    if importlib.util.find_spec("pip") is None:
        return f"uv pip install --python {_quote(sys.executable)} {what}"
    return f"{_quote(sys.executable)} -m pip install {what}"


def _install_tool(extra: str, receipt: dict[str, Any]) -> str:
    """``uv tool install`` makes an environment anew: what it holds besides is named again."""
    extras, besides = {extra}, ""
    for requirement in receipt.get("tool", {}).get("requirements", []):
        if requirement.get("name") == "strandline":
            extras |= set(requirement.get("extras", []))
        else:
            besides += f" --with {requirement.get('name')}"
    backend = " --torch-backend cpu" if _is_torch_for_cpus() else ""
    return f"uv tool install{backend}{besides} {_name_source(','.join(sorted(extras)))}"


def _name_source(extras: str) -> str:
    """The distribution with its extras, from where the one that runs was taken; an index where nothing else is said."""
    origin = _read_origin()
    url = origin.get("url", "")
    if "dir_info" in origin:
        folder = f'"{url2pathname(urlsplit(url).path)}[{extras}]"'
        return f"--editable {folder}" if origin["dir_info"].get("editable") else folder
    if "vcs_info" in origin:
        revision = origin["vcs_info"].get("requested_revision")
        url = f"{origin['vcs_info'].get('vcs', 'git')}+{url}{f'@{revision}' if revision else ''}"
    return f'"strandline[{extras}] @ {url}"' if url else f'"strandline[{extras}]"'


def _read_origin() -> dict[str, Any]:
    try:
        text = metadata.distribution("strandline").read_text("direct_url.json")
    except metadata.PackageNotFoundError:  # run from a checkout that was never installed
        text = None
    return json.loads(text) if text else {}


def _is_torch_for_cpus() -> bool:
    try:
        return metadata.version("torch").endswith("+cpu")
    except metadata.PackageNotFoundError:
        return False


def _quote(path: str) -> str:
    return f'"{path}"' if " " in path else path
