"""The durable queue between the data plane and the record plane: append-only segment files on local disk.

segment  the bytes of a segment file: header, frames, checksums; names of the files
config   SpoolConfig: bound, what happens at the bound, durability
writer   SpoolWriter: one per worker start, appends and rotates, keeps the directory within its bound
commit   GroupCommit: one fdatasync for all waiting calls (`sync: power`)
reader   what the record plane sees: segments, live and dead writers, frames from an offset on

- A file is written by one writer and never appended to by a later one, so a torn tail stays a tail.
- The segment that a writer appends to is flock'ed by it: whoever gets the lock knows that the writer is done.
- A frame is handed out whole and with a matching checksum, or not at all.
- Segments are deleted whole: by the exporter once exported, by a writer at the bound (`drop_oldest`), which
  leaves a note with the number of records behind.
"""
