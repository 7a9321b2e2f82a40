/* Spheres by ray tracing: recursion, square roots, and branches that depend on floating point. */
#include "program.h"
#include <math.h>

enum { WIDTH = 240, HEIGHT = 180, SPHERES = 12, DEPTH = 4 };

struct vector { double x, y, z; };
struct sphere { struct vector centre; double radius, shine, light; };

static struct sphere spheres[SPHERES];

static void prepare(void)
{
    uint64_t state = 37;
    for (int i = 0; i < SPHERES; i++) {
        spheres[i].centre = (struct vector){ next_random(&state) / 4294967296.0 * 6 - 3, next_random(&state) / 4294967296.0 * 4 - 2,
                                             next_random(&state) / 4294967296.0 * 4 + 4 };
        spheres[i].radius = 0.4 + next_random(&state) / 4294967296.0;
        spheres[i].shine = 0.3 + next_random(&state) / 8589934592.0;
        spheres[i].light = next_random(&state) / 4294967296.0;
    }
}

static struct vector along(struct vector from, struct vector to, double distance)
{
    return (struct vector){ from.x + to.x * distance, from.y + to.y * distance, from.z + to.z * distance };
}

static double dot(struct vector a, struct vector b) { return a.x * b.x + a.y * b.y + a.z * b.z; }

__attribute__((noinline)) static const struct sphere *nearest(struct vector from, struct vector to, double *distance)
{
    const struct sphere *hit = NULL;
    *distance = 1e30;
    for (int i = 0; i < SPHERES; i++) {
        struct vector between = along(spheres[i].centre, from, -1);
        double b = dot(between, to), root = b * b - dot(between, between) + spheres[i].radius * spheres[i].radius;
        if (root < 0) continue;
        double at = b - sqrt(root);
        if (at < 1e-6 || at >= *distance) continue;
        *distance = at;
        hit = &spheres[i];
    }
    return hit;
}

static double trace(struct vector from, struct vector to, int depth)
{
    double distance;
    const struct sphere *hit = nearest(from, to, &distance);
    if (!hit || depth == 0) return 0.5 + 0.5 * to.y;
    struct vector point = along(from, to, distance), normal = along(point, hit->centre, -1);
    normal = (struct vector){ normal.x / hit->radius, normal.y / hit->radius, normal.z / hit->radius };
    struct vector mirrored = along(to, normal, -2 * dot(to, normal));
    return hit->light * fmax(0, -dot(to, normal)) + hit->shine * trace(point, mirrored, depth - 1);
}

static uint64_t run(void)
{
    uint64_t sum = 0;
    for (int round = 0; round < 24; round++)
        for (int y = 0; y < HEIGHT; y++)
            for (int x = 0; x < WIDTH; x++) {
                struct vector to = { (x - WIDTH / 2.0) / WIDTH, (y - HEIGHT / 2.0) / WIDTH, 1 };
                double length = sqrt(dot(to, to));
                to = (struct vector){ to.x / length, to.y / length, to.z / length };
                sum = mix(sum, bits_of(trace((struct vector){ 0, 0, round * -0.1 }, to, DEPTH)));
            }
    return sum;
}

const struct program rays = { .name = "rays", .prepare = prepare, .run = run };
