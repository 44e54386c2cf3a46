#!/usr/bin/env bash
# kernel-resources.sh [architecture ...]: the registers and local memory that ptxas gave every CUDA kernel. (Shared memory
# is asked for at launch and not seen here.) Fails where a kernel spills or keeps arrays in local memory (its
# stack frame), both of which turn registers into memory traffic, unless kernel-resources.allowed names it.
# Needs nvcc, c++filt; no GPU. Default architectures: 80 90a.
set -euo pipefail
cd "$(dirname "$0")/../.."
architectures=("$@")
[ ${#architectures[@]} -gt 0 ] || architectures=(80 90a)
allowed=ci/gpu/kernel-resources.allowed
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

printf '%-6s %9s %6s %6s %6s  %s\n' arch registers stack stores loads kernel
for source in native/src/cuda/*.cu; do
  for architecture in "${architectures[@]}"; do
    nvcc -std=c++17 -O3 -cubin -arch="sm_$architecture" -Xptxas -v -Inative/src -Inative/include "$source" \
      -o "$work/cubin" 2> "$work/log" || { cat "$work/log" >&2; exit 1; }
    # Three lines a kernel: its name, its stack frame and spills, its registers.
    awk -v arch="sm_$architecture" '
      /Compiling entry function/ { split($0, part, "\x27"); name = part[2] }
      /bytes stack frame/ { stack = $1; stores = $5; loads = $9 }
      /Used [0-9]+ registers/ { for (i = 1; i < NF; ++i) if ($i == "Used") print arch, $(i + 1), stack, stores, loads, name }
    ' "$work/log" | c++filt | while read -r arch registers stack stores loads kernel; do
      verdict=
      short=$(sed -E 's/^void //; s/\(anonymous namespace\):://g; s/sambay::cuda:://g; s/\([^()]*\)$//' <<< "$kernel")
      if [ "$stack" != 0 ] || [ "$stores" != 0 ] || [ "$loads" != 0 ]; then
        verdict=' <- local memory'
        if [ -f "$allowed" ] && grep -qxF -- "$arch $short" "$allowed"; then
          verdict=' (allowed)'
        else
          touch "$work/bad"
        fi
      fi
      printf '%-6s %9s %6s %6s %6s  %s%s\n' "$arch" "$registers" "$stack" "$stores" "$loads" "$short" "$verdict"
    done
  done
done
if [ -e "$work/bad" ]; then
  echo "kernel-resources: kernels with local memory; make them smaller, or name them in $allowed with the reason" >&2
  exit 1
fi
