"""Tries the built wheel as a stranger would: alone in a new environment, started in an empty directory.

``esim-graph demo`` must come up, serve GraphiQL with every file the page names, answer a query, and end
cleanly at Ctrl-C. Exit 1 and a reason if it does not.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV = ROOT / ".tools" / "bin" / "uv"
START_SECONDS = 30.0
STOP_SECONDS = 15.0


def main() -> None:
    """Install, start, ask, stop."""
    [wheel] = (ROOT / "dist").glob("*.whl")
    with tempfile.TemporaryDirectory(prefix="esim-graph-wheel-") as folder:
        program = install(wheel, Path(folder) / "venv")
        empty = Path(folder) / "empty"
        empty.mkdir()
        try_demo(program, empty)
    print(f"{wheel.name} runs `esim-graph demo` on its own.")


def install(wheel: Path, venv: Path) -> Path:
    """Install *wheel* with the pinned requirements into a new environment; return its program."""
    python = venv / "bin" / "python"
    _uv("venv", "--python", sys.executable, str(venv))
    _uv("pip", "sync", "--python", str(python), "--require-hashes", str(ROOT / "requirements" / "run.txt"))
    _uv("pip", "install", "--python", str(python), "--no-deps", "--offline", str(wheel))
    return venv / "bin" / "esim-graph"


def try_demo(program: Path, folder: Path) -> None:
    """Run the demo in *folder* for as long as it takes to ask it three things."""
    port, sandbox_port = free_port(), free_port()
    # The user's own settings must not colour the trial.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ESIM_GRAPH_")}
    demo = subprocess.Popen(
        [program, "demo", "--port", str(port), "--sandbox-port", str(sandbox_port)],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        _ask(f"http://127.0.0.1:{port}", demo)
        demo.send_signal(signal.SIGINT)
        demo.wait(timeout=STOP_SECONDS)
    except BaseException:
        demo.kill()
        print(demo.communicate()[0], file=sys.stderr)
        raise
    said, _ = demo.communicate()
    if demo.returncode != 0:
        raise SystemExit(f"{said}\ndemo ended with exit code {demo.returncode} after Ctrl-C, expected 0.")


def _ask(origin: str, demo: "subprocess.Popen[str]") -> None:
    page = _page_once_up(f"{origin}/graphql", demo)
    files = re.findall(r'(?:src|href)="(/[^"]+)"', page)
    if not files:
        raise SystemExit("GraphiQL's page names no files: were its assets brought into the wheel?")
    for file in files:
        _get(origin + file)
    query = urllib.request.Request(
        f"{origin}/graphql", b'{"query": "{ __typename }"}', {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(query, timeout=5) as answer:
        data = json.load(answer)
    if data != {"data": {"__typename": "Query"}}:
        raise SystemExit(f"The graph answered {data}.")


def _page_once_up(address: str, demo: "subprocess.Popen[str]") -> str:
    give_up = time.monotonic() + START_SECONDS
    while True:
        try:
            return _get(address)
        except urllib.error.HTTPError:
            raise
        except OSError as error:
            if demo.poll() is not None:
                raise SystemExit(f"demo ended at once with exit code {demo.returncode}.") from error
            if time.monotonic() > give_up:
                raise SystemExit(f"demo did not answer within {START_SECONDS:.0f} s.") from error
            time.sleep(0.05)


def _get(address: str) -> str:
    request = urllib.request.Request(address, headers={"Accept": "text/html, */*"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        content: bytes = answer.read()
    return content.decode()


def free_port() -> int:
    """Return a port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _uv(*arguments: str) -> None:
    subprocess.run([UV, *arguments, "--quiet"], check=True, cwd=ROOT)


if __name__ == "__main__":
    main()
