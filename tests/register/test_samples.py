"""Every name the samples use of the contract is in the contract; the Java sample compiles where a JDK has the jars."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from google.protobuf.descriptor import Descriptor, FileDescriptor

from altyn.pos.v1 import outcome_pb2, pos_service_pb2, reasons_pb2, receipt_pb2
from altyn.register import Allowance, card, phone, qr

ROOT = Path(__file__).resolve().parents[2]
TRIAL = Path(__file__).parent / "java" / "AllowanceTrial.java"
DAY_US = 86_400_000_000
SAMPLES = ROOT / "docs/register/samples"
JAVA = sorted((SAMPLES / "java").glob("*.java"))
BSL = sorted((SAMPLES / "1c").glob("*.bsl"))
CSHARP = sorted((SAMPLES / "csharp").glob("*.cs"))
FILES: list[FileDescriptor] = [module.DESCRIPTOR for module in (outcome_pb2, pos_service_pb2, reasons_pb2, receipt_pb2)]
MESSAGES: dict[str, Descriptor] = {name: found for file in FILES for name, found in file.message_types_by_name.items()}
METHODS = set(pos_service_pb2.DESCRIPTOR.services_by_name["PosService"].methods_by_name)
ENUM_VALUES = {value.name for file in FILES for enum in file.enum_types_by_name.values() for value in enum.values}
JARS = (
    *("grpc-api", "grpc-core", "grpc-context", "grpc-stub", "grpc-protobuf", "grpc-protobuf-lite", "grpc-netty"),
    *("protobuf", "protobuf-util", "proto-google-common-protos", "guava"),
)


def camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


FIELDS = {camel(field.name) for message in MESSAGES.values() for field in message.fields}


@pytest.mark.parametrize("path", JAVA + CSHARP, ids=lambda path: path.name)
def test_messages_and_calls_named_in_a_sample_exist(path: Path) -> None:
    text = path.read_text("utf-8")
    messages = set(
        re.findall(r"\b(\w+(?:Receipt|Operation|Customer|Code)(?:Request|Response)|OfflineAllowance)\b", text)
    )
    assert messages
    assert messages <= set(MESSAGES)
    calls = set(
        re.findall(r"\"((?:Reserve|Commit|Cancel|Return|Calculate|Upload|Authorize|SendOne)\w+|GetOperation)\"", text)
    )
    assert calls <= METHODS


@pytest.mark.parametrize("path", JAVA, ids=lambda path: path.name)
def test_fields_and_values_named_in_a_java_sample_exist(path: Path) -> None:
    text = path.read_text("utf-8")
    of_protobuf = {"StringValue", "NumberValue", "FullMethodName", "Type"}
    setters = set(re.findall(r"\.set([A-Z]\w+)\(", text)) - of_protobuf
    assert len(setters) > 1
    assert setters <= FIELDS
    values = set(re.findall(r"\b((?:STATUS|MODE|UNIT|TOKEN_KIND|INPUT_METHOD|COMPUTED_BY)_[A-Z_]+)\b", text))
    assert values - {"STATUS_"} <= ENUM_VALUES


@pytest.mark.parametrize("path", CSHARP, ids=lambda path: path.name)
def test_fields_named_in_a_csharp_sample_exist(path: Path) -> None:
    text = path.read_text("utf-8")
    made = re.findall(r"new (\w+Request|Identity)\s*\{([^}]*)\}", text)
    assert made or "Request" not in text
    for message, body in made:
        fields = {camel(field.name) for field in MESSAGES[message].fields}
        assert set(re.findall(r"(\w+) = ", body)) <= fields


def test_names_in_a_1c_sample_exist() -> None:
    """Keys of what it sends, calls and values; and each block of the language is closed."""
    [path] = BSL
    text = path.read_text("utf-8")
    json_names = {field.json_name for message in MESSAGES.values() for field in message.fields}
    structures = re.findall(r"Новый Структура\(\"([a-z][\w, ]*)\"", text)
    sent = set(re.findall(r"(?<!Заголовки)\.Вставить\(\"(\w+)\"", text)) | set(", ".join(structures).split(", "))
    assert len(sent) > 20
    assert sent <= json_names
    assert set(re.findall(r"\"((?:[A-Z]+_)+[A-Z]+)\"", text)) <= ENUM_VALUES
    calls = set(re.findall(r"\"((?:Authorize|Calculate|Reserve|Commit|Cancel|SendOne)\w+)\"", text))
    assert len(calls) == 6
    assert calls <= METHODS
    code = re.sub(r"//.*|\"[^\"\n]*\"", "", text)
    for opened, closed in (("Функция", "КонецФункции"), ("Процедура", "КонецПроцедуры"), ("Цикл", "КонецЦикла")):
        assert len(re.findall(rf"\b{opened}\b", code)) == len(re.findall(rf"\b{closed}\b", code)) > 0
    assert len(re.findall(r"(?m)^\s*Если\b", code)) == len(re.findall(r"\bКонецЕсли\b", code)) > 0


def test_pages_name_the_sample_files() -> None:
    for page, paths in (("java.md", JAVA), ("csharp.md", CSHARP), ("json.md", BSL)):
        text = (ROOT / "docs/register" / page).read_text("utf-8")
        assert [path.name for path in paths if f"({path.relative_to(ROOT / 'docs/register')})" not in text] == []


@pytest.fixture(scope="module")
def java(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A class path with the samples, compiled, and the trial of the allowance."""
    jars = [Path("/usr/share/java") / f"{name}.jar" for name in JARS]
    if not (shutil.which("javac") and shutil.which("protoc") and all(jar.exists() for jar in jars)):
        pytest.skip("needs a JDK, protoc and the grpc-java jars (libgrpc-java, libprotobuf-java)")
    folder = tmp_path_factory.mktemp("java")
    protos = sorted((ROOT / "proto/altyn/pos/v1").glob("*.proto"))
    subprocess.run(["protoc", f"-I{ROOT / 'proto'}", f"--java_out={folder}", *map(str, protos)], check=True)
    sources = [*map(str, folder.rglob("*.java")), *map(str, JAVA), str(TRIAL)]
    path = ":".join(map(str, jars))
    command = ["javac", "-nowarn", "-d", str(folder / "out"), "-cp", path, *sources]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return f"{folder / 'out'}:{path}"


