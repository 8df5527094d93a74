"""Price tables: those that are shipped, a user's own, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from schemas.errors import SettingError
from streams.insights.cost.classes import BASE_CLASSES
from streams.insights.cost.prices import NANO, NO_PRICES, Prices
from tests.support.processes import ROOT
from weir.answers.price_file import SHIPPED, read_prices

NOW_S = 1_790_000_000
META = '[meta]\ncurrency = "EUR"\ngb_bytes = 1000\nas_of = 2026-01-31\nsource = "a contract"\n'
PRICE = '[[price]]\nclass = "x"\nper_gb = "1"\n'


def per_gb(
    prices: Prices, of_class: str, sender: str, receiver: str, payer: str = "sender", at_s: int = NOW_S
) -> list[tuple[int | None, int]]:
    place = prices.place(of_class, payer, (sender, receiver), at_s)
    return [] if place is None else [(tier.to_bytes, tier.nano) for tier in prices.prices[place].tiers]


def written(tmp_path: Path, text: str) -> str:
    file = tmp_path / "prices.toml"
    file.write_text(text)
    return str(file)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_tables_have_a_source_a_day_and_a_price_of_every_class_from_everywhere(name: str) -> None:
    prices = read_prices(name)
    assert prices.currency == "USD" and prices.source and prices.as_of >= "2026-01-01"
    for of_class in set(BASE_CLASSES) - {"unknown"}:
        assert per_gb(prices, of_class, "nowhere-1", "elsewhere-2"), of_class
    assert not per_gb(prices, "unknown", "nowhere-1", "elsewhere-2")


def test_aws_is_paid_at_both_ends_between_zones_and_by_tiers_to_the_internet() -> None:
    aws = read_prices("aws")
    assert (
        per_gb(aws, "inter_zone", "us-east-1", "us-east-1")
        == per_gb(aws, "inter_zone", "us-east-1", "us-east-1", "receiver")
        == [(None, NANO // 100)]
    )
    assert per_gb(aws, "inter_region", "us-east-1", "us-east-2") == [(None, NANO // 100)]
    assert (
        per_gb(aws, "inter_region", "us-east-1", "eu-west-1")
        == per_gb(aws, "inter_region", "eu-central-1", "us-east-1")
        == [(None, NANO // 50)]
    )
    assert per_gb(aws, "internet_out", "eu-central-1", "") == [
        (100 << 30, 0), (10_240 << 30, 90_000_000), (51_200 << 30, 85_000_000), (153_600 << 30, 70_000_000), (None, 50_000_000),
    ]  # fmt: skip
    assert per_gb(aws, "internet_in", "", "us-east-1") == per_gb(aws, "same_zone", "us-east-1", "us-east-1") == [(None, 0)]


def test_a_table_of_ones_own_stands_before_the_one_it_is_based_on(tmp_path: Path) -> None:
    text = """
        [meta]
        base = "gcp"
        [[price]]
        class = "internet_out"
        from = ["europe-west3", "europe-west4"]
        per_gb = "0.07"
        valid_from = 2026-02-01
        valid_to = 2026-02-28
        [[via]]
        through = "nat"
        where = "reason=external zone=europe-west3-a"
    """
    prices = read_prices(written(tmp_path, text))
    february_s, day_s = 1_769_904_000, 86_400
    own = [(None, 70_000_000)]
    assert per_gb(prices, "internet_out", "europe-west3", "", at_s=february_s) == own
    assert per_gb(prices, "internet_out", "europe-west3", "", at_s=february_s + 28 * day_s - 1) == own
    for at_s in (february_s - 1, february_s + 28 * day_s):
        assert per_gb(prices, "internet_out", "europe-west3", "", at_s=at_s)[0] == (1 << 40, 120_000_000)
    assert [one.of_class for one in prices.throughs] == ["nat"] and prices.gb_bytes == 1 << 30 and "Google Cloud" in prices.source


def test_the_example_in_the_docs_is_read(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(\[meta\].*?)```", (ROOT / "docs" / "answers.md").read_text(), re.DOTALL)
    prices = read_prices(written(tmp_path, example))
    assert prices.prices[0].senders == ("eu-*", "us-*") and len(prices.prices) == len(read_prices("aws").prices) + 1
    assert [one.of_class for one in prices.throughs] == ["nat"] and prices.ranges[0].of_class == "onprem"


def test_money_is_read_as_it_is_written(tmp_path: Path) -> None:
    tiers = '[[price]]\nclass = "internet_out"\ntiers = [{to_gb = 1, per_gb = "0.000000001"}, {per_gb = "12.5"}]\n'
    prices = read_prices(written(tmp_path, META + tiers))
    assert per_gb(prices, "internet_out", "x", "") == [(1_000, 1), (None, 12_500_000_000)]
    assert (prices.currency, prices.as_of, prices.source) == ("EUR", "2026-01-31", "a contract")
    assert read_prices("") == NO_PRICES


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[meta", "is no TOML"),
        ("", r"is empty: write prices into it, as docs/answers.md has them, or name one of aws, azure, gcp\."),
        ("# prices come later\n", "is empty: write prices"),
        ("[meta]\n", r"lacks currency and gb_bytes in \[meta\]"),
        (PRICE, r"lacks currency and gb_bytes in \[meta\]"),
        ('[meta]\ncurrency = "USD"\n', r"lacks gb_bytes in \[meta\]"),
        ('[meta]\nbase = "aws"\ngb_bytes = 7\n', "another currency or gb_bytes than its base aws"),
        (META + '[[price]]\nclass = "x"\nper_gb = 0.01\n', r"price.0.per_gb: write it as a text"),
        (META + '[[price]]\nclass = "x"\nper_gb = "0.0000000001"\n', "more than nine digits"),
        (META + '[[price]]\nclass = "x"\nper_gb = "-1"\n', "is negative"),
        (META + '[[price]]\nclass = "x"\nper_gb = "NaN"\n', "is negative or has more"),
        (META + '[[price]]\nclass = "x"\nper_gb = "dear"\n', "is no decimal number"),
        (META + PRICE + '[[price]]\nclass = "x"\n', "price.1: write per_gb, or tiers"),
        (META + '[[price]]\nclass = "x"\n', "price.0: write per_gb, or tiers"),
        (META + '[[price]]\nclass = "x"\nper_gb = "1"\ntiers = [{per_gb = "1"}]\n', "price.0: write per_gb, or tiers"),
        (META + '[[price]]\nclass = "x"\ntiers = [{to_gb = 1, per_gb = "1"}]\n', "whose last has none"),
        (
            META + '[[price]]\nclass = "x"\ntiers = [{to_gb = 2, per_gb = "1"}, {to_gb = 1, per_gb = "1"}, {per_gb = "0"}]\n',
            "whose to_gb grow",
        ),
        (META + '[[price]]\nclass = "x"\nper_gb = "1"\nfrom = "eu-[12]"\n', "is no region"),
        (META + '[[price]]\nclass = "x"\nper_gb = "1"\npayer = "me"\n', "price.0.payer"),
        (META + '[[price]]\nclass = "x"\nper_gp = "1"\n', "price.0.per_gp: Extra inputs"),
        (META + '[[range]]\nclass = "x"\nwhere = "cleint=a"\n', "range.0.where: the filter is wrong at character 1"),
        (META + '[[via]]\nthrough = "nat"\nwhere = "bytes>1"\n', "via.0.where: its filter is empty, or speaks of sums"),
    ],
)
def test_what_is_wrong_in_a_table_is_said_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingError, match=said) as caught:
        read_prices(written(tmp_path, text))
    assert "prices.toml" in str(caught.value) and str(caught.value).endswith(".")
