/* Regular expressions: by backtracking on the pattern, by sets of states, and by a table that grows with what comes. */
#include "program.h"
#include <string.h>

enum { SIZE = 1 << 20, SETS = 512 };

static char *text;

static void prepare(void)
{
    static const char *const parts[] = { "error", "warn", "at ", "0x", "42", "main.c", ": ", "line ", "retry", " ", "abab", "ab" };
    uint64_t state = 89;
    text = allocate(SIZE + 64);
    for (int i = 0; i < SIZE;) {
        const char *part = parts[next_random(&state) % 12];
        memcpy(text + i, part, strlen(part));
        i += (int)strlen(part);
        if (next_random(&state) % 12 == 0) text[i++] = '\n';
    }
    text[SIZE] = 0;
}

/* Letters, '.', and '*', '+' or '?' behind one of them. */
static bool matches(const char *pattern, const char *at)
{
    if (!*pattern) return true;
    bool one = *at && *at != '\n' && (*pattern == '.' || *pattern == *at);
    switch (pattern[1]) {
        case '*': return matches(pattern + 2, at) || (one && matches(pattern, at + 1));
        case '+': return one && (matches(pattern + 2, at + 1) || matches(pattern, at + 1));
        case '?': return (one && matches(pattern + 2, at + 1)) || matches(pattern + 2, at);
        default: return one && matches(pattern + 1, at + 1);
    }
}

static uint64_t run_backtracking(void)
{
    static const char *const patterns[] = { "error.*line 42", "ab+a+c", "w?a+r.n: *0x", "a*b*a*b*m" };
    uint64_t found = 0;
    for (int i = 0; i < 16; i++)
        for (const char *at = text; *at; at++)
            if (matches(patterns[i % 4], at)) found += (uint64_t)(i + 1);
    return found;
}

/* The same language as a nondeterministic automaton: one bit for each place in the pattern. */
struct automaton { uint64_t on[256], start, skip, repeat, accept; };

static void compile(struct automaton *automaton, const char *pattern)
{
    memset(automaton, 0, sizeof *automaton);
    uint64_t place = 1;
    automaton->start = 1;
    for (; *pattern; place <<= 1) {
        char letter = *pattern++;
        for (int c = 1; c < 256; c++)
            if (c != '\n' && (letter == '.' || c == (uint8_t)letter)) automaton->on[c] |= place;
        if (*pattern == '*' || *pattern == '?') automaton->skip |= place;
        if (*pattern == '*' || *pattern == '+') automaton->repeat |= place;
        if (*pattern == '*' || *pattern == '+' || *pattern == '?') pattern++;
    }
    automaton->accept = place;
}

static uint64_t closure(const struct automaton *automaton, uint64_t set)
{
    for (uint64_t grown; (grown = set | (set & automaton->skip) << 1) != set;) set = grown;
    return set;
}

static uint64_t step(const struct automaton *automaton, uint64_t set, uint8_t letter)
{
    uint64_t passed = set & automaton->on[letter];
    return closure(automaton, passed << 1 | (passed & automaton->repeat) | automaton->start);
}

static uint64_t run_sets(void)
{
    static const char *const patterns[] = { "error.*line 42", "w?a+r.n: *0x", "a*b*a*b*m" };
    struct automaton automaton;
    uint64_t found = 0;
    for (int i = 0; i < 27; i++) {
        compile(&automaton, patterns[i % 3]);
        uint64_t set = closure(&automaton, automaton.start);
        for (const char *at = text; *at; at++) {
            set = step(&automaton, set, (uint8_t)*at);
            if (set & automaton.accept) found += (uint64_t)(i + 1);
        }
    }
    return found;
}

static uint64_t run_table(void)
{
    static const char *const patterns[] = { "error.*line 42", "w?a+r.n: *0x", "a*b*a*b*m" };
    static int16_t next[SETS][256];
    static uint64_t sets[SETS];
    struct automaton automaton;
    uint64_t found = 0;
    for (int i = 0; i < 30; i++) {
        compile(&automaton, patterns[i % 3]);
        memset(next, -1, sizeof next);
        int count = 1, state = 0;
        sets[0] = closure(&automaton, automaton.start);
        for (const char *at = text; *at; at++) {
            uint8_t letter = (uint8_t)*at;
            if (next[state][letter] < 0) {
                uint64_t set = step(&automaton, sets[state], letter);
                int target = 0;
                while (target < count && sets[target] != set) target++;
                if (target == SETS) return 0;
                if (target == count) sets[count++] = set;
                next[state][letter] = (int16_t)target;
            }
            state = next[state][letter];
            if (sets[state] & automaton.accept) found += (uint64_t)(i + 1);
        }
    }
    return found;
}

const struct program regex_backtracking = { .name = "regex-backtrack", .prepare = prepare, .run = run_backtracking };
const struct program regex_sets = { .name = "regex-nfa", .prepare = prepare, .run = run_sets };
const struct program regex_table = { .name = "regex-dfa", .prepare = prepare, .run = run_table };