def test_java_allowance_lets_go_what_the_python_one_does(java: str, tmp_path: Path) -> None:
    """Step by step, each after a restart."""
    chance, asked, expected = random.Random(3), [], []
    now_us = 20_000 * DAY_US
    for number in range(400):
        now_us += chance.choice((1, 60_000_000, 3_600_000_000, DAY_US // 3))
        library = Allowance(tmp_path / "python")
        given = pos_service_pb2.OfflineAllowance(
            signed=bytes([number % 256]),
            receipts_max=chance.randrange(4),
            receipt_sum_max_minor=chance.randrange(5_000),
            sum_max_minor=chance.randrange(9_000),
            valid_until_us=now_us + chance.randrange(DAY_US),
            assets=chance.choice(([], ["bonus"], ["stars", "bonus"])),
        )
        receipt = receipt_pb2.Receipt(points=[receipt_pb2.PointsRequest(asset=chance.choice(("bonus", "stars")))])
        shown = chance.choice((card("1001"), card("1001"), card("A1" + "0" * 32), qr("1"), phone("+7", "123456")))
        receipt.identity.CopyFrom(shown)
        sum_minor = chance.randrange(-1, 4_000)
        match chance.randrange(4):
            case 0:
                answer = pos_service_pb2.AuthorizeCustomerResponse(offline_allowance=given, server_time_us=now_us)
                asked.append(f"take {answer.SerializeToString().hex()}")
                library.take(given, now_us)
                expected.append("taken")
            case 1:
                asked.append(f"left {now_us}")
                expected.append(str(library.left_minor(now_us)))
            case _:
                asked.append(f"spend {receipt.SerializeToString().hex()} {sum_minor} {now_us}")
                may = str(library.spend(receipt, sum_minor, now_us)).lower()
                expected.append(f"{may} {receipt.SerializeToString().hex()}")
    command = ["java", "-cp", java, "AllowanceTrial", str(tmp_path / "java")]
    said = subprocess.run(command, input="\n".join(asked), capture_output=True, text=True, check=True, timeout=120)
    assert said.stdout.splitlines() == expected
    assert sum(line.startswith("true") for line in expected) > 10


def test_csharp_sample_parses() -> None:
    if not shutil.which("mcs"):
        pytest.skip("needs a C# compiler (mono-mcs)")
    result = subprocess.run(["mcs", "--parse", *map(str, CSHARP)], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
