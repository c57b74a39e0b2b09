"""Finds the kernel's source, or fetches Debian's package of it."""
import os
import pathlib
import shutil
import subprocess

PACKAGE = "linux-source-6.1"
# What the suites are made of; the whole tree would take minutes to unpack.
PARTS = ["include", "lib", "mm", "tools", "samples", "drivers/misc", "drivers/char", "drivers/block", "arch/x86/include",
         "arch/arm64/include", "scripts"]
reason = ""


def find(named, folder):
    """The folder of a kernel's source: the one that is named, or KMEM_LINUX_SOURCE, or that of the package; None: `reason`."""
    global reason
    named = named or os.environ.get("KMEM_LINUX_SOURCE")
    if named:
        tree = pathlib.Path(named).resolve()
        reason = f"{named} is no kernel source"
        return tree if (tree / "include/linux/kernel.h").exists() else None
    tree = folder / PACKAGE
    if (tree / "complete").exists():
        return tree
    try:
        return fetch(folder, tree)
    except (OSError, subprocess.SubprocessError) as error:
        reason = f"Debian's package {PACKAGE} can't be had here: {error}"
        return None


def fetch(folder, tree):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "check": True}
    installed = pathlib.Path(f"/usr/src/{PACKAGE}.tar.xz")
    if not installed.exists():
        subprocess.run(["apt-get", "download", PACKAGE], cwd=folder, timeout=300, **quiet)
        package = next(folder.glob("*.deb"))
        subprocess.run(["dpkg-deb", "-x", package, folder / "package"], timeout=120, **quiet)
        package.unlink()
        installed = folder / "package/usr/src" / f"{PACKAGE}.tar.xz"
    subprocess.run(["tar", "xJf", installed, "-C", folder, *(f"{PACKAGE}/{part}" for part in PARTS)], timeout=300, **quiet)
    shutil.rmtree(folder / "package", ignore_errors=True)
    (tree / "complete").touch()
    return tree
