/* The stack that a program finds at its start (System V ABI, AMD64 supplement, 3.4.1). */
#ifndef VITRINE_STACK_H
#define VITRINE_STACK_H

#include <stdint.h>

#include "image.h"

/* Builds one. Returns the stack pointer, or 0 when the host gives no memory. */
uint64_t stack_build(const struct image *image, const char *path, char **arguments, char **environment);

#endif
