# The tool has the dashboard in it, unless it was built from its sources alone: then it is built once, and
# kept.
if ! ocuroot state view --export public --stores .ocuroot/stores.json; then
  dashboard="$OCUROOT_HOME/v@@version@@/dashboard"
  if ! [ -e "$dashboard/index.html" ]; then
    sources="$(mktemp -d)"
    git clone --quiet --depth 1 --branch 'v@@version@@' '@@sources@@' "$sources"
    (cd "$sources" && cargo xtask bundle --release)
    mkdir -p "$OCUROOT_HOME/v@@version@@"
    cp -R "$sources/target/bundle" "$dashboard"
  fi
  ocuroot state view --export public --from "$dashboard" --stores .ocuroot/stores.json
fi
