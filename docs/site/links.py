"""Links of pages that lead out of docs/: each file of the repository that is linked to becomes a page of the site."""

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from mkdocs.structure.files import File

LINK = re.compile(r"(\]\()(?!\w+:|#|/)([^)\s#]+)(#[^)\s]*)?(?=[)\s])")
FENCE = re.compile(r"^( *)(```|~~~)")
LANGUAGES = {".py": "python", ".yaml": "yaml", ".yml": "yaml", ".toml": "toml", ".cff": "yaml", ".sh": "sh", ".ipynb": "json"}


class Links:
    """Links between files of the repository as links between pages of the site.

    Args:
        root: of the repository.
        whole: file of the repository for every page that is one, outside docs/.
    """

    def __init__(self, root: Path, whole: Mapping[str, str]) -> None:
        self.root = root
        self._whole = dict(whole)
        self._pages = {name: place for place, name in whole.items()}

    def place(self, file: str) -> str:
        """Page of the site for a file or folder of the repository."""
        if file in self._pages:
            return self._pages[file]
        if file.startswith("docs/"):
            return file.removeprefix("docs/")
        shown = file.lstrip(".")  # MkDocs leaves out what begins with a dot
        return f"source/{shown}/index.md" if (self.root / file).is_dir() else f"source/{shown}.md"

    def origin(self, place: str) -> str:
        """File of the repository that a page is; where it would lie in docs/, for a page that is written."""
        return self._whole.get(place, f"docs/{place}")

    def rewritten(self, markdown: str, place: str) -> str:
        """The text of a page with links to pages in place of links to files."""
        origin = self.origin(place)

        def replaced(found: re.Match[str]) -> str:
            target = self.place(_resolved(origin, found[2]))
            return f"{found[1]}{posixpath.relpath(target, posixpath.dirname(place) or '.')}{found[3] or ''}"

        return "".join(line if code else LINK.sub(replaced, line) for line, code in _lines(markdown))

    def sources(self, pages: Iterable[File]) -> list[str]:
        """Files and folders outside docs/ that pages link to, and the files of these folders.

        Args:
            pages: of the site so far.

        Returns:
            Paths from the root; of what is not there nothing, so that the build names the page and the link.
        """
        found: set[str] = set()
        for page in pages:
            targets = [
                _resolved(self.origin(page.src_uri), link[2])
                for line, code in _lines(page.content_string)
                if not code
                for link in LINK.finditer(line)
            ]
            found |= {one for one in targets if self._is_source(one)}
        inside = {f"{one}/{name}" for one in found for name in self._inside(one)}
        return sorted(found | {one for one in inside if self._is_source(one)})

    def _is_source(self, file: str) -> bool:
        inside = not file.startswith(("../", "docs/")) and file not in self._pages
        return inside and (self.root / file).exists()

    def _inside(self, folder: str) -> list[str]:
        path = self.root / folder
        return sorted(one.name for one in path.iterdir() if one.suffix in LANGUAGES) if path.is_dir() else []

    def source_page(self, file: str) -> str:
        """Page that shows a file, or lists a folder."""
        about = f"title: {posixpath.basename(file)}\nhide: [toc]\nsearch:\n  exclude: true\n"
        head = f"---\n{about}---\n\n# {file}\n\n"
        if (self.root / file).is_dir():
            here = posixpath.dirname(f"docs/{self.place(file)}")  # where the page would lie, if it were a file
            return head + "".join(f"- [{name}]({posixpath.relpath(f'{file}/{name}', here)})\n" for name in self._inside(file))
        text = (self.root / file).read_text("utf-8")
        return f'{head}````{LANGUAGES.get(Path(file).suffix, "text")} linenums="1"\n{text}````\n'


def _resolved(origin: str, target: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(origin), target))


def _lines(markdown: str) -> Iterator[tuple[str, bool]]:
    """Lines of a page, and whether each is code."""
    fence = ""
    for line in markdown.splitlines(keepends=True):
        found = FENCE.match(line)
        code = bool(fence or found)
        if found and not fence:
            fence = found[2]
        elif fence and line.strip().startswith(fence) and line.strip().strip(fence[0]) == "":
            fence = ""
        yield line, code
