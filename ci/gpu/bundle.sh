#!/usr/bin/env bash
# Packs everything a CUDA machine without Java, Maven or a network needs into target/sambay4j-gpu.tar.xz: a trimmed Java
# runtime, jars, tests, golden models, the native sources, and libsambay_cuda where nvcc is here. See ci/gpu/README.md.
#
#   --no-build         what was built before is good enough
#   --no-library       without libsambay_cuda: it is built on the other machine
#   --overlay          for a machine that has this checkout: only what is not in it, to be unpacked in its root
#   --offline          Maven asks nobody
set -euo pipefail
cd "$(dirname "$0")/../.."
build=yes
library=yes
overlay=no
maven=(mvn -B -ntp -q)
for option in "$@"; do
  case $option in
    --no-build) build=no ;;
    --no-library) library=no ;;
    --overlay) overlay=yes ;;
    --offline) maven+=(-o) ;;
    *) echo "usage: $0 [--no-build] [--no-library] [--overlay] [--offline]" >&2 && exit 2 ;;
  esac
done
if [ $library = yes ] && ! command -v nvcc > /dev/null; then
  echo "bundle: nvcc is not on the PATH; the bundle gets no libsambay_cuda, which is then built on the other machine" >&2
  library=no
fi
cuda=
[ $library = no ] || cuda=-Dcuda

if [ $build = yes ]; then
  # shellcheck disable=SC2086 # a word or none
  "${maven[@]}" $cuda -DskipTests -pl java/cli,bench -am package
fi
junit=$(sed -n 's|.*<junit.version>\(.*\)</junit.version>.*|\1|p' pom.xml)
out=target/gpu-bundle/sambay4j-gpu
rm -rf target/gpu-bundle
mkdir -p "$out"/{lib,test-lib,bench-lib}

# ---- jars, without those that only serving needs. The tests need JUnit, its launcher instead of Maven, and the classes
# of javacpp-presets-cuda.
cp java/cli/target/sambay4j-cli-*.jar java/cli/target/lib/*.jar "$out/lib/"
rm -f "$out"/lib/{jetty,micrometer,prometheus}-*.jar "$out"/lib/{HdrHistogram,LatencyUtils}-*.jar
[ $library = yes ] || rm -f "$out"/lib/*-gpu.jar
jar=${JAVA_HOME:+$JAVA_HOME/bin/}jar
javac=${JAVA_HOME:+$JAVA_HOME/bin/}javac
"$jar" --create --file "$out/test-lib/engine-tests.jar" -C java/engine/target/test-classes .
"$jar" --create --file "$out/bench-lib/bench.jar" -C bench/target/classes .
for library_jar in bench/target/lib/*.jar; do
  [ -e "$out/lib/$(basename "$library_jar")" ] || cp "$library_jar" "$out/bench-lib/"
done
presets=$(sed -n 's|.*<cuda.presets.version>\(.*\)-${javacpp.version}</cuda.presets.version>.*|\1|p' pom.xml)
javacpp=$(sed -n 's|.*<javacpp.version>\(.*\)</javacpp.version>.*|\1|p' pom.xml)
rm -f "$out"/bench-lib/*-gpu.jar "$out"/bench-lib/commons-math3-*.jar # JMH's statistics, of the CPU's runs alone
for artifact in org.junit.platform:junit-platform-{launcher,engine,commons}:"$junit" \
  org.junit.jupiter:junit-jupiter-{api,engine,params}:"$junit" org.opentest4j:opentest4j:1.3.0 \
  org.apiguardian:apiguardian-api:1.1.2 org.bytedeco:cuda:"$presets-$javacpp"; do
  "${maven[@]}" -N dependency:copy -Dartifact="$artifact" -DoutputDirectory="$PWD/$out/test-lib" -Dmdep.useBaseVersion=true
done
mkdir -p target/gpu-bundle/classes
"$javac" -d target/gpu-bundle/classes -cp "$out/test-lib/*" ci/gpu/RunTests.java
"$jar" --create --file "$out/test-lib/run-tests.jar" -C target/gpu-bundle/classes .

# ---- a Java runtime: what the jars above need of it
jlink=${JAVA_HOME:+$JAVA_HOME/bin/}jlink
"$jlink" --output "$out/jre" --add-modules java.base,java.logging,java.management,java.sql,java.xml,jdk.jfr,jdk.management,jdk.unsupported \
  --strip-java-debug-attributes --no-header-files --no-man-pages --compress=0 # xz below does better

# ---- sources and models; expected values and models lie where the tests look for them
if [ $overlay = no ]; then
  cp -r --parents cmake native/CMakeLists.txt native/include native/src native/tests models ci/gpu bench/peers/pytorch "$out/"
  cp -r --parents java/engine/src/test/resources/phi-4-mini-{flash-reasoning,instruct} "$out/"
  rm -f "$out"/ci/gpu/*.java
fi
# What is missing among jars and modules would be missed there first.
"$out/jre/bin/java" -Dorg.bytedeco.javacpp.cachedir="$PWD/target/gpu-bundle/natives" -Dsambay.home="$PWD" \
  -cp "$out/lib/*" io.sambay4j.cli.Main generate --device cpu --max-tokens 4 "What is 1+1?" > /dev/null
"$out/jre/bin/java" -Dsambay.root="$PWD" -cp "$out/lib/*:$out/test-lib/*" RunTests \
  io.sambay4j.backend.ReferenceBackendGoldenTest > /dev/null
"$out/jre/bin/java" -cp "$out/bench-lib/*:$out/lib/*" io.sambay4j.bench.operations.Main -l > /dev/null

{
  git rev-parse HEAD 2> /dev/null || echo unknown
  git diff --quiet HEAD 2> /dev/null || echo "with changes that are not committed"
} > "$out/COMMIT"

if [ $overlay = yes ]; then
  tar -I 'xz -T0' -cf target/sambay4j-gpu.tar.xz "$out"
else
  tar -C target/gpu-bundle -I 'xz -T0' -cf target/sambay4j-gpu.tar.xz sambay4j-gpu
fi
bytes=$(stat -c %s target/sambay4j-gpu.tar.xz)
# An overlay travels beside the checkout.
[ $overlay = no ] || bytes=$((bytes + $(git ls-files -z | xargs -0 stat -c %s | awk '{ sum += $1 } END { print sum }')))
printf 'bundle: target/sambay4j-gpu.tar.xz, %.1f MiB%s (unpacked %s)\n' "$(awk "BEGIN { print $bytes / 1048576 }")" \
  "$([ $overlay = no ] || echo ' with the checkout')" "$(du -sh "$out" | cut -f1)"
if [ "$bytes" -gt $((64 << 20)) ]; then
  echo "bundle: more than 64 MiB" >&2
  exit 1
fi
