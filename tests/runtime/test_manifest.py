"""The manifest: every mistake is a sentence with its line; bad_manifests/ holds one file a mistake."""

from pathlib import Path

import pytest

from runtime.errors import ConfigError
from runtime.manifest import ManifestError, load_manifest

BAD = sorted((Path(__file__).parent / "bad_manifests").glob("*.yaml"))
EXAMPLE = Path(__file__).parents[2] / "feishu_app.yaml"


@pytest.mark.parametrize("path", BAD, ids=[path.stem for path in BAD])
def test_a_bad_manifest_says_what_is_wrong_where(path: Path) -> None:
    """The first line of each file says which words the sentence must contain."""
    expected = path.read_text("utf-8").splitlines()[0].removeprefix("# expect: ")
    with pytest.raises(ManifestError) as caught:
        load_manifest(path)
    assert expected in str(caught.value)
    assert path.name in str(caught.value)


def test_all_mistakes_are_told_at_once_in_the_order_of_lines() -> None:
    """One run of the command shows everything there is to mend."""
    with pytest.raises(ManifestError) as caught:
        load_manifest(Path(__file__).parent / "bad_manifests" / "two_mistakes.yaml")
    first, second = str(caught.value).splitlines()
    assert "`conection`" in first
    assert "`schedules.a`" in second


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    """The sentence names the variable that moves it."""
    with pytest.raises(ConfigError, match=r"does not exist\. Copy the example .* CHORUS_MANIFEST"):
        load_manifest(tmp_path / "nowhere.yaml")


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    """Saved in another encoding, Chinese names would come out as garbage."""
    path = tmp_path / "gbk.yaml"
    path.write_bytes("name: 经营".encode("gbk"))
    with pytest.raises(ManifestError, match="save it as UTF-8"):
        load_manifest(path)


def test_the_shortest_manifest_has_sensible_defaults(tmp_path: Path) -> None:
    """A name and a base are enough to begin."""
    path = tmp_path / "app.yaml"
    path.write_text("name: x\nbase: {name: y}\n", "utf-8")
    manifest = load_manifest(path)
    assert (manifest.connection, manifest.base.time_zone) == ("webhook", "Asia/Shanghai")
    assert (manifest.quota.monthly_calls, manifest.limits.mass_delete) == (10000, 10)


def test_the_example_is_right_and_names_everything_the_product_listens_to() -> None:
    """The file a newcomer copies is valid."""
    manifest = load_manifest(EXAMPLE)
    pulls = {"pull_ads", "pull_stock", "pull_shops"}
    looks = {
        "check_rules", "check_approvals", "check_signatures", "check_images", "keep_cockpit", "reconcile",
        "self_check", "retention",
    }  # fmt: skip
    assert set(manifest.schedules) == pulls | looks
    assert "card.action.trigger" in manifest.callbacks
    assert "drive.file.bitable_record_changed_v1" in manifest.events


def test_a_manifest_cannot_be_changed_after_loading() -> None:
    """What was checked is what is used."""
    manifest = load_manifest(EXAMPLE)
    with pytest.raises(ValueError, match="frozen"):
        manifest.name = "other"  # type: ignore[misc]
