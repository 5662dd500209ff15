"""`readiness gates report` as an operator meets it: a page per product, where it was asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from readiness_pipelines.cli import main
from tests.reports.scene import add_rule, rows, run
from tests.shop import Shop, build_shop

Said = Callable[..., tuple[int, str]]


@pytest.fixture
def readiness(shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    """The command in a project whose only product is the shop: exit code, and all that it says."""
    (shop.root / "pyproject.toml").write_text('[tool.dg.project]\nroot_module = "shops"\ndefs_module = "defs"\n')
    monkeypatch.chdir(shop.root)
    for name, value in shop.environment.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["readiness", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), " ".join((said.out + said.err).split())

    return run


def test_the_page_is_written_where_it_is_asked_for_and_its_first_sentence_is_said(shop: Shop, readiness: Said) -> None:
    add_rule(shop, "  - {type: expect_column_values_to_be_unique, kwargs: {column: order_id}, meta: {name: once}}\n")
    shop.land(1, rows(shop, 1))
    run(shop, 1)
    code, said = readiness("gates", "report", "shop", "--from", shop.day(1), "--to", shop.day(2), "--output", "some page.html")
    assert code == 0
    assert "shop: Of the 2 days from 2025-01-01 to 2025-01-02, 1 is admitted, 0 admitted with quarantine, 0 held" in said
    assert "written to some page.html" in said
    page = Path("some page.html").read_text(encoding="utf-8")
    assert "once" in page and "2025-01-04" not in page


def test_every_product_of_the_project_gets_a_page_of_its_own(shop: Shop, readiness: Said) -> None:
    build_shop(shop.root, "kiosk")
    code, _ = readiness("gates", "report")
    assert code == 0
    assert [path.name for path in sorted(Path().glob("*.html"))] == ["kiosk_gates.html", "shop_gates.html"]


def test_what_cannot_be_is_one_line(shop: Shop, readiness: Said) -> None:
    build_shop(shop.root, "kiosk")
    code, said = readiness("gates", "report", "--output", "x.html")
    assert (code, said) == (2, "readiness: found one --output for 2 products, expected the name of one: kiosk, shop")
    code, said = readiness("gates", "report", "shop", "--output", "no/such/folder.html")
    assert (code, "no/such/folder.html: cannot be written: No such file or directory; expected a place" in said) == (2, True)
    code, said = readiness("gates", "report", "shop", "--from", "2024-01-01")
    assert (code, "expected a range within 2025-01-01 to 2025-01-10" in said) == (2, True)
