"""The store-and-forward file against crashes: torn at every byte, killed in mid-append, flipped bits, full disks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altyn.register.records import Answered, Base, Damage, Queued, Refused, UnknownRecord, encode, scan
from altyn.register.store_forward import FileFailed, FileFull, FileTaken, StoreForward, new_op_id

#: Children find the packages where this process found them.
CHILD = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def save(file: StoreForward, body: bytes = b"receipt", subject: str = "s/r/1/1") -> Queued:
    return file.save("CommitReceipt", (subject,), lambda op_id, seq: op_id + seq.to_bytes(8) + body)


def ids(file: StoreForward) -> list[bytes]:
    return [operation.op_id for operation in file.pending()]


def test_save_then_reopen_gives_the_same_operations_in_order(tmp_path: Path) -> None:
    with StoreForward(tmp_path / "saf") as file:
        saved = [save(file, body) for body in (b"one", b"two", b"three")]
        file.answered(saved[1].op_id)
    with StoreForward(tmp_path / "saf") as file:
        assert file.pending() == (saved[0], saved[2])
        assert save(file).register_seq == 4


def test_a_file_cut_at_any_byte_keeps_every_operation_saved_before_the_cut(tmp_path: Path) -> None:
    path = tmp_path / "saf"
    with StoreForward(path) as file:
        begin = path.stat().st_size
        events: list[tuple[int, str, bytes]] = []
        for number in range(5):
            operation = save(file, b"x" * number)
            events.append((path.stat().st_size, "saved", operation.op_id))
            if number in (1, 3):
                file.answered(operation.op_id)
                events.append((path.stat().st_size, "answered", operation.op_id))
    whole = path.read_bytes()
    for cut in range(begin, len(whole) + 1):
        path.write_bytes(whole[:cut])
        expected: list[bytes] = []
        for end, what, op_id in events:
            if end <= cut:
                expected.append(op_id) if what == "saved" else expected.remove(op_id)
        last_end = max([begin] + [end for end, _, _ in events if end <= cut])
        with StoreForward(path) as file:
            assert ids(file) == expected, cut
            assert file.opening.torn_bytes == cut - last_end
            assert file.opening.damaged_bytes == 0
            used = sum(1 for end, what, _ in events if end <= cut and what == "saved")
            assert save(file).register_seq > used


def test_a_torn_tail_of_zeros_is_cut_and_the_file_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "saf"
    with StoreForward(path) as file:
        first = save(file)
    with path.open("ab") as stored:
        stored.write(bytes(4096))
    with StoreForward(path) as file:
        assert file.opening.torn_bytes == 4096
        second = save(file)
    with StoreForward(path) as file:
        assert file.pending() == (first, second)
        assert file.opening.torn_bytes == 0


def test_a_flipped_byte_anywhere_loses_at_most_its_own_record(tmp_path: Path) -> None:
    path = tmp_path / "saf"
    with StoreForward(path) as file:
        begin = path.stat().st_size
        saved, ends = [], []
        for number in range(4):
            saved.append(save(file, bytes([65 + number]) * 9))
            ends.append(path.stat().st_size)
    whole = path.read_bytes()
    starts = [begin, *ends[:-1]]
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x40]) + whole[place + 1 :])
        hit = next((number for number, end in enumerate(ends) if starts[number] <= place < end), None)
        (tmp_path / "saf.damaged").unlink(missing_ok=True)
        with StoreForward(path) as file:
            assert file.pending() == tuple(operation for number, operation in enumerate(saved) if number != hit), place
            assert file.opening.torn_bytes + file.opening.damaged_bytes > 0
            # No number that may have been sent is used again, even when its record is gone.
            assert save(file).register_seq > len(saved)
        if hit is not None and hit < 3:
            assert (tmp_path / "saf.damaged").exists()


def test_an_unknown_record_kind_is_an_error_and_not_damage(tmp_path: Path) -> None:
    import struct
    import zlib

    path = tmp_path / "saf"
    StoreForward(path).close()
    payload = b"\x63future"
    length = struct.pack("<I", len(payload))
    check = struct.pack("<I", zlib.crc32(payload, zlib.crc32(length)))
    before = path.read_bytes() + b"\xa1SF\x01" + length + check + payload
    path.write_bytes(before)
    with pytest.raises(UnknownRecord):
        StoreForward(path)
    assert path.read_bytes() == before


def test_a_second_process_is_refused_while_the_first_lives(tmp_path: Path) -> None:
    path = tmp_path / "saf"
    code = """
