"""The file of a watcher is checked to the last key, and no secret gets out of it."""

from __future__ import annotations

import pickle
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import geopandas
import pytest
import shapely
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.runtimes.registry import DEFAULT_MODEL
from pipeline.errors import AreasError, SecretError
from pipeline.mapping.options import MapOptions
from pipeline.search.search_scenes import SearchOptions
from pipeline.watch.areas.check import describe_areas
from pipeline.watch.areas.file import Limits, WatchSettings, read_areas
from pipeline.watch.areas.settings import AreaSettings, RetrySettings
from strandline import StrandlineError

EXAMPLE = Path(__file__).resolve().parents[4] / "workflows" / "examples" / "areas.yaml"
LEAST = """
areas:
  - name: nazare
    aoi: -9.13,39.53,-9.03,39.64
"""
NAZARE = AreaSettings(name="nazare", aoi="-9.13,39.53,-9.03,39.64")
SECRETS = {"HOOK_TOKEN": "tok/en+with=signs", "SMTP_PASSWORD": "pass word!", "LEDGER_PASSWORD": "p@ss:w/rd"}
FULL = (
    LEAST
    + """
notifications:
  - kind: webhook
    url: https://example.org/hook
    headers: {Authorization: "Bearer ${HOOK_TOKEN}", X-Place: here}
  - {kind: email, host: mail.example.org, user: me, password: "${SMTP_PASSWORD}", from: a@b.org, to: c@b.org}
ledger: postgresql+psycopg://strandline:${LEDGER_PASSWORD}@db.example.org/strandline
"""
)


def write(folder: Path, text: str = LEAST) -> Path:
    path = folder / "areas.yaml"
    path.write_text(text)
    return path


def read(folder: Path, text: str = LEAST) -> WatchSettings:
    return read_areas(write(folder, text))


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    return SECRETS


def test_the_least_file_has_sensible_defaults(tmp_path: Path) -> None:
    settings = read(tmp_path)
    (area,) = settings.areas
    assert (area.source, area.schedule, area.destination) == ("earth-search", "6h", str(tmp_path / "published/nazare"))
    assert area.model == DEFAULT_MODEL
    assert (settings.ledger, settings.work) == (
        str(tmp_path / "strandline.ledger.db"),
        str(tmp_path / "strandline.work"),
    )
    assert settings.reveal_ledger_url() == f"sqlite:///{tmp_path}/strandline.ledger.db"


def test_the_example_is_valid_says_all_and_needs_no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(SECRETS):
        monkeypatch.delenv(name, raising=False)
    settings = read_areas(EXAMPLE)
    assert settings.secret_names == ()
    assert [area.name for area in settings.areas] == ["nazare", "wadden", "taveuni"]
    wadden = settings.get_area("wadden")
    assert (wadden.max_cloud, wadden.min_coverage, wadden.time_zone) == (30, 20, "Europe/Berlin")
    assert settings.get_area("taveuni").compare is None
    assert settings.limits.keep_free == 5_000_000_000


def test_what_the_example_has_commented_out_is_valid_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = EXAMPLE.read_text()
    for name in ("WEBHOOK_URL", "WEBHOOK_TOKEN", "WEBHOOK_SECRET", "SMTP_USER", "SMTP_PASSWORD"):
        assert f"${{STRANDLINE_{name}}}" in text
        monkeypatch.setenv(f"STRANDLINE_{name}", f"https://example.org/{name}")
    head, _, tail = text.partition("limits:")
    settings = read(tmp_path, head.replace("  # -", "  -").replace("  #   ", "    ") + "limits:" + tail)
    assert [channel.kind for channel in settings.notifications] == ["command", "webhook", "email"]


def test_areas_take_from_the_defaults_what_they_leave_out(tmp_path: Path) -> None:
    text = "defaults: {max_cloud: 20, seasons: [11-01/03-31], compare: true}\n" + LEAST + "    max_cloud: 30\n"
    (area,) = read(tmp_path, text).areas
    assert (area.max_cloud, str(area.seasons[0])) == (30, "11-01/03-31")
    assert area.compare is not None
    assert area.compare.alert_m is None


