using Vitrine.X86.Paging;
using L = Vitrine.Tests.Software.Mmu.Stress.StressLayout;

namespace Vitrine.Tests.Software.Mmu.Stress;

/// <summary>Makes a failing sequence short, and its tables empty but for what matters.</summary>
internal static class StressShrinker
{
    /// <param name="test">The sequence.</param>
    /// <param name="failsAfter">Executes a sequence: the number of steps up to the one that fails, or null.</param>
    public static StressCase Shrink(StressCase test, Func<StressCase, int?> failsAfter)
    {
        if (failsAfter(test) is { } end) test = test.With(test.Steps[..end]);
        for (int size = Math.Max(1, test.Steps.Count / 2); ; size /= 2)
        {
            for (int at = test.Steps.Count - size; at >= 0; at -= size)
            {
                if (at + size > test.Steps.Count) continue;
                List<StressStep> steps = [.. test.Steps];
                steps.RemoveRange(at, size);
                StressCase candidate = test.With(steps);
                if (failsAfter(candidate) is { } length) test = candidate.With(steps[..length]);
            }

            if (size <= 1) break;
        }

        ClearEntries(test, failsAfter);
        return test;
    }

    private static void ClearEntries(StressCase test, Func<StressCase, int?> failsAfter)
    {
        int size = test.Paging == PagingMode.Bits32 ? 4 : 8;
        for (int page = 0; page < L.FirstData; page++)
        {
            for (int offset = page < L.Roots ? 8 : 0; offset < 0x1000; offset += size)
            {
                Span<byte> entry = test.Pool.AsSpan((page << 12) + offset, size);
                if (offset is L.KernelStub or L.UserStub || !entry.ContainsAnyExcept((byte)0)) continue;
                byte[] before = entry.ToArray();
                entry.Clear();
                if (failsAfter(test) is null) before.CopyTo(entry);
            }
        }
    }
}
