"""A browser without a screen: keeps cookies, reads forms as a browser does, sends them back."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

import httpx

VOID = {"input", "meta", "link", "br", "img", "hr", "use", "path", "option"}


class Reader(HTMLParser):
    """The fields and words of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.fields: list[tuple[str, str]] = []
        self.words: list[str] = []
        self._select: tuple[str, list[tuple[str, bool]]] | None = None
        self._area: tuple[str, list[str]] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("name") or ""
        if tag == "input" and name:
            if given.get("type") not in ("checkbox", "radio") or "checked" in given:
                self.fields.append((name, given.get("value") or ""))
        elif tag == "select":
            self._select = (name, [])
        elif tag == "option" and self._select is not None:
            self._select[1].append((given.get("value") or "", "selected" in given))
        elif tag == "textarea":
            self._area = (name, [])

    def handle_endtag(self, tag: str) -> None:
        if tag == "select" and self._select is not None:
            name, options = self._select
            chosen = [value for value, is_chosen in options if is_chosen] or [value for value, _ in options[:1]]
            self.fields += [(name, value) for value in chosen]
            self._select = None
        elif tag == "textarea" and self._area is not None:
            name, parts = self._area
            self.fields.append((name, "".join(parts).removeprefix("\n").replace("\n", "\r\n")))
            self._area = None

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self._area[1].append(data)
        elif data.strip():
            self.words.append(data.strip())


@dataclass
class Page:
    """A page that was read."""

    response: httpx.Response
    fields: list[tuple[str, str]] = field(default_factory=list)
    text: str = ""

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def html(self) -> str:
        return self.response.text

    @property
    def path(self) -> str:
        return self.response.url.raw_path.decode()

    def value(self, name: str) -> str:
        return next(value for key, value in self.fields if key == name)

    def form(self, **changed: str) -> list[tuple[str, str]]:
        """The fields with some changed; ``__`` stands for the dots and bars of a name."""
        return self.changed({name.replace("__", "."): value for name, value in changed.items()})

    def changed(self, values: dict[str, str]) -> list[tuple[str, str]]:
        known = {name for name, _ in self.fields}
        kept = [(name, values.get(name, value)) for name, value in self.fields]
        return kept + [(name, value) for name, value in values.items() if name not in known]


@dataclass
class Browser:
    """Sends what a person would, from the same origin."""

    client: httpx.AsyncClient
    language: str = "en"

    async def get(self, path: str, **headers: str) -> Page:
        return self._read(await self.client.get(path, headers=self._headers(headers), follow_redirects=True))

    async def post(self, path: str, fields: list[tuple[str, str]], **headers: str) -> Page:
        return self._read(await self.send(path, fields, follow=True, **headers))

    async def send(
        self, path: str, fields: list[tuple[str, str]], *, follow: bool = False, **headers: str
    ) -> httpx.Response:
        from urllib.parse import urlencode

        kind = {"content-type": "application/x-www-form-urlencoded"}
        return await self.client.post(
            path, content=urlencode(fields), headers=self._headers(headers) | kind, follow_redirects=follow
        )

    async def part(self, path: str, fields: list[tuple[str, str]]) -> Page:
        """As htmx asks for a part of a page."""
        return await self.post(path, fields, hx_request="true")

    def _headers(self, given: dict[str, str]) -> dict[str, str]:
        own = {"accept-language": self.language}
        return own | {name.replace("_", "-"): value for name, value in given.items()}

    def _read(self, response: httpx.Response) -> Page:
        reader = Reader()
        reader.feed(response.text)
        return Page(response, reader.fields, " ".join(" ".join(reader.words).split()))
