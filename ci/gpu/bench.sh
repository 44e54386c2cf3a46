#!/usr/bin/env bash
# On a CUDA machine: every kernel beside its floor, decode steps and prompts of the full-size model beside theirs and
# beside a PyTorch peer. Ends in a table, and in what must be reached beside what was. See ci/gpu/README.md.
#
#   bench.sh [PART ...]    kernels decode prefill peers full gaps; all but full by default
#
# SAMBAY_BENCH_MODEL names a checkpoint, SAMBAY_BENCH_DENSE one of Phi-4-mini for the part full; otherwise those of random
# weights are written to memory first, 7.7 GB each. What earlier calls measured stays until its part runs again.
# SAMBAY_BENCH_TRIAL=1 takes shapes and a model so small that the kernels compiled for the host get through them.
. "$(dirname "$0")/kit.sh"
parts=" ${*:-kernels decode prefill peers gaps} "
wanted() { [[ $parts == *" $1 "* ]]; }
library=$(cuda_library)
export SAMBAY_CUDA_LIBRARY=$library
python=$(command -v python3 || true)
ours=$work/ours.tsv
peer=$work/peer.tsv

program() { # CLASS ARGUMENTS...
  "$java" -Xmx8g "${java_options[@]}" -cp "$kit/bench-lib/*:$kit/lib/*" "$@"
}
if ! program io.sambay4j.bench.model.Main --model "$root/models/tiny-reasoner" --device cuda --decode 1x1 --steps 1 \
  > "$work/first.log" 2>&1; then
  tail -n 1 "$work/first.log" >&2
  echo "bench: there is nothing to measure here" >&2
  exit 1
fi
nvidia-smi --query-gpu=name,driver_version,clocks.sm,clocks.mem,power.limit --format=csv,noheader 2> /dev/null || true

# ---- the model

decode_steps=1x2048,1x32768,64x8192 quantized_steps=1x2048
prompts=(--step-tokens 2048 --prefill 2048,4096,8192,32768,65536)
long_answers=()
step_kernels=(-p rows=1 'Linear|Scan|Conv|DiffAttention|KvAppend|Gmu|Swiglu|Norm|Embedding')
batch_kernels=(-p rows=16 Linear)
prompt_kernels=(-p rows=2048,8192 -p context=1 'LinearBenchmark|Scan|Conv|DiffAttention|Gmu|Swiglu|LayerNorm')
if [ -n "${SAMBAY_BENCH_TRIAL:-}" ]; then
  SAMBAY_BENCH_MODEL=$root/models/tiny-reasoner SAMBAY_BENCH_DENSE=$root/native/tests/goldens/phi4mini-tiny
  decode_steps=1x16,2x40 quantized_steps=1x16
  prompts=(--step-tokens 16 --prefill 24,40)
  long_answers=(--prompt 16 --generated 32 --batch 2 --steps 2 --runs 1)
  step_kernels=(-p rows=1 'Swiglu|LayerNorm')
  batch_kernels=(-p rows=2 Swiglu)
  prompt_kernels=(-p rows=4 -p context=16 'DiffAttention')
fi
model=${SAMBAY_BENCH_MODEL:-/dev/shm/sambay-random/flash}
dense=${SAMBAY_BENCH_DENSE:-/dev/shm/sambay-random/phi4-mini}
make_model() { # DIR SETTINGS
  [ -e "$1/model.safetensors.index.json" ] && return # written last
  program io.sambay4j.bench.RandomCheckpoint "$1" --config "$root/java/engine/src/test/resources/$2"
}
if wanted decode || wanted prefill || wanted peers || wanted full || wanted gaps; then
  [ -n "${SAMBAY_BENCH_MODEL:-}" ] ||
    step "a checkpoint of random weights" make_model "$model" phi-4-mini-flash-reasoning
fi
# forget KEY: lines of an earlier call that are measured anew.
forget() { [ ! -e "$ours" ] || sed -i "/^$1/d" "$ours"; }

# measure NAME OPTIONS...: whole-model times, bf16 activations; the lines also into the table.
measure() {
  local name=$1
  shift
  step "$name" program io.sambay4j.bench.model.Main --model "$model" --device cuda --activations bf16 --out "$ours" "$@"
  grep -E '\| +[0-9]' "$work/$(echo "$name" | tr -c 'a-zA-Z0-9\n' '-').log" | tee -a "$table" || true
}

if wanted kernels; then
  # Shapes of the published model; a card has no use for f32 activations.
  kernels() {
    program io.sambay4j.bench.operations.Main -p device=cuda -p activations=BF16 "--json=$work/kernels-$1.json" "${@:2}"
  }
  step "kernels of a decode step" kernels decode "${step_kernels[@]}"
  step "kernels of a batch of 16" kernels batch "${batch_kernels[@]}"
  step "kernels of a prompt" kernels prompt "${prompt_kernels[@]}"
  grep -h '|' "$work"/kernels-of-*.log >> "$table" || true
