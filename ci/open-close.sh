#!/bin/sh
# Opens the model in the box, generates, leaves sessions open and closes it, twenty times in one Java VM: the resident size
# must not grow. Part of every test run; here alone, for whoever looks for a leak.
set -eu
cd "$(dirname "$0")/.."
mvn -B -ntp -q -pl java/engine -am -Dnative.skip.tests=true -Dsurefire.failIfNoSpecifiedTests=false \
  -Dtest='LifetimeTest#twentyRoundsOfOpenGenerateCloseKeepTheResidentSize' test
