import subprocess
import sys
from pathlib import Path

import httpx2

from tests.functional.processes import ROOT, SECONDS, clean_environment, collector


def test_a_revoked_token_is_refused_by_every_collector_at_once(tmp_path: Path) -> None:
    """What two collectors of one state let in, both answer with 401 once the command is over."""
    state_url = f"sqlite:///{tmp_path / 'one' / 'state.db'}"
    with (
        collector(tmp_path / "one") as one,
        collector(tmp_path / "other", "--state-url", state_url) as other,
    ):
        token = one.token("shop", "query")
        headers = {"Authorization": f"Bearer {token}"}
        reads = [f"{each.url}/v1/events/query" for each in (one, other)]
        before = [httpx2.get(url, headers=headers, timeout=SECONDS).status_code for url in reads]
        revoke = ["sqreen_mw", "tokens", "revoke", token, "--state-url", state_url]
        subprocess.run(
            [sys.executable, "-m", *revoke],
            check=True,
            timeout=SECONDS,
            cwd=ROOT,
            env=clean_environment({}),
        )
        after = [httpx2.get(url, headers=headers, timeout=SECONDS).status_code for url in reads]

    assert (before, after) == ([200, 200], [401, 401])
