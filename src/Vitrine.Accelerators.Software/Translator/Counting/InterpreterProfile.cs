using System.Collections.Immutable;
using Iced.Intel;
using Vitrine.Accelerators.Statistics;

namespace Vitrine.Accelerators.Software.Translator.Counting;

/// <summary>Which instructions the interpreter executes amid translated code, and why. Written by the vCPU's thread, read by any.</summary>
internal sealed class InterpreterProfile
{
    private static readonly ImmutableArray<InterpretationCause> s_causes = [.. Enum.GetValues<InterpretationCause>()];

    private readonly ulong[] _counts = new ulong[Enum.GetValues<Mnemonic>().Length * s_causes.Length];

    /// <summary>Counts an instruction.</summary>
    public void Add(Mnemonic mnemonic, InterpretationCause cause) => _counts[((int)mnemonic * s_causes.Length) + (int)cause]++;

    /// <summary>What was counted, the most frequent first.</summary>
    public IReadOnlyList<InterpretedCount> Counts()
    {
        List<InterpretedCount> counts = [];
        for (int i = 0; i < _counts.Length; i++)
        {
            ulong count = Volatile.Read(ref _counts[i]);
            if (count == 0) continue;
            string name = ((Mnemonic)(i / s_causes.Length)).ToString().ToLowerInvariant();
            counts.Add(new InterpretedCount(name, s_causes[i % s_causes.Length], count));
        }

        counts.Sort(static (one, two) => two.Count.CompareTo(one.Count));
        return counts;
    }
}
