#!/usr/bin/env bash
# The second step of action.yml: runs a command. ocuroot itself writes the outputs of the step.
#
#   OCUROOT_ACTION_COMMAND     its words, separated by spaces; none is code, and nothing is expanded
#   OCUROOT_ACTION_DIRECTORY   where to run it
#   OCUROOT_ACTION_HOME        OCUROOT_HOME, unless empty
set -euo pipefail

read -r -d '' -a words <<<"$OCUROOT_ACTION_COMMAND" || true
if [ "${#words[@]}" -eq 0 ]; then
    echo "::error::the input \`command\` is empty: it is what to do, as in \`push\`"
    exit 2
fi
cd -- "${OCUROOT_ACTION_DIRECTORY:-.}"
if [ -n "${OCUROOT_ACTION_HOME:-}" ]; then
    export OCUROOT_HOME="$OCUROOT_ACTION_HOME"
fi
unset OCUROOT_ACTION_COMMAND OCUROOT_ACTION_DIRECTORY OCUROOT_ACTION_HOME
exec ocuroot "${words[@]}"
