/* How a row is timed and told. */
#ifndef MEASURE_H
#define MEASURE_H

#include <stdint.h>

/* Prints "BEGIN NAME", from which the host takes its own time, and returns the guest's time behind it, in seconds. */
double begin(const char *name);

/* Returns the seconds since then, and prints "DONE NAME" for the host. */
double done(const char *name, double start);

/* Prints the row: "ROW NAME SECONDS CHECKSUM". */
void report(const char *name, double elapsed, uint64_t checksum);

#endif
