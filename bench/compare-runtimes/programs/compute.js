// Objects, closures, typed arrays, strings, regular expressions and JSON.
'use strict';
const rounds = Number(process.argv[2] || 1);
let seed = 7;
const random = limit => (seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff) % limit;

class Shape { constructor(a) { this.a = a; } area() { return 0; } }
class Square extends Shape { area() { return this.a * this.a; } }
class Circle extends Shape { area() { return 3 * this.a * this.a; } }
class Line extends Shape { area() { return this.a; } }

function shapes() {
    const all = [];
    for (let i = 0; i < 1000; i++) all.push(new [Square, Circle, Line][random(3)](random(10)));
    let sum = 0;
    for (let round = 0; round < 3000; round++) for (const shape of all) sum = (sum + shape.area()) % 1000003;
    return sum;
}

function grid() {
    const n = 400, a = new Float64Array(n * n), b = new Float64Array(n * n);
    for (let i = 0; i < n * n; i++) a[i] = random(100);
    for (let round = 0; round < 40; round++) {
        for (let y = 1; y < n - 1; y++) for (let x = 1; x < n - 1; x++) {
            const i = y * n + x;
            b[i] = (a[i - 1] + a[i + 1] + a[i - n] + a[i + n]) * 0.25;
        }
        a.set(b);
    }
    return a[n * 200 + 200].toFixed(9);
}

function words() {
    const seen = new Map();
    for (let i = 0; i < 400000; i++) {
        const word = 'w' + random(4000);
        seen.set(word, (seen.get(word) || 0) + word.length);
    }
    const text = JSON.stringify([...seen].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)));
    return JSON.parse(text).length + text.replace(/"w(\d)(\d+)"/g, '$2$1').length;
}

function search(n, row = 0, columns = 0, left = 0, right = 0) {
    if (row === n) return 1;
    let found = 0;
    for (let open = ((1 << n) - 1) & ~(columns | left | right); open; open &= open - 1) {
        const queen = open & -open;
        found += search(n, row + 1, columns | queen, (left | queen) << 1, (right | queen) >> 1);
    }
    return found;
}

for (let round = 0; round < rounds; round++) console.log(shapes(), grid(), words(), search(11));
