#!/usr/bin/env bash
# One worker process per GPU of this machine, with dask-cuda, and the batch on them:
#
#     ./cuda.sh plan.json maps [options of strandline batch]
#
# The network is quick on a GPU and decoding is not: beside each GPU a worker needs cores to decode with (--threads).
set -euo pipefail

plan=$1
out=$2
shift 2

mkdir -p "$out"
file=$(realpath "$out")/.scheduler-$$.json
export DASK_CONFIG=${STRANDLINE_DEPLOY:-$(dirname "$(realpath "$0")")}/dask.yaml
gpus=$(nvidia-smi --list-gpus | wc -l)

dask scheduler --scheduler-file "$file" --port 0 &
scheduler=$!
# Each process sees its own GPU first, and declares it: a scene takes one.
dask cuda worker --scheduler-file "$file" --nthreads 1 --resources "GPU=1" --local-directory "${TMPDIR:-/tmp}" &
workers=$!
trap 'kill "$workers" "$scheduler" 2>/dev/null || true; rm -f "$file"' EXIT

strandline batch "$plan" --out "$out" --scheduler-file "$file" --device cuda --threads "$(($(nproc) / gpus))" "$@"
