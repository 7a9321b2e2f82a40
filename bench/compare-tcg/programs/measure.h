/* How a row is timed and told. */
#ifndef MEASURE_H
#define MEASURE_H

#include <stdint.h>

/* Prints the line that the host compares its own clock from, and returns the time behind it. */
double begin(const char *name);

/* The guest's clock. */
double seconds(void);

/* Prints the row's result. */
void report(const char *name, double elapsed, uint64_t checksum);

#endif
