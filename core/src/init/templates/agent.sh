# The agent keeps this folder from one job to the next.
export OCUROOT_HOME="${OCUROOT_HOME:-$HOME/.ocuroot}"