import sys
from altyn.register.store_forward import FileTaken, StoreForward
try: StoreForward(sys.argv[1])
except FileTaken: sys.exit(7)
"""
    with StoreForward(path):
        with pytest.raises(FileTaken):
            StoreForward(path)
        assert subprocess.run([sys.executable, "-c", code, path], check=False, env=CHILD).returncode == 7
    assert subprocess.run([sys.executable, "-c", code, path], check=False, env=CHILD).returncode == 0


def test_bounds_refuse_before_anything_is_written(tmp_path: Path) -> None:
    with StoreForward(tmp_path / "few", operations_max=2) as file:
        first = save(file)
        save(file)
        size = file.path.stat().st_size
        with pytest.raises(FileFull):
            save(file)
        assert file.path.stat().st_size == size
        file.answered(first.op_id)
        assert save(file).register_seq == 3
    with StoreForward(tmp_path / "small", bytes_max=2000) as file:
        with pytest.raises(FileFull):
            save(file, b"x" * 2000)
        for _ in range(100):  # answered operations are swept out when room is needed
            file.answered(save(file, b"x" * 300).op_id)
        assert file.path.stat().st_size <= 2000
    with StoreForward(tmp_path / "large") as file, pytest.raises(ValueError, match="at most"):
        save(file, bytes(2 << 20))


def test_compaction_keeps_the_sequence_the_order_and_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "saf"
    with StoreForward(path) as file:
        saved = [save(file, bytes([number])) for number in range(6)]
        for operation in (saved[0], saved[3], saved[5]):
            file.answered(operation.op_id)
        file.compact()
        assert file.pending() == (saved[1], saved[2], saved[4])
        for operation in (saved[1], saved[2], saved[4]):
            file.answered(operation.op_id)
        file.compact()
        small = path.stat().st_size
    with StoreForward(path) as file:
        assert file.pending() == ()
        assert file.register_seq == 6
        assert path.stat().st_size == small


@pytest.mark.parametrize("step", ["fsync", "replace", "after_replace"])
def test_a_kill_inside_compaction_leaves_one_whole_file(tmp_path: Path, step: str) -> None:
    path = tmp_path / "saf"
    code = f"""
import os, signal, sys
from altyn.register.store_forward import StoreForward
file = StoreForward(sys.argv[1])
kept = [file.save("CommitReceipt", (), lambda o, n: o) for _ in range(3)]
file.answered(kept[1].op_id)
print(kept[0].op_id.hex(), kept[2].op_id.hex(), flush=True)
die = lambda *a: os.kill(os.getpid(), signal.SIGKILL)
real = os.replace
if "{step}" == "fsync": os.fsync = die
if "{step}" == "replace": os.replace = die
if "{step}" == "after_replace": os.replace = lambda a, b: (real(a, b), die())
file.compact()
"""
    done = subprocess.run([sys.executable, "-c", code, path], check=False, capture_output=True, text=True, env=CHILD)
    assert done.returncode == -signal.SIGKILL
    with StoreForward(path) as file:
        assert [op_id.hex() for op_id in ids(file)] == done.stdout.split()
        assert file.register_seq == 3
    assert not path.with_name("saf.new").exists()


def test_killed_children_lose_nothing_that_save_returned(tmp_path: Path) -> None:
    """A real process is killed at a random instant, many times over one file; it reports each save on a pipe."""
    path = tmp_path / "saf"
    code = """
import os, sys
from altyn.register.store_forward import StoreForward
file = StoreForward(sys.argv[1])
while True:
    operation = file.save("CommitReceipt", (), lambda o, n: o * 50)
    os.write(1, operation.op_id + operation.register_seq.to_bytes(8))
    if operation.register_seq % 3 == 0:
        os.write(1, operation.op_id + bytes(8))
        file.answered(operation.op_id)
