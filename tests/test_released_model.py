"""The released model keeps what its card says, on real audio of the corpus.

Figures on ``eval`` come from a fixed sample and are compared with the card's own intervals; nothing
is chosen by them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

import ringtrue.inference.assets
import ringtrue.model.released
from ringtrue.inference import CallMonitor, Session
from ringtrue.inference.phone_line import phone_line
from ringtrue.model.contract import SAMPLE_RATE
from ringtrue.training.calls import peak_llr
from ringtrue.training.channel.presets import harmonise
from ringtrue.training.heard import read_clip
from ringtrue.training.manifest import Clip, Manifest, read_manifest
from ringtrue.training.metrics import eer
from ringtrue.training.report import Report, read_report
from ringtrue.training.scoring import OnnxDetector

FOLDER = Path(ringtrue.model.released.__path__[0])
RELEASED = sorted(FOLDER.glob("ringtrue-*-fp32.onnx"))

pytestmark = pytest.mark.skipif(not RELEASED, reason="no released model in model/released")


@pytest.fixture(scope="module")
def detector() -> OnnxDetector:
    return OnnxDetector(Session())


@pytest.fixture(scope="module")
def report() -> Report:
    return read_report(FOLDER / "report.json")


@pytest.fixture(scope="module")
def manifest(corpus: Path) -> Manifest:
    return read_manifest(corpus / "manifest.jsonl")


def _phone(manifest: Manifest) -> list[Clip]:
    """Every third phone clip of eval with at least 5 s."""
    clips = [c for c in manifest.select("eval").clips if c.condition == "phone" and c.seconds >= 5]
    return clips[::3]


def test_there_is_one_release_with_its_papers() -> None:
    assert len(RELEASED) == 1
    assert (FOLDER / "MODEL_CARD.md").exists()
    assert (FOLDER / "report.json").exists()


def test_release_is_small_and_complete(detector: OnnxDetector) -> None:
    import onnx

    info = detector.session.info
    model = onnx.load(RELEASED[0])
    weights = sum(int(np.prod(i.dims)) for i in model.graph.initializer)
    assert RELEASED[0].stat().st_size <= 1_000_000
    assert weights <= 300_000
    assert [p.name for p in info.operating_points] == ["cautious", "balanced"]
    assert info.operating_points[0].flag_llr > info.operating_points[1].flag_llr
    assert info.model_version in RELEASED[0].name
    assert len(info.training_data_digest) == 64
    used = {node.op_type for node in model.graph.node}
    assert not used & {"If", "Loop", "Scan", "TopK", "STFT"}


def test_report_is_of_this_release_and_of_eval(detector: OnnxDetector, report: Report) -> None:
    assert (report.model, report.version) == (
        detector.session.info.model_name,
        detector.session.info.model_version,
    )
    assert report.split == "eval"


def test_phone_recordings_meet_the_card(
    detector: OnnxDetector, report: Report, manifest: Manifest
) -> None:
    clips = _phone(manifest)
    assert len(clips) > 120
    line, rng = harmonise(), np.random.default_rng(0)
    scores = detector.scores([line(read_clip(manifest, c), rng) for c in clips])
    cell = report.cell("phone-harmonised", 4.0)
    assert cell is not None
    found = eer(scores, [c.is_robot for c in clips])
    assert found <= cell.metrics["eer"].high


@pytest.mark.parametrize("level", [-40.0, -10.0])
def test_gain_does_not_matter(detector: OnnxDetector, manifest: Manifest, level: float) -> None:
    audio = [read_clip(manifest, c) for c in _phone(manifest)[:24]]
    scaled = []
    for samples in audio:
        gain = 10 ** (level / 20) / np.sqrt(np.mean(np.square(samples)))
        scaled.append((samples * gain).astype(np.float32))
    change = np.abs(detector.scores(scaled) - detector.scores(audio))
    assert change.max() < 0.3


def test_music_tones_and_noise_are_never_flagged(
    detector: OnnxDetector, manifest: Manifest
) -> None:
    clips = manifest.select("eval", ("nonspeech",)).clips[::4]
    info = detector.session.info
    flag = info.operating_point("balanced").flag_llr
    for clip, trajectory in zip(
        clips, detector.trajectories([read_clip(manifest, c) for c in clips]), strict=True
    ):
        assert peak_llr(trajectory, info.min_speech_seconds) < flag, clip.id


@pytest.mark.parametrize("kind", ["silence", "tone", "white noise", "ring tone", "clipped noise"])
def test_generated_sounds_are_no_speech(kind: str) -> None:
    time = np.arange(20 * SAMPLE_RATE) / SAMPLE_RATE
    rng = np.random.default_rng(0)
    ring = np.sin(2 * np.pi * 440 * time) + np.sin(2 * np.pi * 480 * time)
    sounds = {
        "silence": np.zeros_like(time),
        "tone": 0.3 * np.sin(2 * np.pi * 1000 * time),
        "white noise": 0.05 * rng.standard_normal(len(time)),
        "ring tone": 0.2 * ring * (time % 6 < 2),
        "clipped noise": np.clip(rng.standard_normal(len(time)) * 3, -1, 1),
    }
    monitor = CallMonitor(operating_point="balanced")
    verdicts = monitor.push(sounds[kind].astype(np.float32), SAMPLE_RATE)
    assert len(verdicts) == 200
    assert {v.verdict for v in verdicts} <= {"unsure", "human"}
    assert monitor.flagged_at is None


def test_any_chunking_gives_the_same_verdicts(manifest: Manifest) -> None:
    samples = read_clip(manifest, _phone(manifest)[0])
    session = Session()
    whole = CallMonitor(session)
    expected = [v.voice_llr for v in whole.push(samples, SAMPLE_RATE)]
    rng = np.random.default_rng(5)
    for _ in range(3):
        monitor = CallMonitor(session)
        found: list[float] = []
        position = 0
        while position < len(samples):
            size = int(rng.choice([1, 7, 160, 799, 800, 801, 4000]))
            block = samples[position : position + size]
            found += [v.voice_llr for v in monitor.push(block, SAMPLE_RATE)]
            position += size
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_demo_call_is_flagged_while_it_runs() -> None:
    path = Path(ringtrue.inference.assets.__path__[0]) / "demo_call.flac"
    call, rate = soundfile.read(path, dtype="float32")
    line = phone_line(call, np.random.default_rng(1), mobile=False)
    monitor = CallMonitor(operating_point="balanced")
    verdicts = monitor.push(line, rate)
    assert monitor.flagged_at is not None
    assert monitor.flagged_at < 25
    assert verdicts[-1].verdict == "robot"
    assert "synthetic" in verdicts[-1].reasons[0]
