/* Expressions in text, parsed by recursive descent and computed on the way. */
#include "program.h"
#include <stdio.h>
#include <string.h>

enum { SIZE = 1 << 20 };

static char *text;
static const char *at;

/* A random expression of some depth at the end of TEXT; returns where it ends. */
static char *grow(char *end, uint64_t *state, int depth)
{
    uint32_t choice = next_random(state) % 8;
    if (depth == 0 || choice < 2) return end + sprintf(end, "%u", next_random(state) % 1000);
    if (choice < 4) {
        *end++ = '(';
        end = grow(end, state, depth - 1);
        *end++ = ')';
        return end;
    }
    end = grow(end, state, depth - 1);
    *end++ = ' ';
    *end++ = "+-*/%&"[next_random(state) % 6];
    *end++ = ' ';
    return grow(end, state, depth - 1);
}

static void prepare(void)
{
    uint64_t state = 61;
    text = allocate(SIZE + (64 << 10));
    char *end = text;
    while (end < text + SIZE) {
        end = grow(end, &state, 8);
        *end++ = '\n';
    }
}

static int binding(char operator)
{
    switch (operator) {
        case '&': return 1;
        case '+': case '-': return 2;
        case '*': case '/': case '%': return 3;
        default: return 0;
    }
}

static uint32_t expression(int least)
{
    uint32_t left = 0;
    if (*at == '(') {
        at++;
        left = expression(1);
        at++;
    } else while (*at >= '0' && *at <= '9') left = left * 10 + (uint32_t)(*at++ - '0');

    while (*at == ' ') at++;
    for (int strength; (strength = binding(*at)) >= least && strength > 0;) {
        char operator = *at++;
        while (*at == ' ') at++;
        uint32_t right = expression(strength + 1);
        switch (operator) {
            case '+': left += right; break;
            case '-': left -= right; break;
            case '*': left *= right; break;
            case '/': left = right ? left / right : 0; break;
            case '%': left = right ? left % right : left; break;
            default: left &= right; break;
        }
        while (*at == ' ') at++;
    }
    return left;
}

static uint64_t run(void)
{
    uint64_t sum = 0;
    for (int round = 0; round < 30; round++)
        for (at = text; *at; at++) sum = mix(sum, expression(1));
    return sum;
}

const struct program expressions = { .name = "expressions", .prepare = prepare, .run = run };
