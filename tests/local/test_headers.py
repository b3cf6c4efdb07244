"""A header is believed only if every byte of its file follows from it."""

import json
from pathlib import Path

import pytest

from providers.local.library.headers import read_header
from providers.local.library.weights import BrokenFileError
from tests.local.weightless import write


def put(path: Path, header: object, data: bytes = b"") -> Path:
    content = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(content).to_bytes(8, "little") + content + data)
    return path


def tensor(
    begin: int, end: int, *, shape: object = None, dtype: object = "U8"
) -> dict[str, object]:
    shape = [end - begin] if shape is None else shape
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def fault_of(path: Path) -> str:
    with pytest.raises(BrokenFileError) as caught:
        read_header(path, path.name)
    return str(caught.value)


def test_shapes_metadata_and_size_are_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.safetensors", {"x": (2, 3), "y": ()}, {"modelspec.title": "Ink"})
    header = read_header(path, "a")
    assert header.shapes == {"x": (2, 3), "y": ()}
    assert header.metadata == {"modelspec.title": "Ink"}
    assert (header.parameters, header.size) == (7, path.stat().st_size)


@pytest.mark.parametrize(
    ("header", "data", "fault"),
    [
        ({"a": tensor(0, 4), "b": tensor(2, 6)}, b"123456", "has tensors that overlap"),
        ({"a": tensor(0, 2), "b": tensor(4, 6)}, b"123456", "has tensors that leave a gap"),
        ({"a": tensor(2, 4)}, b"1234", "has tensors that leave a gap"),
        ({"a": tensor(0, 4)}, b"123", "is truncated"),
        ({"a": tensor(0, 4)}, b"12345", "is longer than it should be"),
        ({"a": tensor(0, 4, shape=[2])}, b"1234", "describes a tensor that cannot be"),
        ({"a": tensor(0, 4, shape=[-4])}, b"1234", "describes a tensor that cannot be"),
        ({"a": tensor(0, 4, shape=[True, 4])}, b"1234", "describes a tensor that cannot be"),
        ({"a": tensor(0, 4, shape="4")}, b"1234", "describes a tensor that cannot be"),
        ({"a": tensor(0, 4, shape=[2**70])}, b"1234", "describes a tensor that cannot be"),
        ({"a": tensor(0, 1, shape=[1] * 9)}, b"1", "describes a tensor that cannot be"),
        ({"a": tensor(0, 4, dtype="OBJECT")}, b"1234", "describes a tensor that cannot be"),
        ({"a": tensor(0, 4, dtype=["U8"])}, b"1234", "describes a tensor that cannot be"),
        ({"a": tensor(4, 0, shape=[0])}, b"", "describes a tensor that cannot be"),
        ({"a": [1]}, b"", "describes a tensor that cannot be"),
        ({"a": {"shape": [1]}}, b"", "describes a tensor that cannot be"),
        ({"__metadata__": {"a": "b"}}, b"", "holds no tensors"),
        ({}, b"", "has a header that cannot be read"),
        ([1], b"", "has a header that cannot be read"),
        (b"not json", b"", "cannot be read"),
        (b"[" * 100_000, b"", "cannot be read"),
    ],
)
def test_a_hostile_header_is_refused(
    tmp_path: Path, header: object, data: bytes, fault: str
) -> None:
    assert fault_of(put(tmp_path / "a.safetensors", header, data)) == f"a.safetensors {fault}"


def test_a_length_beyond_the_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes((2**62).to_bytes(8, "little") + b"{}")
    assert fault_of(path) == "a.safetensors is no whole safetensors file"
    path.write_bytes(b"")
    assert fault_of(path) == "a.safetensors is no whole safetensors file"


def test_metadata_that_is_no_text_is_left_out(tmp_path: Path) -> None:
    header = {"__metadata__": {"a": 1, "b": "c"}, "x": tensor(0, 1)}
    assert read_header(put(tmp_path / "a", header, b"1"), "a").metadata == {"b": "c"}


@pytest.mark.parametrize("name", ["a.ckpt", "a.pt", "a.bin", "a.PTH", "a.pkl"])
def test_a_pickle_is_refused_by_its_name_before_it_is_opened(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, {"x": (1,)})
    assert "is a pickle, which could run code" in fault_of(path)
