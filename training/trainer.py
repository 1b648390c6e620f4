"""The training loop: batches, averaged weights, validation on dev, checkpoints, resume."""

from __future__ import annotations

import json
import logging
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from ringtrue.model.detector import Detector, DetectorConfig
from ringtrue.training.augment import augment
from ringtrue.training.batches import Batch, batches
from ringtrue.training.cache import CropCache
from ringtrue.training.checkpoint import load_detector, plain, start_from
from ringtrue.training.compose import ROBOT
from ringtrue.training.loss import Loss, crop_loss
from ringtrue.training.recipe import Recipe, TrainConfig
from ringtrue.training.sharpness import worst_nearby

log = logging.getLogger(__name__)

Validate = Callable[[Detector], dict[str, float]]
"""Figures of a detector on dev; ``objective`` is the one to minimise."""


def learning_rate(step: int, config: TrainConfig) -> float:
    """Learning rate at a step: linear warm-up, then a cosine down to a hundredth."""
    warmup = max(1, round(config.warmup * config.steps))
    if step < warmup:
        return config.learning_rate * (step + 1) / warmup
    progress = (step - warmup) / max(1, config.steps - warmup)
    return config.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))


def moving_average(
    decay: float,
) -> Callable[[Sequence[Tensor], Sequence[Tensor], Tensor | int], None]:
    """Exponential moving average of weights for :class:`AveragedModel`.

    The decay starts low, so that the initial weights are soon forgotten: min(decay, (1+n)/(10+n)).
    """

    @torch.no_grad()
    def update(averaged: Sequence[Tensor], current: Sequence[Tensor], count: Tensor | int) -> None:
        now = min(decay, (1 + int(count)) / (10 + int(count)))
        for old, new in zip(averaged, current, strict=True):
            if old.is_floating_point():
                old.lerp_(new, 1 - now)
            else:
                old.copy_(new)

    return update


@dataclass
class Progressed:
    """What a run has reached."""

    step: int = 0
    best: float = math.inf
    best_step: int = 0


