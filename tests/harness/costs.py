"""Counts what a request and a token cost: system calls by strace, allocations by a counting malloc. Counts
do not shake as times do on a shared machine."""

import re
import shutil
import subprocess
from pathlib import Path

from .limits import wait_until

COUNTING = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>
static atomic_long calls;
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
void *malloc(size_t n) { atomic_fetch_add(&calls, 1); return __libc_malloc(n); }
void *calloc(size_t k, size_t n) { atomic_fetch_add(&calls, 1); return __libc_calloc(k, n); }
void *realloc(void *p, size_t n) { atomic_fetch_add(&calls, 1); return __libc_realloc(p, n); }
static void tell(int s)
{
	char text[32];
	long n = atomic_load(&calls);
	int at = 31, fd = open(getenv("COUNT_TO"), O_WRONLY | O_CREAT | O_APPEND, 0600);
	(void)s;
	text[at] = '\n';
	do text[--at] = (char)('0' + n % 10); while ((n /= 10));
	if (write(fd, text + at, (size_t)(32 - at)) < 0) _exit(9);
	close(fd);
}
__attribute__((constructor)) static void begin(void) { signal(SIGUSR2, tell); }
"""


def have_tools():
    return shutil.which("strace") and shutil.which("cc")


def counting_library(folder):
    """A shared object that counts allocations; SIGUSR2 makes it write the sum to $COUNT_TO."""
    source, library = Path(folder) / "count.c", Path(folder) / "count.so"
    source.write_text(COUNTING)
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, source], check=True)
    return library


def allocations(gateway, told, work):
    """How many allocations `work()` makes the gateway do."""
    def now(n):
        gateway.process.send_signal(12)
        return int(wait_until(lambda: told.exists() and len(told.read_text().split()) > n
                              and told.read_text().split()[n]))
    n = len(told.read_text().split()) if told.exists() else 0
    before = now(n)
    work()
    return now(n + 1) - before


def system_calls(gateway, folder, work):
    """The gateway's system calls while `work()` runs, by name."""
    out = Path(folder) / "strace"
    tracer = subprocess.Popen(["strace", "-f", "-c", "-o", out, "-p", str(gateway.process.pid)],
                              stderr=subprocess.PIPE, text=True)
    assert "attached" in tracer.stderr.readline()
    work()
    tracer.send_signal(2)
    tracer.wait(20)
    calls = {}
    for line in out.read_text().splitlines():
        found = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", line)
        if found and found[2] != "total":
            calls[found[2]] = int(found[1])
    return calls