def test_paths_count_from_the_files_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "config"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    geopandas.GeoSeries([shapely.box(-9.1, 39.5, -9, 39.6)], crs="EPSG:4326").to_file(folder / "coast.geojson")
    text = LEAST.replace("-9.13,39.53,-9.03,39.64", "coast.geojson") + "    source: items/catalog.json\n"
    (area,) = read(folder, text + "    destination: ../out/{area}\n").areas
    assert (area.aoi, area.source) == (str(folder / "coast.geojson"), str(folder / "items/catalog.json"))
    assert Path(area.destination).resolve() == tmp_path / "out" / "nazare"


def test_choices_are_those_of_a_search_and_of_a_map(tmp_path: Path) -> None:
    (area,) = read(tmp_path, LEAST + "    formats: [gpkg, shp]\n    threshold: 0.4\n").areas
    options = MapOptions(**area.to_map_choices())
    assert (options.aoi, options.threshold, options.formats) == (area.aoi, 0.4, ("gpkg", "shp"))
    search = SearchOptions(**area.to_search_choices("2024-06"))
    assert (search.dates, search.any_platform) == ("2024-06", False)
    (area,) = read(tmp_path, LEAST + "    any_platform: true\n").areas
    assert SearchOptions(**area.to_search_choices("2024-06")).any_platform


@given(
    now=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    ago=st.none() | st.timedeltas(timedelta(0), timedelta(days=900)),
    since=st.none() | st.dates(date(2016, 1, 1), date(2040, 1, 1)),
    back=st.integers(0, 400),
)
def test_each_round_searches_all_since_the_last_and_a_little_more(
    now: datetime, ago: timedelta | None, since: date | None, back: int
) -> None:
    area = NAZARE.model_copy(update={"since": since, "look_back": back})
    last = None if ago is None else now - ago
    first, end = (date.fromisoformat(day) for day in area.resolve_dates(now, last=last).split("/"))
    assert first <= end == max(first, now.date())
    if since is not None:
        assert first >= since
    if last is not None:
        assert first <= max(last.date() - timedelta(days=back), since or date.min)
    assert area.resolve_dates(now, last=last, since=date(2017, 1, 1)) == f"2017-01-01/{now:%Y-%m-%d}"


@given(wait=st.integers(1, 10_000), longest=st.integers(1, 10_000), failures=st.integers(1, 2000))
def test_the_pause_doubles_up_to_the_longest(wait: int, longest: int, failures: int) -> None:
    retries = RetrySettings(wait=f"{wait}s", longest=f"{longest}s")  # type: ignore[arg-type]  # as the file says it
    pause, following = retries.compute_wait(failures), retries.compute_wait(failures + 1)
    assert pause <= following <= timedelta(seconds=longest)
    assert following in (2 * pause, timedelta(seconds=longest))


def test_secrets_stand_in_no_object(tmp_path: Path, environment: dict[str, str]) -> None:
    settings = read(tmp_path, FULL)
    said = repr(settings) + str(settings) + settings.model_dump_json(fallback=str) + str(settings.model_dump())
    said += pickle.dumps(settings).decode("latin-1") + "\n".join(describe_areas(settings).lines())
    assert "${HOOK_TOKEN}" in said
    for value in environment.values():
        assert value not in said
    assert settings.reveal_ledger_url() == ("postgresql+psycopg://strandline:p%40ss%3Aw%2Frd@db.example.org/strandline")
    assert settings.secret_names == ("LEDGER_PASSWORD", "HOOK_TOKEN", "SMTP_PASSWORD")


def test_settings_survive_a_pickle(tmp_path: Path, environment: dict[str, str]) -> None:
    settings = read(tmp_path, FULL)
    assert pickle.loads(pickle.dumps(settings)) == settings  # noqa: S301 (our own)


