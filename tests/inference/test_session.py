from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ringtrue.inference import session as session_module
from ringtrue.inference.session import ModelError, Session, released_model

from .toy_model import human, robot, toy_info, write_toy


def test_run_gives_contract_shapes(toy: Session) -> None:
    step = toy.run(np.zeros((3, 800), np.float32), toy.zero_state(3))
    assert step.speech.shape == step.voice_llr.shape == step.speech_seconds.shape == (3,)
    assert step.state.shape == (3, 2)
    assert {a.dtype for a in (step.speech, step.voice_llr, step.speech_seconds, step.state)} == {
        np.dtype(np.float32)
    }


def test_batched_calls_do_not_mix(toy: Session) -> None:
    pcm = np.stack([robot(0.1), human(0.1)])
    both = toy.run(pcm, toy.zero_state(2))
    for row in range(2):
        alone = toy.run(pcm[row : row + 1], toy.zero_state())
        np.testing.assert_allclose(both.voice_llr[row], alone.voice_llr[0], atol=1e-6)
    assert both.voice_llr[0] > 0 > both.voice_llr[1]


def test_info_comes_from_metadata(toy: Session) -> None:
    assert toy.info == toy_info()


@pytest.mark.parametrize(
    ("pcm", "state", "words"),
    [
        (np.zeros((1, 799), np.float32), np.zeros((1, 2), np.float32), r"pcm .*\[1, 800\].*799"),
        (np.zeros((1, 800)), np.zeros((1, 2), np.float32), "pcm as float32.*float64"),
        (np.zeros((2, 800), np.float32), np.zeros((1, 2), np.float32), r"state .*\[2, 2\]"),
        (np.zeros(800, np.float32), np.zeros((1, 2), np.float32), "pcm"),
    ],
)
def test_run_refuses_other_shapes(
    toy: Session, pcm: np.ndarray, state: np.ndarray, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        toy.run(pcm, state)


def test_missing_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such model file"):
        Session(tmp_path / "none.onnx")


def test_folder_as_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        Session(tmp_path)


def test_not_onnx(tmp_path: Path) -> None:
    path = tmp_path / "text.onnx"
    path.write_text("hello")
    with pytest.raises(ModelError, match=r"text\.onnx: is not an ONNX model"):
        Session(path)


def test_no_metadata(tmp_path: Path) -> None:
    path = write_toy(tmp_path / "bare.onnx", metadata={})
    with pytest.raises(ModelError, match="expected a ringtrue model of contract version 1"):
        Session(path)


def test_other_state_size(tmp_path: Path) -> None:
    path = write_toy(tmp_path / "s.onnx", info=toy_info(state_size=7))
    with pytest.raises(ModelError, match=r"expected state .*\[batch, 7\].*\[batch, 2\]"):
        Session(path)


def test_other_output_name(tmp_path: Path) -> None:
    path = write_toy(tmp_path / "n.onnx", llr_name="score")
    with pytest.raises(ModelError, match=r"expected the outputs .*voice_llr.*got .*score"):
        Session(path)


def test_fixed_batch(tmp_path: Path) -> None:
    path = write_toy(tmp_path / "b.onnx", batch=1)
    with pytest.raises(ModelError, match=r"expected pcm .*\[batch, 800\].*\[1, 800\]"):
        Session(path)


def test_threads_below_one(toy_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 1 thread, got 0"):
        Session(toy_path, threads=0)


def test_newest_released_model_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["ringtrue-0.9.0-fp32.onnx", "ringtrue-0.10.0-fp32.onnx", "ringtrue-0.11.0-int8.onnx"]
    for name in names:
        write_toy(tmp_path / name)
    monkeypatch.setattr(session_module, "files", lambda _: tmp_path)
    assert released_model().name == "ringtrue-0.10.0-fp32.onnx"
    assert Session().source == "ringtrue-0.10.0-fp32.onnx"


def test_no_released_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "files", lambda _: tmp_path)
    with pytest.raises(ModelError, match=r"holds no released model.*--model FILE"):
        Session()
