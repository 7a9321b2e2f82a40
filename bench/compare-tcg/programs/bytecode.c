/* A bytecode interpreter whose operations each end in an indirect jump of their own. */
#include "program.h"

enum { PUSH, ADD, MULTIPLY, XOR, SWAP, DUPLICATE, ROTATE, DROP, LOOP, HALT };

static const uint8_t code[] = {
    DUPLICATE, PUSH, 17, ADD, SWAP, PUSH, 5, MULTIPLY, XOR, ROTATE,
    DUPLICATE, PUSH, 99, XOR, PUSH, 3, MULTIPLY, ADD, DUPLICATE, DROP,
    PUSH, 41, SWAP, ADD, ROTATE, DUPLICATE, DUPLICATE, XOR, ADD, PUSH, 7, XOR,
    LOOP, HALT,
};

static uint64_t run(void)
{
    static const void *const operations[] = {
        &&push, &&add, &&multiply, &&xor, &&swap, &&duplicate, &&rotate, &&drop, &&loop, &&halt,
    };
    uint64_t stack[16] = { 1, 2, 3 }, *top = stack + 3, *const bottom = stack + 3;
    int left = 2000000;
    const uint8_t *next = code;
#define NEXT goto *operations[*next++]
    NEXT;
push:
    *++top = *next++;
    NEXT;
add:
    top--;
    *top += top[1];
    NEXT;
multiply:
    top--;
    *top *= top[1];
    NEXT;
xor:
    top--;
    *top ^= top[1];
    NEXT;
swap:;
    uint64_t other = top[-1];
    top[-1] = *top;
    *top = other;
    NEXT;
duplicate:
    top++;
    *top = top[-1];
    NEXT;
rotate:
    *top = *top << 9 | *top >> 55;
    NEXT;
drop:
    top--;
    NEXT;
loop:
    /* Whatever the pass left on the stack goes into one word. */
    while (top > bottom) {
        top--;
        *top = mix(*top, top[1]);
    }
    if (--left) next = code;
    NEXT;
halt:
    return *bottom;
#undef NEXT
}

const struct program bytecode = { .name = "bytecode", .run = run };
