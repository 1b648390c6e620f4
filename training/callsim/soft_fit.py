"""Trains, calibrates and exports the small models of the timing and floor evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ringtrue.inference.evidence.soft_model import SoftInfo
from ringtrue.training.callsim.snapshots import Examples
from ringtrue.training.metrics import auc, cllr

OPSET = 17
ML_OPSET = 3
TREES, DEPTH, RATE = 60, 2, 0.1
"""Gradient-boosted trees: shallow and few, since the simulated calls know no more than that."""
RIDGE = 1e-3
CAPS = {"timing": 2.0, "floor": 1.0}
"""Largest weight of the soft evidence, natural log: 7:1 and 2.7:1."""


@dataclass(frozen=True)
class SoftStudy:
    """How good a model is on ``dev``, where it was calibrated.

    Attributes:
        info: metadata of the model.
        train_calls, dev_calls: calls with enough turns.
        auc: chance that a call's bot scores above a call's person, at the last snapshot.
        cllr: of the likelihood ratios of all snapshots, in bits, before capping; capped.
        capped_cllr: after capping.
        kinds: mean likelihood ratio of the last snapshot by kind of call.
    """

    info: SoftInfo
    train_calls: int
    dev_calls: int
    auc: float
    cllr: float
    capped_cllr: float
    kinds: dict[str, float]


def fit_soft(
    name: str,
    version: str,
    features: Sequence[str],
    train: Examples,
    dev: Examples,
    least: int,
    cap: float,
    out: Path,
) -> SoftStudy:
    """Fit on ``train``, calibrate on ``dev``, write ``out``.

    Args:
        name: stream.
        version: of the model.
        features: names, in the order of the examples' columns.
        train, dev: snapshots of simulated calls.
        least: events below which the model abstains.
        cap: of the likelihood ratio.
        out: ONNX file.

    Raises:
        ValueError: the model says nothing about ``dev``.
    """
    from sklearn.ensemble import GradientBoostingClassifier

    model = GradientBoostingClassifier(
        n_estimators=TREES, max_depth=DEPTH, learning_rate=RATE, subsample=0.7, random_state=0,
        min_samples_leaf=20,
    )  # fmt: skip
    model.fit(train.features, train.robot, sample_weight=_scaled(train))
    raw = _log_odds(model.predict_proba(dev.features)[:, 1])
    scale, offset = _calibrate(raw, dev)
    llr = scale * raw + offset
    info = SoftInfo(
        name=name,
        version=version,
        features=tuple(features),
        least=least,
        cap=cap,
        scale=scale,
        offset=offset,
        made_of=f"{len(set(train.call))} simulated train calls; calibrated on "
        f"{len(set(dev.call))} simulated dev calls",
    )
    export(model, info, len(features), out)
    last = _last_of_calls(dev)
    capped = np.clip(llr, -cap, cap)
    return SoftStudy(
        info=info,
        train_calls=len(set(train.call)),
        dev_calls=len(set(dev.call)),
        auc=auc(llr[last], dev.robot[last]),
        cllr=cllr(llr, dev.robot),
        capped_cllr=cllr(capped, dev.robot),
        kinds={
            str(kind): float(np.mean(llr[last][dev.kind[last] == kind]))
            for kind in np.unique(dev.kind)
        },
    )


def export(model: Any, info: SoftInfo, features: int, out: Path) -> None:
    """Write a scikit-learn classifier as ONNX: ``features`` in, ``probabilities`` out.

    Raises:
        ModuleNotFoundError: skl2onnx is not installed.
        ValueError: ONNX and scikit-learn do not agree.
    """
    import onnx
    import onnxruntime
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    graph = to_onnx(
        model,
        initial_types=[("features", FloatTensorType([None, features]))],
        options={id(model): {"zipmap": False}},
        target_opset={"": OPSET, "ai.onnx.ml": ML_OPSET},
    )
    onnx.helper.set_model_props(graph, info.to_metadata())
    data = graph.SerializeToString()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    trial = np.random.default_rng(0).normal(1, 2, (200, features)).astype(np.float32)
    (got,) = session.run(["probabilities"], {"features": trial})
    worst = float(np.abs(got - model.predict_proba(trial)).max())
    if worst > 1e-4:
        raise ValueError(f"expected ONNX to agree with scikit-learn within 1e-4, got {worst:.2g}")
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_suffix(".part")
    part.write_bytes(data)
    part.replace(out)


def _calibrate(raw: NDArray[np.float64], dev: Examples) -> tuple[float, float]:
    from sklearn.linear_model import LogisticRegression

    fit = LogisticRegression(C=1 / RIDGE, max_iter=1000)
    fit.fit(raw[:, None], dev.robot, sample_weight=_scaled(dev))
    scale, offset = float(fit.coef_[0, 0]), float(fit.intercept_[0])
    if scale <= 0:
        raise ValueError(
            f"expected evidence that is higher for bots on dev, got a scale of {scale:.3g}"
        )
    # Never more certain than the trees themselves: dev knows few voices.
    return min(scale, 1.0), offset * min(1.0, 1.0 / scale)


def _scaled(examples: Examples) -> NDArray[np.float64]:
    """Weights with even classes and a mean of 1."""
    weight = examples.weights()
    for robot in (False, True):
        rows = examples.robot == robot
        weight[rows] *= len(weight) / 2 / weight[rows].sum()
    return weight


def _log_odds(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    kept = np.clip(probability, 1e-6, 1 - 1e-6)
    odds: NDArray[np.float64] = np.log(kept / (1 - kept))
    return odds


def _last_of_calls(examples: Examples) -> NDArray[np.intp]:
    """Index of the last snapshot of each call."""
    last = {name: index for index, name in enumerate(examples.call)}
    return np.array(sorted(last.values()), np.intp)
