/* What the core does at its start, done earlier: while the program has one thread, none of it waits for anybody. */
#ifndef VITRINE_BEFORE_THREADS_H
#define VITRINE_BEFORE_THREADS_H

/*
 * Makes room in the table of descriptors, and registers the process for membarrier(2). Where threads share the table or the memory, the
 * kernel lets either wait until every processor has passed a certain point: 5 to 15 ms.
 */
void before_threads(void);

#endif
