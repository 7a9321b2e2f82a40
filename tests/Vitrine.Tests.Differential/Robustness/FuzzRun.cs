using System.Globalization;
using Xunit;

namespace Vitrine.Tests.Robustness;

/// <summary>
/// How many cases a fuzz test runs and from which seed. VITRINE_FUZZ_CASES and VITRINE_SEED choose others; a case's number with
/// the seed reproduces it: VITRINE_FUZZ_FIRST skips those before it. VITRINE_FUZZ_LOG names a file that holds the last number
/// begun, for the case that ends the process.
/// </summary>
internal sealed class FuzzRun
{
    private readonly string? _log = Environment.GetEnvironmentVariable("VITRINE_FUZZ_LOG");
    private readonly int _seed = Number("VITRINE_SEED") ?? 20_251_123;
    private readonly int _first = Number("VITRINE_FUZZ_FIRST") ?? 0;
    private readonly int _cases;
    private readonly string _name;

    public FuzzRun(string name, int cases)
    {
        _name = name;
        _cases = Number("VITRINE_FUZZ_CASES") ?? cases;
        TestContext.Current.TestOutputHelper?.WriteLine($"VITRINE_SEED={_seed}");
    }

    /// <summary>Runs the cases, each with random numbers of its own.</summary>
    public void Run(Action<int, Random> action)
    {
        for (int number = _first; number < _first + _cases; number++)
        {
            if (_log is not null) File.WriteAllText(_log, $"{_name} {number}\n");
            try
            {
                action(number, new Random(unchecked((_seed * 1_000_003) + number)));
            }
            catch (Exception error)
            {
                throw new InvalidOperationException($"VITRINE_SEED={_seed} VITRINE_FUZZ_FIRST={number} VITRINE_FUZZ_CASES=1: {error.Message}", error);
            }
        }
    }

    private static int? Number(string variable) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out int value) ? value : null;
}
