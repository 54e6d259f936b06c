# shellcheck shell=sh
# What the firewall holds and how this host is reached, a fact a line. Reads only. Arguments: host names to look up.
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
fact() { printf '%s %s\n' "$1" "$2"; }

if command -v ufw >/dev/null; then fact installed yes; fi

# As ufw itself reads them, the second file over the first.
(
  unset ENABLED LOGLEVEL IPV6 DEFAULT_INPUT_POLICY
  # shellcheck disable=SC1090 # on the host
  for file in /etc/default/ufw /etc/ufw/ufw.conf; do if [ -r "$file" ]; then . "$file"; fi; done
  fact enabled "${ENABLED-}"
  fact logging "${LOGLEVEL-}"
  fact ipv6 "${IPV6-}"
  fact policy "${DEFAULT_INPUT_POLICY-}"
)
if [ -e /proc/sys/net/ipv6 ]; then fact kernel_ipv6 yes; fi

/lib/ufw/ufw-init status >/dev/null 2>&1
case $? in
  0) fact running yes ;;
  4) fact running partly ;; # for IPv4 alone
esac
fact boot "$(systemctl is-enabled ufw.service 2>/dev/null)"
fact pending "$(systemctl is-active aidis-firewall-revert.timer 2>/dev/null)"
if [ -e /run/aidis-firewall/fired ]; then fact fired yes; fi

for file in /etc/ufw/user.rules /etc/ufw/user6.rules; do
  if [ -r "$file" ]; then sed -n 's/^### tuple ###/rule/p' "$file"; fi
done

if command -v sshd >/dev/null; then sshd -T 2>/dev/null | sed -n -E 's/^(listenaddress|port) /sshd_\1 /p'; fi

# sudo takes the variable away, but a process that it was started from still has it.
pid=$$
while [ "${pid:-0}" -gt 1 ]; do
  connection=$(tr '\0' '\n' 2>/dev/null <"/proc/$pid/environ" | sed -n 's/^SSH_CONNECTION=//p')
  if [ -n "$connection" ]; then
    fact connection "$connection"
    break
  fi
  pid=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$pid/status")
done

for name in "$@"; do
  getent -- ahosts "$name" | cut -d ' ' -f 1 | sort -u | while read -r address; do fact address "$name $address"; done
done
exit 0
