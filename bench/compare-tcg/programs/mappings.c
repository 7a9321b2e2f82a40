/* What a kernel does for memory: mappings made, touched here and there, and removed; pages copied after fork; faults that a handler mends. */
#define _GNU_SOURCE
#include "program.h"
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, AREA = 64 * PAGE, LIVE = 64 };

static uint8_t *map(size_t bytes)
{
    uint8_t *area = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (area == MAP_FAILED) die("mmap");
    return area;
}

static uint64_t run_churn(void)
{
    static uint8_t *areas[LIVE];
    uint64_t state = 113, sum = 0;
    for (int i = 0; i < 12000; i++) {
        uint8_t **area = &areas[next_random(&state) % LIVE];
        if (*area) {
            for (int page = 0; page < 4; page++) sum += (*area)[page * PAGE];
            if (munmap(*area, AREA) != 0) die("munmap");
        }
        *area = map(AREA);
        for (int page = 0; page < 4; page++) (*area)[page * PAGE] = (uint8_t)(i + page);
    }
    return sum;
}

/* A parent of some size, as shells and servers are: each child writes into some of its pages. */
static uint64_t run_fork(void)
{
    uint64_t sum = 0;
    uint8_t *area = map(1024 * PAGE);
    madvise(area, 1024 * PAGE, MADV_NOHUGEPAGE);
    for (int page = 0; page < 1024; page++) area[page * PAGE] = (uint8_t)page;
    for (int i = 0; i < 300; i++) {
        int status;
        pid_t child = fork();
        if (child < 0) die("fork");
        if (child == 0) {
            for (int page = i % 16; page < 1024; page += 16) area[page * PAGE]++;
            _exit(area[i % 1024 * PAGE] & 0x7f);
        }
        area[i * PAGE]++;
        if (waitpid(child, &status, 0) != child) die("wait");
        sum = mix(sum, (uint64_t)status);
    }
    return sum;
}

static uint8_t *guarded;
static volatile int caught;

/* As collectors and checkpointers do: the first write to a page makes it writable. */
static void on_fault(int number, siginfo_t *information, void *context)
{
    (void)number, (void)context;
    caught++;
    if (mprotect((void *)((uintptr_t)information->si_addr & -(uintptr_t)PAGE), PAGE, PROT_READ | PROT_WRITE) != 0) _exit(1);
}

static uint64_t run_guard(void)
{
    struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
    guarded = map(AREA);
    sigaction(SIGSEGV, &action, NULL);
    for (int round = 0; round < 400; round++) {
        if (mprotect(guarded, AREA, PROT_READ) != 0) die("mprotect");
        for (int page = 0; page < 64; page++) ((volatile uint8_t *)guarded)[page * PAGE]++;
    }
    return mix((uint64_t)caught, guarded[PAGE]);
}

static void on_signal(int number)
{
    caught += number;
}

static uint64_t run_signals(void)
{
    struct sigaction action = { .sa_handler = on_signal };
    sigaction(SIGUSR1, &action, NULL);
    for (int i = 0; i < 70000; i++) kill(getpid(), SIGUSR1);
    return (uint64_t)caught;
}

const struct program mapping_churn = { .name = "mmap-churn", .run = run_churn };
const struct program fork_copies = { .name = "fork-copies", .run = run_fork };
const struct program guard_pages = { .name = "guard-pages", .run = run_guard };
const struct program signals = { .name = "signals", .run = run_signals };
