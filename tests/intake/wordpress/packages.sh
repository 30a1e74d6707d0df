#!/usr/bin/env bash
# Install what the WordPress tests need, where it is missing.
set -euo pipefail

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

missing=()
for package in wordpress php-cli php-mysql php-mbstring php-xml mariadb-server-core mariadb-client-core \
  chromium fonts-dejavu-core; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ "${#missing[@]}" -gt 0 ]; then
  as_root apt-get update -q
  DEBIAN_FRONTEND=noninteractive as_root apt-get -o DPkg::Lock::Timeout=300 install -q -y --no-install-recommends \
    "${missing[@]}"
fi