class Trainer:
    """Trains one recipe in one folder; a folder with a checkpoint is resumed.

    Args:
        recipe: what to train.
        cache: training crops.
        folder: for ``last.ckpt``, ``best.ckpt``, ``log.jsonl`` and TensorBoard events.
        validate: called with the averaged weights every ``validate_every`` steps.
        initial: checkpoint to start the weights from (fine-tuning); ignored when resuming.
    """

    def __init__(
        self,
        recipe: Recipe,
        cache: CropCache,
        folder: Path,
        validate: Validate,
        initial: Path | None = None,
    ) -> None:
        self.recipe = recipe
        self.config = recipe.training
        self.folder = folder
        self.validate = validate
        self.cache = cache
        folder.mkdir(parents=True, exist_ok=True)
        with torch.random.fork_rng():
            torch.manual_seed(self.config.seed)
            self.detector = Detector(recipe.model)
        if initial is not None:
            start_from(self.detector, load_detector(initial))
        # Channels-last convolutions run about 10 % faster on CPUs.
        self.detector.network.stem.to(memory_format=torch.channels_last)
        self.averaged = AveragedModel(
            self.detector, multi_avg_fn=moving_average(self.config.ema), use_buffers=True
        )
        self.optimizer = torch.optim.AdamW(
            self._parameter_groups(), lr=self.config.learning_rate, betas=(0.9, 0.98)
        )
        self.reached = Progressed()
        last = folder / "last.ckpt"
        if last.exists():
            self._resume(last)

    def _parameter_groups(self) -> list[dict[str, Any]]:
        # Norms and biases are not decayed.
        matrices = [p for p in self.detector.parameters() if p.ndim > 1]
        vectors = [p for p in self.detector.parameters() if p.ndim <= 1]
        return [
            {"params": matrices, "weight_decay": self.config.weight_decay},
            {"params": vectors, "weight_decay": 0.0},
        ]

    def _resume(self, path: Path) -> None:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        # Parts that older checkpoints do not name have their defaults.
        if DetectorConfig.from_dict(checkpoint["model_config"]) != self.recipe.model:
            raise ValueError(
                f"{path}: was trained with another model configuration; "
                "use a new folder, or --restart"
            )
        self.detector.load_state_dict(checkpoint["detector"])
        self.averaged.load_state_dict(checkpoint["averaged"])
        self.optimizer.load_state_dict(checkpoint["optimizer"])
        self.reached = Progressed(**checkpoint["reached"])
        log.info("resuming at step %d of %d", self.reached.step, self.config.steps)

    def _save(self, name: str) -> None:
        temporary = self.folder / f"{name}.tmp"
        torch.save(
            {
                "model_config": plain(self.recipe.model.to_dict()),
                "detector": self.detector.state_dict(),
                "averaged": self.averaged.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "reached": vars(self.reached),
            },
            temporary,
        )
        os.replace(temporary, self.folder / name)

    def _step(self, batch: Batch, generator: torch.Generator) -> Loss:
        config = self.config
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.reached.step, config)
        with torch.no_grad():
            features = self.detector.features(batch.pcm)
            strength = 1 - (1 - config.final_augmentation) * self.reached.step / config.steps
            floor_db = self.recipe.model.frontend.floor_db
            robot = batch.targets == ROBOT
            features = augment(features, robot, config, floor_db, strength, generator)
        use = torch.rand(len(batch.targets), generator=generator) < config.teacher_gate
        loss = self._gradients(features, batch, use)
        if config.sharpness_radius > 0:
            with worst_nearby(self.detector, config.sharpness_radius):
                self._gradients(features, batch, use)
        torch.nn.utils.clip_grad_norm_(self.detector.parameters(), 5.0)
        self.optimizer.step()
        self.averaged.update_parameters(self.detector)
        self.reached.step += 1
        return loss

    def _gradients(self, features: Tensor, batch: Batch, use: Tensor) -> Loss:
        config = self.config
        output = self.detector.forward_features(features, batch.speech, use, config.half)
        loss = crop_loss(output, batch.speech, batch.targets, config, batch.pairs)
        self.optimizer.zero_grad(set_to_none=True)
        loss.total.backward()  # type: ignore[no-untyped-call]
        return loss

    def evaluate(self) -> dict[str, float]:
        """Figures of the averaged weights on dev."""
        self.averaged.eval()
        detector = self.averaged.module
        assert isinstance(detector, Detector)
        with torch.no_grad():
            return self.validate(detector)

    def run(self) -> Path:
        """Train to the end (or until patience runs out); returns the best checkpoint.

        Ctrl-C saves ``last.ckpt`` before the interrupt goes on.
        """
        from torch.utils.tensorboard import SummaryWriter

        config = self.config
        start = self.reached.step
        rng = np.random.default_rng([config.seed, start])
        seed = config.seed * 1_000_003 + start
        generator = torch.Generator().manual_seed(seed)
        source = batches(self.cache, self.recipe.crops, config, rng)
        writer = SummaryWriter(str(self.folder / "tensorboard"))
        columns = (
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("steps, {task.description},"),
            TimeRemainingColumn(),
        )
        running: dict[str, float] = {}
        began = time.monotonic()
        try:
            with torch.random.fork_rng(), Progress(*columns) as progress:
                torch.manual_seed(seed + 1)  # of dropout, which takes no generator
                task = progress.add_task("loss –", total=config.steps, completed=start)
                while self.reached.step < config.steps:
                    self.detector.train()
                    loss = self._step(next(source), generator)
                    if not torch.isfinite(loss.total):
                        raise ValueError(
                            f"the loss is not finite at step {self.reached.step}; lower "
                            "training.learning_rate, or check the cache for broken audio"
                        )
                    parts = {"voice": loss.voice, "order": loss.order, "speech": loss.speech}
                    for key, value in parts.items():
                        old = running.get(key, value.item())
                        running[key] = 0.98 * old + 0.02 * value.item()
                    progress.update(task, advance=1, description=f"loss {running['voice']:.3f}")
                    step = self.reached.step
                    if step % config.validate_every == 0 or step == config.steps:
                        figures = self.evaluate()
                        self._record(figures, running, time.monotonic() - began, writer)
                        if self._out_of_patience():
                            log.info("no improvement for %d evaluations: stopping", config.patience)
                            break
        except KeyboardInterrupt:
            self._save("last.ckpt")
            log.warning("interrupted at step %d; run again to go on", self.reached.step)
            raise
        finally:
            writer.close()
        return self.folder / "best.ckpt"

    def _record(
        self, figures: dict[str, float], running: dict[str, float], seconds: float, writer: Any
    ) -> None:
        step = self.reached.step
        row = {"step": step, "seconds": round(seconds, 1), **running, **figures}
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(row) + "\n")
        for key, value in row.items():
            writer.add_scalar(key, value, step)
        text = ", ".join(f"{k} {v:.3f}" for k, v in row.items() if k not in ("step", "seconds"))
        log.info("step %d: %s", step, text)
        if figures["objective"] < self.reached.best:
            self.reached.best, self.reached.best_step = figures["objective"], step
            self._save("best.ckpt")
        self._save("last.ckpt")

    def _out_of_patience(self) -> bool:
        since = self.reached.step - self.reached.best_step
        return 0 < self.config.patience <= since / self.config.validate_every