"""
    owed: dict[bytes, int] = {}
    answering: set[bytes] = set()
    highest = 0
    for round_no in range(6):
        child = subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE, env=CHILD)
        assert child.stdout is not None
        first = child.stdout.read(24)
        time.sleep(0.003 * round_no)
        child.kill()
        reported = first + child.stdout.read()
        child.wait()
        for at in range(0, len(reported) - 23, 24):
            op_id, seq = reported[at : at + 16], int.from_bytes(reported[at + 16 : at + 24])
            if seq:
                assert seq > highest, "a sequence number came back"
                highest = seq
                owed[op_id] = seq
            else:
                answering.add(op_id)
        with StoreForward(path) as file:
            found = {operation.op_id: operation.register_seq for operation in file.pending()}
            highest = max(highest, file.register_seq)
        assert {op_id: seq for op_id, seq in owed.items() if op_id not in answering}.items() <= found.items()
        # At most the operation whose save had not returned yet is there without having been reported.
        assert len(found.keys() - owed.keys()) <= round_no + 1
        owed.update(found)
    assert len(owed) > 6


class FullDisk:
    """Stands in for ``os`` calls of one module: refuses when told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.refuses = ""
        for name in ("write", "fsync"):
            monkeypatch.setattr(os, name, self._wrap(name, getattr(os, name)))

    def _wrap(self, name: str, real: object) -> object:
        def call(*arguments: object) -> object:
            if self.refuses == name:
                self.refuses = ""
                if name == "write":  # a full disk takes a part first
                    real(arguments[0], arguments[1][:7])  # type: ignore[operator, index]
                raise OSError(28, "No space left on device")
            return real(*arguments)  # type: ignore[operator]

        return call


def test_a_full_disk_refuses_the_save_and_leaves_the_file_usable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with StoreForward(tmp_path / "saf") as file:
        first = save(file)
        disk = FullDisk(monkeypatch)
        disk.refuses = "write"
        with pytest.raises(FileFailed):
            save(file)
        second = save(file)
    with StoreForward(tmp_path / "saf") as file:
        assert file.pending() == (first, second)
        assert file.opening.torn_bytes == 0


def test_a_failed_flush_stops_the_file_and_the_operation_never_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with StoreForward(tmp_path / "saf") as file:
        first = save(file)
        disk = FullDisk(monkeypatch)
        disk.refuses = "fsync"
        with pytest.raises(FileFailed):
            save(file)
        with pytest.raises(FileFailed):
            save(file)
        with pytest.raises(FileFailed):
            file.answered(first.op_id)
    with StoreForward(tmp_path / "saf") as file:
        assert file.pending() == (first,)


def test_a_build_that_fails_uses_no_number(tmp_path: Path) -> None:
    with StoreForward(tmp_path / "saf") as file:
        with pytest.raises(KeyError):
            file.save("CommitReceipt", (), lambda op_id, seq: {}[seq])
        assert save(file).register_seq == 1


def test_a_refusal_survives_restarts_until_a_person_dismisses_it(tmp_path: Path) -> None:
    path = tmp_path / "saf"
    with StoreForward(path) as file:
        bad, good = save(file, b"bad"), save(file, b"good")
        file.refused(bad.op_id, "INVALID_ARGUMENT: receipt.lines")
        file.compact()
    with StoreForward(path) as file:
        assert file.pending() == (good,)
        assert file.refusals() == ((bad, "INVALID_ARGUMENT: receipt.lines"),)
        file.dismiss(bad.op_id)
    with StoreForward(path) as file:
        assert file.refusals() == ()
        assert file.pending() == (good,)


def test_op_ids_are_version_7_and_do_not_repeat_within_a_moment() -> None:
    made = {new_op_id(1_700_000_000_000_000) for _ in range(2000)}
    assert len(made) == 2000
    assert {uuid.UUID(bytes=op_id).version for op_id in made} == {7}
    assert {uuid.UUID(bytes=op_id).variant for op_id in made} == {uuid.RFC_4122}
    assert {op_id[:6] for op_id in made} == {(1_700_000_000_000).to_bytes(6)}


RECORDS = st.one_of(
    st.builds(Base, st.integers(0, 2**63)),
    st.builds(
        Queued,
        st.binary(min_size=16, max_size=16),
        st.integers(0, 2**63),
        st.integers(0, 2**63),
        st.sampled_from(["CommitReceipt", "CancelReceipt", ""]),
        st.lists(
            st.text(st.characters(exclude_characters="\n", codec="utf-8"), min_size=1, max_size=9), max_size=3
        ).map(tuple),
        st.binary(max_size=60),
    ),
    st.builds(Answered, st.binary(min_size=16, max_size=16)),
    st.builds(Refused, st.binary(min_size=16, max_size=16), st.text(max_size=20)),
)


@settings(max_examples=150, deadline=None)
@given(records=st.lists(RECORDS, max_size=6), noise=st.binary(max_size=40), tail=st.lists(RECORDS, max_size=3))
def test_scan_finds_every_record_around_any_noise(records: list[Base], noise: bytes, tail: list[Base]) -> None:
    stored = b"".join(map(encode, records)) + noise + b"".join(map(encode, tail))
    found = list(scan(stored))
    whole = [record for record in found if not isinstance(record, Damage)]
    assert whole == [*records, *tail]
    assert sum(d.end - d.start for d in found if isinstance(d, Damage)) == len(noise)