def test_a_variable_that_is_not_set_is_named(
    tmp_path: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SMTP_PASSWORD")
    monkeypatch.setenv("HOOK_TOKEN", "")
    with pytest.raises(SecretError, match="not set there: HOOK_TOKEN, SMTP_PASSWORD"):
        read(tmp_path, FULL)


def test_what_libraries_say_is_hidden(tmp_path: Path, environment: dict[str, str]) -> None:
    settings = read(tmp_path, FULL)
    for value in environment.values():
        for form in (value, repr(value), settings.reveal_ledger_url()):
            assert value not in settings.hide(f"connection to {form} failed")
    assert settings.hide("nothing to hide") == "nothing to hide"


NOTICE = LEAST + "notifications:\n  - "


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LEAST + "    maxcloud: 3\n", r"no setting areas\.0\.maxcloud .did you mean max_cloud"),
        ("limit: {}\n" + LEAST, "no setting limit .did you mean limits"),
        (LEAST + "limits: {keepfree: 2GB}\n", r"no setting limits\.keepfree .did you mean keep_free"),
        ("defaults: {schedul: 6h}\n" + LEAST, r"there is no setting defaults\.schedul .did you mean schedule\?.\.$"),
        ("defaults: {name: x}\n" + LEAST, r"there is no setting defaults\.name"),
        (NOTICE + "{kind: webhook, urll: 'http://x'}", r"webhook\.urll .did you mean url"),
        (NOTICE + "{kind: email, hots: x}", r"email\.hots .did you mean host"),
        (NOTICE + "{kind: fax}", "'webhook', 'email', 'command'"),
        (NOTICE + "{kind: command, argv: [ls], events: [fail]}", r"events.*'failure', 'alert'"),
        (NOTICE + "{kind: command, argv: [ls], events: []}", r"events.*at least 1"),
        (NOTICE + "{kind: command, argv: ls}", "argv"),
        (LEAST + LEAST.partition("areas:\n")[2], "each area once, found nazare twice"),
        (LEAST + "areas: []\n", "the key areas stands twice .line 5"),
        ("areas: []", "areas: .*at least 1"),
        ("{}", "areas is missing"),
        ("- 1", "Expected a file of areas with keys"),
        ("areas: [", "is not YAML: .*line 1"),
        (LEAST.replace("nazare", "../etc"), "expected a name of 1 to 64"),
        (LEAST.replace("nazare", "a b"), "expected a name of 1 to 64"),
        (LEAST.replace("39.53", "41"), r"areas\.0\.aoi: Expected the area as W,S,E,N"),
        (LEAST.replace("-9.13,39.53,-9.03,39.64", "coast.gpkg"), r"there is no .*coast\.gpkg"),
        (LEAST.replace("-9.13,39.53,-9.03,39.64", "0,85,10,89"), "too near a pole"),
        (LEAST + "    schedule: 6 hours\n", "expected an interval such as 6h"),
        (LEAST + "    time_zone: Europe/Lisboa\n", "expected a time zone"),
        (LEAST + "    seasons: [02-30/03-01]\n", "there is no day 02-30"),
        (LEAST + "    max_cloud: 101\n", "max_cloud: .*less than or equal to 100"),
        (LEAST + "    min_coverage: -1\n", "min_coverage: .*greater than or equal to 0"),
        (LEAST + "    since: yesterday\n", "since: .*found 'yesterday'"),
        (LEAST + "    model: strandline-smal\n", "Did you mean strandline-small"),
        (LEAST + "    model: mine.safetensors\n", r"there is no .*mine\.safetensors"),
        (LEAST + "    formats: [dxf]\n", "Expected formats among .*found dxf"),
        (LEAST + "    destination: s4://bucket\n", "URL that fsspec knows"),
        (LEAST + "    destination: file://maps/x\n", "as file:///..., found 'file://maps/x'"),
        (LEAST + "    destination: strandline.work/{area}\n", "lies in the work folder"),
        (LEAST + "    transects: lines.gpkg\n", r"there is no .*lines\.gpkg"),
        (LEAST + "    compare: {alertm: 3}\n", r"compare\.alertm .did you mean alert_m"),
        (LEAST + "    retries: {wait: soon}\n", r"retries\.wait: expected a number and a unit"),
        (LEAST + "limits: {keep_free: lots}\n", r"limits\.keep_free: .*found 'lots'"),
        (LEAST + "limits: {prune_work_after: 30}\n", r"prune_work_after: expected a number and a unit"),
        (LEAST + "dask: {workers: 2, scheduler: 'tcp://x:1'}\n", "workers or scheduler, not both"),
        (LEAST + "dask: {scheduler: here}\n", "a scheduler's address"),
        (
            "defaults: {destination: /data/maps}\n" + LEAST + LEAST.partition("areas:\n")[2].replace("nazare", "faro"),
            "nazare and faro are published to the same destination",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(AreasError, match=message) as caught:
        read(tmp_path, text)
    assert "\n" not in str(caught.value)
    assert "areas.yaml" in str(caught.value)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("pub/x", "pub/y/../x"),
        ("pub/x", "./pub//x/"),
        ("pub/x", "{folder}/pub/x"),
        ("pub/x", "file://{folder}/pub/y/../x/"),
        ("pub/x", "file://localhost{folder}/pub/x"),
        ("pub/x", "link/x"),  # a symbolic link to pub
        ("link/../x", "x"),
        ("~/x", "{folder}/home/x"),
        ("memory://maps/x", "memory://maps/y/../x//"),
        ("memory://maps/x", "memory:///maps/x"),
    ],
)
def test_two_spellings_of_a_destination_are_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one: str, other: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "pub").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "pub")
    area = LEAST.partition("areas:\n")[2]
    text = f"{LEAST}    destination: {one}\n{area.replace('nazare', 'faro')}    destination: {other}\n"
    with pytest.raises(AreasError, match="nazare and faro are published to the same destination"):
        read(tmp_path, text.replace("{folder}", str(tmp_path)))


