"""The page in a real browser (skipped without Chromium), its words and its colours."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ringtrue.inference.report import page as page_module
from ringtrue.inference.report.build import AudioMode, ReportOptions, build_report
from ringtrue.inference.report.detail import Scorer
from ringtrue.inference.report.results import Results
from ringtrue.inference.score import ScoreRow, score_files
from ringtrue.inference.session import Session

from .test_report_build import EVIL, write_calls, write_results

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)

in_browser = pytest.mark.skipif(not BROWSER, reason="no Chromium")


def visit(url: str, tmp_path: Path, *options: str) -> tuple[str, list[str]]:
    """(the document after its script ran, what it wrote to the console)."""
    ran = subprocess.run(
        [
            BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
            "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}", "--lang=en",
            "--window-size=1280,1000", "--virtual-time-budget=3500", "--enable-logging=stderr",
            *options, "--dump-dom", url,
        ],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    return ran.stdout, [line for line in ran.stderr.splitlines() if "CONSOLE" in line]


def drive(out: Path, tmp_path: Path, script: str) -> Any:
    """What ``script`` returns when it runs in a copy of the page that lets it."""
    html = (out / "index.html").read_text(encoding="utf-8")
    html = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", html)
    tail = (
        "<script>setTimeout(async () => { let told; try { told = await (async () => {"
        + script
        + "})(); } catch (error) { told = `failed: ${error.stack}`; }"
        "const pre = document.createElement('pre'); pre.id = 'told';"
        "pre.textContent = JSON.stringify(told); document.body.append(pre); }, 500);"
        "</script></body>"
    )
    (out / "driven.html").write_text(html.replace("</body>", tail), encoding="utf-8")
    dom, _ = visit((out / "driven.html").as_uri(), tmp_path)
    found = re.search(r'<pre id="told">(.*?)</pre>', dom, re.S)
    assert found, dom[-2000:]
    return json.loads(found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))


@pytest.fixture(scope="module")
def report(toy: Session, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a report of a few calls, its curves beside the page."""
    folder = tmp_path_factory.mktemp("page")
    rows = [row for rows in score_files(write_calls(folder / "calls"), toy) for row in rows]
    results = Results(write_results(folder / "scores.csv", rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page_module, "INLINE", 0)
        build_report(
            results, Scorer(lambda: toy), ReportOptions(folder / "out", audio=AudioMode.EMBED)
        )
    return folder / "out"


@in_browser
def test_page_and_picture_under_its_own_policy_with_names_as_text(
    report: Path, tmp_path: Path
) -> None:
    dom, console = visit((report / "index.html").as_uri() + "#row-0", tmp_path)
    assert console == []
    assert 'class="badge b-robot"' in dom
    assert "2026-03-01 robot.wav" in dom
    for drawn in ("curve voice", "flag", "speech", "threshold s-robot", "tint-human", "<audio"):
        assert drawn in dom
    assert "⚑ flagged" in dom
    assert "<img" not in dom
    assert "&lt;img src=x onerror=alert(1)&gt;" in dom


@in_browser
def test_injected_scripts_do_not_run(report: Path, tmp_path: Path) -> None:
    """Even if a name became markup, the policy stops it."""
    html = (report / "index.html").read_text(encoding="utf-8")
    hostile = (
        "<script>document.title = 'taken'</script><img src=x onerror=\"document.title='taken'\">"
    )
    (report / "hostile.html").write_text(html.replace('<div id="app">', hostile + '<div id="app">'))
    dom, console = visit((report / "hostile.html").as_uri(), tmp_path)
    assert "<title>taken" not in dom
    assert any("Content Security Policy" in line for line in console)


@in_browser
def test_sort_filter_open_move_and_language(report: Path, tmp_path: Path) -> None:
    told = drive(
        report,
        tmp_path,
        """
        const names = () => [...document.querySelectorAll('.name')].map((n) => n.textContent);
        const heading = (n) => document.querySelectorAll('th button')[n];
        const told = { start: names() };
        heading(1).click(); told.byName = names();
        told.sorted = document.querySelectorAll('th')[1].getAttribute('aria-sort');
        heading(1).click(); told.byNameDown = names();
        heading(6).click(); told.byFlag = names().slice(3);
        const search = document.querySelector('input[type=search]');
        search.value = 'HUMAN.wav mono'; search.dispatchEvent(new Event('input'));
        await new Promise((done) => setTimeout(done, 300));
        told.searched = names();
        search.value = ''; search.dispatchEvent(new Event('input'));
        await new Promise((done) => setTimeout(done, 300));
        document.querySelector('.card.c-error').click();
        told.errors = names();
        told.pressed = document.querySelector('.card.c-error').getAttribute('aria-pressed');
        document.querySelector('.opener').click();
        told.problem = document.querySelector('.under .bad').textContent;
        document.querySelector('.opener').click();
        told.closed = document.querySelectorAll('.under').length;
        document.querySelector('.card.c-error').click();
        heading(4).click();
        document.querySelectorAll('.opener')[0].click();
        await new Promise((done) => setTimeout(done, 600));
        const picture = document.querySelector('.picture');
        const press = (key) => picture.dispatchEvent(new KeyboardEvent('keydown', { key }));
        press('End'); told.end = picture.getAttribute('aria-valuenow');
        press('Home'); told.home = picture.getAttribute('aria-valuenow');
        press('ArrowRight'); told.step = picture.getAttribute('aria-valuenow');
        const times = [...document.querySelectorAll('.events .time')];
        told.times = times.map((t) => t.textContent);
        times[1].click();
        told.now = picture.getAttribute('aria-valuenow');
        told.text = picture.getAttribute('aria-valuetext');
        told.length = picture.getAttribute('aria-valuemax');
        document.querySelector('header button').click();
        told.chinese = [
          document.documentElement.lang,
          document.querySelector('h1').firstChild.textContent,
          document.querySelector('th button').textContent,
        ];
        return told;
        """,
    )
    assert isinstance(told, dict), told
    everything = told["start"]
    assert len(everything) == 7
    assert everything[-2:] == ["2026-03-04 empty.wav", "2026-03-05 gone.wav"], "errors last"
    assert told["byName"] == sorted(everything)
    assert told["sorted"] == "ascending"
    assert told["byNameDown"][0] == "2026-03-05 gone.wav"
    assert set(told["byFlag"]) == {"2026-03-02 human.wav", "2026-03-02 both.wav",
                                   "2026-03-04 empty.wav", "2026-03-05 gone.wav"}  # fmt: skip
    assert told["searched"] == ["2026-03-02 human.wav"]
    assert (told["errors"], told["pressed"]) == (everything[-2:], "true")
    assert told["problem"] == "is empty (0 bytes)"
    assert told["closed"] == 0
    assert told["end"] == told["length"]
    assert told["home"] == "0.0"
    assert float(told["step"]) == pytest.approx(max(float(told["length"]) / 100, 0.1), abs=0.06)
    assert told["times"][0] == "0:00.0"
    assert told["times"][1] == f"0:{float(told['now']):04.1f}"
    assert "robot · voice_llr +" in told["text"]
    assert told["chinese"] == ["zh-CN", "通话报告", "判定"]


@in_browser
def test_ten_thousand_rows_in_pages(toy: Session, tmp_path: Path) -> None:
    rows = [
        ScoreRow(f"calls/{i:05d}.wav", "mono", 9.0, 5.0, i / 10_000, i / 1000 - 5, "unsure")
        for i in range(10_000)
    ]
    results = Results(write_results(tmp_path / "r.csv", rows))
    build_report(results, Scorer(lambda: toy), ReportOptions(tmp_path / "out", detail=0))
    assert (tmp_path / "out/index.html").stat().st_size < 2_000_000
    told = drive(
        tmp_path / "out",
        tmp_path,
        """
        const told = { rows: document.querySelectorAll('tr.call').length };
        told.first = document.querySelector('.name').textContent;
        const [previous, next] = document.querySelectorAll('.pages button');
        told.before = previous.disabled;
        next.click();
        told.second = document.querySelector('.name').textContent;
        told.status = document.querySelector('[role=status]').textContent;
        return told;
        """,
    )
    assert told == {
        "rows": 50, "first": "09999.wav", "before": True, "second": "09949.wav",
        "status": "51–100 of 10,000",
    }  # fmt: skip


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb or #rgb (WCAG 2.2)."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * c for c in colour[1:])
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_stands_out(scheme: int) -> None:
    """At least 4.5:1, as WCAG 2.2 AA asks for."""
    block = re.findall(r":root \{(.*?)\}", page_module._asset("report.css"), re.S)[scheme]
    colours = dict(re.findall(r"--([\w-]+): (#\w+)", block))
    pairs = [("ink", "page"), ("ink", "box"), ("ink", "soft"), ("ink", "unsure-tint")]
    pairs += [("faint", ground) for ground in ("page", "box", "soft")]
    for kind in ("robot", "human", "unsure", "nospeech", "error"):
        pairs += [(kind, f"{kind}-tint"), (kind, "box")]
    for text, ground in pairs:
        light, dark = sorted((luminance(colours[text]), luminance(colours[ground])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, ground)


def test_both_languages_say_everything() -> None:
    words = page_module._asset("strings.js")
    english, chinese = words.split("\n  zh: {")
    keys = [set(re.findall(r"[{,\s]'?([A-Za-z-]+)'?: '", part)) for part in (english, chinese)]
    assert keys[0] - {"en"} == keys[1]
    assert len(keys[1]) > 60
    assert EVIL not in words
