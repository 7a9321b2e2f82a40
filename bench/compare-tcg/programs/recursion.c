/* Recursion without much else: Ackermann's function, queens on a chess board, and walks of a binary tree. */
#include "program.h"

__attribute__((noinline, optimize("no-inline", "no-optimize-sibling-calls"))) static uint32_t ackermann_of(uint32_t m, uint32_t n)
{
    if (m == 0) return n + 1;
    return ackermann_of(m - 1, n == 0 ? 1 : ackermann_of(m, n - 1));
}

__attribute__((noinline)) static uint32_t place(uint32_t columns, uint32_t left, uint32_t right, uint32_t all)
{
    if (columns == all) return 1;
    uint32_t found = 0;
    for (uint32_t open = all & ~(columns | left | right); open; open &= open - 1) {
        uint32_t queen = open & -open;
        found += place(columns | queen, (left | queen) << 1, (right | queen) >> 1, all);
    }
    return found;
}

enum { NODES = 300000 };

struct node { uint32_t key, value; struct node *left, *right; };

static struct node *nodes, *root;

static void prepare_tree(void)
{
    nodes = allocate(NODES * sizeof *nodes);
}

static uint64_t sum_of(const struct node *node, uint32_t depth)
{
    if (!node) return 0;
    return sum_of(node->left, depth + 1) + node->value * depth + sum_of(node->right, depth + 1);
}

static uint64_t run_ackermann(void)
{
    return ackermann_of(3, 10);
}

static uint64_t run_queens(void)
{
    return place(0, 0, 0, (1 << 14) - 1);
}

static uint64_t run_tree(void)
{
    uint64_t state = 43, sum = 0;
    for (int i = 0; i < NODES; i++) {
        uint32_t key = next_random(&state);
        struct node **place_of = &root;
        while (*place_of) place_of = key < (*place_of)->key ? &(*place_of)->left : &(*place_of)->right;
        nodes[i] = (struct node){ .key = key, .value = (uint32_t)i };
        *place_of = &nodes[i];
    }
    for (int i = 0; i < 4; i++) sum = mix(sum, sum_of(root, 0));
    return sum;
}

const struct program ackermann = { .name = "ackermann", .run = run_ackermann };
const struct program queens = { .name = "queens", .run = run_queens };
const struct program tree = { .name = "tree", .prepare = prepare_tree, .run = run_tree };
