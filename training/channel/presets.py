"""Ready-made channels: for training, for the evaluation's phone line, and single codecs.

Draws never depend on the class of a clip, nor on its content (see :class:`Transform`).
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Final

from ringtrue.training.channel.agc import AutomaticGain
from ringtrue.training.channel.amr_nb import AmrNb
from ringtrue.training.channel.band_pass import BandPass
from ringtrue.training.channel.base import Chain, Samples, Transform
from ringtrue.training.channel.clipping import Clipping
from ringtrue.training.channel.comfort_noise import ComfortNoise
from ringtrue.training.channel.equaliser import Equaliser
from ringtrue.training.channel.g711 import G711
from ringtrue.training.channel.g722 import G722
from ringtrue.training.channel.g726 import G726
from ringtrue.training.channel.g7231 import G7231
from ringtrue.training.channel.gain import Gain
from ringtrue.training.channel.gsm import Gsm
from ringtrue.training.channel.harmonise import Harmonise
from ringtrue.training.channel.media_history import MediaHistory
from ringtrue.training.channel.noise import Noise
from ringtrue.training.channel.noise_gate import NoiseGate
from ringtrue.training.channel.noise_suppression import NoiseSuppression
from ringtrue.training.channel.one_of import OneOf
from ringtrue.training.channel.opus_nb import OpusNb
from ringtrue.training.channel.packet_loss import PacketLoss
from ringtrue.training.channel.resample_history import ResampleHistory
from ringtrue.training.channel.room import Room
from ringtrue.training.channel.speed import Speed
from ringtrue.training.channel.webrtc_suppression import WebRtcSuppression

CLEAN_SHARE: Final = 0.12
"""Share of training draws that pass a single G.711 line and nothing else."""

_SINGLE_CODECS: Final = MappingProxyType(
    {
        "g711_alaw": G711(laws=("alaw",)),
        "g711_mulaw": G711(laws=("mulaw",)),
        "gsm": Gsm(),
        "amr_nb_4750": AmrNb(bit_rates=(4750,), dtx=0.0),
        "amr_nb_7950": AmrNb(bit_rates=(7950,), dtx=0.0),
        "amr_nb_12200": AmrNb(bit_rates=(12200,), dtx=0.0),
        "g726_16": G726(bit_rates=(16000,)),
        "g726_32": G726(bit_rates=(32000,)),
        "g7231": G7231(),
        "g722": G722(),
        "opus_6": OpusNb(bit_rates=(6000,)),
        "opus_12": OpusNb(bit_rates=(12000,)),
        "opus_24": OpusNb(bit_rates=(24000,)),
        "mp3_8k": MediaHistory(formats=("mp3",), rates=((8000, 1.0),)),
    }
)
CODECS: Final = tuple(_SINGLE_CODECS)
"""Names that ``codec_only`` knows."""


def codec_only(name: str) -> Transform:
    """One pass through one codec, for tables per codec.

    Raises:
        ValueError: ``name`` is not of ``CODECS``.
    """
    if name not in _SINGLE_CODECS:
        raise ValueError(f"expected a codec of {', '.join(CODECS)}, got {name!r}")
    return _SINGLE_CODECS[name]


def harmonise() -> Transform:
    """Band-pass 300-3400 Hz, active level -26 dBFS, mu-law; deterministic."""
    return Harmonise()


def training_channel(
    noises: Sequence[Samples],
    rirs: Sequence[Samples],
    severity: float = 1.0,
    speed: float = 0.1,
    webrtc: float = 0.0,
) -> Chain:
    """The channel of training: wide, often harsh.

    12 % of draws pass one G.711 line only (at a random level). The others pass, in this order and
    each with the probability given (times ``severity``, at most 1):

    speed 0.92-1.08 (``speed``) · device response (0.6) · room (0.35) · clipping (0.05) · noise,
    SNR triangular 5-22-38 dB (0.6) · WebRTC's noise suppression (``webrtc``) · one of suppression,
    gate (0.3) · AGC (0.2) · other sample rate and back (0.15) · file history MP3/AAC/Opus/Vorbis
    (0.2) · band-pass (0.6) · level -36...-16 dBFS (1) · codec (1): G.711 50 %, AMR-NB 15, GSM 14,
    G.726 8, Opus 6, G.722 5, G.723.1 2 · packet loss 0.5-6 % (0.15) · comfort noise (0.12) ·
    second codec, three in four times G.711 as in trunks (0.2) · stored call as 8 or 22 kHz MP3
    (0.12) · level -40...-14 dBFS (0.5).

    Args:
        noises: recorded noises at 8 kHz; may be empty (then only generated noise).
        rirs: room impulse responses at 8 kHz; may be empty (then no rooms).
        severity: factor on every probability; 0 leaves level and one codec pass.
        speed: probability of the change of speed, the only step that moves words in time;
            set 0 where frame labels were made before.
        webrtc: probability of WebRTC's noise suppression.

    Raises:
        ValueError: negative severity.
    """
    if severity < 0:
        raise ValueError(f"expected severity >= 0, got {severity}")

    def p(base: float) -> float:
        return min(1.0, base * severity)

    stored = MediaHistory(p=p(0.12), formats=("mp3",), rates=((8000, 2.0), (22050, 1.0)))
    full = Chain(
        transforms=(
            Speed(p=p(speed)),
            Equaliser(p=p(0.6)),
            Room(p=p(0.35) if rirs else 0.0, rirs=rirs),
            Clipping(p=p(0.05)),
            Noise(p=p(0.6), noises=noises),
            WebRtcSuppression(p=p(webrtc)),
            OneOf(p=p(0.3), options=(NoiseSuppression(), NoiseGate()), weights=(2, 1)),
            AutomaticGain(p=p(0.2)),
            ResampleHistory(p=p(0.15)),
            MediaHistory(p=p(0.2)),
            BandPass(p=p(0.6)),
            Gain(),
            _training_codec(1.0),
            PacketLoss(p=p(0.15)),
            ComfortNoise(p=p(0.12)),
            _training_codec(p(0.2), g711=150),
            stored,
            Gain(p=p(0.5), low=-40.0, high=-14.0),
        )
    )
    clean = Chain(transforms=(Gain(), G711()))
    choice = OneOf(options=(clean, full), weights=(CLEAN_SHARE, 1 - CLEAN_SHARE))
    return Chain(transforms=(choice,))


def _training_codec(p: float, g711: int = 50) -> OneOf:
    # Weights lean to the fast codecs: a training clip must cost tens of milliseconds.
    return OneOf(
        p=p,
        options=(G711(), AmrNb(), Gsm(), G726(), G722(), OpusNb(), G7231()),
        weights=(g711, 15, 14, 8, 5, 6, 2),
    )


def phone_line(noises: Sequence[Samples], rirs: Sequence[Samples]) -> Chain:
    """The simulated phone line of the evaluation: moderate, seeded by the caller.

    In this order and with the probability given: device response up to 4 dB (0.7) · room, wet
    0.15-0.6 (0.25) · noise, SNR triangular 15-25-35 dB, 70 % recorded (0.8) · band-pass
    200-350 to 3300-3600 Hz (0.8) · level -32...-20 dBFS (1) · codec (1): G.711 30 %, AMR-NB 25,
    Opus 12, GSM 11, G.726 8, G.722 8, G.723.1 6 · packet loss 0.1-3 % (0.3) · a G.711 pass behind
    it, as trunks make (0.35) or else nothing.

    Args:
        noises: recorded noises at 8 kHz of the split that is measured; may be empty.
        rirs: room impulse responses at 8 kHz; may be empty (then no rooms).
    """
    codec = OneOf(
        options=(G711(), AmrNb(), OpusNb(), Gsm(), G726(), G722(), G7231()),
        weights=(30, 25, 12, 11, 8, 8, 6),
    )
    return Chain(
        transforms=(
            Equaliser(p=0.7, max_db=4.0),
            Room(p=0.25 if rirs else 0.0, rirs=rirs, wet=(0.15, 0.6)),
            Noise(p=0.8, noises=noises, snr=(15.0, 25.0, 35.0)),
            BandPass(p=0.8, low=(200.0, 350.0), high=(3300.0, 3600.0)),
            Gain(low=-32.0, high=-20.0),
            codec,
            PacketLoss(p=0.3, loss=(0.001, 0.03)),
            G711(p=0.35),
        )
    )
