# shellcheck shell=sh
# A change of the firewall that goes back by itself unless it is proved: arm SECONDS, then disarm, or go back.
# The timer calls it with `revert`. Needs `set -eu`.
kept=/run/aidis-firewall
unit=aidis-firewall-revert
# All that a change of rules, policy, level of logging or state can write to, below /.
files='etc/default/ufw etc/ufw/ufw.conf etc/ufw/user.rules etc/ufw/user6.rules etc/ufw/after.rules etc/ufw/after6.rules'
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
umask 077

# Stops the timer, and waits for the end of what it may have started just now.
still() {
  systemctl stop "$unit.timer" 2>/dev/null || true
  while systemctl --quiet is-active "$unit.service" 2>/dev/null; do sleep 0.2; done
}

# Keeps what is there, as a whole or not at all.
keep() {
  rm -rf "$kept" "$kept.new"
  mkdir "$kept.new"
  # Word by word.
  # shellcheck disable=SC2086
  tar -C / -cf "$kept.new/files.tar" $files
  if iptables -n -L ufw-user-input >/dev/null 2>&1 && grep -qi '^ENABLED=yes' /etc/ufw/ufw.conf; then
    : >"$kept.new/active"
  fi
  mv "$kept.new" "$kept"
}

# Where not even that works, open is better than closed: somebody has to come in to mend it.
put_back() {
  if tar -C / -xf "$kept/files.tar" && [ -e "$kept/active" ]; then
    /lib/ufw/ufw-init force-reload || /lib/ufw/ufw-init force-stop
  else
    /lib/ufw/ufw-init force-stop
  fi
}

case $1 in
  arm)
    # What a run kept that was ended before its proof is the last state that was proved: it is the one to go back to.
    pending=$(systemctl is-active "$unit.timer" 2>/dev/null || true)
    still
    if [ "$pending" != active ] || [ ! -d "$kept" ]; then keep; fi
    rm -f "$kept/fired"
    cat >"$kept/program"
    # More than once: a controller that slept while the timer fired may go on with its change when it wakes up.
    systemd-run --quiet --collect --unit="$unit" --description='Return of the firewall to what was last proved' \
      --on-active="$2" --on-unit-inactive=60 --timer-property=AccuracySec=1s /bin/sh -eu "$kept/program" revert
    ;;
  revert)
    put_back
    echo "The firewall is what it was: no fresh connection has proved the change" | tee -a "$kept/fired"
    if [ "$(wc -l <"$kept/fired")" -ge 10 ]; then
      systemctl stop "$unit.timer"
      rm -rf "$kept"
    fi
    ;;
  disarm)
    still
    if [ ! -d "$kept" ] || [ -e "$kept/fired" ]; then
      echo 'The revert had fired before it could be disarmed' >&2
      exit 1
    fi
    rm -rf "$kept"
    ;;
  back)
    still
    if [ -d "$kept" ]; then
      put_back
      rm -rf "$kept"
    fi
    ;;
esac
