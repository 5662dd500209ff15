"""`readiness erase` as an operator meets it: through Dagster, the subject on standard input and nowhere else."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from readiness_pipelines.cli import main
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers import run_step
from tests.shop import Shop

_DEFINITIONS = """\
from pathlib import Path
from readiness_pipelines.declarations import load_product
from readiness_pipelines.product import definitions_of

defs = definitions_of(load_product(Path(__file__).parent.parent / "defs" / "shop"))
"""

Said = Callable[..., tuple[int, str]]
ERASE = ("erase", "shop", "--by", "ann", "--reason", "asked by letter")


@pytest.fixture
def readiness(shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    """The command in a project whose only product is the shop, with a subject: exit code, and all that it says."""
    contract = shop.folder / "contract.yaml"
    said = "  - name: raw_orders\n    customProperties: [{property: subject, value: customer}]\n"
    contract.write_text(contract.read_text().replace("  - name: raw_orders\n", said))
    (shop.root / "pyproject.toml").write_text('[tool.dg.project]\nroot_module = "shops"\ndefs_module = "defs"\n')
    for name, text in (("__init__.py", ""), ("definitions.py", _DEFINITIONS)):
        (shop.root / "shops").mkdir(exist_ok=True)
        (shop.root / "shops" / name).write_text(text)
    monkeypatch.chdir(shop.root)
    for name, value in shop.environment.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str, given: str = "") -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["readiness", *arguments])
        monkeypatch.setattr("sys.stdin", io.StringIO(given))
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out + told.err

    return run


@pytest.mark.slow
def test_a_subject_on_standard_input_is_erased_and_what_is_not_ours_to_change_is_named(shop: Shop, readiness: Said) -> None:
    path = shop.land(1, [*[f"{i},c{i},10,2025-01-01" for i in range(19)], "99,ZYX-7,10,2025-01-01"])
    for table in shop.product.tables:
        run_step(Lakehouse.open(shop.settings), shop.settings, shop.product, table.name, shop.day(1))
    code, said = readiness(*ERASE, given="ZYX-7\n")
    assert code == 0, said
    assert "ZYX-7" not in said
    assert "1 records of 1 deliveries redacted in the archive" in said
    assert "run without them: raw_orders, 1 partitions, 2025-01-01 to 2025-01-01" in said
    assert f"not ours to change: {path}: the delivered file itself" in said
    kept = [p for p in shop.settings.state.rglob("*") if p.is_file() and b"ZYX-7" in p.read_bytes()]
    assert kept == []  # neither Dagster's run nor its log has it
    code, said = readiness(*ERASE, "--subject", "ZYX-7")
    assert (code, "known already" in said, "nobody of that name" in said) == (0, True, False)
    code, said = readiness(*ERASE, "--subject", "zyx-7")
    assert (code, "nobody of that name was found: compared letter by letter" in said) == (0, True)


def test_nobody_and_nothing_said_are_refused(shop: Shop, readiness: Said, tmp_path: Path) -> None:
    assert readiness(*ERASE, given="\n") == (
        2,
        "readiness: found a subject without a letter or digit, expected one as it is delivered: it names nobody\n",
    )
    assert "found an empty reason" in readiness(*ERASE[:-1], " ", given="x\n")[1]
    assert not (shop.settings.state / "erasure.key").exists()
