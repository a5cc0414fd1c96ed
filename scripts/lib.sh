# What the scripts share: words for people, and the set-up of a fresh machine. Sourced, never run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}

say() { printf '%s\n' "$*" >&2; }
step() { printf '== %s\n' "$*" >&2; }
fail() {
  printf 'error: %s\n' "$1" >&2
  [ -n "${2:-}" ] && printf 'hint: %s\n' "$2" >&2
  exit 1
}

# Installs Debian packages that are missing: need_packages COMMAND-OR-FILE:PACKAGE...
need_packages() {
  local missing=() pair
  for pair in "$@"; do
    local what=${pair%%:*}
    case $what in
      /*) [ -e "$what" ] || missing+=("${pair#*:}") ;;
      *) command -v "$what" >/dev/null 2>&1 || missing+=("${pair#*:}") ;;
    esac
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  local as_root=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null 2>&1 || fail "these packages are missing: ${missing[*]}" "install them as root: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  step "installing ${missing[*]}"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive sh -c \
    'apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@" >/dev/null' sh "${missing[@]}" ||
    fail "the packages could not be installed: ${missing[*]}" "install them by hand, then run this again"
}

need_toolchains() {
  command -v cargo >/dev/null 2>&1 || fail "cargo was not found" "install Rust 1.91 or newer: https://rustup.rs"
  command -v node >/dev/null 2>&1 || fail "node was not found" "install Node.js 20 or newer"
  command -v npm >/dev/null 2>&1 || fail "npm was not found" "install npm, it comes with Node.js"
  need_packages cc:build-essential
}

# npm packages of the folder, installed when the lock file has changed.
npm_packages() {
  local dir=$1 stamp=$1/node_modules/.lanyard-lock
  if ! cmp -s "$dir/package-lock.json" "$stamp"; then
    step "installing npm packages of ${dir#"$root"/}"
    (cd "$dir" && npm ci --no-audit --no-fund --loglevel=error >&2) || fail "npm ci failed in $dir" "check the network, then run this again"
    cp "$dir/package-lock.json" "$stamp"
  fi
}

# The web UI, built when one of its sources is newer than the bundle.
web_bundle() {
  local web=$root/relay/web
  npm_packages "$web"
  if [ ! -e "$web/dist/index.html" ] ||
    [ -n "$(find "$web/src" "$web/index.html" "$web/package-lock.json" "$web/vite.config.ts" "$web/pack.ts" "$web/public" \
      -newer "$web/dist/index.html" -print -quit 2>/dev/null)" ]; then
    step "building the web UI"
    (cd "$web" && npm run --silent build >&2) || fail "the web UI could not be built" "cd relay/web && npm run build shows why"
  fi
}

# What chaos is started with: disks that it mounts to fill them go with a mount namespace, whatever happens.
alone=()
if [ "$(id -u)" = 0 ] && unshare --mount true 2>/dev/null; then alone=(unshare --mount); fi
