/* Whether a program is static, so that no hook can be preloaded into it. */
#ifndef VITRINE_STATIC_PROGRAM_H
#define VITRINE_STATIC_PROGRAM_H

#include <stdbool.h>

/* True when what the kernel loads for this file, or for the interpreter that a script names, is a static program for x86-64. */
bool static_program_is_at(const char *path);

#endif
