#!/usr/bin/env bash
# Installs what is missing of the Debian packages listed in harness/packages.txt.
#
#   harness/install_packages.sh [--no-install] GROUP...      GROUP: build, plot, check, client, browser,
#                                                   package, load, proxy, plain, cluster
#
# Says first what is missing. With --no-install it installs nothing: if something is missing it prints the command that
# would install it and ends with status 3. Uses apt-get as root, or through sudo.
set -euo pipefail

list="$(dirname "${BASH_SOURCE[0]}")/packages.txt"
install=yes
groups=()
for argument in "$@"; do
  case "$argument" in
    --no-install) install=no ;;
    build | plot | check | client | browser | package | load | proxy | plain | cluster) groups+=("$argument") ;;
    *)
      echo "install_packages: unknown argument '$argument'; accepted: --no-install, build, plot, check, client, browser, package, load, proxy, plain, cluster" >&2
      exit 2
      ;;
  esac
done

wanted=()
while read -r group package _; do
  for chosen in "${groups[@]}"; do
    if [ "$group" = "$chosen" ]; then wanted+=("$package"); fi
  done
done < <(grep -v '^#' "$list")

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "This is no Debian system, so nothing is installed. Needed are the equivalents of these Debian 12 packages:"
  echo "  ${wanted[*]}"
  exit 0
fi

# dpkg-query fails when it knows nothing at all of a package, which here is an answer.
installed="$(dpkg-query --show --showformat '${Package} ${db:Status-Status}\n' "${wanted[@]}" 2>/dev/null || true)"
missing=()
for package in "${wanted[@]}"; do
  if ! grep -qx "$package installed" <<<"$installed"; then missing+=("$package"); fi
done
if [ "${#missing[@]}" -eq 0 ]; then
  echo "All ${#wanted[@]} Debian packages are installed."
  exit 0
fi

options=(--yes --no-install-recommends --no-remove -o DPkg::Lock::Timeout=300)
echo "Missing Debian packages (${#missing[@]} of ${#wanted[@]}): ${missing[*]}"
if [ "$install" = no ]; then
  echo "Nothing is installed because of --no-install. To install them:"
  echo "  sudo apt-get update && sudo apt-get install --no-install-recommends ${missing[*]}"
  exit 3
fi

as_root=(env DEBIAN_FRONTEND=noninteractive)
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "Installing needs root, and there is no sudo here. As root:" >&2
    echo "  apt-get update && apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo "${as_root[@]}")
fi

# The package lists of a new system are empty and those of an old one name files that are gone; both are mended by an
# update, which is not made otherwise.
if ! apt-get install --simulate "${options[@]}" "${missing[@]}" >/dev/null 2>&1; then
  echo "Updating the package lists (apt-get update)."
  "${as_root[@]}" apt-get update -qq </dev/null
fi
echo "Installing them (apt-get install). This can take a few minutes."
if ! "${as_root[@]}" apt-get install -qq "${options[@]}" "${missing[@]}" </dev/null >/dev/null; then
  echo "That failed. Once more, with fresh package lists and all that apt-get says:"
  "${as_root[@]}" apt-get update </dev/null
  if ! "${as_root[@]}" apt-get install "${options[@]}" "${missing[@]}" </dev/null; then
    echo "apt-get could not install: ${missing[*]}" >&2
    echo "If it wants to remove libboost-dev or libboost1.74-dev: they conflict with libboost1.81-dev; remove them first." >&2
    exit 1
  fi
fi
echo "Installed ${#missing[@]} packages and what they depend on."
