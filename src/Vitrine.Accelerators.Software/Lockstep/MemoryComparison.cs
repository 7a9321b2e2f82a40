using System.Globalization;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.Accelerators.Translation;

namespace Vitrine.Accelerators.Software.Lockstep;

/// <summary>
/// Compares the memory that translated code has written with what the interpreter would have written: each byte of the interpreter's, and every other byte of the
/// pages that translated code was let write to.
/// </summary>
/// <param name="overlay">What the interpreter has written.</param>
/// <param name="watch">The pages that translated code was let write to.</param>
internal sealed unsafe class MemoryComparison(WriteOverlay overlay, WriteWatch watch)
{
    // SAFETY: host addresses come from HostFor, for the bytes that are read.
    private const int MostTold = 32;
    private readonly byte[] _expected = new byte[WatchedPage.Size];
    private readonly Dictionary<nint, byte> _written = [];

    /// <summary>Compares.</summary>
    /// <param name="instructions">How many instructions of the interpreter count.</param>
    /// <param name="differences">Receives what differs, the first few; null when only the answer is wanted.</param>
    /// <returns>True when nothing differs.</returns>
    public bool Agree(int instructions, List<ValueDifference>? differences)
    {
        if (differences is null && AllAreWatched(instructions)) return PagesAgree(instructions);
        bool agree = true;
        _written.Clear();
        Dictionary<nint, ulong> addresses = [];
        foreach (ref readonly TrialWrite write in overlay.Writes)
        {
            if (write.Instruction >= instructions) break;
            for (int i = 0; i < write.Size; i++)
            {
                _written[write.Host + i] = write.Bytes[i];
                addresses[write.Host + i] = write.Gpa + (ulong)i;
            }
        }

        foreach ((nint host, byte value) in _written)
        {
            byte found = *(byte*)host;
            if (found == value) continue;
            agree = false;
            byte? before = watch.Find(PageOf(host))?.Before[OffsetOf(host)];
            Tell(differences, addresses[host], before ?? found, found, value);
        }

        for (int i = 0; i < watch.Count; i++) agree &= OthersAreUntouched(watch[i], differences);
        return agree;
    }

    private bool AllAreWatched(int instructions)
    {
        foreach (ref readonly TrialWrite write in overlay.Writes)
        {
            if (write.Instruction < instructions && watch.Find(PageOf(write.Host)) is null) return false;
        }

        return true;
    }

    private bool PagesAgree(int instructions)
    {
        for (int i = 0; i < watch.Count; i++)
        {
            WatchedPage page = watch[i];
            page.Before.CopyTo(_expected);
            foreach (ref readonly TrialWrite write in overlay.Writes)
            {
                if (write.Instruction >= instructions) break;
                if ((nint)PageOf(write.Host) == page.Host) write.Bytes.CopyTo(_expected.AsSpan(OffsetOf(write.Host)));
            }

            if (!page.Now.SequenceEqual(_expected)) return false;
        }

        return true;
    }

    private bool OthersAreUntouched(WatchedPage page, List<ValueDifference>? differences)
    {
        ReadOnlySpan<byte> before = page.Before;
        ReadOnlySpan<byte> now = page.Now;
        bool agree = true;
        for (int i = before.CommonPrefixLength(now); i < before.Length; i += 1 + before[(i + 1)..].CommonPrefixLength(now[(i + 1)..]))
        {
            if (_written.ContainsKey(page.Host + i)) continue;
            agree = false;
            Tell(differences, page.Gpa + (ulong)i, before[i], now[i], before[i]);
        }

        return agree;
    }

    private static void Tell(List<ValueDifference>? differences, ulong gpa, byte before, byte found, byte expected)
    {
        if (differences is null || differences.Count >= MostTold) return;
        differences.Add(new ValueDifference(Invariant($"[0x{gpa:x}]"), Invariant($"{before:x2}"), Invariant($"{found:x2}"), Invariant($"{expected:x2}")));
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static byte* PageOf(nint host) => (byte*)((nuint)host & ~(nuint)(WatchedPage.Size - 1));

    private static int OffsetOf(nint host) => (int)((nuint)host & (WatchedPage.Size - 1));
}
