# shellcheck shell=sh
# ufw has no command for this setting: its own function writes it, as `ufw default` does with the settings beside it.
/usr/bin/python3 -c '
import gettext, sys
gettext.install("ufw")
sys.argv = ["/usr/sbin/ufw"]  # It looks at the owner of the program.
from ufw.backend_iptables import UFWBackendIptables
backend = UFWBackendIptables(False)
backend.set_default(backend.files["defaults"], "IPV6", "yes")
'
# By another process, which reads the rules of IPv6, too.
ufw reload
# It leaves out the chains for limits, which are there after a boot.
if grep -qi '^ENABLED=yes' /etc/ufw/ufw.conf; then /lib/ufw/ufw-init force-reload; fi