@pytest.mark.parametrize(
    "destination", ["strandline.work/x/../y", "link/y", "file://{folder}/strandline.work/y", "pub/../strandline.work"]
)
def test_the_work_folder_is_no_destination_by_whatever_way(tmp_path: Path, destination: str) -> None:
    (tmp_path / "strandline.work").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "strandline.work")
    with pytest.raises(AreasError, match="lies in the work folder"):
        read(tmp_path, LEAST + f"    destination: {destination.replace('{folder}', str(tmp_path))}\n")


def test_destinations_that_differ_are_two(tmp_path: Path) -> None:
    area = LEAST.partition("areas:\n")[2].replace("nazare", "faro")
    for one, other in (("pub/x", "pub/y"), ("pub/x", "pub/x/y"), ("memory://maps/x", "maps/x"), ("s/x", "s/X")):
        text = f"{LEAST}    destination: {one}\n{area}    destination: {other}\n"
        assert len({home.find_home() for home in read(tmp_path, text).areas}) == 2


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
PLACES = [(section, key) for section in ("areas", "defaults") for key in AreaSettings.model_fields]
PLACES += [(section, None) for section in (*WatchSettings.model_fields, "else", 7)]
PLACES += [("limits", key) for key in Limits.model_fields]
PLACES += [("notifications", key) for key in ("kind", "url", "headers", "events", "argv", "to", "password", "name")]


@given(place=st.sampled_from(PLACES), value=ANYTHING)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_stands_anywhere_it_is_taken_or_refused_in_one_line(
    place: tuple[str, str | None], value: object, tmp_path: Path
) -> None:
    section, key = place
    values: dict[object, Any] = {"areas": [{"name": "nazare", "aoi": "-9.13,39.53,-9.03,39.64"}]}
    if key is None:
        values[section] = value
    elif section == "areas":
        values["areas"][0][key] = value
    else:
        values[section] = [{"kind": "webhook", key: value}] if section == "notifications" else {key: value}
    path = write(tmp_path, yaml.safe_dump(values, allow_unicode=True))
    said = read_or_refuse(path)
    assert isinstance(said, WatchSettings) or ("\n" not in str(said) and said.exit_code == 2)


