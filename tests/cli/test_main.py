"""What happens before a command begins."""

import signal
import subprocess
import sys
import time

MAIN = "from sqreen_mw.cli import main; main()"


def python(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )


def test_ctrl_c_while_loading_leaves_no_traceback() -> None:
    """An impatient Ctrl-C, whenever it comes, ends with an exit code and nothing on stderr."""
    for delay in (0.3, 0.6, 0.9):
        code = "from sqreen_mw.cli import main; print(flush=True); main()"
        with subprocess.Popen(
            [sys.executable, "-c", code, "--help"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(delay)
            process.send_signal(signal.SIGINT)
            _, complaints = process.communicate(timeout=60)

        assert process.returncode in {0, 1, 130}
        assert "Traceback" not in complaints


def test_a_missing_extra_is_named() -> None:
    """Without what every command needs, the line says what to install."""
    done = python(f"import sys; sys.modules['typer'] = None; {MAIN}")

    assert done.returncode == 2
    assert done.stderr == "sqreen-mw: typer is not installed: pip install 'sqreen-mw[cli]'\n"


def test_a_missing_collector_is_named_by_its_commands_only() -> None:
    """Without the collector's packages its commands say what to install; the doctor works."""
    without = "import sys; sys.modules['sqlalchemy'] = None; sys.argv[1:] = "
    served = python(f"{without}['serve', '--port', '0']; {MAIN}")
    listed = python(f"{without}['doctor', 'settings', '--markdown']; {MAIN}")

    assert served.returncode == 2
    assert served.stderr.endswith("is not installed: pip install 'sqreen-mw[collector]'\n")
    assert "SQREEN_TOKEN" in listed.stdout
