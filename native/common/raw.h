/* System calls for code that runs with the program's thread pointer: nothing here knows of the C library's threads or of errno. */
#ifndef VITRINE_RAW_H
#define VITRINE_RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

/* A signal set as the kernel has it: bit N-1 is signal N. */
typedef uint64_t signal_set;

static inline long raw_call(long number, long a, long b, long c, long d, long e, long f)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

/* With arguments of any type. */
#define RAW1(n, a) raw_call(n, (long)(a), 0, 0, 0, 0, 0)
#define RAW2(n, a, b) raw_call(n, (long)(a), (long)(b), 0, 0, 0, 0)
#define RAW3(n, a, b, c) raw_call(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define RAW4(n, a, b, c, d) raw_call(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

static inline signal_set signal_bit(int number)
{
    return (signal_set)1 << (number - 1);
}

/* Memory of this process that may not be there: the bytes that could be read, or 0. */
size_t raw_read_memory(void *to, uint64_t from, size_t bytes);
bool raw_write_memory(uint64_t to, const void *from, size_t bytes);

/* A text of the program's, cut at the buffer's end; false when it is not there. */
bool raw_read_text(char *to, uint64_t from, size_t bytes);
bool raw_equal(const char *one, const char *other);

void raw_futex_wait(volatile uint32_t *word, uint32_t value);
void raw_futex_wake(volatile uint32_t *word);

#endif
