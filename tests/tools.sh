#!/usr/bin/env bash
# Install what the tests need beside Python, where it is missing: servers, a browser, and what else they drive.
set -euo pipefail

PATH="$PATH:/usr/sbin:/sbin"
postgresql=(/usr/lib/postgresql/*/bin/initdb)
faketime=(/usr/lib/*/faketime/libfaketimeMT.so.1)
missing=() names=()

need() { # NAME, Debian's package, and the command that succeeds where it is there
  local name=$1 package=$2
  shift 2
  "$@" >/dev/null 2>&1 || { names+=("$name") missing+=("$package"); }
}

need make make command -v make
need venv python3-venv python3 -c 'import venv, ensurepip'
need mariadbd mariadb-server-core command -v mariadbd
need mariadb mariadb-client-core command -v mariadb
need mariadb-dump mariadb-client command -v mariadb-dump
need initdb postgresql test -x "${postgresql[-1]}" -o -x "$(command -v initdb)"
need pgbouncer pgbouncer command -v pgbouncer
need chromium chromium bash -c 'command -v chromium || command -v chromium-browser'
need faketime faketime test -e "${faketime[-1]}"
need openssl openssl command -v openssl
need systemd-analyze systemd command -v systemd-analyze
need nginx nginx-light command -v nginx
need node nodejs command -v node
need npm npm command -v npm
need promtool prometheus command -v promtool
need debootstrap debootstrap command -v debootstrap

if [ "${#missing[@]}" = 0 ]; then
  echo "everything that the tests need is installed"
  exit 0
fi
if ! command -v apt-get >/dev/null; then
  echo "this is no Debian, so nothing was installed; install with your own package manager what has: ${names[*]}" >&2
  exit 1
fi
as_root=()
if [ "$(id -u)" != 0 ]; then
  as_root=(sudo)
  [ -t 0 ] || as_root=(sudo -n) # nobody is there to type a password
fi
echo "apt-get installs ${missing[*]} (a few minutes)"
"${as_root[@]}" apt-get update -q
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -q -y \
  --no-install-recommends "${missing[@]}"
