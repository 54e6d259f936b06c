# shellcheck shell=bash
# Sourced by every tool here: where things are kept, and an environment that is the same for all callers.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
# What is worth keeping between clones: images, packages, npm's cache, the containers' ssh key.
export AIDIS_CACHE_DIR=${AIDIS_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/ridgetop-aidis}
export AIDIS_ROOT_DIR=$root
export AIDIS_LOG_DIR=$root/.cache/logs

# molecule looks for its programs on PATH, and finds a system's older Ansible otherwise.
export PATH=$root/.venv/bin:$PATH
export ANSIBLE_CONFIG=$root/ansible.cfg

# Behind a proxy that re-signs TLS the certificates to trust are the system's, not the ones a tool brings.
export UV_SYSTEM_CERTS=${UV_SYSTEM_CERTS:-true}
system_certs=/etc/ssl/certs/ca-certificates.crt
if [ -r "$system_certs" ]; then export PIP_CERT=${PIP_CERT:-$system_certs}; fi
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

# die MESSAGE...
die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# digest FILE|TEXT...: one hash over the contents of the files and over the words that are no files.
digest() {
  local word
  for word in "$@"; do
    if [ -f "$word" ]; then cat "$word"; else printf '%s\0' "$word"; fi
  done | sha256sum | cut -c1-16
}

# as_root CMD...: with sudo where the caller is not root.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -- "$@"; fi
}

# use_strategy: with AIDIS_STRATEGY=mitogen Mitogen runs the modules of all that is started from here, which takes the
# processors half the time of Ansible's own way. It is for CI, see tools/test; without it everything is run as a user runs it.
use_strategy() {
  case ${AIDIS_STRATEGY:-linear} in
    linear) ;;
    mitogen)
      ANSIBLE_STRATEGY_PLUGINS=$(python -c 'import ansible_mitogen; print(ansible_mitogen.__path__[0])')/plugins/strategy
      export ANSIBLE_STRATEGY_PLUGINS ANSIBLE_STRATEGY=mitogen_linear
      # That it comes from elsewhere than ansible-core is no news.
      export ANSIBLE_DEPRECATION_WARNINGS=${ANSIBLE_DEPRECATION_WARNINGS:-false}
      ;;
    *) die "AIDIS_STRATEGY is linear or mitogen, not $AIDIS_STRATEGY" ;;
  esac
}
