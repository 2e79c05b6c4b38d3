"""Small pieces for writing XML in the manner of the Sentinel-2 products.

Prefixes are written as they stand (``n1:General_Info``) and declared on the root: readers in the field look for
``<n1:Level-2A_User_Product`` in the first bytes of the file.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

__all__ = ["add_element", "write_xml"]


def add_element(parent: Element, tag: str, text: object = None, **attributes: object) -> Element:
    """Append a child.

    Args:
        parent: Where it goes.
        tag: Its name, prefix included.
        text: Its text, or nothing.
        **attributes: Its attributes, in order.
    """
    child = SubElement(parent, tag, {name: str(value) for name, value in attributes.items()})
    if text is not None:
        child.text = str(text)
    return child


def write_xml(path: Path, root: Element, *, comment: str) -> None:
    """Write a document with one comment before its root, where no reader stumbles over it.

    Args:
        path: The file; its folder is made.
        root: The document's root, namespaces declared as attributes.
        comment: What a person should know.
    """
    indent(root, space="  ")
    path.parent.mkdir(parents=True, exist_ok=True)
    head = f'<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n<!-- {comment.replace("--", "- -")} -->\n'
    path.write_text(head + tostring(root, encoding="unicode") + "\n", encoding="utf-8")
