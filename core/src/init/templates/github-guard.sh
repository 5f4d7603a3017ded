# GitHub lets no job write workflow files, and the branch for intent begins with one.
if ! git ls-remote --exit-code origin refs/heads/ocuroot/intent > /dev/null; then
  echo "::error::ocuroot/intent is not there yet, or cannot be read; where you have a checkout, run once: ocuroot release new environments.ocu.star"
  exit 1
fi