def read_or_refuse(path: Path) -> WatchSettings | StrandlineError:
    try:
        return read_areas(path)
    except StrandlineError as error:
        return error


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(AreasError, match=r"Expected a file of areas at .*none to read: No such file"):
        read_areas(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    "text",
    [
        NOTICE + "{kind: webhook, url: 'https://me:hunter22@example.org/hook'}",
        NOTICE + "{kind: webhook, url: 'https://example.org/hook?token=hunter22'}",
        NOTICE + "{kind: webhook, url: 'https://example.org/hook?api_key=hunter22'}",
        NOTICE + "{kind: webhook, url: 'https://hooks.example.org/services/T0001/hunter22abcdefghijklmnop'}",
        NOTICE + "{kind: webhook, url: 'https://example.org', headers: {Authorization: Bearer hunter22}}",
        NOTICE + "{kind: webhook, url: 'https://example.org', headers: {X-Api-Key: hunter22}}",
        NOTICE + "{kind: webhook, url: 'https://example.org', secret: hunter22}",
        NOTICE + "{kind: email, host: h, user: me, password: hunter22, from: a@b.c, to: a@b.c}",
        NOTICE + "{kind: email, host: h, user: me, password: '${P}', security: none, from: a@b.c, to: a@b.c}",
        NOTICE + "{kind: command, argv: [curl, 'https://me:hunter22@example.org']}",
        NOTICE + "{kind: command, argv: [curl, '${HOOK_TOKEN}']}",
        LEAST + "ledger: postgresql+psycopg://me:hunter22@db/strandline\n",
        LEAST + "    destination: ftp://me:hunter22@host/maps\n",
        LEAST + "    destination: s3://${BUCKET}/maps\n",
        LEAST + "    source: https://me:hunter22@stac.example.org\n",
        LEAST + "    source: https://stac.example.org?sig=hunter22\n",
    ],
)
def test_a_literal_secret_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    with pytest.raises(AreasError, match=r"environment|password is not sent") as caught:
        read(tmp_path, text)
    assert "hunter22" not in str(caught.value) + repr(caught.value.__cause__)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["[hunter22, x: {y", "*hunter22", "!hunter22 a", "&hunter22 &hunter22 a", '"\\hunter22"']
)
def test_yaml_that_is_broken_beside_a_password_does_not_show_it(tmp_path: Path, text: str) -> None:
    with pytest.raises(AreasError, match=r"is not YAML: .*line \d") as caught:
        read(tmp_path, LEAST + f"ledger: {text}\n")
    assert "hunter22" not in str(caught.value)


def test_the_report_says_what_would_be_done(tmp_path: Path) -> None:
    text = LEAST + "    schedule: 0 6 * * *\n    seasons: [04-01/09-30]\n    destination: memory://maps/{area}\n"
    report = describe_areas(read(tmp_path, text), now=datetime(2026, 1, 1, 7, tzinfo=UTC))
    (area,) = report.areas
    assert report.ok
    assert (area.name, area.in_season, area.next_run) == ("nazare", False, datetime(2026, 1, 2, 6, tzinfo=UTC))
    assert area.size_km2 == pytest.approx(104.9, abs=0.5)
    said = "\n".join(report.lines())
    for words in ("next run 2026-01-02 06:00:00 UTC", "memory://maps/nazare (to be made", "ledger.db (to be made)"):
        assert words in said
    assert not (tmp_path / "strandline.work").exists()


def test_the_report_makes_no_ledger(tmp_path: Path) -> None:
    report = describe_areas(read(tmp_path, LEAST + f"ledger: sqlite:///{tmp_path}/mine.db\n"))
    assert f"ledger: sqlite:///{tmp_path}/mine.db" in report.lines()
    assert [path.name for path in tmp_path.iterdir()] == ["areas.yaml"]


def test_the_report_says_what_is_missing(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "file").write_text("no folder")
    text = LEAST + "    destination: file/maps\n" + "limits: {keep_free: 900TB}\n"
    text += "notifications: [{kind: command, argv: [no-such-program-here]}]\n"
    text += "ledger: postgresql+psycopg://me:${LEDGER_PASSWORD}@127.0.0.1:1/strandline\n"
    report = describe_areas(read(tmp_path, text))
    assert not report.ok
    problems = [str(line) for line in report.lines() if "PROBLEM" in line]
    for words in ("cannot be written", "are to stay free", "no program no-such-program"):
        assert any(words in problem for problem in problems), words
    assert SECRETS["LEDGER_PASSWORD"] not in "\n".join(problems)
    assert all("\n" not in line for line in report.lines())


def test_a_list_whose_only_entry_is_wrong_is_not_called_empty(tmp_path: Path) -> None:
    path = tmp_path / "areas.yaml"
    path.write_text('areas:\n  - {name: x, aoi: "1,2,3"}\n')
    with pytest.raises(AreasError) as caught:
        read_areas(path)
    assert str(caught.value).count("'1,2,3'") == 1
    assert "at least 1 item" not in str(caught.value)
    path.write_text("areas: []\n")
    with pytest.raises(AreasError, match="at least 1 item"):
        read_areas(path)
