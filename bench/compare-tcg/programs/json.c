/* A JSON parser that builds a tree, over text made before; then the tree is summed up and freed. */
#include "program.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 1 << 20 };
enum kind { NUMBER, STRING, LIST, OBJECT, TRUE };

struct value {
    enum kind kind;
    double number;
    char *text, *name;
    struct value *first, *next;
};

static char *text;
static const char *at;

static void prepare(void)
{
    uint64_t state = 59;
    int length = 0;
    text = allocate(SIZE + 4096);
    text[length++] = '[';
    while (length < SIZE) {
        if (length > 1) text[length++] = ',';
        length += sprintf(text + length, "{\"id\": %u, \"name\": \"user \\\"%x\\\"\", \"tags\": [",
                          next_random(&state) % 100000, next_random(&state));
        for (uint32_t i = 0, count = next_random(&state) % 6; i < count; i++)
            length += sprintf(text + length, "%s\"t%u\"", i ? ", " : "", next_random(&state) % 1000);
        length += sprintf(text + length, "], \"score\": %u.%02u, \"inner\": {\"active\": true, \"depth\": -%u}}\n",
                          next_random(&state) % 1000, next_random(&state) % 100, next_random(&state) % 10);
    }
    strcpy(text + length, "]");
}

static void space(void)
{
    while (*at == ' ' || *at == '\n') at++;
}

static char *string(void)
{
    static char buffer[256];
    size_t length = 0;
    for (at++; *at != '"'; at++) {
        if (*at == '\\') at++;
        if (length < sizeof buffer - 1) buffer[length++] = *at;
    }
    at++;
    char *copy = malloc(length + 1);
    if (!copy) die("malloc");
    memcpy(copy, buffer, length);
    copy[length] = 0;
    return copy;
}

static struct value *parse(void)
{
    struct value *value = calloc(1, sizeof *value);
    if (!value) die("calloc");
    space();
    if (*at == '"') {
        value->kind = STRING;
        value->text = string();
    } else if (*at == '[' || *at == '{') {
        char end = *at == '[' ? ']' : '}';
        value->kind = *at == '[' ? LIST : OBJECT;
        struct value **last = &value->first;
        at++;
        space();
        while (*at != end) {
            char *name = NULL;
            if (value->kind == OBJECT) {
                name = string();
                space();
                at++;
            }
            *last = parse();
            (*last)->name = name;
            last = &(*last)->next;
            space();
            if (*at == ',') at++;
            space();
        }
        at++;
    } else if (*at == 't') {
        value->kind = TRUE;
        at += 4;
    } else {
        double sign = *at == '-' ? -1 : 1, scale = 1;
        if (sign < 0) at++;
        for (; *at >= '0' && *at <= '9'; at++) value->number = value->number * 10 + (*at - '0');
        if (*at == '.')
            for (at++; *at >= '0' && *at <= '9'; at++) value->number += (*at - '0') * (scale /= 10);
        value->number *= sign;
    }
    return value;
}

static uint64_t consume(struct value *value)
{
    uint64_t sum = mix(value->kind, bits_of(value->number));
    if (value->name) sum = mix(sum, strlen(value->name));
    for (const char *letter = value->text; letter && *letter; letter++) sum = mix(sum, (uint8_t)*letter);
    for (struct value *inner = value->first, *next; inner; inner = next) {
        next = inner->next;
        sum = mix(sum, consume(inner));
    }
    free(value->text);
    free(value->name);
    free(value);
    return sum;
}

static uint64_t run(void)
{
    uint64_t sum = 0;
    for (int round = 0; round < 30; round++) {
        at = text;
        sum = mix(sum, consume(parse()));
    }
    return sum;
}

const struct program json = { .name = "json", .prepare = prepare, .run = run };
