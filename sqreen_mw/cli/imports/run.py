"""Import one file: read, send and record."""

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from sqreen_mw.cli.imports.batches import RowBatch
from sqreen_mw.cli.imports.progress_file import Progress, ProgressFile, Summary
from sqreen_mw.cli.imports.rejects import Reject, RejectsFile
from sqreen_mw.cli.imports.sender import Sender
from sqreen_mw.protocol.batch import IngestAnswer

_THREADS: Final = 2
_IN_FLIGHT: Final = 4


class ImportRun:
    """Sends batches, a few at a time, and records the answers in the order of the rows.

    Args:
        sender: Sends the batches.
        progress: The progress so far; it is updated.
        file: Keeps the progress. None if the import cannot be continued.
        rejects: Receives the rejected rows.
        report: Called with the summary after each answer.
    """

    def __init__(
        self,
        sender: Sender,
        *,
        progress: Progress,
        file: ProgressFile | None,
        rejects: RejectsFile,
        report: Callable[[Summary], None],
    ) -> None:
        self._sender: Final = sender
        self._progress: Final = progress
        self._file: Final = file
        self._rejects: Final = rejects
        self._report: Final = report
        self._sent: Final = deque[tuple[RowBatch, Future[IngestAnswer]]]()

    def send(self, batches: Iterable[RowBatch], *, app: str | None, env: str | None) -> None:
        """Send all batches. After an error or Ctrl-C, the answers that came are recorded."""
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="sqreen-import") as threads:
            try:
                self._send(batches, threads, app=app, env=env)
            except BaseException:
                self._sender.stop()
                threads.shutdown(cancel_futures=True)
                self._settle_answered()
                raise

    def _send(
        self,
        batches: Iterable[RowBatch],
        threads: ThreadPoolExecutor,
        *,
        app: str | None,
        env: str | None,
    ) -> None:
        for batch in batches:
            data = batch.encoded(app=app, env=env)
            self._sent.append((batch, threads.submit(self._sender.send, data)))
            if len(self._sent) > _IN_FLIGHT:
                self._settle()
        while self._sent:
            self._settle()

    def _settle_answered(self) -> None:
        while self._sent:
            future = self._sent[0][1]
            if future.cancelled() or future.exception() is not None:
                return
            self._settle()

    def _settle(self) -> None:
        batch, future = self._sent[0]
        answer = future.result()
        self._sent.popleft()
        refused = [
            Reject(batch.rows[each.index].line, each.detail, batch.rows[each.index].text)
            for each in answer.rejected
        ]
        rejects = sorted([*batch.rejects, *refused], key=lambda reject: reject.line)
        self._rejects.write(rejects)
        summary = self._progress.summary
        summary.read += batch.read
        summary.stored += answer.accepted
        summary.duplicates += answer.duplicates
        summary.rejected += len(rejects)
        self._progress.rejects_bytes = self._rejects.size
        if self._file is not None:
            self._file.save(self._progress)
        self._report(summary)
