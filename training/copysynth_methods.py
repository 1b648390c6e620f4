"""Copy-synthesis of one clip: analyse a human voice, throw part of it away, synthesise it again.

Every function takes mono float32 at 8000 Hz and a random generator, and returns float32 of the same
length, aligned with the input and at its level. Silence stays silence.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.ndimage import median_filter, uniform_filter1d
from scipy.signal import lfilter

from ringtrue.training.channel.base import SAMPLE_RATE, Samples, as_samples, fit_length
from ringtrue.training.channel.levels import smooth_gain
from ringtrue.training.hifigan import hifigan_voice
from ringtrue.training.mel import mel_of
from ringtrue.training.melgan import melgan_voice

CopySynthesizer: TypeAlias = Callable[[Samples, np.random.Generator], Samples]

_WORLD_RATE = 16000
_SHORTEST = SAMPLE_RATE // 10


def world_copy(samples: Samples, rng: np.random.Generator) -> Samples:
    """WORLD vocoder (Morise, Yokomori, Ozawa 2016) with small random changes.

    DIO and StoneMask find the pitch, CheapTrick the envelope, D4C the aperiodicity, at 16 kHz.
    Pitch is scaled by about 5 % and smoothed, the envelope smoothed over time and the aperiodicity
    bent, as statistical synthesis does.

    Raises:
        ValueError: the analysis failed.
    """
    pyworld = _pyworld()
    wide = np.asarray(soxr.resample(samples, SAMPLE_RATE, _WORLD_RATE), dtype=np.float64)
    # Exact zeros make the analysis divide by zero.
    wide += 1e-6 * rng.standard_normal(len(wide))
    period = float(rng.choice([5.0, 8.0, 10.0], p=[0.2, 0.3, 0.5]))
    pitch, time = pyworld.dio(wide, _WORLD_RATE, frame_period=period, speed=4)
    pitch = pyworld.stonemask(wide, pitch, time, _WORLD_RATE)
    envelope = pyworld.cheaptrick(wide, pitch, time, _WORLD_RATE)
    aperiodicity = pyworld.d4c(wide, pitch, time, _WORLD_RATE)

    pitch = pitch * np.exp(rng.normal(0.0, 0.05))
    if rng.random() < 0.5:
        voiced = pitch > 0
        pitch = np.where(voiced, median_filter(pitch, int(rng.integers(3, 10))), 0.0)
    if rng.random() < 0.5:
        log = uniform_filter1d(np.log(envelope + 1e-12), int(rng.integers(2, 5)), axis=0)
        envelope = np.exp(log)
    aperiodicity = np.clip(aperiodicity ** rng.uniform(0.7, 1.4), 1e-6, 1.0 - 1e-6)
    signal = pyworld.synthesize(
        np.ascontiguousarray(pitch),
        np.ascontiguousarray(envelope),
        aperiodicity,
        _WORLD_RATE,
        period,
    )
    return _like(soxr.resample(signal, _WORLD_RATE, SAMPLE_RATE), samples)


def griffin_lim_copy(samples: Samples, rng: np.random.Generator) -> Samples:
    """Phase estimated from the magnitude (Griffin, Lim 1984; fast: Perraudin et al. 2013).

    Linear magnitudes, or those a mel spectrogram of 40 to 80 bands gives back by its
    pseudo-inverse, as in Tacotron (Wang et al. 2017); 4 to 24 iterations.
    """
    import librosa

    size = int(rng.choice([256, 400, 512]))
    hop = size // 4
    bands = int(rng.choice([0, 40, 64, 80]))
    magnitude = np.abs(librosa.stft(samples, n_fft=size, hop_length=hop))
    if bands:
        magnitude = np.maximum(_through_mel(size, bands) @ magnitude, 1e-7)
    signal = librosa.griffinlim(
        magnitude,
        n_iter=int(rng.integers(4, 25)),
        hop_length=hop,
        n_fft=size,
        momentum=float(rng.choice([0.0, 0.99])),
        length=len(samples),
        random_state=int(rng.integers(2**31)),
    )
    return _like(signal, samples)


def lpc_copy(samples: Samples, rng: np.random.Generator) -> Samples:
    """Linear prediction (Atal, Hanauer 1971) with a new excitation.

    The excitation is a pulse train or noise, decided per frame (LPC-10 style), a mix of both, or
    the residual quantised to two to four levels per frame (residual-excited coders).
    """
    import librosa

    hop = int(rng.choice([80, 120, 160]))
    order = int(rng.integers(8, 15))
    kind = str(rng.choice(["pulse", "mixed", "quantised"]))
    count = -(-len(samples) // hop)
    noise = rng.standard_normal(count * hop).astype(np.float32)
    padded = np.zeros(count * hop + 2 * hop, dtype=np.float32)
    padded[hop : hop + len(samples)] = samples
    padded += 1e-5 * np.resize(noise, len(padded))
    windows = np.lib.stride_tricks.sliding_window_view(padded, 3 * hop)[::hop][:count]
    filters = librosa.lpc((windows * np.hamming(3 * hop)).astype(np.float64), order=order)
    # Bandwidth expansion keeps the switched filters from ringing.
    filters = filters * 0.985 ** np.arange(order + 1)

    body = padded[hop : hop + count * hop].reshape(count, hop)
    residual = np.zeros((count, hop))
    state = np.zeros(order)
    for index, taps in enumerate(filters):
        residual[index], state = lfilter(taps, [1.0], body[index], zi=state)
    gains = np.sqrt(np.mean(residual**2, axis=1, keepdims=True))
    if kind == "quantised":
        step = gains * rng.uniform(0.8, 1.8)
        excitation = np.clip(np.rint(residual / step - 0.5), -2, 1) * step + step / 2
    else:
        periods, strength = _pitch(padded, hop, count)
        voiced = strength > rng.uniform(0.25, 0.5)
        share = voiced.astype(np.float64)
        if kind == "mixed":
            share *= np.clip(strength, 0.0, 1.0)
        pulses = _pulses(periods * float(np.exp(rng.normal(0, 0.03))), hop)
        excitation = gains * (
            np.sqrt(share)[:, None] * pulses
            + np.sqrt(1 - share)[:, None] * noise.reshape(count, hop)
        )
    signal = np.zeros((count, hop))
    state = np.zeros(order)
    for index, taps in enumerate(filters):
        signal[index], state = lfilter([1.0], taps, excitation[index], zi=state)
    wanted, got = np.mean(body**2, axis=1), np.mean(signal**2, axis=1)
    correction = np.clip(np.sqrt(wanted / np.maximum(got, 1e-12)), 0.0, 4.0)
    return _like(signal.reshape(-1) * smooth_gain(correction, count * hop, hop), samples)


def phase_random_copy(samples: Samples, rng: np.random.Generator) -> Samples:
    """Short-time magnitudes kept, phases replaced (vocoders' phase errors: Laroche, Dolson 1999).

    The phases are quantised to 4-8 steps, random above a cut-off, those of the minimum-phase
    signal of each frame (Oppenheim, Schafer, by the folded cepstrum), or zero.
    """
    import librosa

    size = int(rng.choice([256, 512]))
    hop = size // 4
    kind = str(rng.choice(["quantised", "random", "minimum", "zero"], p=[0.4, 0.35, 0.15, 0.1]))
    spectra = librosa.stft(samples, n_fft=size, hop_length=hop)
    magnitude = np.abs(spectra)
    # Time origin of the new phases: the centre of each frame, so that frames stay where they were.
    centre = np.pi * np.arange(len(spectra))[:, None]
    if kind == "quantised":
        step = 2 * np.pi / int(rng.integers(4, 9))
        phase = np.rint(np.angle(spectra) / step) * step
    elif kind == "random":
        cut = int(rng.integers(0, len(spectra) // 2))
        phase = np.angle(spectra)
        spread = float(rng.uniform(0.4, 1.0)) * np.pi
        phase[cut:] += rng.uniform(-spread, spread, phase[cut:].shape)
    elif kind == "minimum":
        cepstra = np.fft.irfft(np.log(magnitude + 1e-7), axis=0)
        cepstra[1 : size // 2] *= 2
        cepstra[size // 2 + 1 :] = 0
        phase = np.fft.rfft(cepstra, axis=0).imag - centre
    else:
        phase = np.broadcast_to(-centre, magnitude.shape)
    signal = librosa.istft(
        (magnitude * np.exp(1j * phase)).astype(np.complex64), hop_length=hop, length=len(samples)
    )
    return _like(signal, samples)


def hifigan_copy(samples: Samples, rng: np.random.Generator) -> Samples:
    """A neural vocoder: HiFi-GAN (Kong, Kim, Bae 2020), see :mod:`ringtrue.training.hifigan`.

    Raises:
        ValueError: the package with the vocoder is not installed.
    """
    del rng  # the network draws nothing
    return _like(hifigan_voice(mel_of(samples)), samples)


def melgan_copy(samples: Samples, rng: np.random.Generator) -> Samples:
    """Another neural vocoder: MelGAN (Kumar et al. 2019), see :mod:`ringtrue.training.melgan`.

    Raises:
        ValueError: the package with the vocoder is not installed.
    """
    del rng  # the network draws nothing
    return _like(melgan_voice(mel_of(samples)), samples)


COPY_SYNTHESIZERS: Final[Mapping[str, CopySynthesizer]] = MappingProxyType(
    {
        "world": world_copy,
        "griffin_lim": griffin_lim_copy,
        "lpc": lpc_copy,
        "phase": phase_random_copy,
    }
)
"""Copy-synthesizers by the name written to ``system``, fast enough to copy while composing."""
ALL_SYNTHESIZERS: Final[Mapping[str, CopySynthesizer]] = MappingProxyType(
    {**COPY_SYNTHESIZERS, "hifigan": hifigan_copy, "melgan": melgan_copy}
)
"""Those, and the neural vocoders, which are slow and must be installed."""


def synthesise_copy(name: str, samples: NDArray[Any], rng: np.random.Generator) -> Samples:
    """The copy called ``name``; clips under 0.1 s and silence come back as they are.

    Raises:
        ValueError: unknown name, or samples that are not mono and finite.
    """
    if name not in ALL_SYNTHESIZERS:
        known = ", ".join(ALL_SYNTHESIZERS)
        raise ValueError(f"expected a copy-synthesizer of {known}, got {name!r}")
    audio = as_samples(samples)
    if len(audio) < _SHORTEST or not np.any(audio):
        return audio.copy()
    return ALL_SYNTHESIZERS[name](audio, rng)


def _like(signal: NDArray[Any], reference: Samples) -> Samples:
    """``signal`` with the length and the mean square of ``reference``, clipped to -1...1."""
    return at_level(fit_length(signal, len(reference)), reference)


def at_level(signal: NDArray[Any], reference: Samples) -> Samples:
    """``signal`` with the mean square of ``reference``, clipped to -1...1, float32."""
    copy = np.nan_to_num(signal)
    power = float(np.mean(np.square(copy, dtype=np.float64)))
    wanted = float(np.mean(np.square(reference, dtype=np.float64)))
    gain = np.sqrt(wanted / power) if power > 0 else 0.0
    return np.asarray(np.clip(copy * gain, -1.0, 1.0), dtype=np.float32)


@cache
def _through_mel(size: int, bands: int) -> NDArray[np.float32]:
    """Matrix that takes linear magnitudes to mel bands and back by the pseudo-inverse."""
    import librosa

    filters = librosa.filters.mel(sr=SAMPLE_RATE, n_fft=size, n_mels=bands)
    return np.asarray(np.linalg.pinv(filters) @ filters, dtype=np.float32)


def _pitch(padded: Samples, hop: int, count: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Period in samples (60-400 Hz) and normalised autocorrelation at it, per frame."""
    size = 512
    low = lfilter([0.3], [1.0, -0.7], np.append(padded, np.zeros(size, dtype=np.float32)))
    frames = np.lib.stride_tricks.sliding_window_view(low, size // 2)[::hop][:count]
    spectra = np.fft.rfft(frames * np.hanning(size // 2), size, axis=1)
    auto = np.fft.irfft(np.abs(spectra) ** 2, axis=1)
    first, last = SAMPLE_RATE // 400, SAMPLE_RATE // 60
    best = np.argmax(auto[:, first:last], axis=1)
    strength = auto[np.arange(count), best + first] / np.maximum(auto[:, 0], 1e-12)
    return median_filter((best + first).astype(np.float64), 5), strength


def _pulses(periods: NDArray[Any], hop: int) -> NDArray[np.float64]:
    """Pulse train of unit mean square per frame, continuous over frames; shape [frames, hop]."""
    phase = np.cumsum(np.repeat(1.0 / periods, hop))
    train = np.diff(np.floor(phase), prepend=0.0).reshape(len(periods), hop)
    return np.asarray(train * np.sqrt(periods)[:, None])


@cache
def _pyworld() -> Any:
    """The module pyworld.

    pyworld 0.3.5 imports ``pkg_resources`` only for its version number; setuptools 82 removed it.
    The compiled part is then loaded by itself.
    """
    try:
        import pyworld
    except ModuleNotFoundError as error:
        if error.name != "pkg_resources":
            raise
    else:
        return pyworld
    package = importlib.util.find_spec("pyworld")
    folders = (package.submodule_search_locations if package else None) or []
    for library in (p for folder in folders for p in sorted(Path(folder).glob("pyworld.*"))):
        spec = importlib.util.spec_from_file_location("pyworld.pyworld", library)
        if library.suffix in (".so", ".pyd") and spec and spec.loader:
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return module
    raise ModuleNotFoundError("pyworld needs pkg_resources: pip install 'setuptools<81'")
