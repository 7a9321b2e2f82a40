using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;

// Collections, strings, virtual calls, floating point, and garbage.
if (args.Length == 0)
{
    Console.WriteLine("hello");
    return;
}

var seed = 7;
int Random(int limit)
{
    seed = unchecked((seed * 1103515245) + 12345) & 0x7fffffff;
    return seed % limit;
}

Shape Make() => Random(3) switch { 0 => new Square(Random(10)), 1 => new Circle(Random(10)), _ => new Line(Random(10)) };
var shapes = Enumerable.Range(0, 1000).Select(_ => Make()).ToArray();
long area = 0;
for (var round = 0; round < 100000; round++)
{
    foreach (var shape in shapes) area += shape.Area();
}

var seen = new Dictionary<string, int>(StringComparer.Ordinal);
for (var i = 0; i < 600000; i++)
{
    var word = "w" + Random(5000);
    seen[word] = seen.GetValueOrDefault(word) + 1;
}

var text = new StringBuilder();
foreach (var (word, count) in seen.OrderBy(pair => pair.Value).ThenBy(pair => pair.Key, StringComparer.Ordinal))
{
    text.Append(word).Append('=').Append(count).Append(';');
}

long hash = 0;
foreach (var letter in text.ToString()) hash = unchecked((hash * 31) + letter);

const int N = 480;
double[][] a = new double[N][], b = new double[N][], c = new double[N][];
for (var i = 0; i < N; i++)
{
    (a[i], b[i], c[i]) = (new double[N], new double[N], new double[N]);
    for (var j = 0; j < N; j++) (a[i][j], b[i][j]) = (Random(100) / 8.0, Random(100) / 8.0);
}

for (var i = 0; i < N; i++)
{
    for (var k = 0; k < N; k++)
    {
        for (var j = 0; j < N; j++) c[i][j] += a[i][k] * b[k][j];
    }
}

long kept = 0;
for (var round = 0; round < 60; round++)
{
    var live = new LinkedList<int[]>();
    for (var i = 0; i < 30000; i++)
    {
        live.AddLast(new int[8 + (i % 16)]);
        if (i % 3 != 0) continue;
        kept += live.First!.Value.Length;
        live.RemoveFirst();
    }
}

Console.WriteLine($"{area} {hash} {BitConverter.DoubleToInt64Bits(c[7][300])} {kept}");

internal abstract record Shape
{
    public abstract long Area();
}

internal sealed record Square(long Side) : Shape
{
    public override long Area() => Side * Side;
}

internal sealed record Circle(long Radius) : Shape
{
    public override long Area() => 3 * Radius * Radius;
}

internal sealed record Line(long Length) : Shape
{
    public override long Area() => Length;
}
