#!/usr/bin/env bash
# A scheduler, workers and the batch itself in one SLURM job:
#
#     sbatch --ntasks 32 slurm.sh plan.json maps [options of strandline batch]
#
# One worker a task, one core and 3 GB each. Run it again after a time limit: what is mapped is not done again.
#SBATCH --job-name=strandline
#SBATCH --cpus-per-task=1
#SBATCH --mem-per-cpu=3G
#SBATCH --time=08:00:00
#SBATCH --signal=B:TERM@120
set -euo pipefail

plan=$1
out=$2
shift 2

# Beside the results, for all nodes must see it.
mkdir -p "$out"
file=$(realpath "$out")/.scheduler-${SLURM_JOB_ID:-$$}.json
here=${STRANDLINE_DEPLOY:-$(dirname "$(realpath "$0")")}
export DASK_CONFIG=$here/dask.yaml

dask scheduler --scheduler-file "$file" --port 0 --no-dashboard &
scheduler=$!
srun dask worker --scheduler-file "$file" --nthreads 1 --memory-limit 2900MB --no-dashboard \
    --local-directory "${TMPDIR:-/tmp}" --death-timeout 120 &
workers=$!
trap 'kill "$workers" "$scheduler" 2>/dev/null || true; rm -f "$file"' EXIT

strandline batch "$plan" --out "$out" --scheduler-file "$file" "$@" &
batch=$!
# Before the time limit SLURM says TERM to this script: the batch ends in order, with its summary.
trap 'kill -TERM "$batch"; wait "$batch"' TERM
wait "$batch"
