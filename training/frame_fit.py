"""Training a frame network beside a trained detector.

The loss is on the mean logit of a few frames of one crop, since the verdict is a mean over frames.
What it counts for in the score is chosen in :mod:`ringtrue.training.gains`.
"""

from __future__ import annotations

import dataclasses
import logging

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor
from torch.nn import functional as F

from ringtrue.model.detector import Detector
from ringtrue.model.frame_net import FrameNet, FrameNetConfig
from ringtrue.model.mixture import MixtureConfig
from ringtrue.training.cache import CropCache
from ringtrue.training.checkpoint import start_from
from ringtrue.training.compose import HUMAN, ROBOT
from ringtrue.training.frame_draw import CropFrames, crops_of_both, draw_frames
from ringtrue.training.recipe import FrameFitConfig

log = logging.getLogger(__name__)


def with_frame_net(detector: Detector, cache: CropCache, config: FrameFitConfig) -> Detector:
    """A copy of ``detector`` with a trained frame network of weight 0, in place of any mixtures.

    Raises:
        ValueError: no hidden layers are asked for, or a class has no crops with enough frames.
    """
    if not config.hidden:
        raise ValueError(
            "frame_net.hidden: expected the units of at least one layer in the recipe, "
            "got none: there is nothing to train"
        )
    parts = FrameNetConfig(config.hidden, config.cepstra, config.differences)
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        grown = Detector(
            dataclasses.replace(detector.config, mixture=MixtureConfig(), frame_net=parts)
        ).eval()
    assert grown.frame_net is not None
    fresh = {name: value.clone() for name, value in grown.frame_net.state_dict().items()}
    start_from(grown, detector)
    # One that the detector already had may have learnt from crops that are left out now.
    grown.frame_net.load_state_dict(fresh)
    with torch.no_grad():
        grown.pool.gain.zero_()
    rng = np.random.default_rng(config.seed)
    crops = crops_of_both(cache, config.crops, "frame_net.crops")
    drawn = [
        frames
        for frames in draw_frames(
            grown, grown.frame_net.cepstra, cache, crops, config.frames_per_crop, rng,
            config.seconds,
        )
        if len(frames.values) >= config.batch_frames
    ]  # fmt: skip
    _train(grown.frame_net, drawn, cache, config, rng)
    return grown


def _train(
    net: FrameNet,
    drawn: list[CropFrames],
    cache: CropCache,
    config: FrameFitConfig,
    rng: np.random.Generator,
) -> None:
    values = np.concatenate([frames.values for frames in drawn]) if drawn else np.zeros((0, 1))
    begins = np.cumsum([0, *(len(frames.values) for frames in drawn)])
    classes = [_of_class(drawn, cache, target, config) for target in (HUMAN, ROBOT)]
    frames = torch.from_numpy(values)
    mean, deviation = frames.mean(dim=0), frames.std(dim=0) + 1e-6
    frames = (frames - mean) / deviation
    optimizer = torch.optim.AdamW(
        net.parameters(), config.learning_rate, weight_decay=config.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.learning_rate, config.steps)
    half = config.batch_crops // 2
    targets = torch.cat([torch.zeros(half), torch.ones(half)])
    net.dropout = config.dropout
    net.train()
    recent = 0.0
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)  # of dropout, which takes no generator
        for step in track(range(config.steps), description="frame network"):
            chosen = np.concatenate([rng.choice(crops, half) for crops in classes])
            rows = [
                int(begins[crop])
                + rng.choice(len(drawn[crop].values), config.batch_frames, replace=False)
                for crop in chosen.tolist()
            ]
            # One long run of frames: one matrix product per layer.
            batch: Tensor = frames[torch.from_numpy(np.concatenate(rows))].T[None]
            means = net.logits(batch).reshape(len(targets), -1).mean(dim=1)
            loss = F.binary_cross_entropy_with_logits(means, targets)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            recent = loss.item() if step == 0 else 0.98 * recent + 0.02 * loss.item()
    net.eval()
    net.dropout = 0.0
    net.standardise(mean, deviation)
    log.info("frame network: training loss %.3f after %d steps", recent, config.steps)


def _of_class(
    drawn: list[CropFrames], cache: CropCache, target: int, config: FrameFitConfig
) -> NDArray[np.intp]:
    """Which of ``drawn`` are of class ``target``."""
    found = np.flatnonzero([cache.targets[frames.crop] == target for frames in drawn])
    if not len(found):
        raise ValueError(
            f"expected crops of both classes with {config.batch_frames} loud speech frames "
            f"(frame_net.batch_frames), got none of {'robots' if target == ROBOT else 'people'}"
        )
    return found
