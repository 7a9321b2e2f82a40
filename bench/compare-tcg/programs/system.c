/* What costs a kernel's time: system calls, page faults, switches between two processes. */
#include "program.h"
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t run_getppid(void)
{
    const int calls = 600000;
    uint64_t wrong = 0;
    long parent = syscall(SYS_getppid);
    for (int i = 0; i < calls; i++) wrong += syscall(SYS_getppid) != parent;
    return wrong;
}

/* Small pages, touched one by one: a huge page would be one fault. */
static uint64_t run_faults(void)
{
    enum { AREA = 4 << 20, PAGE = 4096 };
    uint64_t sum = 0;
    for (int round = 0; round < 40; round++) {
        uint8_t *area = mmap(NULL, AREA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (area == MAP_FAILED) die("mmap");
        madvise(area, AREA, MADV_NOHUGEPAGE);
        for (int i = 0; i < AREA; i += PAGE) {
            sum += area[i];
            area[i] = 1;
        }
        munmap(area, AREA);
    }
    return sum;
}

static uint64_t run_ping_pong(void)
{
    const int rounds = 20000;
    int there[2], back[2];
    if (pipe(there) || pipe(back)) die("pipe");
    pid_t child = fork();
    if (child < 0) die("fork");
    uint32_t value = 0;
    if (child == 0) {
        close(there[1]);
        while (read(there[0], &value, sizeof value) == sizeof value) {
            value = value * 3 + 1;
            if (write(back[1], &value, sizeof value) != sizeof value) _exit(1);
        }
        _exit(0);
    }

    for (int i = 0; i < rounds; i++) {
        if (write(there[1], &value, sizeof value) != sizeof value) die("write");
        if (read(back[0], &value, sizeof value) != sizeof value) die("read");
    }
    close(there[1]);
    int status;
    if (waitpid(child, &status, 0) != child || status) die("child of the pipes");
    return value;
}

const struct program getppid_loop = { .name = "getppid", .run = run_getppid };
const struct program faults = { .name = "page-faults", .run = run_faults };
const struct program ping_pong = { .name = "pipe", .run = run_ping_pong };
