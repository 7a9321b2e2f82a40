/* A just-in-time compiler: random expressions become machine code, which runs, gets its constants patched, and runs again.
   Three rows, by how code comes into memory that is executed: writable all the time, by mprotect there and back, or through a second mapping. */
#define _GNU_SOURCE
#include "program.h"
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ARENA = 256 << 10, LARGEST = 8 << 10, FUNCTIONS = 5000, PATCHES = 4, CALLS = 400, NODES = 256, DEPTH = 6 };
enum kind { VARIABLE, CONSTANT, SUM, PRODUCT, XOR, ROTATE, CHOICE };

struct node { enum kind kind; int32_t constant; uint8_t *patch; const struct node *inner[3]; };

static struct node nodes[NODES * 8];
static int used;
static uint8_t *writable, *executable, *at;
static bool flips;

static void protect(int protection)
{
    if (flips && mprotect(writable, ARENA, protection) != 0) die("mprotect");
}

static struct node *grow(uint64_t *state, int depth)
{
    struct node *node = &nodes[used++];
    uint32_t choice = next_random(state) % 16;
    node->constant = (int32_t)next_random(state);
    node->patch = NULL;
    if (depth == 0 || choice < 2 || used > NODES) {
        node->kind = choice & 1 ? CONSTANT : VARIABLE;
        return node;
    }
    node->kind = choice < 7 ? SUM : choice < 9 ? PRODUCT : choice < 12 ? XOR : choice < 14 ? ROTATE : CHOICE;
    for (int i = 0, count = node->kind == ROTATE ? 1 : node->kind == CHOICE ? 3 : 2; i < count; i++) node->inner[i] = grow(state, depth - 1);
    return node;
}

static uint64_t value_of(const struct node *node, uint64_t x)
{
    switch (node->kind) {
        case VARIABLE: return x;
        case CONSTANT: return (uint64_t)(int64_t)node->constant;
        case SUM: return value_of(node->inner[0], x) + value_of(node->inner[1], x);
        case PRODUCT: return value_of(node->inner[0], x) * value_of(node->inner[1], x);
        case XOR: return value_of(node->inner[0], x) ^ value_of(node->inner[1], x);
        case ROTATE: {
            uint64_t value = value_of(node->inner[0], x);
            return value << 13 | value >> 51;
        }
        default: return value_of(node->inner[0], x) & 1 ? value_of(node->inner[1], x) : value_of(node->inner[2], x);
    }
}

static void bytes(const char *code, size_t count)
{
    memcpy(at, code, count);
    at += count;
}
#define CODE(text) bytes(text, sizeof text - 1)

static void word(uint8_t *place, int32_t value)
{
    memcpy(place, &value, sizeof value);
}

/* The value goes into RAX; x is in RDI. */
static void compile(struct node *node)
{
    uint8_t *otherwise, *end;
    switch (node->kind) {
        case VARIABLE: CODE("\x48\x89\xf8"); break;
        case CONSTANT:
            CODE("\x48\xc7\xc0");
            node->patch = at;
            word(at, node->constant);
            at += 4;
            break;
        case ROTATE:
            compile((struct node *)node->inner[0]);
            CODE("\x48\xc1\xc0\x0d");
            break;
        case CHOICE:
            compile((struct node *)node->inner[0]);
            CODE("\xa8\x01\x0f\x84\0\0\0\0");                       /* test al, 1; jz */
            otherwise = at;
            compile((struct node *)node->inner[1]);
            CODE("\xe9\0\0\0\0");                                   /* jmp */
            end = at;
            word(otherwise - 4, (int32_t)(at - otherwise));
            compile((struct node *)node->inner[2]);
            word(end - 4, (int32_t)(at - end));
            break;
        default:
            compile((struct node *)node->inner[0]);
            CODE("\x50");                                           /* push rax */
            compile((struct node *)node->inner[1]);
            CODE("\x59");                                           /* pop rcx */
            if (node->kind == SUM) CODE("\x48\x01\xc8");
            else if (node->kind == PRODUCT) CODE("\x48\x0f\xaf\xc1");
            else CODE("\x48\x31\xc8");
            break;
    }
}

static uint64_t run(void)
{
    uint64_t state = 107, sum = 0, right = 0;
    at = writable;
    for (int function = 0; function < FUNCTIONS; function++) {
        if (at > writable + ARENA - LARGEST) at = writable;
        used = 0;
        struct node *root = grow(&state, DEPTH);
        uint64_t (*code)(uint64_t) = (uint64_t (*)(uint64_t))(executable + (at - writable));
        protect(PROT_READ | PROT_WRITE);
        compile(root);
        CODE("\xc3");
        protect(PROT_READ | PROT_EXEC);

        for (int patch = 0; patch <= PATCHES; patch++) {
            for (uint64_t x = 0; x < CALLS; x++) sum = mix(sum, code(x * 0x9e3779b97f4a7c15u));
            right += code(sum) == value_of(root, sum);
            struct node *changed = &nodes[next_random(&state) % (uint32_t)used];
            if (!changed->patch) continue;
            changed->constant = (int32_t)next_random(&state);
            protect(PROT_READ | PROT_WRITE);
            word(changed->patch, changed->constant);
            protect(PROT_READ | PROT_EXEC);
        }
        at += -(uintptr_t)at & 15;
    }
    return right == FUNCTIONS * (PATCHES + 1) ? sum : 0;
}

static uint8_t *map(int protection, int flags, int file)
{
    uint8_t *memory = mmap(NULL, ARENA, protection, flags, file, 0);
    if (memory == MAP_FAILED) die("mmap");
    return memory;
}

static void prepare_open(void)
{
    writable = executable = map(PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static void prepare_flips(void)
{
    flips = true;
    writable = executable = map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static void prepare_aliases(void)
{
    int file = memfd_create("code", 0);
    if (file < 0 || ftruncate(file, ARENA) != 0) die("memfd");
    writable = map(PROT_READ | PROT_WRITE, MAP_SHARED, file);
    executable = map(PROT_READ | PROT_EXEC, MAP_SHARED, file);
}

const struct program jit_open = { .name = "jit-rwx", .prepare = prepare_open, .run = run };
const struct program jit_flips = { .name = "jit-mprotect", .prepare = prepare_flips, .run = run };
const struct program jit_aliases = { .name = "jit-aliases", .prepare = prepare_aliases, .run = run };
