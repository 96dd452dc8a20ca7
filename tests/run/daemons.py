# SPDX-License-Identifier: MIT
"""Real servers, each with a private configuration: everything of theirs is in the test's folder.

Each function writes what its server needs into `folder` and returns the command, which stays in the
foreground and listens on the loopback address alone. As root most of them give up their privilege, so the folder
is opened for others.
"""
import os
import shutil

os.environ["PATH"] += ":/usr/sbin"  # where most of them are
MAIL_USER = "Debian-exim"


def write(path, text):
    with open(path, "w") as f:
        f.write(text)
    return path


def open_folder(folder):
    if os.geteuid() == 0:
        os.chmod(folder, 0o755)
    return folder


NGINX = """
worker_processes %(workers)d; daemon off; pid %(dir)s/pid; error_log %(dir)s/error;
events { worker_connections 512; }
http {
    access_log off; sendfile on; keepalive_timeout 30;
    client_body_temp_path %(dir)s/1; proxy_temp_path %(dir)s/2; fastcgi_temp_path %(dir)s/3;
    uwsgi_temp_path %(dir)s/4; scgi_temp_path %(dir)s/5;
    server {
        %(listen)s root %(root)s; autoindex on;
        location /who { return 200 "%(mark)s $remote_addr $server_addr"; }
    }
}
"""


def nginx(folder, listen, root=None, mark="", workers=2):
    """`listen`: addresses and ports, with options."""
    open_folder(folder)
    conf = write(os.path.join(folder, "conf"), NGINX % {
        "dir": folder, "root": root or folder, "mark": mark, "workers": workers,
        "listen": " ".join("listen %s;" % l for l in listen)})
    return "nginx", "-p", folder, "-c", conf, "-e", os.path.join(folder, "error")


VSFTPD = """
%(listen)s
listen_port=%(port)d
background=NO
anonymous_enable=YES
local_enable=NO
anon_root=%(root)s
secure_chroot_dir=%(empty)s
write_enable=YES
anon_upload_enable=YES
anon_umask=022
connect_from_port_20=NO
%(user)s
"""


def vsftpd(folder, port, host="127.0.0.1"):
    """Anonymous: reads in `folder`/ftp, writes in `folder`/ftp/in."""
    open_folder(folder)
    root, empty = os.path.join(folder, "ftp"), os.path.join(folder, "empty")
    os.makedirs(os.path.join(root, "in"))
    os.makedirs(empty)
    os.chmod(os.path.join(root, "in"), 0o777)
    os.chmod(root, 0o555)  # it refuses a root that may be written to
    user = "nopriv_user=nobody" if os.geteuid() == 0 else "run_as_launching_user=YES"
    listen = ("listen_ipv6=YES\nlisten_address6=%s" if ":" in host else
              "listen=YES\nlisten_address=%s") % host
    return "vsftpd", write(os.path.join(folder, "conf"), VSFTPD % {
        "listen": listen, "port": port, "root": root, "empty": empty, "user": user})


EXIM = """
primary_hostname = here.test
spool_directory = %(dir)s/spool
log_file_path = %(dir)s/log-%%slog
pid_file_path = %(dir)s/pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = %(port)d
acl_smtp_rcpt = ${if eq{$domain}{here.test}{accept}{deny}}
acl_smtp_data = accept
tls_advertise_hosts =
keep_environment =
rfc1413_query_timeout = 0s
begin routers
all:
  driver = accept
  transport = file
begin transports
file:
  driver = appendfile
  file = %(dir)s/mail
  user = %(user)s
"""
EXIM_CLIENT = """
primary_hostname = client.test
spool_directory = %(dir)s/client-spool
log_file_path = %(dir)s/client-%%slog
keep_environment =
begin routers
all:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
begin transports
smtp:
  driver = smtp
  port = %(port)d
  allow_localhost
  hosts_try_dane =
  hosts_avoid_tls = *
"""


def exim(folder, port):
    """Delivers what is for here.test to the file `folder`/mail. It only works for root."""
    shutil.chown(open_folder(folder), MAIL_USER)
    conf = write(os.path.join(folder, "conf"), EXIM % {"dir": folder, "port": port,
                                                       "user": MAIL_USER})
    return "exim4", "-C", conf, "-bdf", "-odi"


def exim_client(folder, port):
    """Sends the message on its standard input to the server at `port`."""
    conf = write(os.path.join(folder, "client"), EXIM_CLIENT % {"dir": folder, "port": port})
    return "exim4", "-C", conf, "-odi", "-oee", "-i"


def telnetd(port):
    return "busybox", "telnetd", "-F", "-b", "127.0.0.1", "-p", port, "-l", "/bin/sh"


def dnsmasq(folder, port, records, address="127.0.0.1", how="bind-interfaces"):
    """Knows the zone test., from `records`: lines of its configuration."""
    conf = write(os.path.join(folder, "dns.conf"), "\n".join([
        "port=%d" % port, "listen-address=%s" % address, how, "no-resolv",
        "no-hosts", "local=/test/", "pid-file=", *records, ""]))
    user = ("--user=root",) if os.geteuid() == 0 else ()
    return ("dnsmasq", "-k", "-C", conf, *user)


def snmpd(folder, *addresses):
    """The `system` group, which the community "secret" may write."""
    conf = write(os.path.join(folder, "snmpd.conf"),
                 "agentaddress %s\nrwcommunity secret\nmaster no\n" % ",".join(addresses))
    # What it keeps is named by the environment: SNMP_PERSISTENT_DIR.
    return ("snmpd", "-f", "-LF", "4", os.path.join(folder, "snmpd.log"), "-C", "-c", conf,
            "-I", "system_mib,vacm_conf,vacm_vars,snmp_mib")
