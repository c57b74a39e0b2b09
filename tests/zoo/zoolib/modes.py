"""On what a program runs: kmem in three ways, and glibc's own malloc."""
import os

from . import rows

KMEM = {
    "kmem": {},
    "kmem-without-rseq": {"GLIBC_TUNABLES": "glibc.pthread.rseq=0"},
    "hardened": {"KMEM": "hardened=3"},
}
ALL = [*KMEM, "glibc"]


def environment(mode, library, folder, ports):
    variables = {"PATH": rows.PATH, "HOME": folder, "TMPDIR": f"{folder}/tmp", "LC_ALL": "C.UTF-8", "TZ": "UTC", "USER": "root",
                 "TERM": "xterm", "PYTHONDONTWRITEBYTECODE": "1", "XDG_RUNTIME_DIR": f"{folder}/tmp", "GIT_CONFIG_NOSYSTEM": "1"}
    if os.getuid():
        variables["USER"] = os.environ.get("USER", "nobody")
    for number, port in enumerate(ports, 1):
        variables[f"PORT{number}"] = str(port)
    if mode != "glibc":
        variables.update(KMEM[mode], LD_PRELOAD=library)
    return variables