fi
if wanted decode; then
  forget decode
  measure "decode, bf16" --decode "$decode_steps"
  for type in int8 int4; do
    measure "decode, $type" --dtype $type --decode "$quantized_steps"
  done
fi
if wanted prefill; then
  forget prefill
  measure "prompts" "${prompts[@]}"
fi
if wanted full; then
  # The paper's workload: 2K read, 32K generated, as many sequences as fit; steps at five lengths stand for all.
  [ -n "${SAMBAY_BENCH_DENSE:-}" ] ||
    step "a dense checkpoint of random weights" make_model "$dense" phi-4-mini-instruct
  rm -f "$work/workload.tsv"
  step "long answers, the largest batch" program io.sambay4j.bench.model.WorkloadMain --model "$model" \
    --beside "$dense" --device cuda --activations bf16 --out "$work/workload.tsv" \
    ${long_answers[@]+"${long_answers[@]}"}
  sed -i "s/^workload $(basename "$model")\t/workload flash\t/" "$work/workload.tsv" 2> /dev/null || true
  grep -E '\||times as many' "$work/long-answers--the-largest-batch.log" | tee -a "$table" || true
fi

# ---- the peer

if wanted peers; then
  if [ -z "$python" ] || ! "$python" -c 'import torch; torch.zeros(1).cuda()' 2> "$work/torch.log"; then
    row "PyTorch peer" "skipped: $(tail -n 1 "$work/torch.log" 2> /dev/null || echo no python3)"
  else
    sambay_py=$root/bench/peers/pytorch/sambay.py
    for golden in flash-tiny-f32 flash-gqa-window flash-deep flash-w512-bf16; do
      step "PyTorch peer = $golden" "$python" "$sambay_py" --model "$root/native/tests/goldens/$golden" --check
    done
    rm -f "$peer"
    for what in decode:1x2048 decode:64x8192 prefill:2048 prefill:32768 sdpa4:8192 sdpa2:8192 scan:8192; do
      step "PyTorch peer $what" timeout 400 "$python" "$sambay_py" --model "$model" --out "$peer" $what
    done
    # Side by side, by the key that both begin with.
    if [ -s "$ours" ] && [ -s "$peer" ]; then
      echo "beside PyTorch (ours, peer, peer / ours)" >> "$table"
      awk -F '\t' 'NR == FNR { peer[$1] = $2; next }
        { for (key in peer) if (index($1, key " ") == 1)
            printf "%-34s %10.3f ms %10.3f ms %6.2fx\n", $1, 1e3 * $2, 1e3 * peer[key], peer[key] / $2 }' \
        "$peer" "$ours" >> "$table"
    fi
  fi
fi

# ---- what a graph's replay takes beyond its kernels, each timed alone

if wanted gaps; then
  profiler=$(command -v ncu || ls /opt/nvidia/nsight-compute/*/ncu 2> /dev/null | tail -n 1 || true)
  if [ -z "$profiler" ]; then
    row "launch gaps" "skipped: Nsight Compute is not here"
  elif ! grep -q 'decode b1 c2048' "$ours" 2> /dev/null; then
    row "launch gaps" "skipped: the part decode comes first"
  else
    # Every kernel of the run, also those of a graph, one by one; the last step begins at the last embedding.
    kernel_times() {
      "$profiler" --target-processes all --metrics gpu__time_duration.sum --cache-control none --clock-control none \
        --csv --log-file "$work/kernel-times.csv" "$java" -Xmx8g "${java_options[@]}" -cp "$kit/bench-lib/*:$kit/lib/*" \
        io.sambay4j.bench.model.Main --model "$model" --device cuda --activations bf16 --limits 0 \
        --decode 1x2048 --steps 1
    }
    step "times of single kernels" kernel_times
    awk -F '","' -v replay="$(awk -F '\t' '/^decode b1 c2048/ { print $2; exit }' "$ours")" '
      /gpu__time_duration/ { if ($5 ~ /embedding/) { sum = 0; count = 0 } gsub(/[",]/, "", $NF); sum += $NF; count++ }
      END { if (count) printf "decode b1 c2048: %d kernels, %.3f ms alone, %.3f ms in a graph: gaps %.1f %%\n",
        count, sum / 1e6, 1e3 * replay, 100 * (1 - sum / 1e9 / replay) }' "$work/kernel-times.csv" |
      tee -a "$table" "$work/gaps.txt"
    sed -n 's/.*gaps \([-0-9.]*\) %$/gaps\t\1/p' "$work/gaps.txt" | tail -n 1 |
      awk -F '\t' '{ printf "%s\t%g\n", $1, $2 / 100 }' > "$work/gaps.tsv"
  fi
fi
echo "what must be reached, with what earlier calls measured" >> "$table"
program io.sambay4j.bench.model.Scorecard "$work" >> "$table"
finish "bench on $(nvidia-smi --query-gpu=name --format=csv,noheader 2> /dev/null | head -n 1 || echo a card)"
