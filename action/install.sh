#!/usr/bin/env bash
# The first step of action.yml: sees to it that `ocuroot` is on PATH, also for later steps of the job.
#
#   OCUROOT_ACTION_VERSION   the version that it has to be; empty: any
#
# What is on PATH is used, else this checkout of the action is built, once for its version and sources:
# the runner's tool cache keeps the program.
set -euo pipefail

source="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
wanted="${OCUROOT_ACTION_VERSION#v}"

# A text from outside as the data of a workflow command.
escaped() {
    local text="$1"
    text="${text//'%'/%25}"
    text="${text//$'\r'/%0D}"
    printf '%s' "${text//$'\n'/%0A}"
}

fail() {
    echo "::error::$(escaped "$1")"
    exit 1
}

if found="$(command -v ocuroot)"; then
    has="$(ocuroot version)" || fail "$found is on PATH, and \`ocuroot version\` fails: take it away, or mend it"
    if [ -z "$wanted" ] || [ "$wanted" = "$has" ]; then
        echo "ocuroot $has is on PATH: $found"
        exit 0
    fi
    echo "ocuroot $has is on PATH, and $(escaped "$wanted") is wanted"
fi

version="$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"$/\1/p' "$source/Cargo.toml")"
if [ -n "$wanted" ] && [ "$wanted" != "$version" ]; then
    fail "the input \`version\` is $wanted, and this checkout of the action is $version: use the action at the ref of that version, or leave the input out"
fi

# A branch has many commits of one version.
files() {
    cd "$source" && find Cargo.toml Cargo.lock rust-toolchain.toml core cli -type f \
        ! -path '*/target/*' ! -path '*/tests/*' ! -path '*/benches/*' -print | LC_ALL=C sort
}
sum() {
    if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi
}
key="$version-$(files | while IFS= read -r file; do sum "$source/$file" | cut -d' ' -f1; done | sum | cut -c1-16)"
platform="$(uname -s)-$(uname -m)"
folder="${RUNNER_TOOL_CACHE:-${HOME:?}/.cache}/ocuroot/$key/$platform"

if [ -x "$folder/bin/ocuroot" ] || [ -x "$folder/bin/ocuroot.exe" ]; then
    echo "ocuroot $version was built before: $folder"
else
    command -v cargo >/dev/null || fail "there is no \`ocuroot\` on PATH, and no \`cargo\` to build it with: install one of them in the image of the runner, or Rust in a step before this one"
    echo "::group::Building ocuroot $version"
    mkdir -p "$(dirname "$folder")"
    built="$(mktemp -d "$folder.XXXXXX")"
    trap 'rm -rf "$built"' EXIT
    # From the folder of the sources, since that is where the version of Rust is pinned.
    (cd "$source" && CARGO_TARGET_DIR="$built/target" cargo install --locked --path "$source/cli" --root "$built") ||
        fail "cargo could not build ocuroot $version; what it said is above"
    rm -rf "$built/target"
    # Another job may have been faster; what it built is the same.
    [ -e "$folder" ] || mv "$built" "$folder"
    echo "::endgroup::"
fi
echo "$folder/bin" >>"$GITHUB_PATH"
