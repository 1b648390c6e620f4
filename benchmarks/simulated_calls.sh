#!/usr/bin/env bash
# The whole chain of docs/calls.md for one voice model: sets, evidence models, thresholds, table.
#   benchmarks/simulated_calls.sh corpus/manifest.jsonl model.onnx runs/calls [workers]
# Resumes where it stopped. COUNT (default 300) scales the sets, PEOPLE (default 4/3 of it) the calls
# of people that the thresholds rest on, EVAL (default 500) the eval set.
set -euo pipefail
manifest=$1 model=$2 out=$3 workers=${4:-2}
count=${COUNT:-300} eval=${EVAL:-500}
people=${PEOPLE:-$((count * 4 / 3))}
simulate() {
    python -m ringtrue.inference.cli simulate-calls -m "$manifest" --workers "$workers" "$@"
}
simulate --split train --out "$out/train" --kinds human,tts,scripted --count "$count" --seed 11
simulate --split dev --out "$out/dev" --kinds human,tts,scripted --count "$count" --seed 12
simulate --split dev --out "$out/people" --kinds human --count "$people" --seed 13
simulate --split eval --out "$out/eval" --kinds human,scripted,tts,handover,human,voicemail \
    --count "$eval" --seed 21
run() { python -m ringtrue.inference.cli "$@" --model "$model" --workers "$workers" --cache "$out/listened"; }
run fit-timing --train "$out/train" --dev "$out/dev" --out "$out/evidence"
run fit-fusion "$out/dev" "$out/people" --evidence "$out/evidence"
run evaluate-calls "$out/eval" --evidence "$out/evidence" --out "$out/report"
