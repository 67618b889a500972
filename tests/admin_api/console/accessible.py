"""What axe finds wrong with a page in a browser, by WCAG 2 A and AA."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
FOUND = """async rules => {
  const found = await axe.run(document, { runOnly: { type: "tag", values: rules } })
  const told = node => node.target.join(" ") + " " + (node.any[0]?.message ?? "")
  return found.violations.map(one => one.id + ": " + one.nodes.map(told).join("; "))
}"""


@cache
def source() -> str:
    return AXE.read_text()


def complaints(page: Page) -> list[str]:
    """Rules that the page breaks, each with its places."""
    page.evaluate(source())
    found: Any = page.evaluate(FOUND, list(RULES))
    return [str(one) for one in found]
