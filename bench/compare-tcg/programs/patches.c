/* Self-modifying code: writes the immediate of a function, and calls it, a million times. */
#include "program.h"
#include <string.h>
#include <sys/mman.h>

static uint64_t run(void)
{
    /* mov eax, imm32; ret */
    static const uint8_t function[] = { 0xb8, 0, 0, 0, 0, 0xc3 };
    uint8_t *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (code == MAP_FAILED) die("mmap");
    memcpy(code, function, sizeof function);

    uint64_t sum = 0;
    for (uint32_t i = 0; i < 1000000; i++) {
        *(volatile uint32_t __attribute__((aligned(1))) *)(code + 1) = i * 2654435761u;
        sum = mix(sum, ((uint32_t (*)(void))code)());
    }
    return sum;
}

const struct program patches = { .name = "patches", .run = run };
