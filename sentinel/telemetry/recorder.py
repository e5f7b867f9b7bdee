"""The recorder: the last step of a call before its answer leaves."""

from __future__ import annotations

from sentinel.core.record import Record, encode
from sentinel.spool.commit import GroupCommit
from sentinel.spool.writer import SpoolStats, SpoolWriter


class Recorder:
    """Puts records into a worker's spool.

        recorder.write(record)          # in the file: survives kill -9
        if recorder.needs_commit:
            await recorder.commit()     # on the disk: survives a power loss

    Both raise SpoolFull when the record cannot be kept; the call must then be refused.
    """

    def __init__(self, writer: SpoolWriter) -> None:
        self._writer = writer
        self._append = writer.append
        self._group = GroupCommit(writer)
        self.needs_commit = writer.config.sync == "power"

    def write(self, record: Record) -> None:
        self._append(encode(record))

    async def commit(self) -> None:
        """Everything written so far is on the disk when this returns; calls that wait share one sync."""
        await self._group.commit()

    @property
    def full(self) -> bool:
        """Whether a record would be refused now."""
        return self._writer.full()

    @property
    def stats(self) -> SpoolStats:
        return self._writer.stats

    @property
    def pending(self) -> int:
        """Bytes in the spool directory, all workers together, as last measured (once a second under load)."""
        return self._writer.stats.directory_bytes

    def close(self) -> None:
        self._writer.close()
