#!/usr/bin/env bash
# Build what is published into dist/: wheel, Debian package, OCI archive, and beside each what it is made of (CycloneDX).
# PYTHON is the one that has requirements-dev.lock. The Debian package is for the release that builds it.
set -euo pipefail
umask 022
cd "$(dirname "$0")/.."
root=$PWD
PYTHON=$(realpath --no-symlinks "${PYTHON:-.venv/bin/python}")
DEBIAN_PYTHON=/usr/bin/python3 # the one that the package depends on
: "${SOURCE_DATE_EPOCH:=$(git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)}"
export SOURCE_DATE_EPOCH

# shellcheck source=/dev/null
. /etc/os-release
version=$("$PYTHON" -c 'import tomllib; print(tomllib.load(open("pyproject.toml", "rb"))["project"]["version"])')
# what Python calls 1.0rc1 or 1.0.dev1 comes before 1.0, and each release of Debian after the one before it
debian_version=$(sed -E 's/\.?(a|b|rc|dev)([0-9]+)/~\1\2/' <<<"$version")+deb$VERSION_ID
python_version=$("$DEBIAN_PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
extras=$("$PYTHON" packaging/contents.py extras)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { printf '%s\n' "$*"; }

build_wheel() {
  "$PYTHON" -m build --wheel --no-isolation --outdir "$work/wheel" . >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
  wheel=$(cd "$work/wheel" && echo list_syncer-*.whl)
  # for pipx and uv, which take versions from a file; pip checks hashes for all it installs or for nothing
  sed -n 's/ \\$//; /^[a-z0-9].*==/p' requirements.lock >"$work/wheel/list_syncer-$version-constraints.txt"
}

# the environment of the package: what the lock file names by hashes, as far as syncer runs on it
build_tree() {
  local lib=$work/tree/usr/lib/syncer pip="$work/pip/bin/python -m pip -qq --disable-pip-version-check"
  "$DEBIAN_PYTHON" -m venv "$work/pip"
  "$DEBIAN_PYTHON" -m venv --without-pip "$lib"
  $pip wheel --no-deps --require-hashes --requirement requirements.lock --wheel-dir "$work/wheels"
  $pip --python "$lib/bin/python" install --no-compile --no-index --find-links "$work/wheels" "$work/wheel/$wheel[$extras]"
  find "$lib/bin" -type f ! -name syncer -delete
  sed -i '1s|.*|#!/usr/lib/syncer/bin/python3 -I|' "$lib/bin/syncer"
  find "$lib/lib" -name '*.py' -exec chmod a-x {} +
  # where it was made is nobody's business, and differs from one build to the next
  sed -i '/^command/d' "$lib/pyvenv.cfg"
  find "$lib" \( -name direct_url.json -o -name REQUESTED \) -delete
  sed -i '/direct_url.json\|REQUESTED/d' "$lib"/lib/python*/site-packages/*.dist-info/RECORD
  # no account writes there, so the bytecode comes along, and counts whatever time stamps an unpacked file has
  "$lib/bin/python3" -m compileall -q -j 0 --invalidation-mode unchecked-hash -s "$work/tree" -p / "$lib/lib"
  mkdir -p "$work/tree/usr/bin"
  ln -s ../lib/syncer/bin/syncer "$work/tree/usr/bin/syncer"
}

build_deb() {
  local source=$work/syncer
  mkdir "$source"
  cp -R README.md SECURITY.md CHANGELOG.md docs packaging/debian "$source/"
  rm -f "$source"/docs/*.service "$source"/docs/*.timer
  mv "$work/tree" "$source/tree"
  local lib=$source/tree/usr/lib/syncer debian=$source/debian
  cp packaging/units/* "$debian/"
  for unit in "$debian"/syncer-*.service "$debian"/syncer-*.timer; do
    mv "$unit" "$debian/syncer.$(basename "$unit")" # debhelper's names
  done
  sed -f packaging/settings.sed settings.toml >"$source/settings.toml"
  "$lib/bin/python3" -I -m syncer.cli.help.man "$source/syncer.1"
  complete bash bash-completion/completions/syncer
  complete zsh zsh/vendor-completions/_syncer
  complete fish fish/vendor_completions.d/syncer.fish
  {
    echo "syncer ($debian_version) $VERSION_CODENAME; urgency=medium"
    printf '\n  * What changed is in CHANGELOG.md, beside this file.\n\n'
    echo " -- $(sed -n 's/^Maintainer: //p' "$debian/control")  $(date -R -u -d "@$SOURCE_DATE_EPOCH")"
  } >"$debian/changelog"
  {
    echo "python:Depends=python3 (>= $python_version), python3 (<< ${python_version%.*}.$((${python_version#*.} + 1)))"
    echo "wheels:Depends=$("$PYTHON" packaging/contents.py libraries "$lib")"
  } >"$debian/depends.substvars"
  (cd "$source" && dpkg-buildpackage --build=binary --no-sign >"$work/log" 2>&1) || { cat "$work/log"; exit 1; }
  deb=$(cd "$work" && echo syncer_*.deb)
}

complete() { # SHELL FILE
  local file=$source/tree/usr/share/$2
  mkdir -p "$(dirname "$file")"
  "$source/tree/usr/lib/syncer/bin/python3" -I "$source/tree/usr/lib/syncer/bin/syncer" completion "$1" >"$file"
}

bill() { # FILE, and what else goes into it
  "$PYTHON" packaging/contents.py bill "$work/syncer/tree/usr/lib/syncer" "$@"
}

say "1 of 3: the wheel"
build_wheel
say "2 of 3: the Debian package, for $PRETTY_NAME (about a minute)"
build_tree
build_deb
mkdir -p dist
rm -f dist/*.whl* dist/*-constraints.txt dist/*.deb* dist/*.oci.tar*
mv "$work/wheel"/* "$work/$deb" dist/
bill "dist/$wheel.cdx.json"
bill "dist/$deb.cdx.json"
say "3 of 3: the OCI archive (about a minute)"
packaging/oci.sh "$root/dist/$deb" "$version" "$root/dist/syncer-$version.oci.tar" "$work"
bill "dist/syncer-$version.oci.tar.cdx.json" --debian "$work/packages"
(cd dist && ls -l --human-readable "$wheel"* ./*-constraints.txt "$deb"* ./*.oci.tar*)
