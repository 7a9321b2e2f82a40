/* Processes by fork, exec and wait. */
#include "program.h"
#include <sys/wait.h>
#include <unistd.h>

static uint64_t spawn_all(const char *path, int count)
{
    uint64_t sum = 0;
    for (int i = 0; i < count; i++) {
        pid_t child = fork();
        if (child < 0) die("fork");
        if (child == 0) {
            char number[] = { (char)('0' + i % 10), 0 };
            execl(path, path, number, NULL);
            _exit(127);
        }
        int status;
        if (waitpid(child, &status, 0) != child) die("wait");
        sum = mix(sum, (uint64_t)status);
    }
    return sum;
}

/* A program at a fixed address: its code stays where it was, in linear and in physical memory. */
static uint64_t run_fixed(void)
{
    return spawn_all("./tiny", 500);
}

/* A position-independent program: its code comes to a random address with each start, as all of a distribution's programs do. */
static uint64_t run_cold(void)
{
    return spawn_all("./tiny-pie", 2000);
}

const struct program spawn = { .name = "fork-exec", .run = run_fixed };
const struct program spawn_cold = { .name = "tiny-processes", .run = run_cold };
